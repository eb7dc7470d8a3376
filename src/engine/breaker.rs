//! Stops granting when more happens in a minute than is plausible, until a person lets it go on.
//!
//! Only what gives access stops: what is due to be taken away is taken away whatever the breaker says.

use serde_json::json;

use super::Engine;
use crate::domain::alert::{AlertKind, Told};
use crate::domain::event::{Event, ORGANISATION};
use crate::domain::person::Actor;
use crate::domain::time::Time;
use crate::store::{Changed, StoreError, Tx};

impl Engine {
    /// May one more be granted in this minute? Counts it; what is tried again is counted once.
    pub(super) async fn may_grant(&self, tx: &mut Tx, integration: &str, again: bool, now: Time) -> Result<bool, StoreError> {
        let most = self.limits().breaker;
        let (used, tripped) = tx.count_grant(integration, if again { 0 } else { 1 }, now).await?;
        if tripped {
            return Ok(false);
        }
        if used <= i64::from(most) {
            return Ok(true);
        }
        let why = format!("More than {most} accesses were to be granted within a minute.");
        self.trip(tx, integration, &why, now).await?;
        Ok(false)
    }

    pub(super) async fn trip(&self, tx: &mut Tx, integration: &str, why: &str, now: Time) -> Result<(), StoreError> {
        if tx.trip_breaker(integration, now).await? == Changed::No {
            return Ok(());
        }
        tracing::error!(integration, why, "the breaker stopped granting; `p0 breaker --release` lets it go on");
        let body = json!({ "integration": integration, "why": why });
        tx.record(Event::new(ORGANISATION, now, Actor::Engine, "breaker.tripped").with(body));
        let told = Told::new(integration, why, now);
        self.raise(tx, AlertKind::Breaker, integration, &told, now).await
    }
}
