//! One look at one assignment: does what `domain::assignment::due` says, step by step.
//!
//! Each step is one call (or none) and one transaction that is written only while the claim is ours.
//! The happy path and the way back from a crash are the same: the row says what is due.

use serde_json::json;

use super::hands::Hands;
use super::{Engine, LEASE, Looked};
use crate::domain::access::{Assignment, Called, Cut, Observed, mark};
use crate::domain::alert::{AlertKind, Told};
use crate::domain::assignment::{self, AssignmentState, Baseline, Claim, Due, Facts, LONGEST_PAUSE, REVERSE_PATIENCE};
use crate::domain::event::Event;
use crate::domain::fault::Fault;
use crate::domain::grant::{End, Ended, Grant};
use crate::domain::id::{AssignmentId, RequestId};
use crate::domain::person::Actor;
use crate::domain::time::{Span, Time};
use crate::store::{AssignmentRow, Changed, Claimed, GrantRow, Next, StoreError, Tx};

type Result<T> = std::result::Result<T, StoreError>;

/// What a step came to.
enum Step {
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
            let Some(row) = self.inner.store.assignment(&id).await? else {
                return self.only_finish(claim, Next::Never).await;
            };
            match self.step(claim, row).await? {
                Step::Go => {}
                Step::Over(looked) => return Ok(looked),
            }
        }
    }

    async fn step(&self, claim: &mut Claimed, row: AssignmentRow) -> Result<Step> {
        let now = self.inner.outside.now();
        let live = self.inner.store.live_grants(&row.id).await?;
        if live.iter().any(|held| held.grant.ends_by_itself(now).is_some()) {
            return self.end_what_is_over(claim, &row, &live, now).await;
        }
        let ends = live.is_empty()
            && matches!(row.state, AssignmentState::Granting | AssignmentState::Active | AssignmentState::Revoking);
        let after_later_parts =
            if ends { self.inner.store.waits_for_later_parts(&row.id).await?.map(|at| at + REVERSE_PATIENCE) } else { None };
        let facts = Facts {
            state: row.state,
            baseline: row.baseline,
            until: row.until,
            observed_at: row.observed_at,
            ended_at: row.ended_at,
            claims: live.iter().map(|held| Claim::of(&held.grant, held.ready)).collect(),
            after_later_parts,
        };
        match assignment::due(&facts, now) {
            Due::Wait(at) => {
                // While a later part is being taken away, look again soon rather than at the last moment.
                let at = match after_later_parts {
                    Some(_) if ends => Some(self.again_at(claim)),
                    Some(_) | None => at,
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
        for held in live {
            let grant = &held.grant;
            match grant.ends_by_itself(now) {
                Some(End::Expired) => expire_request(&mut tx, &grant.request, &row.id, now).await?,
                Some(_) => {
                    let why = match &row.error {
                        Some(error) => format!("It did not work in time. {error}"),
                        None => "It did not work in time.".to_owned(),
                    };
                    fail_request(&mut tx, &grant.request, &row.id, &why, now).await?;
                }
                None => {}
            }
        }
        self.write(tx, claim).await
    }

    /// Looks, before the first call, whether the principal holds it already.
    async fn take_baseline(&self, claim: &Claimed, mut row: AssignmentRow, live: &[GrantRow]) -> Result<Step> {
        let Some(hands) = self.hands(&row) else { return self.not_configured(claim, row, live).await };
        let seen = match hands.observe().await {
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
        self.write(tx, claim).await
    }

    /// Makes it true, and believes only the read-back.
    async fn grant(&self, claim: &Claimed, row: AssignmentRow, live: &[GrantRow], deadline: Time) -> Result<Step> {
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
    async fn poll(&self, claim: &Claimed, mut row: AssignmentRow, live: &[GrantRow]) -> Result<Step> {
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
    async fn working(&self, claim: &Claimed, mut row: AssignmentRow, again: Span) -> Result<Step> {
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
    async fn read_back(
        &self,
        claim: &Claimed,
        mut row: AssignmentRow,
        live: &[GrantRow],
        hands: &Hands,
        called: std::result::Result<Called, Fault>,
    ) -> Result<Step> {
        if let Ok(Some(handle)) = called.as_ref().map(Called::handle) {
            row.handle = Some(handle.clone());
        }
        let seen = match (&called, hands.observe().await) {
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
    async fn confirm(&self, claim: &Claimed, mut row: AssignmentRow, live: &[GrantRow]) -> Result<Step> {
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
    async fn check(&self, claim: &Claimed, mut row: AssignmentRow, live: &[GrantRow]) -> Result<Step> {
        let Some(hands) = self.hands(&row) else { return self.not_configured(claim, row, live).await };
        let seen = match hands.observe().await {
            Ok(seen) => seen,
            Err(fault) => return self.trouble(claim, row, live, fault).await,
        };
        let now = self.inner.outside.now();
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
                    let told = Told { about: row.effect.clone(), why: why.clone(), since: now };
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

    /// The intent of a revocation, durable before its first call.
    async fn begin_revoking(&self, claim: &mut Claimed, mut row: AssignmentRow, what: &'static str) -> Result<Step> {
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

    async fn revoke(&self, claim: &Claimed, mut row: AssignmentRow) -> Result<Step> {
        let Some(hands) = self.hands(&row) else { return self.not_configured(claim, row, &[]).await };
        let (seen, cut) = match take_away(&hands).await {
            Ok(gone) => gone,
            Err(Failed { works: Some(again), .. }) => return self.working(claim, row, again).await,
            Err(failed) => return self.trouble(claim, row, &[], failed.fault).await,
        };
        let now = self.inner.outside.now();
        let mut tx = self.inner.store.begin().await?;
        saw(&mut row, &seen, now);
        row.absent_at = Some(row.absent_at.unwrap_or(now));
        row.cut = Some(cut.clone());
        row.error = None;
        row.state = AssignmentState::Settling;
        row.until = Some(now + hands.timing().settle);
        tx.put_assignment(&row).await?;
        let body = json!({ "seen": seen, "cut": cut, "due_at": row.due_at, "late_ms": row.due_at.map(|due| (now - due).0) });
        tx.record(Event::new(&row.id, now, Actor::Engine, "assignment.absent").with(body));
        if row.stuck_at.take().is_some() {
            self.calm(&mut tx, AlertKind::Stuck, row.id.as_str(), now).await?;
        }
        self.tell_ended(&mut tx, &row, now).await?;
        self.write(tx, claim).await
    }

    /// Takes it away once more after the longest time a lost call could still land.
    async fn settle(&self, claim: &mut Claimed, mut row: AssignmentRow) -> Result<Step> {
        let Some(hands) = self.hands(&row) else { return self.not_configured(claim, row, &[]).await };
        let (seen, cut) = match take_away(&hands).await {
            Ok(gone) => gone,
            Err(failed) if failed.still_there => return self.begin_revoking(claim, row, "assignment.reappeared").await,
            Err(failed) => return self.trouble(claim, row, &[], failed.fault).await,
        };
        let now = self.inner.outside.now();
        let mut tx = self.inner.store.begin().await?;
        saw(&mut row, &seen, now);
        self.end(&mut tx, &mut row, "gone", &cut, now).await?;
        self.write(tx, claim).await
    }

    /// Nothing of ours was done, or nothing of it is ours to undo.
    async fn close(&self, claim: &Claimed, mut row: AssignmentRow) -> Result<Step> {
        let now = self.inner.outside.now();
        row.due_at = Some(self.inner.store.last_end(&row.id).await?.unwrap_or(now).min(now));
        let mut tx = self.inner.store.begin().await?;
        let outcome = match row.baseline {
            Some(Baseline::Standing) => "left: held before",
            Some(Baseline::Absent) | None => "nothing was granted",
        };
        self.tell_ended(&mut tx, &row, now).await?;
        self.end(&mut tx, &mut row, outcome, &Cut::NotNeeded, now).await?;
        self.write(tx, claim).await
    }

    /// A grant came while it was ending, or after: begin anew, from the first look.
    async fn reopen(&self, claim: &Claimed, mut row: AssignmentRow) -> Result<Step> {
        let now = self.inner.outside.now();
        let mut tx = self.inner.store.begin().await?;
        row.state = AssignmentState::Granting;
        (row.baseline, row.handle, row.until, row.due_at, row.absent_at) = (None, None, None, None, None);
        (row.stuck_at, row.seen, row.cut, row.error) = (None, None, None, None);
        tx.put_assignment(&row).await?;
        tx.record(Event::new(&row.id, now, Actor::Engine, "assignment.reopened"));
        self.write(tx, claim).await
    }

    /// Looks again at what has ended: a call that was lost for long may have landed after all.
    async fn late_look(&self, claim: &mut Claimed, mut row: AssignmentRow) -> Result<Step> {
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
            Observed::Held => Some("assignment.held-after-its-end"),
            Observed::Absent | Observed::Foreign { .. } => None,
        };
        let mut tx = self.inner.store.begin().await?;
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

    /// A try failed: say so where it matters, and try again in time.
    async fn trouble(&self, claim: &Claimed, mut row: AssignmentRow, live: &[GrantRow], fault: Fault) -> Result<Step> {
        let now = self.inner.outside.now();
        let why = fault.to_string();
        let mut tx = self.inner.store.begin().await?;
        if matches!(fault, Fault::Never { .. }) && row.state == AssignmentState::Granting {
            row.error = Some(why.clone());
            tx.put_assignment(&row).await?;
            for held in live.iter().filter(|held| held.ready) {
                fail_request(&mut tx, &held.grant.request, &row.id, &why, now).await?;
            }
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
            Fault::Later { after, .. } => after.map(|after| now + after),
            Fault::Maybe { .. } | Fault::Never { .. } | Fault::Denied { .. } => None,
        };
        // Never past the moment when time alone makes something due.
        let again = self.again_at(claim).max(asked.unwrap_or(now));
        let again = live.iter().map(|held| held.grant.next_look()).chain([again]).min().unwrap_or(again);
        if !tx.finish(claim, Next::Again(again)).await? {
            return Ok(Step::Over(Looked::Lost));
        }
        tx.release_lane(claim).await?;
        tx.commit().await?;
        Ok(Step::Over(Looked::Finished))
    }

    /// Is an end overdue? Then everybody who looks after accesses is told. Returns whether that is new.
    async fn note_stuck(&self, tx: &mut Tx, row: &mut AssignmentRow, why: &str, now: Time) -> Result<bool> {
        if !assignment::stuck(row.state, row.due_at, now) {
            return Ok(false);
        }
        let new = row.stuck_at.is_none();
        if new {
            tracing::error!(assignment = %row.id, effect = row.effect, why, "an access is overdue: it should be gone and is not");
            row.stuck_at = Some(now);
            let body = json!({ "due_at": row.due_at, "why": why });
            tx.record(Event::new(&row.id, now, Actor::Engine, "assignment.stuck").with(body));
        }
        let told = Told { about: row.effect.clone(), why: why.to_owned(), since: row.due_at.unwrap_or(now) };
        self.raise(tx, AlertKind::Stuck, row.id.as_str(), &told, now).await?;
        Ok(new)
    }

    async fn not_configured(&self, claim: &Claimed, row: AssignmentRow, live: &[GrantRow]) -> Result<Step> {
        let why = format!(
            "The integration {} is not configured any more; put it back so that accesses can be taken away.",
            row.connector
        );
        self.trouble(claim, row, live, Fault::Denied { why }).await
    }

    fn hands(&self, row: &AssignmentRow) -> Option<Hands> {
        let connector = self.inner.connectors.get(&row.connector)?;
        let assignment = Assignment {
            id: row.id.clone(),
            key: row.key.clone(),
            target: row.target.clone(),
            handle: row.handle.clone(),
            mark: mark(&self.inner.installation, &row.id),
        };
        Some(Hands { connector, outside: self.inner.outside.clone(), assignment })
    }

    async fn begin_with(&self, row: &AssignmentRow) -> Result<Tx> {
        let mut tx = self.inner.store.begin().await?;
        tx.put_assignment(row).await?;
        Ok(tx)
    }

    /// Writes a step while the claim is ours, and keeps the claim for the next one.
    async fn write(&self, mut tx: Tx, claim: &Claimed) -> Result<Step> {
        if !tx.keep(claim, self.inner.outside.now() + LEASE).await? {
            return Ok(Step::Over(Looked::Lost));
        }
        tx.commit().await?;
        Ok(Step::Go)
    }

    /// Notes for each waiting grant that the read-back showed it; the last part of a request starts
    /// its clock and puts the next part to work.
    async fn usable(&self, tx: &mut Tx, row: &AssignmentRow, live: &[GrantRow], now: Time) -> Result<()> {
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
                    let body =
                        json!({ "until": grant.end_when_usable(now), "standing": row.baseline == Some(Baseline::Standing) });
                    tx.record(Event::new(request, now, Actor::Engine, "request.usable").with(body));
                    tx.bump_notices(request).await?;
                    tx.show_notices(request, now).await?;
                }
            }
        }
        Ok(())
    }

    /// The end of an assignment, with its receipt: what was observed, when, and how late.
    async fn end(&self, tx: &mut Tx, row: &mut AssignmentRow, outcome: &str, cut: &Cut, now: Time) -> Result<()> {
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
        row.state = AssignmentState::Ended;
        row.ended_at = Some(now);
        row.observed_at = Some(now);
        row.until = None;
        row.error = None;
        tx.put_assignment(row).await?;
        tx.record(Event::new(&row.id, now, Actor::Engine, "assignment.receipt").with(receipt));
        Ok(())
    }

    /// Brings up to date what the requests that ended here say.
    async fn tell_ended(&self, tx: &mut Tx, row: &AssignmentRow, now: Time) -> Result<()> {
        for request in tx.requests_ended_since(&row.id, row.ended_at.unwrap_or(Time(0))).await? {
            tx.bump_notices(&request).await?;
            tx.show_notices(&request, now).await?;
        }
        Ok(())
    }
}

/// Why something could not be taken away, and whether the look showed it.
struct Failed {
    still_there: bool,
    /// The target works on it.
    works: Option<Span>,
    fault: Fault,
}

/// Revokes, looks, and cuts what is still open. Whatever the revocation said, the look decides.
async fn take_away(hands: &Hands) -> std::result::Result<(Observed, Cut), Failed> {
    let unseen = |fault| Failed { still_there: false, works: None, fault };
    let called = hands.revoke().await;
    let seen = hands.observe().await.map_err(unseen)?;
    match (seen.ours_or_unknown(), called) {
        (false, _) => Ok((seen, hands.cut().await.map_err(unseen)?)),
        (true, Err(fault)) => Err(Failed { still_there: true, works: None, fault }),
        (true, Ok(called)) => {
            let works = match called {
                Called::Working { again, .. } => Some(again),
                Called::Done { .. } => None,
            };
            Err(Failed { still_there: true, works, fault: Fault::later("The target said it is gone but still shows it.") })
        }
    }
}

/// Notes a read-back.
fn saw(row: &mut AssignmentRow, seen: &Observed, now: Time) {
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
        // What other requests hold on the same access is told by them: until when it stays.
        for other in tx.live_grants(&grant.assignment).await? {
            tx.bump_notices(&other.grant.request).await?;
            tx.show_notices(&other.grant.request, now).await?;
        }
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
