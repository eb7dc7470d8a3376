//! One look at one assignment: does what `domain::assignment::due` says, step by step.
//!
//! Each step is one call (or none) and one transaction that is written only while the claim is ours.
//! The happy path and the way back from a crash are the same: the row says what is due.

use serde_json::json;

use super::hands::Hands;
use super::{Engine, LEASE, Looked};
use crate::domain::access::{Assignment, Observed, mark};
use crate::domain::alert::{AlertKind, Told};
use crate::domain::assignment::{
    self, AssignmentState, Claim, Due, Facts, LATE_LOOK_AGAIN, LATE_LOOKS_END, LONGEST_PAUSE, REVERSE_PATIENCE,
};
use crate::domain::event::Event;
use crate::domain::fault::Fault;
use crate::domain::grant::{End, Ended, Grant, NOT_IN_TIME};
use crate::domain::id::{AssignmentId, RequestId};
use crate::domain::person::Actor;
use crate::domain::planted::{Bug, planted};
use crate::domain::time::Time;
use crate::store::{AssignmentRow, Changed, Claimed, GrantRow, Next, StoreError, Tx};

pub(super) type Result<T> = std::result::Result<T, StoreError>;

/// What a step came to.
pub(super) enum Step {
    /// Something was written: see what is due now.
    Go,
    /// The look is over.
    Over(Looked),
}

impl Engine {
    pub(super) async fn look_at_assignment(&self, claim: &mut Claimed) -> Result<Looked> {
        let Some(id) = AssignmentId::parse(&claim.id) else {
            return self.only_finish(claim, Next::Never).await;
        };
        loop {
            let now = self.inner.outside.now();
            let Some(row) = self.inner.store.assignment(&id).await? else {
                return self.only_finish(claim, Next::Never).await;
            };
            match self.step(claim, row, now).await? {
                Step::Go => claim.until = now + LEASE, // at least: each step that goes on keeps it
                Step::Over(looked) => return Ok(looked),
            }
        }
    }

    async fn step(&self, claim: &mut Claimed, row: AssignmentRow, now: Time) -> Result<Step> {
        let live = self.inner.store.live_grants(&row.id).await?;
        if live.iter().any(|held| held.grant.ends_by_itself(now).is_some()) {
            return self.end_what_is_over(claim, &row, &live, now).await;
        }
        let ends = live.is_empty()
            && matches!(row.state, AssignmentState::Granting | AssignmentState::Active | AssignmentState::Revoking);
        let after_later_parts = if ends {
            self.inner.store.waits_for_later_parts(&row.id, row.ended_at).await?.map(|at| at + REVERSE_PATIENCE)
        } else {
            None
        };
        let facts = Facts {
            state: row.state,
            baseline: row.baseline,
            until: row.until,
            observed_at: row.observed_at,
            ended_at: row.ended_at,
            claims: live.iter().map(|held| Claim::of(&held.grant, held.ready)).collect(),
            after_later_parts,
        };
        if claim.until <= self.inner.outside.now() {
            // It stood still for so long that somebody else acts by now: what was read is old, and a call
            // made by it could take away what was granted since.
            return Ok(Step::Over(Looked::Lost));
        }
        match assignment::due(&facts, now) {
            Due::Wait(at) => {
                // While a later part is being taken away, look again soon rather than at the last moment.
                let at = match after_later_parts {
                    Some(_) => Some(self.again_at(claim)),
                    None => at,
                };
                Ok(Step::Over(self.only_finish(claim, at.map_or(Next::Never, Next::At)).await?))
            }
            Due::Baseline => self.take_baseline(claim, row, &live).await,
            Due::Grant { deadline } => self.grant(claim, row, &live, deadline).await,
            Due::Poll => self.poll(claim, row, &live).await,
            Due::Confirm => self.confirm(claim, row, &live).await,
            Due::Check => self.check(claim, row, &live).await,
            Due::Revoke if row.state != AssignmentState::Revoking => self.begin_revoking(claim, row, "assignment.revoking").await,
            Due::Revoke => self.revoke(claim, row).await,
            Due::Settle => self.settle(claim, row).await,
            Due::Close => self.close(claim, row).await,
            Due::Reopen => self.reopen(claim, row).await,
            Due::LateLook => self.late_look(claim, row).await,
        }
    }

