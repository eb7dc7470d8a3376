//! Approving and denying: one outcome wins, and the right to it is computed at the press.

use serde_json::json;

use super::{Answer, Came, Desk, Result};
use crate::domain::event::Event;
use crate::domain::grant::Grant;
use crate::domain::id::{GrantId, PersonId, RequestId};
use crate::domain::person::Actor;
use crate::domain::planted::{Bug, planted};
use crate::domain::request::{Outcome, RequestState};
use crate::domain::time::{Span, Time};
use crate::policy::{Line, Progress, Yes};
use crate::store::{Decided, DecisionRow, RequestRow, Tx};

/// What an approval gives: how long its grants are to work, and how long they may take until they do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given {
    pub length: Span,
    pub allowance: Span,
}

/// By which rule somebody said yes, and in whose place if not their own.
fn by_rule<'a>(yes: Option<&'a Yes>, actor: &PersonId) -> (Option<&'a String>, Option<&'a PersonId>) {
    let (rule, place) = match yes {
        Some(Yes::Done { rule, place, .. }) => (Some(rule), Some(place)),
        Some(Yes::More(progress)) => (Some(&progress.rule), progress.place.as_ref()),
        None => (None, None),
    };
    (rule, place.filter(|place| *place != actor))
}

/// Why a length cannot be approved, and what can be.
fn too_long(line: Line, left: Span) -> Answer {
    let Line { longest, began } = line;
    let why = match began {
        None => format!("The longest that can be approved is {longest}. Choose {longest} or less."),
        Some(_) if left == Span::ZERO => {
            format!("This may be held for {longest} without a pause, and that is used up. It can be approved once it has ended.")
        }
        Some(_) => format!("This may be held for {longest} without a pause, and {left} are left of that. Choose {left} or less."),
    };
    Answer::Refused { why }
}

impl Desk {
    /// Approves a request for `length` (what was asked for when `None`).
    pub async fn approve(&self, came: &Came, request: &RequestId, length: Option<Span>) -> Result<Answer> {
        self.decide(came, request, Decided::Approve, length, None).await
    }

    /// Denies a request, with a note for the requestor if there is one.
    pub async fn deny(&self, came: &Came, request: &RequestId, note: Option<String>) -> Result<Answer> {
        self.decide(came, request, Decided::Deny, None, note).await
    }

    async fn decide(
        &self,
        came: &Came,
        id: &RequestId,
        verdict: Decided,
        chosen: Option<Span>,
        note: Option<String>,
    ) -> Result<Answer> {
        let Some(row) = self.inner.store.request(id).await? else {
            return self.only_answer(came, Answer::Refused { why: "This request does not exist here.".to_owned() }).await;
        };
        let rules = self.rules().await?;
        let actor = self.whole(&came.person).await?;
        let mut judged = self.judge_again(&rules, &row).await?;
        let yes = match verdict {
            Decided::Approve => self.would_be(&rules, &row, &mut judged, &actor).await?.map(Some),
            Decided::Deny => self.may_deny(&rules, &row, &mut judged, &actor).await?.map(|()| None),
        };
        let yes = match yes {
            Ok(yes) => yes,
            // Whoever could have decided it is told what came of it.
            Err(_) if row.request.state != RequestState::Open && self.decides(&rules, &mut judged, &actor).await?.is_ok() => None,
            // Somebody said something while we looked: what was read before and after that does not go together.
            Err(_) if self.went_on(&row).await? => return Box::pin(self.decide(came, id, verdict, chosen, note)).await,
            Err(why) => return self.only_answer(came, Answer::Refused { why: why.to_string() }).await,
        };
        if let (Some(_), Some(shown), RequestState::Open) = (&yes, &came.shown, row.request.state)
            && *shown != self.bound(&row, &judged).await?
        {
            let why = "What your yes would give, or who has to agree, changed after this was written, so nothing was decided. \
                       It is being written anew: please look at it again.";
            return super::settle!(self.refuse_and_show(came, id, &Answer::Refused { why: why.to_owned() }).await);
        }
        let now = self.now();
        let (mut length, mut given) = (chosen.unwrap_or(row.request.length), Given { length: Span::ZERO, allowance: Span::ZERO });
        if let (Some(yes), RequestState::Open) = (&yes, row.request.state) {
            let longest = match yes {
                Yes::Done { longest, .. } => *longest,
                Yes::More(_) => judged.analysis.longest(),
            };
            let line = self.line(longest, &row.request.access, &self.rows_of(&row.plan).await?).await?;
            let from = self.counts_from(&row).await?;
            let left = line.left(from);
            if chosen.is_none() {
                length = length.min(left);
            }
            if !line.allows(from, length) || length <= Span::ZERO {
                let answer = too_long(line, left);
                return super::settle!(self.refuse_and_show(came, id, &answer).await);
            }
            // Nobody's yes gives more than another one's did.
            length = self.shortest_said(&row).await?.map_or(length, |shortest| shortest.min(length));
            given = Given { length: length + (from - now), allowance: rules.policy.allowance };
        }
        let (rule, place) = by_rule(yes.as_ref(), &came.person.id);
        let by = json!({ "rule": rule, "in_place_of": place });
        let in_place_of = place.cloned();
        let decision = DecisionRow {
            request: id.clone(),
            // Decisions are counted one after the other: nobody's two can have the same number.
            step: row.approvals + 1,
            actor: Actor::Person(came.person.id.clone()),
            verdict,
            length: (verdict == Decided::Approve).then_some(length),
            note: note.as_ref().map(|note| note.trim().to_owned()).filter(|note| !note.is_empty()),
            in_place_of,
            via: came.handle.surface.clone(),
            policy: rules.version,
            at: now,
        };
        if let (Some(Yes::More(progress)), RequestState::Open) = (yes, row.request.state) {
            return match super::settle!(self.put_one_of_several(came, &row, &decision, &progress, &by).await)? {
                Some(answer) => Ok(answer),
                // Somebody else said something at the same moment: by now this may be the last yes.
                None => Box::pin(self.decide(came, id, verdict, chosen, note)).await,
            };
        }
        super::settle!(self.put_decision(came, &row, &decision, given, &by).await)
    }

