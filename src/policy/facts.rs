//! What has to be known before a policy can say something, and what was found out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Policy;
use super::rule::{Approver, Groups, How, Requestor, Rule};
use crate::domain::access::{Access, Attributes, Risk};
use crate::domain::directory::{Group, Members, Who};
use crate::domain::id::PersonId;
use crate::domain::person::Email;
use crate::domain::time::{Span, Time};
use crate::domain::zone::Zone;

/// What is asked for, as rules see it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub access: &'a Access,
    /// Other names of the integration.
    pub also: &'a [String],
    pub risk: Risk,
    /// An access type for emergencies: only some approvers may say yes to it.
    pub emergency: bool,
    pub attributes: &'a Attributes,
    pub reason: bool,
    /// For how long, if somebody said.
    pub length: Option<Span>,
    /// Asked for as an emergency: at once, if a rule lets it.
    pub break_glass: bool,
    /// Who is to receive it: the rules' requestor, whoever typed.
    pub principal: &'a Who,
    pub at: Time,
}

/// Something that was looked up, or one sentence why it could not be.
pub type Known<T> = Result<T, String>;

/// A property of a directory's profiles.
pub type Property = (String, String);
/// Services of an on-call source; none: any.
pub type Services = (String, Vec<String>);

/// What has to be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    pub groups: BTreeSet<Group>,
    pub profiles: BTreeSet<Property>,
    pub on_call: BTreeSet<Services>,
    pub zone: bool,
}

/// What was found out. What is needed and is not here counts as not known.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub groups: BTreeMap<Group, Known<Arc<Members>>>,
    /// Of whoever is to receive the access.
    pub profiles: BTreeMap<Property, Known<Option<Email>>>,
    pub on_call: BTreeMap<Services, Known<Arc<Members>>>,
    /// Of whoever is to receive the access.
    pub zone: Option<Known<Zone>>,
    pub preapproval: Option<Preapproval>,
    pub stand_ins: Vec<StandIn>,
}

/// Somebody who may approve it allowed it ahead of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preapproval {
    pub issuer: Who,
    /// The most each access may last.
    pub length: Span,
}

/// Somebody decides in another's place while that one is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    pub away: Who,
    pub by: PersonId,
}

impl Facts {
    pub(super) fn in_groups(&self, groups: &Groups, who: &Who) -> Known<bool> {
        let mut found = false;
        for named in &groups.groups {
            let members = self.groups.get(&named.group).map(Known::as_ref);
            let members =
                members.unwrap_or(Err(&NOT_LOOKED)).map_err(|why| looked(&format!("Who is in {}", named.label), why))?;
            let has = members.has(who);
            if !has && named_only(members, who) {
                return Err(format!("Whether they are in {} is not known before they used P0 there once.", named.label));
            }
            found |= has;
        }
        Ok(found == (groups.effect == super::rule::Effect::Keep))
    }

    pub(super) fn on_call(&self, integration: &str, services: &[String], who: &Who) -> Known<bool> {
        // A pair of owned texts is the key; there are few.
        let found = self.on_call.iter().find(|((name, of), _)| name == integration && of == services);
        found
            .map_or(Err(&NOT_LOOKED), |(_, members)| members.as_ref())
            .map(|members| members.has(who))
            .map_err(|why| looked("Who is on call", why))
    }

    /// Is this one of those who may say yes?
    pub(super) fn is(&self, policy: &Policy, approver: &Approver, who: &Who) -> Known<bool> {
        match approver {
            Approver::Reviewers => self.reviews(policy, who),
            Approver::Groups(groups) => self.in_groups(groups, who),
            Approver::Profile { directory, property } => {
                let found = self.profiles.iter().find(|((name, of), _)| name == directory && of == property);
                let email = found.map_or(Err(&NOT_LOOKED), |(_, email)| email.as_ref());
                let email = email.map_err(|why| looked(&format!("Their {property}"), why))?;
                Ok(email.is_some() && *email == who.email)
            }
            Approver::OnCall { integration, services } => self.on_call(integration, services, who),
            Approver::User(email) => Ok(who.email.as_ref() == Some(email)),
        }
    }

    /// Has this person the role of an approver or a security reviewer?
    fn reviews(&self, policy: &Policy, who: &Who) -> Known<bool> {
        match self.holds(&policy.approvers, who) {
            Ok(false) => self.holds(&policy.reviewers, who),
            Err(why) => self.holds(&policy.reviewers, who).and_then(|is| if is { Ok(true) } else { Err(why) }),
            Ok(true) => Ok(true),
        }
    }

    /// Does this person hold a role?
    pub fn holds(&self, holders: &super::Holders, who: &Who) -> Known<bool> {
        if who.email.as_ref().is_some_and(|email| holders.people.contains(email)) {
            return Ok(true);
        }
        let mut trouble = None;
        for group in &holders.groups {
            match self.groups.get(group).map(Known::as_ref).unwrap_or(Err(&NOT_LOOKED)) {
                Ok(members) if members.has(who) => return Ok(true),
                Ok(_) => {}
                Err(why) => trouble = Some(why.clone()),
            }
        }
        trouble.map_or(Ok(false), Err)
    }
}

/// Does the group know people only by a name on a surface on which this one has none?
fn named_only(members: &Members, who: &Who) -> bool {
    let surfaces = members.handles.iter().map(|handle| &handle.surface);
    members.emails.is_empty() && surfaces.into_iter().any(|surface| who.handles.iter().all(|handle| handle.surface != *surface))
}

/// Stands for what nobody looked up.
static NOT_LOOKED: String = String::new();

fn looked(what: &str, why: &str) -> String {
    if why.is_empty() { format!("{what} was not looked up.") } else { why.to_owned() }
}

impl Needs {
    /// What deciding on this takes, by rules that could match it.
    pub(super) fn of(policy: &Policy, asked: &Asked) -> Needs {
        let mut needs = Needs::default();
        let rules = policy.in_force();
        for rule in rules.iter().filter(|rule| !rule.disabled && super::analysis::resource(rule, asked).is_ok()) {
            needs.add(rule);
        }
        needs.roles(policy);
        needs
    }

    /// What deciding on anything at all takes.
    pub fn of_all(policy: &Policy) -> Needs {
        let mut needs = Needs::default();
        policy.in_force().iter().filter(|rule| !rule.disabled).for_each(|rule| needs.add(rule));
        needs.roles(policy);
        needs
    }

    pub(super) fn roles(&mut self, policy: &Policy) {
        self.groups.extend(policy.approvers.groups.iter().chain(&policy.reviewers.groups).cloned());
    }

    fn add(&mut self, rule: &Rule) {
        self.requestor(rule);
        self.groups.extend(rule.groups().map(|named| named.group.clone()));
        self.zone |= rule.when.as_ref().is_some_and(|when| when.zone.is_none());
        for approver in rule.approvers() {
            match approver {
                Approver::Profile { directory, property } => {
                    self.profiles.insert((directory.clone(), property.clone()));
                }
                Approver::OnCall { integration, services } => {
                    self.on_call.insert((integration.clone(), services.clone()));
                }
                Approver::Reviewers | Approver::Groups(_) | Approver::User(_) => {}
            }
        }
        for approval in &rule.approval {
            if let How::OnCall { integration } = &approval.how {
                self.on_call.insert((integration.clone(), Vec::new()));
            }
        }
    }

    /// Only what says who may ask.
    pub(super) fn requestor(&mut self, rule: &Rule) {
        if let Requestor::Groups(groups) = &rule.requestor {
            self.groups.extend(groups.groups.iter().map(|named| named.group.clone()));
        }
    }
}
