//! What rules say, example by example; what holds for all of them.

mod combine;
mod examples;
mod facts;
mod limits;
mod lint;
mod offers;
mod press;
mod properties;
mod table;
mod written;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts::{Asked, Facts, Preapproval, StandIn};
use super::{Analysis, MayNot, Names, Policy, Press, Yes};
use crate::domain::access::{Access, Attributes, Risk};
use crate::domain::directory::{Group, Members, Who};
use crate::domain::id::PersonId;
use crate::domain::outside::tests::Still;
use crate::domain::person::Email;
use crate::domain::time::{Span, Time};
use crate::domain::zone::Zone;
use crate::yaml::Section;

/// 2027-01-15 08:00 UTC, a Friday.
const NOW: Time = Time(1_800_000_000_000);

fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@acme.example")).expect("an address")
}

/// Somebody; the same name is the same person.
fn who(name: &str) -> Who {
    let number = name.bytes().fold(7i64, |sum, byte| sum * 31 % 1_000_003 + i64::from(byte));
    Who { id: PersonId::new(&Still(Time(number))), email: Some(email(name)), handles: Vec::new() }
}

fn members(names: &[&str]) -> Arc<Members> {
    Arc::new(Members { emails: names.iter().map(|name| email(name)).collect(), ..Members::default() })
}

/// A policy out of its rules, with Rita as the only security reviewer.
fn policy(rules: &str) -> Policy {
    let rules: String = rules.lines().map(|line| format!("    {line}\n")).collect();
    let text = format!("policy:\n  securityReviewers: {{ people: [ rita@acme.example ] }}\n  longest: 1w\n  rules:\n{rules}");
    let names = Names { directories: &["okta", "workspace", "azure-ad"], on_call: &["pagerduty", "incidentio"] };
    Policy::read(&Section::whole("p0.yaml", text).child("policy"), names).unwrap_or_else(|error| panic!("{error}"))
}

/// An office in which questions are asked.
#[derive(Debug, Clone)]
struct Office {
    policy: Policy,
    facts: Facts,
    at: Time,
}

impl Office {
    /// Alice is an engineer, Dan a data engineer, Cora a contractor; Sam and Sue are SREs; Mona is everybody's
    /// manager; Olga is on call.
    fn with(rules: &str) -> Office {
        let group = |id: &str, names: &[&str]| (Group { directory: "okta".to_owned(), id: id.to_owned() }, Ok(members(names)));
        let facts = Facts {
            groups: [
                group("00eng", &["alice", "sam", "sue"]),
                group("00data", &["dan"]),
                group("00contract", &["cora"]),
                group("00sre", &["sam", "sue"]),
                group("00sec", &["sally"]),
            ]
            .into(),
            profiles: [(("okta".to_owned(), "manager".to_owned()), Ok(Some(email("mona"))))].into(),
            on_call: [
                (("pagerduty".to_owned(), vec![]), Ok(members(&["olga"]))),
                (("pagerduty".to_owned(), vec!["security-escalation".to_owned()]), Ok(members(&["olga"]))),
            ]
            .into(),
            zone: Some(Ok(Zone::UTC)),
            preapproval: None,
            stand_ins: Vec::new(),
        };
        Office { policy: policy(rules), facts, at: NOW }
    }

    fn allowed_ahead(mut self, issuer: &str, length: Span) -> Office {
        self.facts.preapproval = Some(Preapproval { issuer: who(issuer), length });
        self
    }

    fn away(mut self, away: &str, by: &str) -> Office {
        self.facts.stand_ins.push(StandIn { away: who(away), by: who(by).id });
        self
    }
}

/// What somebody asks for.
#[derive(Debug, Clone)]
struct Ask {
    who: &'static str,
    access: Access,
    attributes: Attributes,
    reason: bool,
    length: Option<Span>,
    break_glass: bool,
    emergency: bool,
    risk: Risk,
}

/// `aws policy`, with attributes like `tag.environment=dev`.
fn asks(who: &'static str, what: &str, attributes: &[(&str, &str)]) -> Ask {
    let (integration, access_type) = what.split_once(' ').expect("two words");
    let access = Access { integration: integration.to_owned(), access_type: access_type.to_owned(), args: BTreeMap::new() };
    let mut all = Attributes::new();
    for (name, value) in attributes {
        let (filter, key) = name.split_once('.').unwrap_or((name, ""));
        let keys = all.entry(filter.to_owned()).or_default();
        if !value.is_empty() {
            keys.entry(key.to_owned()).or_default().push((*value).to_owned());
        }
    }
    let length = Some(Span::hours(1));
    Ask { who, access, attributes: all, reason: true, length, break_glass: false, emergency: false, risk: Risk::Low }
}

impl Ask {
    fn without_reason(self) -> Ask {
        Ask { reason: false, ..self }
    }

    fn analysis(&self, office: &Office) -> Analysis {
        let principal = who(self.who);
        let asked = Asked {
            access: &self.access,
            also: &[],
            risk: self.risk,
            emergency: self.emergency,
            attributes: &self.attributes,
            reason: self.reason,
            length: self.length,
            break_glass: self.break_glass,
            principal: &principal,
            at: office.at,
        };
        // What is needed is said beforehand: nothing else may be looked at.
        let needs = office.policy.needs(&asked);
        let mut facts = office.facts.clone();
        facts.groups.retain(|group, _| needs.groups.contains(group));
        facts.profiles.retain(|property, _| needs.profiles.contains(property));
        facts.on_call.retain(|services, _| needs.on_call.contains(services));
        facts.zone = facts.zone.filter(|_| needs.zone);
        let analysis = office.policy.analyse(&asked, &facts);
        assert_eq!(analysis, office.policy.analyse(&asked, &office.facts), "what was not needed made a difference");
        analysis
    }

    /// In a few words: `at once for 1 hour`, `asks: …`, or why not.
    fn comes_to(&self, office: &Office) -> String {
        let analysis = self.analysis(office);
        match (&analysis.refused, &analysis.at_once) {
            (Some(why), _) => why.to_string(),
            (None, Some(at_once)) => format!("at once for {}", at_once.longest),
            (None, None) => {
                let ways: Vec<String> = analysis.open().map(|way| way.words()).collect();
                format!("asks {}", ways.join(" | "))
            }
        }
    }

    fn press(&self, office: &Office, actor: &str, before: &[&str]) -> Result<Yes, MayNot> {
        let (principal, actor) = (who(self.who), who(actor));
        let before: Vec<Who> = before.iter().map(|name| who(name)).collect();
        let press = Press { actor: &actor, requestor: &principal.id, principal: &principal.id, before: &before };
        self.analysis(office).approve(&office.policy, &office.facts, press)
    }

    /// Who of these may say yes to it as the first.
    fn approvers(&self, office: &Office) -> Vec<&'static str> {
        let all = ["alice", "cora", "dan", "mona", "olga", "rita", "sally", "sam", "sue"];
        all.into_iter().filter(|name| self.press(office, name, &[]).is_ok()).collect()
    }
}

fn hours(span: Span) -> String {
    format!("{}h", span.0 / Span::hours(1).0)
}
