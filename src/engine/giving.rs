//! Makes an access true, step by step: looks first, calls, and believes only the read-back. Also looks,
//! now and then, whether it still is so.

use serde_json::json;

use super::Engine;
use super::assignments::{Result, Step, saw, tell_others};
use super::hands::Hands;
use crate::domain::access::{Called, Observed};
use crate::domain::alert::{AlertKind, Told};
use crate::domain::assignment::{AssignmentState, Baseline, LONGEST_PAUSE};
use crate::domain::event::Event;
use crate::domain::fault::Fault;
use crate::domain::person::Actor;
use crate::domain::planted::{Bug, planted};
use crate::domain::time::{Span, Time};
use crate::store::{AssignmentRow, Changed, Claimed, GrantRow, Next, Tx};

/// How soon a check is repeated that the target did not answer.
const CHECK_AGAIN: Span = Span::minutes(1);

impl Engine {
    /// Looks, before the first call, whether the principal holds it already.
    pub(super) async fn take_baseline(&self, claim: &mut Claimed, mut row: AssignmentRow, live: &[GrantRow]) -> Result<Step> {
        let Some(hands) = self.hands(&row) else { return self.not_configured(claim, row, live).await };
        let seen = match hands.observe().await {
            Ok(_) if planted(Bug::NoBaseline) => Observed::Absent,
            Ok(seen) => seen,
            Err(fault) => return self.trouble(claim, row, live, fault).await,
        };
        let now = self.inner.outside.now();
        let standing = match &seen {
            Observed::Absent | Observed::Ours | Observed::Changed { .. } => false,
            Observed::Held | Observed::Foreign { .. } => true,
        };
        let mut tx = self.inner.store.begin().await?;
        row.baseline = Some(if standing { Baseline::Standing } else { Baseline::Absent });
        saw(&mut row, &seen, now);
        if standing {
            row.state = AssignmentState::Active;
            row.error = None;
        }
        tx.put_assignment(&row).await?;
        tx.record(
            Event::new(&row.id, now, Actor::Engine, "assignment.baseline")
                .with(json!({ "seen": seen, "baseline": row.baseline })),
        );
        if standing {
            self.usable(&mut tx, &row, live, now).await?;
        }
        claim.attempts = 0; // failed looks are no tries to grant: the breaker counts the first of those
        self.write(tx, claim).await
    }

    /// Makes it true, and believes only the read-back.
    pub(super) async fn grant(&self, claim: &Claimed, row: AssignmentRow, live: &[GrantRow], deadline: Time) -> Result<Step> {
        let Some(hands) = self.hands(&row) else { return self.not_configured(claim, row, live).await };
        // The intent is durable and the claim is ours for as long as the call can take.
        let mut tx = self.inner.store.begin().await?;
        if !self.may_grant(&mut tx, &row.connector, claim.attempts > 0, self.inner.outside.now()).await? {
            tx.commit().await?;
            let why = "Too much was granted in a short time, so granting is paused until an operator of P0 lets it go on.";
            return self.trouble(claim, row, live, Fault::Denied { why: why.to_owned() }).await;
        }
        if let Step::Over(lost) = self.write(tx, claim).await? {
            return Ok(Step::Over(lost));
        }
        let deadline = deadline.min(self.inner.outside.now() + hands.timing().call);
        let called = hands.grant(deadline).await;
        self.read_back(claim, row, live, &hands, called).await
    }

    /// Asks how far the target is with a call it works on.
    pub(super) async fn poll(&self, claim: &Claimed, mut row: AssignmentRow, live: &[GrantRow]) -> Result<Step> {
        let Some(hands) = self.hands(&row) else { return self.not_configured(claim, row, live).await };
        row.until = None;
        match (hands.poll().await, row.state) {
            (Ok(Called::Working { again, .. }), _) => self.working(claim, row, again).await,
            (called, AssignmentState::Granting) => self.read_back(claim, row, live, &hands, called).await,
            (_, _) => {
                // Whatever it said of the revocation: what is still there is revoked again.
                let tx = self.begin_with(&row).await?;
                self.write(tx, claim).await
            }
        }
    }