    /// Ends the grants whose time is up, and with one that failed all of its request.
    async fn end_what_is_over(&self, claim: &Claimed, row: &AssignmentRow, live: &[GrantRow], now: Time) -> Result<Step> {
        let mut tx = self.inner.store.begin().await?;
        if planted(Bug::EndsKept) && row.state == AssignmentState::Active && row.baseline == Some(assignment::Baseline::Absent) {
            tx.put_assignment(&AssignmentRow { state: AssignmentState::Revoking, due_at: Some(now), ..row.clone() }).await?;
        }
        for held in live {
            let grant = &held.grant;
            match grant.ends_by_itself(now) {
                Some(End::Expired) => expire_request(&mut tx, &grant.request, &row.id, now).await?,
                Some(_) => {
                    let why = match &row.error {
                        Some(error) => format!("{NOT_IN_TIME} {error}"),
                        None => NOT_IN_TIME.to_owned(),
                    };
                    fail_request(&mut tx, &grant.request, &row.id, &why, now).await?;
                }
                None => {}
            }
        }
        self.write(tx, claim).await
    }

    /// A try failed: say so where it matters, and try again in time.
    pub(super) async fn trouble(&self, claim: &Claimed, mut row: AssignmentRow, live: &[GrantRow], fault: Fault) -> Result<Step> {
        let now = self.inner.outside.now();
        let why = fault.to_string();
        if row.state == AssignmentState::Ended {
            // A late look that could not be taken: what the row says of its end stays. Nobody waits for it, and
            // a target that never answers again is not asked for ever.
            let over = row.ended_at.is_none_or(|ended| ended + LATE_LOOKS_END < now);
            let next = if over { Next::Never } else { Next::Again(now + LATE_LOOK_AGAIN) };
            return Ok(Step::Over(self.only_finish(claim, next).await?));
        }
        let mut tx = self.inner.store.begin().await?;
        if matches!(fault, Fault::Never { .. }) && row.state == AssignmentState::Granting {
            row.error = Some(why.clone());
            tx.put_assignment(&row).await?;
            for held in live.iter().filter(|held| held.ready) {
                fail_request(&mut tx, &held.grant.request, &row.id, &why, now).await?;
            }
            return self.write(tx, claim).await;
        }
        if planted(Bug::GivesUp) && row.state == AssignmentState::Revoking && 3 < claim.attempts {
            (row.state, row.ended_at, row.observed_at) = (AssignmentState::Ended, Some(now), Some(now));
            tx.put_assignment(&row).await?;
            return self.write(tx, claim).await;
        }
        let news = row.error.as_ref() != Some(&why);
        if news {
            row.error = Some(why.clone());
            tx.record(
                Event::new(&row.id, now, Actor::Engine, "assignment.trouble").with(json!({ "state": row.state, "why": why })),
            );
        }
        let stuck = self.note_stuck(&mut tx, &mut row, &why, now).await?;
        if news || stuck {
            for held in live {
                tx.bump_notices(&held.grant.request).await?;
                tx.show_notices(&held.grant.request, now).await?;
            }
            self.tell_ended(&mut tx, &row, now).await?;
        }
        tx.put_assignment(&row).await?;
        let asked = match fault {
            Fault::Later { after, .. } => after.map(|after| now + after.min(LONGEST_PAUSE)),
            Fault::Maybe { .. } | Fault::Never { .. } | Fault::Denied { .. } => None,
        };
        // Never past the moment when time alone makes something due.
        let again = self.again_at(claim).max(asked.unwrap_or(now));
        let again = live.iter().map(|held| held.grant.next_look()).chain([again]).min().unwrap_or(again);
        Ok(Step::Over(self.finish(tx, claim, Next::Again(again)).await?))
    }

    /// Is an end overdue? Then everybody who looks after accesses is told. Returns whether that is new.
    pub(super) async fn note_stuck(&self, tx: &mut Tx, row: &mut AssignmentRow, why: &str, now: Time) -> Result<bool> {
        if !assignment::stuck(row.state, row.overdue_since(), now) {
            return Ok(false);
        }
        let new = row.stuck_at.is_none();
        if new {
            tracing::error!(assignment = %row.id, effect = row.effect, why, "an access is overdue: it should be gone and is not");
            row.stuck_at = Some(now);
            let body = json!({ "due_at": row.due_at, "why": why });
            tx.record(Event::new(&row.id, now, Actor::Engine, "assignment.stuck").with(body));
        }
        let told = Told::new(&row.effect, why, row.overdue_since().unwrap_or(now));
        self.raise(tx, AlertKind::Stuck, row.id.as_str(), &told, now).await?;
        Ok(new)
    }

