//! Asking for access: everything that can be refused is refused before an approver is asked.

use serde_json::json;

use super::answer::Mistake;
use super::decide::Given;
use super::judge::{Judgement, Question, Routed};
use super::notices::Turns;
use super::{Answer, Came, Desk, Result, Rules, within};
use crate::catalog::form::{Complete, DURATION, Draft, REASON, TO};
use crate::domain::access::{Access, Ask, Assignment, Observed, Plan, mark};
use crate::domain::assignment::{AssignmentState, Baseline};
use crate::domain::event::Event;
use crate::domain::fault::Fault;
use crate::domain::id::{AssignmentId, PersonId, RequestId};
use crate::domain::person::{Actor, Email, Person};
use crate::domain::request::{LONGEST_REASON, Request, RequestState};
use crate::domain::time::{Span, Time};
use crate::policy::analysis::Why;
use crate::policy::{Line, Refusal};
use crate::store::{Kind, RequestRow};

/// Why an extension is given at once.
const EXTENSION: &str = "an extension that the policy approves at once";

/// How the reason for giving something at once begins when it is an emergency.
pub(super) const EMERGENCY: &str = "an emergency";

/// What is asked for, complete.
pub(super) struct Wanted {
    pub access: Access,
    pub effect: String,
    pub reason: Option<String>,
    pub length: Length,
    /// Who is to receive it, if not whoever asks.
    pub to: Option<Email>,
    /// As an emergency.
    pub break_glass: bool,
    /// Only if nobody has to be asked.
    pub only_at_once: bool,
}

