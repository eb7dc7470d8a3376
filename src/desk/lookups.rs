//! The choices arguments can take: fetched from connectors now and then, kept in memory, remembered
//! in the record so that a start finds them before a target answers.

use super::{Desk, Result, within};
use crate::domain::time::Span;

/// A mistyped or brand-new value makes the choices be fetched again, but not more often than this.
const NOT_AGAIN_WITHIN: Span = Span::seconds(5);

impl Desk {
    /// Puts what was last seen into memory.
    pub async fn remember_choices(&self) -> Result<()> {
        for (integration, connector) in self.inner.connectors.all().iter() {
            for source in connector.sources() {
                let known = self.inner.store.choices(integration, source).await?;
                if !known.is_empty() {
                    self.inner.index.replace(integration, source, known);
                }
            }
        }
        Ok(())
    }

    /// Is there a source whose choices were never fetched?
    pub fn lacks_choices(&self) -> bool {
        let connectors = self.inner.connectors.all();
        connectors.iter().any(|(integration, connector)| {
            connector.sources().iter().any(|it| self.inner.index.count(integration, it).is_none())
        })
    }

    /// Fetches all choices of all connectors. What cannot be fetched stays as it was last seen.
    pub async fn refresh_choices(&self) {
        for integration in self.inner.connectors.all().keys() {
            self.refresh_choices_of(integration).await;
        }
    }

    async fn refresh_choices_of(&self, integration: &str) {
        let Some(connector) = self.inner.connectors.get(integration) else { return };
        let now = self.now();
        if let Ok(mut refreshed) = self.inner.refreshed.lock() {
            refreshed.insert(integration.to_owned(), now);
        }
        for source in connector.sources() {
            match connector.choices(source).await {
                Ok(choices) => {
                    if let Err(error) = self.inner.store.put_choices(integration, source, &choices, now).await {
                        tracing::warn!(%error, integration, source, "choices could not be remembered");
                    }
                    self.inner.index.replace(integration, source, choices);
                }
                Err(fault) => {
                    tracing::warn!(integration, source, why = %fault, "choices could not be fetched; the last ones stay")
                }
            }
        }
    }

    /// Fetches the choices of one integration because a value was not among them; at most a second.
    pub(super) async fn look_again(&self, integration: &str) -> bool {
        let now = self.now();
        let lately = self.inner.refreshed.lock().ok().and_then(|refreshed| refreshed.get(integration).copied());
        if lately.is_some_and(|at| now - at < NOT_AGAIN_WITHIN) {
            return false;
        }
        within(async {
            self.refresh_choices_of(integration).await;
            Ok(())
        })
        .await
        .is_ok()
    }
}