    /// Did somebody decide something of it since it was read?
    async fn went_on(&self, row: &RequestRow) -> Result<bool> {
        let now = self.inner.store.request(&row.request.id).await?;
        Ok(now.is_some_and(|now| (now.request.state, now.approvals) != (row.request.state, row.approvals)))
    }

    /// The shortest length that somebody said yes to so far.
    async fn shortest_said(&self, row: &RequestRow) -> Result<Option<Span>> {
        if row.approvals == 0 {
            return Ok(None);
        }
        let decisions = self.inner.store.decisions(&row.request.id).await?;
        let yeses = decisions.into_iter().filter(|decision| decision.verdict == Decided::Approve);
        Ok(yeses.filter_map(|decision| decision.length).min())
    }

    /// A yes after which others have to say yes too. `None`: the request changed meanwhile, and nothing was
    /// written.
    async fn put_one_of_several(
        &self,
        came: &Came,
        row: &RequestRow,
        decision: &DecisionRow,
        progress: &Progress,
        by: &serde_json::Value,
    ) -> Result<Option<Answer>> {
        let id = &row.request.id;
        let answer = Answer::Counted {
            request: id.clone(),
            have: progress.have,
            need: progress.need,
            step: progress.step,
            steps: progress.steps,
            who: progress.who(),
        };
        let mut tx = self.inner.store.begin().await?;
        if !self.take(&mut tx, came, &answer).await? {
            drop(tx);
            return self.answer_of(&came.key).await.map(Some);
        }
        if !tx.count_approval(id, row.approvals, decision.at).await? {
            drop(tx);
            let open = self.inner.store.request(id).await?.is_some_and(|row| row.request.state == RequestState::Open);
            if open && decision.at < row.stale_at {
                return Ok(None);
            }
            let answer = self.decided_before(id).await?;
            return self.only_answer(came, answer).await.map(Some);
        }
        tx.insert_decision(decision).await?;
        self.retell(&mut tx, id).await?;
        let body = json!({
            "step": decision.step, "length_ms": decision.length, "policy": decision.policy, "via": decision.via,
            "by": by, "have": progress.have, "need": progress.need,
        });
        tx.record(Event::new(id, decision.at, decision.actor.clone(), "request.approved_by_one").with(body));
        tx.commit().await?;
        Ok(Some(answer))
    }

    async fn put_decision(
        &self,
        came: &Came,
        row: &RequestRow,
        decision: &DecisionRow,
        given: Given,
        by: &serde_json::Value,
    ) -> Result<Answer> {
        let id = &row.request.id;
        let answer = match decision.verdict {
            Decided::Approve => Answer::Approved { request: id.clone(), length: decision.length.unwrap_or(row.request.length) },
            Decided::Deny => Answer::Denied { request: id.clone() },
        };
        if planted(Bug::CallFirst) && decision.verdict == Decided::Approve {
            self.call_first(row).await;
        }
        let mut tx = self.inner.store.begin().await?;
        if !self.take(&mut tx, came, &answer).await? {
            drop(tx);
            return self.answer_of(&came.key).await;
        }
        if !self.carry_out(&mut tx, row, decision, given, by).await? {
            drop(tx); // somebody was faster; the interaction is stored with that answer instead
            let answer = self.decided_before(id).await?;
            return self.only_answer(came, answer).await;
        }
        tx.commit().await?;
        Ok(answer)
    }

