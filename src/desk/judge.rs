//! What the access policies say of something, with everything they need to know looked up.

use std::sync::Arc;

use futures::future::join_all;
use serde::{Deserialize, Serialize};

use super::{Desk, Result, Rules, within};
use crate::directory::Directory;
use crate::domain::access::{Access, Risk};
use crate::domain::directory::{Members, Who};
use crate::domain::id::PersonId;
use crate::domain::person::{Email, Person};
use crate::domain::time::{Span, Time};
use crate::domain::zone::Zone;
use crate::policy::facts::{Known, Preapproval, Property, Services, StandIn};
use crate::policy::{Analysis, Asked, Facts, MayNot, Needs, Press, Progress, Refusal, Yes};
use crate::store::{Decided, RequestRow};

/// What is asked of the policies.
#[derive(Debug, Clone)]
pub(super) struct Question<'a> {
    pub access: &'a Access,
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
        let catalog = self.catalog();
        let found = catalog.find(question.access);
        let attributes = found.map(|(_, access_type)| crate::catalog::Catalog::attributes(access_type, &question.access.args));
        let attributes = attributes.unwrap_or_default();
        let at = self.now();
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
        let mut facts = self.look_up(rules.policy.needs(&asked), &question.principal).await;
        for allowed in self.inner.store.preapprovals_for(&question.principal.id, question.access, at).await? {
            // The first that counts by the policy as it is now is enough; the longest comes first.
            let issuer = self.who_by_id(&allowed.issuer).await?;
            facts.stand_ins = self.stand_ins(&[&issuer], at).await?;
            facts.preapproval = Some(Preapproval { issuer, length: allowed.length });
            if rules.policy.analyse(&asked, &facts).at_once.is_some() {
                break;
            }
        }
        Ok(Judgement { analysis: rules.policy.analyse(&asked, &facts), facts, at })
    }

    /// The same for a request that was made.
    pub(super) async fn judge_again(&self, rules: &Rules, row: &RequestRow) -> Result<Judgement> {
        let request = &row.request;
        let question = Question {
            access: &request.access,
            principal: self.who_by_id(&request.principal).await?,
            reason: request.reason.is_some(),
            length: Some(request.length),
            break_glass: false,
        };
        self.judge(rules, &question).await
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

    /// Everything that is needed, all at the same time.
    pub(super) async fn look_up(&self, needs: Needs, principal: &Who) -> Facts {
        let Needs { groups, profiles, on_call, zone } = needs;
        let groups = join_all(groups.into_iter().map(|group| async {
            let members = self.members(&group).await;
            (group, members)
        }));
        let profiles = join_all(profiles.into_iter().map(|property| async {
            let email = self.property(&property, principal).await;
            (property, email)
        }));
        let on_call = join_all(on_call.into_iter().map(|services| async {
            let members = self.now_on_call(&services).await;
            (services, members)
        }));
        let zone = async { if zone { Some(self.zone_of(principal).await) } else { None } };
        let (groups, profiles, on_call, zone) = futures::join!(groups, profiles, on_call, zone);
        Facts {
            groups: groups.into_iter().collect(),
            profiles: profiles.into_iter().collect(),
            on_call: on_call.into_iter().collect(),
            zone,
            preapproval: None,
            stand_ins: Vec::new(),
        }
    }

    async fn members(&self, group: &crate::domain::directory::Group) -> Known<Arc<Members>> {
        let directory = self.known_directory(&group.directory)?;
        within(directory.members(&group.id)).await.map_err(|fault| fault.to_string())
    }

    async fn property(&self, (directory, property): &Property, principal: &Who) -> Known<Option<Email>> {
        let found = self.known_directory(directory)?;
        let Some(email) = &principal.email else { return Ok(None) };
        let profile = within(found.profile(email)).await.map_err(|fault| fault.to_string())?;
        let Some(text) = profile.and_then(|profile| profile.properties.get(property).cloned()) else { return Ok(None) };
        let bad = || format!("The {property} of {email} in {directory} is \"{text}\", which is no e-mail address.");
        Email::parse(&text).map(Some).ok_or_else(bad)
    }

    fn known_directory(&self, name: &str) -> Known<Arc<dyn Directory>> {
        self.directory(name).ok_or_else(|| format!("The directory {name} is not configured."))
    }

    async fn now_on_call(&self, (integration, services): &Services) -> Known<Arc<Members>> {
        let source = self.on_call(integration).ok_or_else(|| format!("The on-call source {integration} is not configured."))?;
        within(source.on_call(services)).await.map_err(|fault| fault.to_string())
    }

    /// The first directory that says in which zone somebody is.
    async fn zone_of(&self, principal: &Who) -> Known<Zone> {
        let Some(email) = &principal.email else { return Err("In which time zone they are is not known.".to_owned()) };
        for directory in self.directories() {
            let profile = within(directory.profile(email)).await.map_err(|fault| fault.to_string())?;
            if let Some(zone) = profile.and_then(|profile| Zone::parse(profile.zone.as_deref()?)) {
                return Ok(zone);
            }
        }
        Err(format!("No directory says in which time zone {email} is."))
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

    /// How far the yeses so far go, and who may say the next one.
    pub(super) async fn how_far(
        &self,
        rules: &Rules,
        row: &RequestRow,
        judged: &mut Judgement,
    ) -> Result<(Option<Progress>, Option<Members>)> {
        let before = self.said_yes(row).await?;
        judged.facts.stand_ins = self.stand_ins(&before.iter().collect::<Vec<_>>(), judged.at).await?;
        let nobody = Who { id: row.request.principal.clone(), email: None, handles: Vec::new() };
        let press =
            Press { actor: &nobody, requestor: &row.request.requestor, principal: &row.request.principal, before: &before };
        let far = judged.analysis.progress(&rules.policy, &judged.facts, press);
        Ok((far, judged.analysis.who_may(&rules.policy, &judged.facts, press)))
    }
}
