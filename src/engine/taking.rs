//! Takes an access away, step by step: calls, looks until it is gone, cuts what is open, waits for
//! what may still land, looks again, and writes the receipt. It never gives up and never takes what
//! was there before us.

use serde_json::json;

use super::assignments::{Result, Step, saw};
use super::hands::Hands;
use super::sweep::orphan;
use super::{Engine, Looked};
use crate::domain::access::{Called, Cut, Observed};
use crate::domain::alert::AlertKind;
use crate::domain::assignment::{AssignmentState, Baseline};
use crate::domain::event::Event;
use crate::domain::fault::Fault;
use crate::domain::person::Actor;
use crate::domain::planted::{Bug, planted};
use crate::domain::time::{Span, Time};
use crate::store::{AssignmentRow, Claimed, Next, Tx};

impl Engine {
    /// The intent of a revocation, durable before its first call.
    pub(super) async fn begin_revoking(&self, claim: &mut Claimed, mut row: AssignmentRow, what: &'static str) -> Result<Step> {
        let now = self.inner.outside.now();
        row.due_at = Some(self.inner.store.last_end(&row.id).await?.unwrap_or(now).min(now));
        row.state = AssignmentState::Revoking;
        (row.absent_at, row.until) = (None, None);
        row.error = None;
        let mut tx = self.inner.store.begin().await?;
        tx.put_assignment(&row).await?;
        tx.record(Event::new(&row.id, now, Actor::Engine, what).with(json!({ "due_at": row.due_at })));
        for kind in [AlertKind::Missing, AlertKind::Changed] {
            self.calm(&mut tx, kind, row.id.as_str(), now).await?;
        }
        claim.attempts = 0; // failed tries to grant do not slow the revocation down
        self.write(tx, claim).await
    }

    pub(super) async fn revoke(&self, claim: &Claimed, mut row: AssignmentRow) -> Result<Step> {
        let Some(hands) = self.hands(&row) else { return self.not_configured(claim, row, &[]).await };
        let Gone { seen, cut, call } = match take_away(&hands).await {
            Ok(gone) => gone,
            Err(failed) => {
                if failed.still_there {
                    row.absent_at = None; // whatever was seen before
                }
                if let Some(again) = failed.works {
                    return self.working(claim, row, again).await;
                }
                if let Some(seen) = failed.gone {
                    let now = self.inner.outside.now();
                    saw(&mut row, &seen, now);
                    row.absent_at = Some(row.absent_at.unwrap_or(now));
                }
                return self.trouble(claim, row, &[], failed.fault).await;
            }
        };
        let now = self.inner.outside.now();
        let mut tx = self.inner.store.begin().await?;
        saw(&mut row, &seen, now);
        row.absent_at = Some(row.absent_at.unwrap_or(now));
        row.cut = Some(cut.clone());
        row.error = None;
        row.state = AssignmentState::Settling;
        let until = if planted(Bug::NoSettling) { now } else { now + hands.timing().settle };
        row.until = Some(until);
        let was_stuck = row.stuck_at.take().is_some();
        tx.put_assignment(&row).await?;
        let late_ms = row.due_at.map(|due| (now - due).0);
        let body = json!({ "seen": seen, "cut": cut, "due_at": row.due_at, "late_ms": late_ms, "call": call });
        tx.record(Event::new(&row.id, now, Actor::Engine, "assignment.absent").with(body));
        if was_stuck {
            self.calm(&mut tx, AlertKind::Stuck, row.id.as_str(), now).await?;
        }
        self.tell_ended(&mut tx, &row, now).await?;
        let looked = self.finish(tx, claim, Next::At(until)).await?;
        if let (Looked::Finished, Some(due)) = (&looked, row.due_at) {
            self.inner.metrics.gone(&row.connector, now - due);
        }
        Ok(Step::Over(looked))
    }

    /// Takes it away once more after the longest time a lost call could still land.
    pub(super) async fn settle(&self, claim: &mut Claimed, mut row: AssignmentRow) -> Result<Step> {
        let Some(hands) = self.hands(&row) else { return self.not_configured(claim, row, &[]).await };
        let Gone { seen, cut, .. } = match take_away(&hands).await {
            Ok(gone) => gone,
            Err(failed) if failed.still_there => return self.begin_revoking(claim, row, "assignment.reappeared").await,
            Err(failed) => return self.trouble(claim, row, &[], failed.fault).await,
        };
        let now = self.inner.outside.now();
        let mut tx = self.inner.store.begin().await?;
        saw(&mut row, &seen, now);
        // This last revocation may land late as well: nothing is granted anew before it cannot any more.
        row.until = Some(now + hands.timing().settle);
        self.end(&mut tx, &mut row, "gone", &cut, now).await?;
        let step = self.write(tx, claim).await?;
        if let (Step::Go, Some(due)) = (&step, row.due_at) {
            self.inner.metrics.closed(&row.connector, now - due);
        }
        Ok(step)
    }

    /// Nothing of ours was done, or nothing of it is ours to undo.
    pub(super) async fn close(&self, claim: &Claimed, mut row: AssignmentRow) -> Result<Step> {
        let now = self.inner.outside.now();
        row.due_at = Some(self.inner.store.last_end(&row.id).await?.unwrap_or(now).min(now));
        let mut tx = self.inner.store.begin().await?;
        let outcome = match row.baseline {
            Some(Baseline::Standing) => "left: held before",
            Some(Baseline::Absent) | None => "nothing was granted",
        };
        self.tell_ended(&mut tx, &row, now).await?;
        row.until = None;
        self.end(&mut tx, &mut row, outcome, &Cut::NotNeeded, now).await?;
        self.write(tx, claim).await
    }

