//! What a policy makes of one request: the analysis, and who could say yes to it.

use std::collections::BTreeSet;

use crate::catalog::{AccessType, Catalog, Index, Integration};
use crate::cli::Result;
use crate::command::{self, Command, Context};
use crate::domain::access::{Access, Attributes, Risk};
use crate::domain::directory::Who;
use crate::domain::id::PersonId;
use crate::domain::outside::Outside;
use crate::domain::person::Email;
use crate::domain::time::{Span, Time};
use crate::policy::analysis::Judged;
use crate::policy::{Analysis, Asked, Facts, Policy, Press, Yes};

/// A request, as policies see it.
#[derive(Debug, Clone)]
pub struct Ask {
    pub access: Access,
    pub attributes: Attributes,
    pub also: Vec<String>,
    pub risk: Risk,
    pub emergency: bool,
    pub reason: bool,
    pub length: Option<Span>,
    pub break_glass: bool,
    /// The longest its access type allows.
    pub limit: Option<Span>,
}

impl Ask {
    /// An access; of an integration that is not installed too.
    pub fn of(catalog: &Catalog, access: Access) -> Ask {
        let found = catalog.find(&access);
        let of = |find: fn((&Integration, &AccessType)) -> Option<Span>| found.and_then(find);
        Ask {
            attributes: found.map(|(_, kind)| Catalog::attributes(kind, &access.args)).unwrap_or_default(),
            also: found.map(|(integration, _)| integration.aliases.clone()).unwrap_or_default(),
            risk: found.map_or(Risk::High, |(_, kind)| kind.risk),
            emergency: found.is_some_and(|(_, kind)| kind.emergency),
            limit: of(|(_, kind)| kind.limits.longest),
            access,
            reason: false,
            length: None,
            break_glass: false,
        }
    }

    /// What somebody types after `p0 request`.
    pub fn read(catalog: &Catalog, seen: &Index, words: &str) -> Result<Ask> {
        // As it was typed somewhere, or only what follows.
        let words = words.trim().trim_start_matches('/');
        let words = words.strip_prefix("p0 ").unwrap_or(words).trim_start();
        let words = words.strip_prefix("request ").unwrap_or(words);
        let context = Context { catalog, offered: catalog, lookup: seen, program: "p0" };
        match command::resolve(context, &format!("request {words}")) {
            Ok(Command::Request(complete)) => Ok(Ask {
                reason: complete.reason.is_some(),
                length: complete.duration,
                break_glass: complete.break_glass,
                ..Ask::of(catalog, complete.access)
            }),
            Ok(Command::Form { because, .. }) => Err(format!("the request `{words}` is not complete: {because}")),
            Ok(Command::Away(_) | Command::Back | Command::Ls(_) | Command::Help(_)) => {
                Err(format!("`{words}` is no request; write the words after `p0 request`"))
            }
            Err(mistake) => Err(mistake.render()),
        }
    }

    pub fn asked<'a>(&'a self, principal: &'a Who, at: Time) -> Asked<'a> {
        Asked {
            access: &self.access,
            also: &self.also,
            risk: self.risk,
            emergency: self.emergency,
            attributes: &self.attributes,
            reason: self.reason,
            length: self.length,
            break_glass: self.break_glass,
            principal,
            at,
        }
    }

    /// The longest that can be asked for, where this asks for longer.
    pub fn too_long(&self, analysis: &Analysis) -> Option<Span> {
        let most = self.limit.map_or(analysis.longest(), |limit| limit.min(analysis.longest()));
        self.length.filter(|length| analysis.refused.is_none() && most < *length).map(|_| most)
    }

    pub fn outcome(&self, analysis: &Analysis) -> Outcome {
        if self.too_long(analysis).is_some() { Outcome::Refused } else { Outcome::of(analysis) }
    }

