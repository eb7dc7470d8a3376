//! What the access policies say of something, with everything they need to know looked up.

use serde::{Deserialize, Serialize};

use super::{Desk, Result, Rules};
use crate::domain::access::{Access, Risk};
use crate::domain::directory::Who;
use crate::domain::id::PersonId;
use crate::domain::person::Person;
use crate::domain::time::{Span, Time};
use crate::policy::facts::{Preapproval, StandIn};
use crate::policy::rule::Approver;
use crate::policy::{Analysis, Asked, Facts, MayNot, Press, Progress, Refusal, Yes};
use crate::store::{Decided, RequestRow};

/// What is asked of the policies.
#[derive(Debug, Clone)]
pub(super) struct Question<'a> {
    pub access: &'a Access,
    /// Whoever asks; what they allowed ahead of time themselves does not count for others.
    pub requestor: PersonId,
    pub principal: Who,
    pub reason: bool,
    pub length: Option<Span>,
    pub break_glass: bool,
}

/// What they say, and what it was said by.
pub(super) struct Judgement {
    pub analysis: Analysis,
    pub facts: Facts,
    pub at: Time,
    /// Who is to receive it.
    pub principal: Who,
}

/// What the policies said when something was asked; stored with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Routed {
    /// The rules that matched.
    pub rules: Vec<String>,
    /// The ways people could say yes, in words.
    pub ways: Vec<String>,
}

impl Routed {
    pub fn of(analysis: &Analysis) -> Routed {
        Routed {
            rules: analysis.matched().map(str::to_owned).collect(),
            ways: analysis.open().map(crate::policy::Way::words).collect(),
        }
    }

    /// Does the policy ask for more now than it did: is it refused, or is a way gone?
    pub fn was_laxer(&self, now: &Analysis) -> bool {
        let ways: Vec<String> = now.open().map(crate::policy::Way::words).collect();
        match &now.refused {
            // What could not be looked up says nothing of the policies.
            Some(Refusal::Unknown { .. }) => false,
            Some(_) => true,
            None => now.at_once.is_none() && self.ways.iter().any(|way| !ways.contains(way)),
        }
    }
}

impl Desk {
    /// A person with all the names by which directories may know them.
    pub(super) async fn whole(&self, person: &Person) -> Result<Who> {
        Ok(Who::new(person, self.inner.store.handles(&person.id).await?))
    }

    pub(super) async fn who_by_id(&self, id: &PersonId) -> Result<Who> {
        match self.inner.store.person(id).await? {
            Some(person) => self.whole(&person).await,
            None => Ok(Who { id: id.clone(), email: None, handles: Vec::new() }),
        }
    }

    /// Asks the policies. What cannot be looked up within a second is told to them as not known.
    pub(super) async fn judge(&self, rules: &Rules, question: &Question<'_>) -> Result<Judgement> {
        Ok(self.judge_beside(rules, question, std::future::ready(())).await?.0)
    }

    /// The same, while something else is asked outside. The record is read before that: nothing of it is held
    /// while others answer.
    pub(super) async fn judge_beside<T>(
        &self,
        rules: &Rules,
        question: &Question<'_>,
        other: impl Future<Output = T>,
    ) -> Result<(Judgement, T)> {
        let catalog = self.catalog();
        let found = catalog.find(question.access);
        let attributes = found.map(|(_, access_type)| crate::catalog::Catalog::attributes(access_type, &question.access.args));
        let attributes = attributes.unwrap_or_default();
        let at = self.now();
        let mut ahead = Vec::new();
        for allowed in self.inner.store.preapprovals_for(&question.principal.id, question.access, at).await? {
            if allowed.issuer == question.requestor && question.requestor != question.principal.id {
                continue;
            }
            let issuer = self.who_by_id(&allowed.issuer).await?;
            let stand_ins = self.stand_ins(&[&issuer], at).await?;
            ahead.push((Preapproval { issuer, length: allowed.length }, stand_ins));
        }
        let asked = Asked {
            access: question.access,
            also: found.map(|(integration, _)| integration.aliases.as_slice()).unwrap_or_default(),
            risk: found.map_or(Risk::High, |(_, access_type)| access_type.risk),
            emergency: found.is_some_and(|(_, access_type)| access_type.emergency),
            attributes: &attributes,
            reason: question.reason,
            length: question.length,
            break_glass: question.break_glass,
            principal: &question.principal,
            at,
        };
        let sources = self.sources();
        let (mut facts, other) = futures::join!(sources.look_up(rules.policy.needs(&asked), &question.principal), other);
        let mut analysis = rules.policy.analyse(&asked, &facts);
        for (preapproval, stand_ins) in ahead {
            // The first that counts by the policy as it is now is enough; the longest comes first.
            if analysis.at_once.is_some() {
                break;
            }
            (facts.preapproval, facts.stand_ins) = (Some(preapproval), stand_ins);
            analysis = rules.policy.analyse(&asked, &facts);
        }
        if found.is_none() {
            // Without its arguments nobody can say what it is; it can still be denied and taken away.
            (analysis.refused, analysis.at_once) = (Some(Refusal::Gone), None);
        }
        Ok((Judgement { analysis, facts, at, principal: question.principal.clone() }, other))
    }