/// What the policies give without asking anybody.
struct AtOnce {
    given: Given,
    actor: Actor,
    why: String,
    emergency: bool,
    /// It makes longer what they have, and does not count without that.
    extension: bool,
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
        let Ok(complete) = complete else { return self.mistaken(came, mistakes).await };
        let Complete { to, access, effect, duration, break_glass, only_at_once, .. } = complete;
        let to = match to.map(|to| Email::parse(&to).ok_or(to)).transpose() {
            Ok(to) => to,
            Err(to) => {
                mistakes.push(mistake(TO, format!("\"{to}\" is nobody we know; type an e-mail address.")));
                None
            }
        };
        if !mistakes.is_empty() {
            return self.mistaken(came, mistakes).await;
        }
        // What the manifest says for those who say nothing is not what somebody said.
        let length = match draft.duration {
            Some(said) => Length::Exactly(said),
            None => Length::Usual(duration.unwrap_or(Span::hours(1))),
        };
        let wanted = Wanted { access, effect, reason, length, to, break_glass, only_at_once };
        self.ask(came, &rules, wanted).await
    }

    /// Asks for what a form, a command or a press on Extend made complete.
    pub(super) async fn ask(&self, came: &Came, rules: &Rules, wanted: Wanted) -> Result<Answer> {
        let principal = self.principal(came, wanted.to.as_ref()).await?;
        let question = Question {
            access: &wanted.access,
            requestor: came.person.id.clone(),
            principal: self.whole(&principal).await?,
            reason: wanted.reason.is_some(),
            length: match &wanted.length {
                Length::Exactly(length) | Length::More { length, .. } => Some(*length),
                Length::Usual(_) => None,
            },
            break_glass: wanted.break_glass,
        };
        let (judged, plan) = self.judge_beside(rules, &question, self.plan(&principal, &wanted.access)).await?;
        match &judged.analysis.refused {
            None => {}
            Some(why @ Refusal::NeedsReason { .. }) => {
                return self.mistaken(came, vec![mistake(REASON, why.to_string())]).await;
            }
            Some(why @ Refusal::NeedsDuration { .. }) => {
                return self.mistaken(came, vec![mistake(DURATION, why.to_string())]).await;
            }
            Some(why) if principal.id != came.person.id => {
                let why = format!("{} cannot have this. {}", principal.name, why.to_others());
                return self.only_answer(came, Answer::Refused { why }).await;
            }
            Some(why) => return self.only_answer(came, Answer::Refused { why: why.to_string() }).await,
        }
        let most = self.no_longer_than_type(judged.analysis.longest(), &wanted.access);
        if matches!(wanted.length, Length::Exactly(length) if most < length) {
            let why = format!("The longest you can ask for is {most}; choose {most} or less.");
            return self.mistaken(came, vec![mistake(DURATION, why)]).await;
        }
        let plan = match plan {
            Ok(plan) => plan,
            Err(why) => return self.only_answer(came, Answer::Refused { why }).await,
        };
        match self.already_held(&plan).await {
            Ok(false) => {}
            Ok(true) if principal.id != came.person.id => {
                let why = format!(
                    "{} has this already: {}. Nothing was asked, and nothing will be taken away.",
                    principal.name, wanted.effect
                );
                return self.only_answer(came, Answer::Refused { why }).await;
            }
            Ok(true) => return self.only_answer(came, Answer::AlreadyHeld { effect: wanted.effect }).await,
            Err(why) => return self.only_answer(came, Answer::Refused { why }).await,
        }
        self.put_ask(came, rules, wanted, principal, judged, plan).await
    }

    /// Who is to receive it. Somebody nobody has seen yet has a name once something is asked for them.
    pub(super) async fn principal(&self, came: &Came, to: Option<&Email>) -> Result<Person> {
        let Some(email) = to.filter(|email| came.person.email.as_ref() != Some(email)) else { return Ok(came.person.clone()) };
        let unseen = || Person { id: PersonId::new(&*self.inner.outside), email: Some(email.clone()), name: email.to_string() };
        Ok(self.inner.store.person_by_email(email).await?.unwrap_or_else(unseen))
    }

    async fn put_ask(
        &self,
        came: &Came,
        rules: &Rules,
        wanted: Wanted,
        mut principal: Person,
        judged: Judgement,
        plan: Plan,
    ) -> Result<Answer> {
        let Wanted { access, effect, reason, length, to: _, break_glass: _, only_at_once } = wanted;
        let now = self.now();
        let rows = self.rows_of(&plan.assignments).await?;
        let held = self.held(&rows, &principal.id).await?;
        let line = self.line(judged.analysis.longest(), &access, &rows).await?;
        let on_top = match &length {
            Length::Exactly(_) | Length::Usual(_) => false,
            Length::More { of, .. } if held.as_ref().is_some_and(|held| held.request == *of) => true,
            Length::More { .. } => return self.only_answer(came, super::extend::nothing_to_extend()).await,
        };
        let said = matches!(length, Length::Exactly(_));
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
        if principal.id != came.person.id
            && let Some(email) = &principal.email
        {
            let mut tx = self.inner.store.begin().await?;
            principal = tx.person_for_email(email, &principal.name, now).await?;
            tx.commit().await?;
        }
        let mut row = RequestRow {
            request: Request {
                id: RequestId::new(&*self.inner.outside),
                requestor: came.person.id.clone(),
                principal: principal.id.clone(),
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
            approvals: 0,
            routed: serde_json::to_string(&Routed::of(&judged.analysis)).ok(),
            escalated_at: None,
        };
        let whom = (principal.id != came.person.id).then_some(principal.name);
        let wished = row.request.length;
        if let Some(at_once) = self.at_once(rules, &judged, line, from, &mut row).await? {
            let whom = whom.clone();
            let answer = match at_once.extension {
                true => Answer::AtOnce {
                    request: row.request.id.clone(),
                    effect: row.request.effect.clone(),
                    until: from + row.request.length,
                },
                false => Answer::Given {
                    request: row.request.id.clone(),
                    effect: row.request.effect.clone(),
                    length: row.request.length,
                    why: at_once.why.clone(),
                    whom,
                    wished: (said && row.request.length < wished).then_some(wished),
                },
            };
            if let Some(answer) = super::settle!(self.insert(came, &row, rules, &judged, &answer, Some(&at_once)).await)? {
                return Ok(answer);
            }
            // What it extends ended just now, or was extended by another press.
            if on_top {
                return self.only_answer(came, super::extend::nothing_to_extend()).await;
            }
        }
        let why = match judged.analysis.open().next() {
            None => Some("You have had this for as long as you can without a pause, and nobody can be asked for more."),
            Some(_) if only_at_once => Some("Somebody has to approve this, so nothing was asked. Leave out `--approved` to ask."),
            Some(_) => None,
        };
        if let Some(why) = why {
            return self.only_answer(came, Answer::Refused { why: why.to_owned() }).await;
        }
        if self.nobody_can(rules, &judged, &row).await? {
            let why = "Nobody can approve this: the only people who could are those it is for, or there are none. Tell whoever looks after the access policies.";
            return self.only_answer(came, Answer::Refused { why: why.to_owned() }).await;
        }
        let answer = Answer::Asked { request: row.request.id.clone(), effect: row.request.effect.clone(), whom };
        Ok(super::settle!(self.insert(came, &row, rules, &judged, &answer, None).await)?.unwrap_or(answer))
    }

    /// Does this extend, for whoever has it themselves, what a person said yes to? What was given at once is
    /// limited as it was given.
    async fn people_approved(&self, row: &RequestRow) -> Result<bool> {
        let Some(extended) = row.request.extends.as_ref().filter(|_| row.request.requestor == row.request.principal) else {
            return Ok(false);
        };
        let Some(before) = self.inner.store.request(extended).await? else { return Ok(false) };
        let decision = self.inner.store.decisions(extended).await?.into_iter().next_back();
        Ok(decision.is_some_and(|decision| match decision.actor {
            // A pre-approval is decided at the moment of the ask.
            Actor::Person(_) => before.request.created_at < decision.at || decision.note.is_none(),
            Actor::Config | Actor::Engine | Actor::Operator(_) => decision.note.as_deref() == Some(EXTENSION),
        }))
    }

    /// Do the policies give this without asking anybody? Then no longer than they give it.
    async fn at_once(
        &self,
        rules: &Rules,
        judged: &Judgement,
        line: Line,
        from: Time,
        row: &mut RequestRow,
    ) -> Result<Option<AtOnce>> {
        let allowance = rules.policy.allowance;
        let given = |length: Span| Given { length: length + (from - row.request.created_at), allowance };
        if rules.policy.extends_at_once(line, from, row.request.length) && self.people_approved(row).await? {
            let why = EXTENSION.to_owned();
            return Ok(Some(AtOnce {
                given: given(row.request.length),
                actor: Actor::Config,
                why,
                emergency: false,
                extension: true,
            }));
        }
        let Some(at_once) = &judged.analysis.at_once else { return Ok(None) };
        let longest = self.no_longer_than_type(at_once.longest, &row.request.access);
        let left = Line { longest, ..line }.left(from);
        let length = row.request.length.min(left);
        if length <= Span::ZERO {
            return Ok(None);
        }
        let rule = &at_once.rule;
        let (actor, why) = match &at_once.why {
            Why::Persistent => (Actor::Config, format!("no approval is needed, by the access policy \"{rule}\"")),
            Why::OnCall { integration } => (Actor::Config, format!("on call in {integration}, by the access policy \"{rule}\"")),
            Why::BreakGlass => (Actor::Config, format!("{EMERGENCY}, by the access policy \"{rule}\"")),
            Why::AllowedAhead { by } => {
                let name = self.inner.store.person(by).await?.map_or_else(|| "an approver".to_owned(), |person| person.name);
                (Actor::Person(by.clone()), format!("allowed ahead of time by {name}"))
            }
        };
        let given = given(length);
        row.request.length = length;
        let extension = row.on_top && row.request.extends.is_some();
        Ok(Some(AtOnce { given, actor, why, emergency: at_once.why == Why::BreakGlass, extension }))
    }

    /// Values that do not fit, unless the interaction came before and has its answer.
    async fn mistaken(&self, came: &Came, mistakes: Vec<Mistake>) -> Result<Answer> {
        let before = self.answered(&came.key).await?.filter(|answer| *answer != Answer::Nothing);
        Ok(before.unwrap_or(Answer::Mistakes { mistakes }))
    }

    /// Asks the target, within a second: does the principal exist, does what is asked for exist?
    pub(super) async fn plan(&self, principal: &Person, access: &Access) -> std::result::Result<Plan, String> {
        let title = self.catalog().get(&access.integration).map_or(access.integration.clone(), |it| it.title.clone());
        let Some(connector) = self.inner.connectors.get(&access.integration) else {
            return Err(format!("{title} is not configured here; nothing was asked."));
        };
        let Some(email) = principal.email.clone() else {
            return Err(format!(
                "The e-mail address of {} is not known here, and accounts are found by it; ask an operator of P0.",
                principal.name
            ));
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
                seen: None,
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

    /// Writes a request with its messages and its answer; with `at_once`, the approval that the policies
    /// give it. `None`: it extends nothing any more, and nothing was written.
    async fn insert(
        &self,
        came: &Came,
        row: &RequestRow,
        rules: &Rules,
        judged: &Judgement,
        answer: &Answer,
        at_once: Option<&AtOnce>,
    ) -> Result<Option<Answer>> {
        let policy = &rules.policy;
        let request = &row.request;
        let now = request.created_at;
        let asked = match at_once {
            Some(_) => Turns::default(),
            None => self.whom_to_ask(rules, row, judged).await?,
        };
        let mut tx = self.inner.store.begin().await?;
        if !self.take(&mut tx, came, answer).await? {
            drop(tx);
            return self.answer_of(&came.key).await.map(Some);
        }
        let mut new = tx.insert_request(row).await?;
        if !new && at_once.is_some() {
            // They waited for a decision on the same, and nobody has to decide it any more.
            let open = tx.open_requests(&request.requestor).await?.into_iter().map(|row| row.request);
            let waiting = open.into_iter().find(|open| open.access == request.access && open.principal == request.principal);
            if let Some(waiting) = waiting
                && tx.close_request(&waiting.id, RequestState::Withdrawn, now).await?
            {
                self.retell(&mut tx, &waiting.id).await?;
                let by = Actor::Person(request.requestor.clone());
                let body = json!({ "instead": request.id });
                tx.record(Event::new(&waiting.id, now, by, "request.withdrawn").with(body));
                new = tx.insert_request(row).await?;
            }
        }
        if !new {
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
        self.put_notices(&mut tx, row, &came.handle, &asked).await?;
        tx.show_notices(&request.id, now).await?;
        tx.look(Kind::Request, request.id.as_str(), row.stale_at).await?;
        let routed: serde_json::Value =
            row.routed.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let body = json!({
            "access": request.access, "effect": request.effect, "reason": request.reason, "length_ms": request.length,
            "principal": request.principal, "via": request.via, "policy": request.policy, "extends": request.extends,
            "rules": routed["rules"], "ways": routed["ways"],
        });
        tx.record(Event::new(&request.id, now, Actor::Person(request.requestor.clone()), "request.asked").with(body));
        if let Some(at_once) = at_once {
            let decision = self.decided_by_policy(row, rules.version, at_once.actor.clone(), &at_once.why);
            if let Some(extended) = request.extends.as_ref().filter(|_| at_once.extension)
                && !tx.extend(extended, &request.id).await?
            {
                return Ok(None);
            }
            if !self.carry_out(&mut tx, row, &decision, at_once.given, &json!({ "at_once": at_once.why })).await? {
                return Ok(None);
            }
            if at_once.emergency {
                self.raise_emergency(&mut tx, row, &came.person.name).await?;
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