    /// Looks again at what has ended: a call that was lost for long may have landed after all.
    pub(super) async fn late_look(&self, claim: &mut Claimed, mut row: AssignmentRow) -> Result<Step> {
        let Some(hands) = self.hands(&row) else { return self.not_configured(claim, row, &[]).await };
        let seen = match hands.observe().await {
            Ok(seen) => seen,
            Err(fault) => return self.trouble(claim, row, &[], fault).await,
        };
        let now = self.inner.outside.now();
        saw(&mut row, &seen, now);
        let body = json!({ "seen": seen });
        let what = match seen {
            Observed::Ours | Observed::Changed { .. } => {
                // Ours for certain, and no grant asks for it: take it away again.
                return self.begin_revoking(claim, row, "assignment.reappeared").await;
            }
            // Nobody ever saw it gone: it is the one that was closed by force, not a new one.
            Observed::Held if row.closed_by_force() => {
                return self.begin_revoking(claim, row, "assignment.reappeared").await;
            }
            Observed::Held => Some("assignment.held-after-its-end"),
            Observed::Absent | Observed::Foreign { .. } => None,
        };
        let mut tx = self.inner.store.begin().await?;
        if what.is_none() && row.absent_at.is_none() && row.error.take().is_some() {
            // It was closed by force, and now it is seen gone after all.
            row.absent_at = Some(now);
            tx.record(Event::new(&row.id, now, Actor::Engine, "assignment.absent").with(body.clone()));
            for request in tx.requests_ended_since(&row.id, Time(0)).await? {
                tx.bump_notices(&request).await?;
                tx.show_notices(&request, now).await?;
            }
        }
        tx.put_assignment(&row).await?;
        if let Some(what) = what {
            tracing::warn!(
                effect = row.effect,
                "somebody holds an access again whose assignment has ended; it is not ours to take"
            );
            tx.record(Event::new(&row.id, now, Actor::Engine, what).with(body));
        }
        self.write(tx, claim).await
    }

    /// The end of an assignment, with its receipt: what was observed, when, and how late.
    pub(super) async fn end(&self, tx: &mut Tx, row: &mut AssignmentRow, outcome: &str, cut: &Cut, now: Time) -> Result<()> {
        let receipt = json!({
            "outcome": outcome,
            "effect": row.effect,
            "due_at": row.due_at,
            "absent_at": row.absent_at,
            "late_ms": row.absent_at.zip(row.due_at).map(|(absent, due)| (absent - due).0),
            "seen": row.seen,
            "cut": [row.cut.as_ref(), Some(cut)],
            "closed_at": now,
        });
        if row.stuck_at.take().is_some() {
            self.calm(tx, AlertKind::Stuck, row.id.as_str(), now).await?;
        }
        // If it was an orphan, it is none any more: nobody waits for the next sweep to read that.
        self.calm(tx, AlertKind::Orphan, &orphan(&row.connector, &row.key), now).await?;
        row.state = AssignmentState::Ended;
        row.ended_at = Some(now);
        row.observed_at = Some(now);
        row.error = None;
        tx.put_assignment(row).await?;
        tx.record(Event::new(&row.id, now, Actor::Engine, "assignment.receipt").with(receipt));
        Ok(())
    }
}

/// What showed that it is gone.
struct Gone {
    seen: Observed,
    cut: Cut,
    /// The call before that look, and what it answered.
    call: String,
}

/// Why something could not be taken away, and whether the look showed it.
struct Failed {
    still_there: bool,
    /// What the look showed, if it showed it gone and something after it failed.
    gone: Option<Observed>,
    /// The target works on it.
    works: Option<Span>,
    fault: Fault,
}

/// Revokes, looks, and cuts what is still open. Whatever the revocation said, the look decides.
async fn take_away(hands: &Hands) -> std::result::Result<Gone, Failed> {
    let unseen = |fault| Failed { still_there: false, gone: None, works: None, fault };
    let called = hands.revoke().await;
    if planted(Bug::BelievesRevoke) {
        return Ok(Gone { seen: Observed::Absent, cut: Cut::NotNeeded, call: String::new() });
    }
    let seen = hands.observe().await.map_err(unseen)?;
    match (seen.ours_or_unknown(), called) {
        (false, called) => {
            let call = match called {
                Ok(Called::Done { .. }) => "revoke, which was done".to_owned(),
                Ok(Called::Working { .. }) => "revoke, which the target said it works on".to_owned(),
                Err(fault) => format!("revoke, whose answer was: {fault}"),
            };
            match hands.cut().await {
                Ok(cut) => Ok(Gone { seen, cut, call }),
                Err(fault) => Err(Failed { still_there: false, gone: Some(seen), works: None, fault }),
            }
        }
        (true, Err(fault)) => Err(Failed { still_there: true, gone: None, works: None, fault }),
        (true, Ok(called)) => {
            let works = match called {
                Called::Working { again, .. } => Some(again),
                Called::Done { .. } => None,
            };
            Err(Failed {
                still_there: true,
                gone: None,
                works,
                fault: Fault::later("The target said it is gone but still shows it."),
            })
        }
    }
}
