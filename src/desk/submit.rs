//! Asking for access: everything that can be refused is refused before an approver is asked.

use serde_json::json;

use super::answer::Mistake;
use super::decide::Given;
use super::{Answer, Came, Desk, Result, Rules, within};
use crate::catalog::form::{Complete, DURATION, Draft, REASON};
use crate::domain::access::{Access, Ask, Assignment, Observed, Plan, mark};
use crate::domain::assignment::{AssignmentState, Baseline};
use crate::domain::event::Event;
use crate::domain::fault::Fault;
use crate::domain::id::{AssignmentId, NoticeId, RequestId};
use crate::domain::notice::{Audience, Notice, Subject};
use crate::domain::person::Actor;
use crate::domain::request::{LONGEST_REASON, Request, RequestState};
use crate::domain::time::{Span, Time};
use crate::store::{Kind, RequestRow};

/// What is asked for, complete.
pub(super) struct Wanted {
    pub access: Access,
    pub effect: String,
    pub reason: Option<String>,
    pub length: Length,
}

/// For how long.
#[derive(Debug, Clone)]
pub(super) enum Length {
    /// As somebody said.
    Exactly(Span),
    /// Nobody said: this, or what is left.
    Usual(Span),
    /// On top of what they have by this request: this, or what is left.
    More { of: RequestId, length: Span },
}

impl Desk {
    /// Makes a request, or says why not. Everything becomes durable with the answer.
    pub async fn submit(&self, came: &Came, draft: Draft) -> Result<Answer> {
        if let Some(answer) = super::ahead::not_yet(&draft) {
            return self.only_answer(came, answer).await;
        }
        let catalog = self.catalog();
        let rules = self.rules().await?;
        let mut mistakes = Vec::new();
        let mut complete = draft.complete(&catalog, self.index());
        if let (Err(_), Some(integration)) = (&complete, &draft.integration)
            && self.look_again(integration).await
        {
            complete = draft.complete(&catalog, self.index()); // a value may be newer than our list
        }
        if let Err(problems) = &complete {
            mistakes.extend(problems.iter().map(|problem| mistake(&problem.arg, problem.message.clone())));
        }
        let reason = draft.reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
        if reason.as_ref().is_some_and(|reason| LONGEST_REASON < reason.chars().count()) {
            mistakes.push(mistake(
                REASON,
                format!("A reason can have at most {LONGEST_REASON} characters; shorten it or link to a ticket."),
            ));
        }
        if reason.is_none() && rules.policy.require_reason {
            mistakes.push(mistake(REASON, "Say why you need this; approvers require it.".to_owned()));
        }
        let Ok(Complete { access, effect, duration, .. }) = complete else { return self.mistaken(came, mistakes).await };
        let of_type = catalog.find(&access).and_then(|(_, access_type)| access_type.limits.longest);
        let most = rules.policy.longest_for(of_type);
        let length = duration.map_or(Length::Usual(Span::hours(1).min(most)), Length::Exactly);
        if matches!(length, Length::Exactly(length) if most < length) {
            mistakes.push(mistake(DURATION, format!("The longest you can ask for is {most}; choose {most} or less.")));
        }
        if !mistakes.is_empty() {
            return self.mistaken(came, mistakes).await;
        }
        self.ask(came, &rules, Wanted { access, effect, reason, length }).await
    }