    /// The target works on a call. It is asked again then, and nothing is called meanwhile.
    pub(super) async fn working(&self, claim: &Claimed, mut row: AssignmentRow, again: Span) -> Result<Step> {
        row.until = Some(self.inner.outside.now() + again.max(Span::millis(100)).min(LONGEST_PAUSE));
        row.error = None;
        let mut tx = self.inner.store.begin().await?;
        let stuck = self.note_stuck(&mut tx, &mut row, "The target says that it works on it.", self.inner.outside.now()).await?;
        if stuck {
            self.tell_ended(&mut tx, &row, self.inner.outside.now()).await?;
        }
        tx.put_assignment(&row).await?;
        self.write(tx, claim).await
    }

    /// After a call to grant: is it there?
    pub(super) async fn read_back(
        &self,
        claim: &Claimed,
        mut row: AssignmentRow,
        live: &[GrantRow],
        hands: &Hands,
        called: std::result::Result<Called, Fault>,
    ) -> Result<Step> {
        if let Ok(Some(handle)) = called.as_ref().map(Called::handle) {
            row.handle = Some(handle.clone());
            row.seen = None; // that was before it
        }
        let seen = match (&called, hands.observe().await) {
            (Ok(Called::Done { .. }), _) if planted(Bug::BelievesGrant) => Observed::Ours,
            (_, Ok(seen)) => seen,
            (Err(fault), Err(_)) => return self.trouble(claim, row, live, fault.clone()).await,
            (Ok(_), Err(fault)) => return self.trouble(claim, row, live, fault).await,
        };
        let now = self.inner.outside.now();
        if !seen.ours_or_unknown() {
            let fault = match called {
                Ok(Called::Working { again, .. }) => return self.working(claim, row, again).await,
                Ok(Called::Done { .. }) => Fault::later("The target said yes but does not show it yet."),
                Err(fault) => fault,
            };
            return self.trouble(claim, row, live, fault).await;
        }
        let mut tx = self.inner.store.begin().await?;
        row.state = AssignmentState::Active;
        row.error = None;
        row.until = None;
        saw(&mut row, &seen, now);
        tx.put_assignment(&row).await?;
        tx.record(Event::new(&row.id, now, Actor::Engine, "assignment.active").with(json!({ "seen": seen })));
        self.usable(&mut tx, &row, live, now).await?;
        self.write(tx, claim).await
    }

    /// Another grant came to what is active: it is usable when a read-back shows it.
    pub(super) async fn confirm(&self, claim: &Claimed, mut row: AssignmentRow, live: &[GrantRow]) -> Result<Step> {
        let Some(hands) = self.hands(&row) else { return self.not_configured(claim, row, live).await };
        let seen = match hands.observe().await {
            Ok(seen) => seen,
            Err(fault) => return self.trouble(claim, row, live, fault).await,
        };
        let now = self.inner.outside.now();
        let there = match row.baseline {
            Some(Baseline::Standing) => seen != Observed::Absent,
            Some(Baseline::Absent) | None => seen.ours_or_unknown(),
        };
        let mut tx = self.inner.store.begin().await?;
        saw(&mut row, &seen, now);
        if there {
            row.error = None;
            self.usable(&mut tx, &row, live, now).await?;
        } else {
            // Somebody took it away behind our back; a person asked again, so it is granted again.
            tx.record(Event::new(&row.id, now, Actor::Engine, "assignment.missing").with(json!({ "seen": seen })));
            row.state = AssignmentState::Granting;
            if row.baseline == Some(Baseline::Standing) {
                row.baseline = None;
            }
        }
        tx.put_assignment(&row).await?;
        self.write(tx, claim).await
    }