    /// Stores an answer that changes nothing, and has the messages show anew what may be chosen.
    async fn refuse_and_show(&self, came: &Came, id: &RequestId, answer: &Answer) -> Result<Answer> {
        let mut tx = self.inner.store.begin().await?;
        if !self.take(&mut tx, came, answer).await? {
            drop(tx);
            return self.answer_of(&came.key).await;
        }
        self.retell(&mut tx, id).await?;
        tx.commit().await?;
        Ok(answer.clone())
    }

    /// What the policy itself decides of a request that it lets pass, and why.
    pub(super) fn decided_by_policy(&self, row: &RequestRow, version: i64, actor: Actor, why: &str) -> DecisionRow {
        DecisionRow {
            request: row.request.id.clone(),
            step: 1,
            actor,
            verdict: Decided::Approve,
            length: Some(row.request.length),
            note: Some(why.to_owned()),
            in_place_of: None,
            via: row.request.via.clone(),
            policy: version,
            at: row.request.created_at,
        }
    }

    /// Makes a decision durable with all that follows from it: the one way to grants, whoever decided.
    /// `false`: it was decided before, and the transaction must be dropped.
    pub(super) async fn carry_out(
        &self,
        tx: &mut Tx,
        row: &RequestRow,
        decision: &DecisionRow,
        given: Given,
        by: &serde_json::Value,
    ) -> Result<bool> {
        let id = &row.request.id;
        let now = decision.at;
        let (outcome, what) = match decision.verdict {
            Decided::Approve => (Outcome::Approve, "request.approved"),
            Decided::Deny => (Outcome::Deny, "request.denied"),
        };
        let to = RequestState::Open.after(outcome).unwrap_or(RequestState::Open);
        if !tx.close_request(id, to, now).await? {
            return Ok(false);
        }
        tx.insert_decision(decision).await?;
        if decision.verdict == Decided::Approve {
            let Given { length, allowance } = given;
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
                tx.look_at_row(&assignment, now).await?;
                // Whoever holds it hears until when it stays; whoever's end the engine did not come to yet, too.
                let live = tx.live_grants(&assignment.id).await?.into_iter().map(|other| other.grant.request);
                let ended = tx.requests_ended_since(&assignment.id, assignment.ended_at.unwrap_or(Time(0))).await?;
                let mut others: Vec<RequestId> = live.chain(ended).filter(|other| other != id).collect();
                others.sort();
                others.dedup();
                for other in &others {
                    self.retell(tx, other).await?;
                }
            }
        }
        for request in row.request.extends.iter().chain([id]) {
            self.retell(tx, request).await?;
        }
        let body = json!({ "step": decision.step, "length_ms": decision.length, "note": decision.note, "policy": decision.policy, "via": decision.via, "by": by });
        tx.record(Event::new(id, now, decision.actor.clone(), what).with(body));
        Ok(true)
    }

    /// The bug of that name.
    async fn call_first(&self, row: &RequestRow) {
        use crate::domain::access::{Assignment, mark};
        for planned in &row.plan {
            let Some(connector) = self.inner.connectors.get(&planned.connector) else { continue };
            let id = crate::domain::id::AssignmentId::new(&*self.inner.outside);
            let mark = mark(&self.inner.key.installation(), &id);
            let (key, target) = (planned.key.clone(), planned.target.clone());
            let _ = connector
                .grant(&Assignment { id, key, target, handle: None, seen: None, mark }, self.now() + Span::hours(1))
                .await;
        }
    }

    /// The requestor takes an open request back.
    pub async fn withdraw(&self, came: &Came, id: &RequestId) -> Result<Answer> {
        let row = self.inner.store.request(id).await?.filter(|row| row.request.requestor == came.person.id);
        let Some(row) = row else {
            return self
                .only_answer(came, Answer::Refused { why: "Only the person who asked can take a request back.".to_owned() })
                .await;
        };
        super::settle!(self.put_withdrawal(came, &row).await)
    }

    async fn put_withdrawal(&self, came: &Came, row: &RequestRow) -> Result<Answer> {
        let id = &row.request.id;
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
        for request in row.request.extends.iter().chain([id]) {
            self.retell(&mut tx, request).await?;
        }
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
            Some(Actor::Config) => Some("The access policy".to_owned()),
            Some(Actor::Engine | Actor::Operator(_)) | None => None,
        };
        let (by, what) = match row.request.state {
            RequestState::Approved => (by(decider), "approved"),
            RequestState::Denied => (by(decider), "denied"),
            RequestState::Withdrawn => {
                (by(self.inner.store.person(&row.request.requestor).await?.map(|it| it.name)), "took back")
            }
            // Still open and not to be closed by a person: the engine has not come to it yet.
            RequestState::Open | RequestState::Stale => {
                return Ok(Answer::Refused {
                    why: "Nobody decided this in time, so it went stale. It can be asked for again.".to_owned(),
                });
            }
        };
        Ok(Answer::DecidedBefore { request: id.clone(), by, what: what.to_owned(), at })
    }
}