    /// Why it is refused.
    pub fn refusal(&self, analysis: &Analysis) -> Option<String> {
        let too_long = self.too_long(analysis).map(|most| format!("The longest that can be asked for is {most}."));
        analysis.refused.as_ref().map(ToString::to_string).or(too_long)
    }

    /// The longest it can be had: what is given at once, or what people can give.
    pub fn longest(&self, analysis: &Analysis) -> Span {
        let longest = analysis.at_once.as_ref().map_or_else(|| analysis.longest(), |at_once| at_once.longest);
        self.limit.map_or(longest, |limit| limit.min(longest))
    }
}

/// Who could say yes now, as the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approvers {
    These(Vec<Email>),
    /// Whoever is not in some group, or is known to a surface only: they cannot be listed.
    NotListed,
}

/// Presses on one request, in thought.
pub struct Presses<'a> {
    pub policy: &'a Policy,
    pub analysis: &'a Analysis,
    pub facts: &'a Facts,
    pub principal: &'a Who,
    pub outside: &'a dyn Outside,
}

impl Presses<'_> {
    /// What a yes of this person would come to after these said yes.
    fn press(&self, actor: &Who, before: &[Who]) -> Option<Yes> {
        let own = &self.principal.id;
        self.analysis.approve(self.policy, self.facts, Press { actor, requestor: own, principal: own, before }).ok()
    }

    fn somebody(&self, email: &Email) -> Who {
        match self.principal.email.as_ref() == Some(email) {
            true => self.principal.clone(),
            false => Who { id: PersonId::new(self.outside), email: Some(email.clone()), handles: Vec::new() },
        }
    }

    pub fn may_approve(&self, email: &Email) -> bool {
        self.press(&self.somebody(email), &[]).is_some()
    }

    /// Whoever may say yes after these did. `None`: they cannot be listed.
    fn next(&self, before: &[Who]) -> Option<BTreeSet<Email>> {
        let own = &self.principal.id;
        let press = Press { actor: self.principal, requestor: own, principal: own, before };
        let members = self.analysis.who_may(self.policy, self.facts, press, &[self.principal])?;
        members.handles.is_empty().then_some(members.emails)
    }

    pub fn approvers(&self) -> Approvers {
        let Some(emails) = self.next(&[]) else { return Approvers::NotListed };
        Approvers::These(emails.into_iter().filter(|email| self.may_approve(email)).collect())
    }

    /// Are there people enough for a yes? Whoever cannot be listed is taken to be there.
    pub fn can_be_decided(&self) -> bool {
        let mut before: Vec<Who> = Vec::new();
        // Each yes takes the first who may say it; a way has a few steps of a few people.
        loop {
            let Some(emails) = self.next(&before) else { return true };
            let found = emails.iter().find_map(|email| {
                let who = self.somebody(email);
                let known = before.iter().any(|before| before.email == who.email);
                self.press(&who, &before).filter(|_| !known).map(|yes| (who, yes))
            });
            match found {
                Some((_, Yes::Done { .. })) => return true,
                Some((who, Yes::More(_))) => before.push(who),
                None => return false,
            }
        }
    }
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    AtOnce,
    Asked,
    Refused,
}

impl Outcome {
    pub fn of(analysis: &Analysis) -> Outcome {
        match (&analysis.refused, &analysis.at_once) {
            (Some(_), _) => Outcome::Refused,
            (None, Some(_)) => Outcome::AtOnce,
            (None, None) => Outcome::Asked,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::AtOnce => "at once",
            Outcome::Asked => "asked",
            Outcome::Refused => "refused",
        }
    }

    pub fn parse(text: &str) -> Option<Outcome> {
        [Outcome::AtOnce, Outcome::Asked, Outcome::Refused].into_iter().find(|outcome| outcome.as_str() == text.trim())
    }
}

/// A rule, and why it does not match.
pub fn line(judged: &Judged) -> String {
    match &judged.not {
        None => format!("  + {}\n", judged.rule),
        Some(not) => format!("  - {}: {not}\n", judged.rule),
    }
}
