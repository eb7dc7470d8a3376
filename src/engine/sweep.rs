//! Looks through each target for what bears our mark and nobody holds: orphans.
//!
//! They come of a restored backup of the record, of a call that landed very late, or of somebody who
//! copied our mark. They are told, and taken away where that is wished; never adopted as something to
//! keep. What is granted and live is looked at by its own row (`Due::Check`), not here. What bears
//! another installation's mark is not even listed.

use serde_json::json;

use super::{Engine, LEASE, Looked, Orphans};
use crate::domain::access::{Marked, Planned, mark_prefix};
use crate::domain::alert::{Alert, AlertKind, Told};
use crate::domain::assignment::AssignmentState;
use crate::domain::event::{Event, ORGANISATION};
use crate::domain::id::AssignmentId;
use crate::domain::person::Actor;
use crate::domain::time::{Span, Time};
use crate::store::{AssignmentRow, Changed, Claimed, Next, StoreError, Tx};

/// How often each integration is swept.
pub const SWEEP_EVERY: Span = Span::minutes(10);

/// The longest that listing all marks of a target may take.
const LIST_WITHIN: Span = Span::seconds(30);

impl Engine {
    pub(super) async fn look_at_sweep(&self, claim: &Claimed) -> Result<Looked, StoreError> {
        let integration = claim.id.as_str();
        let Some(connector) = self.inner.connectors.get(integration) else {
            return self.only_finish(claim, Next::Never).await;
        };
        let began = self.inner.outside.now();
        let prefix = mark_prefix(&self.inner.installation);
        let listed = match tokio::time::timeout(LIST_WITHIN.to_std(), connector.ours(&prefix)).await {
            Ok(Ok(marked)) => marked.into_iter().map(|marked| of(integration, marked)).collect::<Vec<_>>(),
            Ok(Err(fault)) => {
                tracing::warn!(integration, why = %fault, "what bears our mark could not be listed; it is tried again");
                return self.only_finish(claim, Next::Again(self.again_at(claim))).await;
            }
            Err(_) => {
                tracing::warn!(integration, "what bears our mark was not listed within {LIST_WITHIN}; it is tried again");
                return self.only_finish(claim, Next::Again(self.again_at(claim))).await;
            }
        };
        let mut orphans = Vec::new();
        for marked in &listed {
            let row = self.row_of(marked).await?;
            if is_orphan(row.as_ref(), began) {
                orphans.push((marked, row));
            }
        }
        let now = self.inner.outside.now();
        let known = self.inner.store.sweeps().await?.into_iter().find(|sweep| sweep.integration == integration);
        let asked = known.as_ref().and_then(|sweep| sweep.apply_by.clone());
        let first = known.is_none();
        let limits = self.limits();
        let wished = asked.is_some() || (limits.orphans == Orphans::Revoke && !first);
        let too_many = usize::try_from(limits.breaker).unwrap_or(usize::MAX) < orphans.len() && asked.is_none();
        let open = self.inner.store.open_alerts().await?;
        let mut tx = self.inner.store.begin().await?;
        for (marked, row) in &orphans {
            let takes = wished && !too_many;
            let open = open.iter().find(|alert| alert.kind == AlertKind::Orphan && alert.subject == subject(&marked.planned));
            self.found(&mut tx, marked, row.as_ref(), takes, open, now).await?;
        }
        if wished && too_many {
            let why = format!("A sweep would take away {} accesses that nobody holds; `p0 sweep` lists them.", orphans.len());
            self.trip(&mut tx, integration, &why, now).await?;
        }
        self.calm_what_is_gone(&mut tx, integration, &orphans, &open, now).await?;
        tx.swept(integration, listed.len(), orphans.len(), now).await?;
        if first {
            tracing::info!(
                integration,
                marks = listed.len(),
                orphans = orphans.len(),
                "the first sweep only looks; later ones do what `engine: {{ orphans: … }}` says"
            );
        }
        self.finish(tx, claim, Next::At(now + SWEEP_EVERY)).await
    }