    /// Is it still as it was granted? It is never put back: somebody had a reason to take it away.
    pub(super) async fn check(&self, claim: &Claimed, mut row: AssignmentRow, live: &[GrantRow]) -> Result<Step> {
        let seen = match self.hands(&row) {
            Some(hands) => hands.observe().await,
            None => Err(Fault::later("The integration is not configured any more.")),
        };
        let now = self.inner.outside.now();
        let seen = match seen {
            Ok(seen) => seen,
            Err(_) => {
                // Nobody waits for this: a target that is down is not told by everything that is in use.
                let again = live.iter().map(|held| held.grant.next_look()).chain([now + CHECK_AGAIN]).min();
                return Ok(Step::Over(self.only_finish(claim, Next::At(again.unwrap_or(now))).await?));
            }
        };
        let wrong = match (&seen, row.baseline) {
            (_, Some(Baseline::Standing)) | (Observed::Ours | Observed::Held, _) => None,
            (Observed::Changed { how }, _) => Some((AlertKind::Changed, "assignment.changed", how.clone())),
            (Observed::Absent, _) => Some((AlertKind::Missing, "assignment.missing", String::new())),
            (Observed::Foreign { by }, _) => {
                Some((AlertKind::Missing, "assignment.missing", format!("What is there now was granted by {by}.")))
            }
        };
        let news = row.seen.as_ref() != Some(&seen);
        let mut tx = self.inner.store.begin().await?;
        if news && let Some((_, what, _)) = &wrong {
            tracing::warn!(assignment = %row.id, effect = row.effect, %seen, "what was granted is not as it was granted");
            tx.record(Event::new(&row.id, now, Actor::Engine, what).with(json!({ "seen": seen })));
        }
        for kind in [AlertKind::Missing, AlertKind::Changed] {
            match &wrong {
                Some((wrong, _, why)) if *wrong == kind => {
                    let told = Told::new(&row.effect, why, now);
                    if news {
                        self.raise(&mut tx, kind, row.id.as_str(), &told, now).await?;
                    }
                }
                Some(_) | None => self.calm(&mut tx, kind, row.id.as_str(), now).await?,
            }
        }
        saw(&mut row, &seen, now);
        row.error = None;
        tx.put_assignment(&row).await?;
        if news {
            for held in live {
                tx.bump_notices(&held.grant.request).await?;
                tx.show_notices(&held.grant.request, now).await?;
            }
        }
        self.write(tx, claim).await
    }

    /// A grant came while it was ending, or after: begin anew, from the first look.
    pub(super) async fn reopen(&self, claim: &Claimed, mut row: AssignmentRow) -> Result<Step> {
        let now = self.inner.outside.now();
        let mut tx = self.inner.store.begin().await?;
        row.state = AssignmentState::Granting;
        (row.baseline, row.handle, row.until, row.due_at, row.absent_at) = (None, None, None, None, None);
        (row.stuck_at, row.seen, row.cut, row.error) = (None, None, None, None);
        tx.put_assignment(&row).await?;
        tx.record(Event::new(&row.id, now, Actor::Engine, "assignment.reopened"));
        self.write(tx, claim).await
    }

    /// Notes for each waiting grant that the read-back showed it; the last part of a request starts
    /// its clock and puts the next part to work.
    pub(super) async fn usable(&self, tx: &mut Tx, row: &AssignmentRow, live: &[GrantRow], now: Time) -> Result<()> {
        for held in live.iter().filter(|held| held.ready) {
            let grant = &held.grant;
            if tx.grant_is_usable(&grant.id, now).await? == Changed::No {
                continue;
            }
            let request = &grant.request;
            let parts = tx.grants_of(request).await?;
            let waiting = parts.iter().find(|part| part.grant.usable_at.is_none() && part.grant.live());
            match waiting {
                Some(next) => tx.look_at_assignment(&next.grant.assignment, now).await?,
                None => {
                    tx.move_ends(request, now).await?;
                    for part in parts.iter().filter(|part| part.grant.assignment != row.id) {
                        tx.look_at_assignment(&part.grant.assignment, now).await?;
                    }
                    let until = grant.end_when_usable(now);
                    self.remind(tx, request, grant.length, until).await?;
                    // The end is known now: other requests for the same say until when it stays.
                    for part in &parts {
                        tell_others(tx, &part.grant, now).await?;
                    }
                    let body = json!({ "until": until, "standing": row.baseline == Some(Baseline::Standing) });
                    tx.record(Event::new(request, now, Actor::Engine, "request.usable").with(body));
                    tx.bump_notices(request).await?;
                    tx.show_notices(request, now).await?;
                }
            }
        }
        Ok(())
    }
}
