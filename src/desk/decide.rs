//! Approving and denying: one outcome wins, and the right to it is computed at the press.

use serde_json::json;

use super::{Answer, Came, Desk, Result};
use crate::domain::event::Event;
use crate::domain::grant::Grant;
use crate::domain::id::{GrantId, RequestId};
use crate::domain::person::Actor;
use crate::domain::planted::{Bug, planted};
use crate::domain::request::{Outcome, RequestState};
use crate::domain::time::Span;
use crate::store::{DecisionRow, RequestRow, Verdict};

/// The only step there is until policies have several.
const FIRST_STEP: i64 = 1;

impl Desk {
    /// Approves a request for `length` (what was asked for when `None`).
    pub async fn approve(&self, came: &Came, request: &RequestId, length: Option<Span>) -> Result<Answer> {
        self.decide(came, request, Verdict::Approve, length, None).await
    }

    /// Denies a request, with a note for the requestor if there is one.
    pub async fn deny(&self, came: &Came, request: &RequestId, note: Option<String>) -> Result<Answer> {
        self.decide(came, request, Verdict::Deny, None, note).await
    }

    async fn decide(
        &self,
        came: &Came,
        id: &RequestId,
        verdict: Verdict,
        length: Option<Span>,
        note: Option<String>,
    ) -> Result<Answer> {
        if let Some(answer) = self.answered(&came.key).await?.filter(|answer| *answer != Answer::Nothing) {
            return Ok(answer);
        }
        let Some(row) = self.inner.store.request(id).await? else {
            return self.only_answer(came, Answer::Refused { why: "This request does not exist here.".to_owned() }).await;
        };
        let rules = self.rules().await?;
        if let Err(why) = self.may(&rules, &row.request, &came.person, false).await {
            return self.only_answer(came, Answer::Refused { why }).await;
        }
        let longest = self.catalog().find(&row.request.access).and_then(|(_, access_type)| access_type.limits.longest);
        let most = longest.map_or(rules.policy.longest, |longest| longest.min(rules.policy.longest));
        let length = length.unwrap_or(row.request.length);
        if verdict == Verdict::Approve && (most < length || length <= Span::ZERO) {
            let why = format!("The longest that can be approved is {most}. Choose {most} or less.");
            return self.only_answer(came, Answer::Refused { why }).await;
        }
        let now = self.now();
        let decision = DecisionRow {
            request: id.clone(),
            step: FIRST_STEP,
            actor: Actor::Person(came.person.id.clone()),
            verdict,
            length: (verdict == Verdict::Approve).then_some(length),
            note: note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty()),
            via: came.handle.surface.clone(),
            policy: rules.version,
            at: now,
        };
        super::settle!(self.put_decision(came, &row, &decision, rules.policy.allowance).await)
    }

    async fn put_decision(&self, came: &Came, row: &RequestRow, decision: &DecisionRow, allowance: Span) -> Result<Answer> {
        let id = &row.request.id;
        let now = decision.at;
        let (answer, outcome, what) = match decision.verdict {
            Verdict::Approve => {
                let length = decision.length.unwrap_or(row.request.length);
                (Answer::Approved { request: id.clone(), length }, Outcome::Approve, "request.approved")
            }
            Verdict::Deny => (Answer::Denied { request: id.clone() }, Outcome::Deny, "request.denied"),
        };
        if planted(Bug::CallFirst) && decision.verdict == Verdict::Approve {
            self.call_first(row).await;
        }
        let mut tx = self.inner.store.begin().await?;
        if !self.take(&mut tx, came, &answer).await? {
            drop(tx);
            return self.answer_of(&came.key).await;
        }
        let to = RequestState::Open.after(outcome).unwrap_or(RequestState::Open);
        if !tx.close_request(id, to, now).await? {
            drop(tx); // somebody was faster; the interaction is stored with that answer instead
            let answer = self.decided_before(id).await?;
            return self.only_answer(came, answer).await;
        }
        tx.insert_decision(decision).await?;
        if decision.verdict == Verdict::Approve {
            let length = decision.length.unwrap_or(row.request.length);
            let mut planned: Vec<_> = (0i64..).zip(&row.plan).collect();
            planned.sort_by(|one, other| one.1.key.cmp(&other.1.key)); // the order in which rows are locked
            for (position, planned) in planned {
                let assignment = tx.assignment_for(planned, now).await?;
                let grant = Grant {
                    id: GrantId::new(&*self.inner.outside),
                    request: id.clone(),
                    assignment: assignment.id.clone(),
                    position,
                    length,
                    ends_at: Grant::first_end(now, length, allowance),
                    usable_at: None,
                    ended: None,
                };
                tx.insert_grant(&grant).await?;
                tx.look_at_assignment(&assignment.id, now).await?;
                for other in tx.live_grants(&assignment.id).await? {
                    if other.grant.request != *id {
                        tx.bump_notices(&other.grant.request).await?;
                        tx.show_notices(&other.grant.request, now).await?;
                    }
                }
            }
        }
        tx.bump_notices(id).await?;
        tx.show_notices(id, now).await?;
        let body = json!({ "step": decision.step, "length_ms": decision.length, "note": decision.note, "policy": decision.policy, "via": decision.via });
        tx.record(Event::new(id, now, decision.actor.clone(), what).with(body));
        tx.commit().await?;
        Ok(answer)
    }

    /// The bug of that name.
    async fn call_first(&self, row: &RequestRow) {
        use crate::domain::access::{Assignment, mark};
        for planned in &row.plan {
            let Some(connector) = self.inner.connectors.get(&planned.connector) else { continue };
            let id = crate::domain::id::AssignmentId::new(&*self.inner.outside);
            let mark = mark(&self.inner.key.installation(), &id);
            let (key, target) = (planned.key.clone(), planned.target.clone());
            let _ = connector.grant(&Assignment { id, key, target, handle: None, mark }, self.now() + Span::hours(1)).await;
        }
    }

    /// The requestor takes an open request back.
    pub async fn withdraw(&self, came: &Came, id: &RequestId) -> Result<Answer> {
        if let Some(answer) = self.answered(&came.key).await?.filter(|answer| *answer != Answer::Nothing) {
            return Ok(answer);
        }
        let own = self.inner.store.request(id).await?.is_some_and(|row| row.request.requestor == came.person.id);
        if !own {
            return self
                .only_answer(came, Answer::Refused { why: "Only the person who asked can take a request back.".to_owned() })
                .await;
        }
        super::settle!(self.put_withdrawal(came, id).await)
    }

    async fn put_withdrawal(&self, came: &Came, id: &RequestId) -> Result<Answer> {
        let now = self.now();
        let answer = Answer::Withdrawn { request: id.clone() };
        let mut tx = self.inner.store.begin().await?;
        if !self.take(&mut tx, came, &answer).await? {
            drop(tx);
            return self.answer_of(&came.key).await;
        }
        if !tx.close_request(id, RequestState::Withdrawn, now).await? {
            drop(tx);
            let answer = self.decided_before(id).await?;
            return self.only_answer(came, answer).await;
        }
        tx.bump_notices(id).await?;
        tx.show_notices(id, now).await?;
        tx.record(Event::new(id, now, Actor::Person(came.person.id.clone()), "request.withdrawn"));
        tx.commit().await?;
        Ok(answer)
    }

    /// Who decided what, for whoever comes second.
    pub(super) async fn decided_before(&self, id: &RequestId) -> Result<Answer> {
        let Some(row) = self.inner.store.request(id).await? else { return Ok(Answer::OverBefore { request: id.clone() }) };
        let at = row.request.decided_at.unwrap_or(row.request.created_at);
        let by = |name: Option<String>| name.unwrap_or_else(|| "Somebody".to_owned());
        let decision = self.inner.store.decisions(id).await?.into_iter().next_back();
        let decider = match decision.map(|decision| decision.actor) {
            Some(Actor::Person(person)) => self.inner.store.person(&person).await?.map(|person| person.name),
            Some(Actor::Engine | Actor::Config | Actor::Operator(_)) | None => None,
        };
        let (by, what) = match row.request.state {
            RequestState::Open => return Ok(Answer::Nothing),
            RequestState::Approved => (by(decider), "approved"),
            RequestState::Denied => (by(decider), "denied"),
            RequestState::Withdrawn => {
                (by(self.inner.store.person(&row.request.requestor).await?.map(|it| it.name)), "took back")
            }
            RequestState::Stale => {
                return Ok(Answer::Refused {
                    why: "Nobody decided this in time, so it went stale. It can be asked for again.".to_owned(),
                });
            }
        };
        Ok(Answer::DecidedBefore { request: id.clone(), by, what: what.to_owned(), at })
    }
}