    /// Each integration in use has its sweep on the agenda.
    pub(super) async fn plan_sweeps(&self, now: Time) -> Result<(), StoreError> {
        let names: Vec<String> = self.inner.connectors.all().keys().cloned().collect();
        self.inner.store.plan_sweeps(&names, now).await
    }

    /// The assignment that a mark is of: the one it names, or the one of the same effect.
    async fn row_of(&self, marked: &Marked) -> Result<Option<AssignmentRow>, StoreError> {
        let named = marked.mark.as_ref().and_then(|mark| mark.strip_prefix(&mark_prefix(&self.inner.installation)));
        if let Some(id) = named.and_then(|bare| AssignmentId::parse(&format!("{}{bare}", AssignmentId::PREFIX)))
            && let Some(row) = self.inner.store.assignment(&id).await?
        {
            return Ok(Some(row));
        }
        self.inner.store.assignment_by_key(&marked.planned.key).await
    }

    /// Tells of one orphan, and puts its end on the agenda if that is wished.
    async fn found(
        &self,
        tx: &mut Tx,
        marked: &Marked,
        row: Option<&AssignmentRow>,
        takes: bool,
        open: Option<&Alert>,
        now: Time,
    ) -> Result<(), StoreError> {
        let effect = &marked.planned.effect;
        let why = if takes { "It is being taken away." } else { "It stays until a person decides." };
        tracing::warn!(effect, takes, "something bears our mark and nobody holds it");
        let told = Told::new(effect, why, now);
        let told = match open {
            Some(open) => Told { since: open.told.since, ..told },
            None => {
                let body = json!({ "effect": effect, "key": marked.planned.key, "mark": marked.mark, "takes": takes });
                tx.record(Event::new(ORGANISATION, now, Actor::Engine, "orphan.found").with(body));
                told
            }
        };
        self.raise(tx, AlertKind::Orphan, &subject(&marked.planned), &told, now).await?;
        if !takes {
            return Ok(());
        }
        let id = match row {
            Some(row) => row.id.clone(),
            None => tx.adopt(&marked.planned, now).await?,
        };
        if tx.revoke_ended(&id, now).await? == Changed::Yes {
            tx.record(Event::new(&id, now, Actor::Engine, "assignment.orphan").with(json!({ "mark": marked.mark })));
            tx.look_at_assignment(&id, now).await?;
        }
        Ok(())
    }

    /// Orphans of this integration that were told and are not there any more.
    async fn calm_what_is_gone(
        &self,
        tx: &mut Tx,
        integration: &str,
        orphans: &[(&Marked, Option<AssignmentRow>)],
        open: &[Alert],
        now: Time,
    ) -> Result<(), StoreError> {
        let still: Vec<String> = orphans.iter().map(|(marked, _)| subject(&marked.planned)).collect();
        for alert in open {
            let ours =
                alert.kind == AlertKind::Orphan && alert.subject.split_once(' ').is_some_and(|(name, _)| name == integration);
            if ours && !still.contains(&alert.subject) {
                self.calm(tx, AlertKind::Orphan, &alert.subject, now).await?;
            }
        }
        Ok(())
    }
}

/// What a connector lists belongs to the integration that uses it.
fn of(integration: &str, mut marked: Marked) -> Marked {
    marked.planned.connector = integration.to_owned();
    marked
}

fn subject(planned: &Planned) -> String {
    orphan(&planned.connector, &planned.key)
}

/// What an alert of an orphan is about.
pub(super) fn orphan(integration: &str, key: &str) -> String {
    format!("{integration} {key}")
}

/// Does nobody hold what bears our mark? A row that is not ended takes care of itself, and one that
/// ended while the list was made may have been there when it was begun.
fn is_orphan(row: Option<&AssignmentRow>, began: Time) -> bool {
    match row {
        None => true,
        Some(row) => row.state == AssignmentState::Ended && row.ended_at.is_none_or(|ended| ended + LEASE < began),
    }
}