    /// Asks for what a form, a command or a press on Extend made complete.
    pub(super) async fn ask(&self, came: &Came, rules: &Rules, wanted: Wanted) -> Result<Answer> {
        let Wanted { access, effect, reason, length } = wanted;
        let plan = match self.plan(came, &access).await {
            Ok(plan) => plan,
            Err(why) => return self.only_answer(came, Answer::Refused { why }).await,
        };
        match self.already_held(&plan).await {
            Ok(false) => {}
            Ok(true) => return self.only_answer(came, Answer::AlreadyHeld { effect }).await,
            Err(why) => return self.only_answer(came, Answer::Refused { why }).await,
        }
        let now = self.now();
        let rows = self.rows_of(&plan.assignments).await?;
        let held = self.held(&rows, &came.person.id).await?;
        let line = self.line(rules, &access, &rows).await?;
        let on_top = match &length {
            Length::Exactly(_) | Length::Usual(_) => false,
            Length::More { of, .. } if held.as_ref().is_some_and(|held| held.request == *of) => true,
            Length::More { .. } => return self.only_answer(came, super::extend::nothing_to_extend()).await,
        };
        let from = held.as_ref().filter(|_| on_top).map_or(now, |held| held.until);
        let left = line.left(from);
        if let Some(held) = held.as_ref().filter(|held| line.left(held.until) == Span::ZERO) {
            let answer = Answer::UsedUp { effect, longest: line.longest, until: held.until };
            return self.only_answer(came, answer).await;
        }
        let length = match length {
            Length::Exactly(length) if line.allows(from, length) => length,
            Length::Exactly(_) => {
                let why = format!(
                    "This may be held for {} without a pause, and {left} are left of that; choose {left} or less.",
                    line.longest
                );
                return self.mistaken(came, vec![mistake(DURATION, why)]).await;
            }
            Length::Usual(length) | Length::More { length, .. } => length.min(left),
        };
        let person = &came.person;
        let row = RequestRow {
            request: Request {
                id: RequestId::new(&*self.inner.outside),
                requestor: person.id.clone(),
                principal: person.id.clone(),
                access,
                effect,
                reason,
                length,
                via: came.handle.surface.clone(),
                state: RequestState::Open,
                policy: rules.version,
                warning: plan.warning.clone(),
                extends: held.map(|held| held.request),
                created_at: now,
                decided_at: None,
            },
            plan: plan.assignments,
            connect: plan.connect,
            on_top,
            stale_at: now + rules.policy.approvable,
        };
        if row.request.extends.is_some() && rules.policy.extends_at_once(line, from, length) {
            let answer =
                Answer::AtOnce { request: row.request.id.clone(), effect: row.request.effect.clone(), until: from + length };
            if let Some(answer) = super::settle!(self.insert(came, &row, rules, &answer, Some(length + (from - now))).await)? {
                return Ok(answer);
            }
            // What it extends ended just now, or was extended by another press.
            if on_top {
                return self.only_answer(came, super::extend::nothing_to_extend()).await;
            }
        }
        let answer = Answer::Asked { request: row.request.id.clone(), effect: row.request.effect.clone() };
        Ok(super::settle!(self.insert(came, &row, rules, &answer, None).await)?.unwrap_or(answer))
    }

    /// Values that do not fit, unless the interaction came before and has its answer.
    async fn mistaken(&self, came: &Came, mistakes: Vec<Mistake>) -> Result<Answer> {
        let before = self.answered(&came.key).await?.filter(|answer| *answer != Answer::Nothing);
        Ok(before.unwrap_or(Answer::Mistakes { mistakes }))
    }

    /// Asks the target, within a second: does the principal exist, does what is asked for exist?
    async fn plan(&self, came: &Came, access: &Access) -> std::result::Result<Plan, String> {
        let title = self.catalog().get(&access.integration).map_or(access.integration.clone(), |it| it.title.clone());
        let Some(connector) = self.inner.connectors.get(&access.integration) else {
            return Err(format!("{title} is not configured here; nothing was asked."));
        };
        let Some(email) = came.person.email.clone() else {
            return Err("Your e-mail address is not known here, and accounts are found by it; ask an operator of P0.".to_owned());
        };
        let plan = within(connector.plan(&Ask { access: access.clone(), email })).await;
        let mut plan = plan.map_err(|fault| refusal(&title, &fault))?;
        // What the connector does itself belongs to this integration, whatever that is called.
        let own = self.catalog().get(&access.integration).map(|integration| integration.connector.clone());
        for planned in plan.assignments.iter_mut().filter(|planned| Some(&planned.connector) == own.as_ref()) {
            planned.connector.clone_from(&access.integration);
        }
        Ok(plan)
    }

    /// Does the principal hold all of this without us?
    async fn already_held(&self, plan: &Plan) -> std::result::Result<bool, String> {
        for planned in &plan.assignments {
            let known = self
                .inner
                .store
                .assignment_by_key(&planned.key)
                .await
                .map_err(|_| "The database did not answer; please ask again.".to_owned())?;
            let live = known.filter(|row| row.state != AssignmentState::Ended);
            match live {
                // It was there before us, and may have been taken away since: look.
                Some(row) if row.baseline == Some(Baseline::Standing) => {}
                Some(_) => return Ok(false),
                None => {}
            }
            let Some(connector) = self.inner.connectors.get(&planned.connector) else {
                return Err(format!("{} is not configured here; nothing was asked.", planned.connector));
            };
            let id = AssignmentId::new(&*self.inner.outside);
            let looked_at = Assignment {
                key: planned.key.clone(),
                target: planned.target.clone(),
                handle: None,
                mark: mark(&self.inner.key.installation(), &id),
                id,
            };
            match within(connector.observe(&looked_at)).await {
                Ok(Observed::Held | Observed::Foreign { .. }) => {}
                Ok(Observed::Absent | Observed::Ours | Observed::Changed { .. }) => return Ok(false),
                Err(fault) => return Err(refusal(&planned.connector, &fault)),
            }
        }
        Ok(!plan.assignments.is_empty())
    }