    /// The same for a request that was made.
    pub(super) async fn judge_again(&self, rules: &Rules, row: &RequestRow) -> Result<Judgement> {
        let request = &row.request;
        let question = Question {
            access: &request.access,
            requestor: request.requestor.clone(),
            principal: self.who_by_id(&request.principal).await?,
            reason: request.reason.is_some(),
            length: Some(request.length),
            break_glass: false,
        };
        self.judge(rules, &question).await
    }

    /// What a yes to it would give, and who it takes, as a short word: a button bears it, so that a press tells
    /// whether that is still what was shown. How many said yes so far is no part of it.
    pub(super) async fn bound(&self, row: &RequestRow, judged: &Judgement) -> Result<String> {
        let request = &row.request;
        let from = match request.extends.as_ref().filter(|_| row.on_top) {
            Some(extended) => self.ends_at(extended).await?.filter(|from| judged.at < *from),
            None => None,
        };
        let ways: Vec<_> = judged.analysis.open().map(|way| (&way.rule, way.words(), way.longest)).collect();
        let Access { integration, access_type, args } = &request.access;
        let given = (&request.principal, integration, access_type, args, &request.effect, request.length, from);
        let whole = serde_json::json!([request.id, given, judged.analysis.refused, ways]);
        let mut word = crate::policy::fingerprint(&whole.to_string());
        word.truncate(16);
        Ok(word)
    }

    /// Those who said yes to a request so far, in order.
    pub(super) async fn said_yes(&self, row: &RequestRow) -> Result<Vec<Who>> {
        if row.approvals == 0 {
            return Ok(Vec::new());
        }
        let mut decisions = self.inner.store.decisions(&row.request.id).await?;
        decisions.sort_by_key(|decision| decision.at);
        let mut said = Vec::new();
        for decision in decisions {
            if let (Decided::Approve, crate::domain::person::Actor::Person(person)) = (decision.verdict, &decision.actor) {
                said.push(self.who_by_id(person).await?);
            }
        }
        Ok(said)
    }

    /// In whose place these decide now.
    pub(super) async fn stand_ins(&self, all: &[&Who], at: Time) -> Result<Vec<StandIn>> {
        let mut found = Vec::new();
        for who in all {
            for row in self.inner.store.stands_in_for(&who.id, at).await? {
                found.push(StandIn { away: self.who_by_id(&row.away).await?, by: row.by });
            }
        }
        Ok(found)
    }

    /// Is it certain that nobody could approve this, now or when the next one is on call?
    pub(super) async fn nobody_can(&self, rules: &Rules, judged: &Judgement, row: &RequestRow) -> Result<bool> {
        let on_call = |approver: &Approver| matches!(approver, Approver::OnCall { .. });
        if judged.analysis.open().flat_map(|way| &way.steps).flat_map(|step| &step.approvers).any(on_call) {
            return Ok(false);
        }
        let requestor = match row.request.requestor == judged.principal.id {
            true => judged.principal.clone(),
            false => self.who_by_id(&row.request.requestor).await?,
        };
        let nobody = Who { id: row.request.principal.clone(), email: None, handles: Vec::new() };
        let press = Press { actor: &nobody, requestor: &row.request.requestor, principal: &row.request.principal, before: &[] };
        let who = judged.analysis.who_may(&rules.policy, &judged.facts, press, &[&requestor, &judged.principal]);
        Ok(who.is_some_and(|members| members.is_empty()))
    }

    /// What a yes of this person would come to now.
    pub(super) async fn would_be(
        &self,
        rules: &Rules,
        row: &RequestRow,
        judged: &mut Judgement,
        actor: &Who,
    ) -> Result<std::result::Result<Yes, MayNot>> {
        let before = self.said_yes(row).await?;
        judged.facts.stand_ins = self.stand_ins(&before.iter().chain([actor]).collect::<Vec<_>>(), judged.at).await?;
        let press = Press { actor, requestor: &row.request.requestor, principal: &row.request.principal, before: &before };
        Ok(judged.analysis.approve(&rules.policy, &judged.facts, press))
    }

    /// May this person say no to it?
    pub(super) async fn may_deny(
        &self,
        rules: &Rules,
        row: &RequestRow,
        judged: &mut Judgement,
        actor: &Who,
    ) -> Result<std::result::Result<(), MayNot>> {
        judged.facts.stand_ins = self.stand_ins(&[actor], judged.at).await?;
        let press = Press { actor, requestor: &row.request.requestor, principal: &row.request.principal, before: &[] };
        Ok(judged.analysis.deny(&rules.policy, &judged.facts, press))
    }

    /// Is this person an approver of it, at any step, or a security reviewer?
    pub(super) async fn decides(
        &self,
        rules: &Rules,
        judged: &mut Judgement,
        actor: &Who,
    ) -> Result<std::result::Result<(), MayNot>> {
        judged.facts.stand_ins = self.stand_ins(&[actor], judged.at).await?;
        Ok(judged.analysis.decides(&rules.policy, &judged.facts, actor))
    }

    /// How far the yeses so far go.
    pub(super) async fn how_far(&self, rules: &Rules, row: &RequestRow, judged: &mut Judgement) -> Result<Option<Progress>> {
        let before = self.said_yes(row).await?;
        judged.facts.stand_ins = self.stand_ins(&before.iter().collect::<Vec<_>>(), judged.at).await?;
        let nobody = Who { id: row.request.principal.clone(), email: None, handles: Vec::new() };
        let press =
            Press { actor: &nobody, requestor: &row.request.requestor, principal: &row.request.principal, before: &before };
        Ok(judged.analysis.progress(&rules.policy, &judged.facts, press))
    }
}
