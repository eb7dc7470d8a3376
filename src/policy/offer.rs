//! What the rules let somebody ask for at all: what forms, type-ahead and `ls` show.

use std::borrow::Cow;

use super::Policy;
use super::facts::{Facts, Known, Needs};
use super::rule::{How, Requestor, Rule};
use crate::domain::access::{Attributes, Risk};
use crate::domain::directory::Who;

/// The rules that are for one person. A rule of which nobody can say whether it is shows what it would; the
/// ask itself is refused then, with the reason.
#[derive(Debug, Clone)]
pub struct Offer {
    rules: Vec<Rule>,
}

/// An access as far as it is chosen.
#[derive(Debug, Clone, Copy)]
pub struct Partly<'a> {
    pub integration: &'a str,
    /// Other names of the integration.
    pub also: &'a [String],
    /// `None`: any of them.
    pub access_type: Option<(&'a str, Risk)>,
    /// What is known so far.
    pub attributes: &'a Attributes,
    /// Everything that will be known of it.
    pub will_have: &'a [&'a str],
}

impl Policy {
    /// What has to be looked up before [`Policy::offer`].
    pub fn needs_to_offer(&self) -> Needs {
        let mut needs = Needs::default();
        for rule in self.in_force().iter().filter(|rule| !rule.disabled) {
            needs.requestor(rule);
        }
        needs
    }

    /// What this person may ask for.
    pub fn offer(&self, who: &Who, facts: &Facts) -> Offer {
        let for_them = |rule: &&Rule| {
            let fits: Known<bool> = match &rule.requestor {
                Requestor::Any => Ok(true),
                Requestor::User(email) => Ok(who.email.as_ref() == Some(email)),
                Requestor::Groups(groups) => facts.in_groups(groups, who),
                Requestor::Agent(_) => Ok(false),
            };
            !rule.disabled && fits.unwrap_or(true)
        };
        Offer { rules: self.in_force().iter().filter(for_them).cloned().collect() }
    }
}

impl Offer {
    /// Everything: for tools that show what there is, whoever asks.
    pub fn everything(policy: &Policy) -> Offer {
        Offer { rules: policy.in_force().into_owned() }
    }

    /// Could this person come to have this?
    pub fn allows(&self, partly: &Partly) -> bool {
        let mut could = false;
        for rule in &self.rules {
            let denies = rule.denies();
            match fits(rule, partly) {
                Fits::No => {}
                // Whatever else is chosen; a window may be closed by then.
                Fits::Yes if denies && rule.when.is_none() => return false,
                Fits::Yes | Fits::Perhaps => could |= !denies && !rule.approval.is_empty(),
            }
        }
        could
    }

    /// Does every way that could lead to this need a reason?
    pub fn needs_reason(&self, partly: &Partly) -> bool {
        let mut entries =
            self.rules.iter().filter(|rule| !matches!(fits(rule, partly), Fits::No)).flat_map(|rule| &rule.approval);
        let mut any = false;
        let all = entries.all(|approval| {
            any = true;
            approval.options.reason || matches!(approval.how, How::Deny | How::BreakGlass)
        });
        any && all
    }

    /// The rules narrowed to those that can say something of this, for many questions about it.
    pub fn narrowed(&self, partly: &Partly) -> Cow<'_, Offer> {
        let rules: Vec<Rule> = self.rules.iter().filter(|rule| !matches!(fits(rule, partly), Fits::No)).cloned().collect();
        if rules.len() == self.rules.len() { Cow::Borrowed(self) } else { Cow::Owned(Offer { rules }) }
    }
}

enum Fits {
    Yes,
    Perhaps,
    No,
}

fn fits(rule: &Rule, partly: &Partly) -> Fits {
    let mut perhaps = false;
    if let Some(wanted) = rule.resource.risk {
        match partly.access_type {
            Some((_, risk)) if risk < wanted => return Fits::No,
            Some(_) => {}
            None => perhaps = true,
        }
    }
    let Some(service) = &rule.resource.service else { return if perhaps { Fits::Perhaps } else { Fits::Yes } };
    let named = |name: &str| name.eq_ignore_ascii_case(&service.name);
    if !named(partly.integration) && !partly.also.iter().any(|name| named(name)) {
        return Fits::No;
    }
    match (&service.access_type, partly.access_type) {
        (Some(wanted), Some((is, _))) if !wanted.eq_ignore_ascii_case(is) => return Fits::No,
        (Some(_), None) => perhaps = true,
        (Some(_) | None, _) => {}
    }
    for (name, filter) in &service.filters {
        match partly.attributes.contains_key(name) {
            true if !filter.passes(name, partly.attributes, rule.denies()) => return Fits::No,
            true => {}
            false => perhaps |= partly.access_type.is_none() || partly.will_have.contains(&name.as_str()),
        }
    }
    if perhaps { Fits::Perhaps } else { Fits::Yes }
}