    /// Writes a request with its messages and its answer; with `at_once`, the approval that the policy
    /// gives it, for grants of that length. `None`: it extends nothing any more, and nothing was written.
    async fn insert(
        &self,
        came: &Came,
        row: &RequestRow,
        rules: &Rules,
        answer: &Answer,
        at_once: Option<Span>,
    ) -> Result<Option<Answer>> {
        let policy = &rules.policy;
        let request = &row.request;
        let now = request.created_at;
        let mut tx = self.inner.store.begin().await?;
        if !self.take(&mut tx, came, answer).await? {
            drop(tx);
            return self.answer_of(&came.key).await.map(Some);
        }
        if !tx.insert_request(row).await? {
            drop(tx);
            let open = self.inner.store.begin().await?.open_requests(&request.requestor).await?.into_iter();
            let mut open = open.map(|row| row.request);
            let same = open.find(|open| open.access == request.access && open.principal == request.principal);
            let (request, effect) = same.map_or((request.id.clone(), request.effect.clone()), |same| (same.id, same.effect));
            return self.only_answer(came, Answer::AlreadyAsked { request, effect }).await.map(Some);
        }
        let open = tx.count_open_requests(&request.requestor).await?;
        if at_once.is_none() && i64::from(policy.open_requests) < open {
            drop(tx);
            let why = format!(
                "You have {} requests that wait for a decision, which is the most one person can have. Take one back, or wait.",
                policy.open_requests
            );
            return self.only_answer(came, Answer::Refused { why }).await.map(Some);
        }
        let places = self.inner.places.read().map(|places| places.clone()).unwrap_or_default();
        let approvals = places.iter().map(|place| (place.surface.clone(), place.realm.clone(), Audience::Approvals));
        let own = (came.handle.surface.clone(), came.handle.realm.clone(), Audience::Person(request.requestor.clone()));
        for (surface, realm, audience) in approvals.chain([own]) {
            let id = NoticeId::new(&*self.inner.outside);
            let notice = Notice {
                id,
                subject: Subject::Request(request.id.clone()),
                surface,
                realm,
                audience,
                wanted: 1,
                shown: 0,
                posted: None,
                not_before: Time(0),
            };
            tx.insert_notice(&notice).await?;
        }
        tx.show_notices(&request.id, now).await?;
        tx.look(Kind::Request, request.id.as_str(), row.stale_at).await?;
        let body = json!({
            "access": request.access, "effect": request.effect, "reason": request.reason, "length_ms": request.length,
            "principal": request.principal, "via": request.via, "policy": request.policy, "extends": request.extends,
        });
        tx.record(Event::new(&request.id, now, Actor::Person(request.requestor.clone()), "request.asked").with(body));
        if let Some(length) = at_once {
            let decision = self.decided_by_policy(row, rules.version);
            let given = Given { length, allowance: policy.allowance };
            let Some(extended) = &request.extends else { return Ok(None) };
            if !tx.extend(extended, &request.id).await? || !self.carry_out(&mut tx, row, &decision, given).await? {
                return Ok(None);
            }
        } else if let Some(extended) = &request.extends {
            self.retell(&mut tx, extended).await?;
        }
        tx.commit().await?;
        Ok(Some(answer.clone()))
    }
}

fn mistake(field: &str, message: String) -> Mistake {
    Mistake { field: field.to_owned(), message }
}

/// Why an ask was refused early, for the person who asked.
fn refusal(title: &str, fault: &Fault) -> String {
    match fault {
        Fault::Never { why } => why.clone(),
        Fault::Denied { why } => format!("{why} Tell an operator of P0; nothing was asked."),
        Fault::Later { why, .. } | Fault::Maybe { why } => {
            format!("{title} cannot be asked just now, so nothing was requested. {why} Please try again in a minute.")
        }
    }
}