    pub(super) async fn not_configured(&self, claim: &Claimed, row: AssignmentRow, live: &[GrantRow]) -> Result<Step> {
        let why = format!(
            "The integration {} is not configured any more; put it back so that accesses can be taken away.",
            row.connector
        );
        self.trouble(claim, row, live, Fault::Denied { why }).await
    }

    pub(super) fn hands(&self, row: &AssignmentRow) -> Option<Hands> {
        let connector = self.inner.connectors.get(&row.connector)?;
        let assignment = Assignment {
            id: row.id.clone(),
            key: row.key.clone(),
            target: row.target.clone(),
            handle: row.handle.clone(),
            seen: row.seen.clone(),
            mark: mark(&self.inner.installation, &row.id),
        };
        Some(Hands {
            connector,
            outside: self.inner.outside.clone(),
            assignment,
            integration: row.connector.clone(),
            metrics: self.inner.metrics.clone(),
        })
    }

    pub(super) async fn begin_with(&self, row: &AssignmentRow) -> Result<Tx> {
        let mut tx = self.inner.store.begin().await?;
        tx.put_assignment(row).await?;
        Ok(tx)
    }

    /// Writes a step while the claim is ours, and keeps the claim for the next one.
    pub(super) async fn write(&self, mut tx: Tx, claim: &Claimed) -> Result<Step> {
        if !tx.keep(claim, self.inner.outside.now() + LEASE).await? {
            return Ok(Step::Over(Looked::Lost));
        }
        tx.commit().await?;
        Ok(Step::Go)
    }

    /// Brings up to date what the requests that ended here say.
    pub(super) async fn tell_ended(&self, tx: &mut Tx, row: &AssignmentRow, now: Time) -> Result<()> {
        for request in tx.requests_ended_since(&row.id, row.ended_at.unwrap_or(Time(0))).await? {
            tx.bump_notices(&request).await?;
            tx.show_notices(&request, now).await?;
        }
        Ok(())
    }
}

/// Notes a read-back.
pub(super) fn saw(row: &mut AssignmentRow, seen: &Observed, now: Time) {
    row.seen = Some(seen.clone());
    row.observed_at = Some(now);
}

/// Ends one grant, and tells.
async fn end_one(tx: &mut Tx, grant: &Grant, ended: &Ended, now: Time) -> Result<()> {
    if tx.end_grant(&grant.id, ended).await? == Changed::Yes {
        let body = json!({ "grant": grant.id, "how": ended.how, "at": ended.at, "why": ended.why });
        tx.record(Event::new(&grant.request, now, ended.by.clone(), "grant.ended").with(body));
        tx.bump_notices(&grant.request).await?;
        tx.show_notices(&grant.request, now).await?;
        tell_others(tx, grant, now).await?;
        // Whoever is to decide on an extension sees that it extends nothing any more.
        for extension in tx.open_extensions(&grant.request).await? {
            tx.bump_notices(&extension).await?;
            tx.show_notices(&extension, now).await?;
        }
    }
    Ok(())
}

/// What other requests hold on the same access is told by them: until when it stays.
pub(super) async fn tell_others(tx: &mut Tx, grant: &Grant, now: Time) -> Result<()> {
    for other in tx.live_grants(&grant.assignment).await?.iter().filter(|other| other.grant.request != grant.request) {
        tx.bump_notices(&other.grant.request).await?;
        tx.show_notices(&other.grant.request, now).await?;
    }
    Ok(())
}

/// The time of a request is up: all its parts that are over end together.
async fn expire_request(tx: &mut Tx, request: &RequestId, here: &AssignmentId, now: Time) -> Result<()> {
    for part in tx.grants_of(request).await?.iter().rev() {
        if part.grant.ends_by_itself(now) == Some(End::Expired) {
            let ended = Ended { at: part.grant.ends_at, by: Actor::Engine, how: End::Expired, why: None };
            end_one(tx, &part.grant, &ended, now).await?;
            if part.grant.assignment != *here {
                tx.look_at_assignment(&part.grant.assignment, now).await?;
            }
        }
    }
    Ok(())
}

/// One part failed for good: all parts end, and those that were granted are taken away, last first.
async fn fail_request(tx: &mut Tx, request: &RequestId, here: &AssignmentId, why: &str, now: Time) -> Result<()> {
    let ended = Ended { at: now, by: Actor::Engine, how: End::Failed, why: Some(why.to_owned()) };
    for part in tx.grants_of(request).await?.iter().rev() {
        end_one(tx, &part.grant, &ended, now).await?;
        if part.grant.assignment != *here {
            tx.look_at_assignment(&part.grant.assignment, now).await?;
        }
    }
    Ok(())
}
