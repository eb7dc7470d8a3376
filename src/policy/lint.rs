//! What is wrong with rules that can be read: what can never match, what matches more than it seems to, who is
//! left with nobody to ask. Pure: what there is, is handed in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Policy;
use super::facts::{self, Services};
use super::pattern::{self, Shape};
use super::rule::{Approval, Approver, Effect, Filter, Groups, How, Options, Requestor, Resource, Rule, Step, Test};
use crate::domain::directory::{Group, Members};
use crate::domain::person::Email;

/// An integration that is installed, as far as rules can name it.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name, and others it has.
    pub names: Vec<String>,
    pub types: Vec<Type>,
}

#[derive(Debug, Clone)]
pub struct Type {
    pub name: String,
    pub emergency: bool,
    pub args: Vec<Arg>,
}

/// An argument is a filter.
#[derive(Debug, Clone)]
pub struct Arg {
    pub name: String,
    /// The values it can take, where they are listed.
    pub choices: Option<Vec<String>>,
    /// There are no others; else they are what was seen last.
    pub all: bool,
}

/// What there is. Of a group that is not here nothing is said.
pub struct Known<'a> {
    pub services: &'a [Service],
    pub groups: &'a BTreeMap<Group, facts::Known<Arc<Members>>>,
    pub on_call: &'a BTreeMap<Services, facts::Known<Arc<Members>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot be meant.
    Error,
    /// It can be meant, and often is not.
    Warning,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    pub rule: Option<String>,
    /// One sentence.
    pub what: String,
}

/// The most values that are named.
const MOST_NAMED: usize = 12;

/// The keys under which an argument's values stand.
const KEYS: [&str; 2] = ["id", "name"];

/// Everything that is wrong, errors and warnings in the order of the rules.
pub fn lint(policy: &Policy, known: &Known) -> Vec<Finding> {
    let mut found = Vec::new();
    for (place, rule) in policy.rules.iter().enumerate().filter(|(_, rule)| !rule.disabled) {
        let mut look = Look { policy, known, rule, found: &mut found };
        look.resource();
        look.requestor();
        look.approvals();
        look.limits();
        let others = policy.rules.iter().enumerate().filter(|(other, it)| *other != place && !it.disabled);
        for (other, it) in others {
            look.beside(it, other < place);
        }
    }
    if policy.rules.is_empty() {
        for group in policy.approvers.groups.iter().chain(&policy.reviewers.groups) {
            if let Some(Err(why)) = known.groups.get(group) {
                found.push(Finding {
                    severity: Severity::Error,
                    rule: None,
                    what: format!("the approvers cannot be known: {why}"),
                });
            }
        }
    }
    found
}

struct Look<'a> {
    policy: &'a Policy,
    known: &'a Known<'a>,
    rule: &'a Rule,
    found: &'a mut Vec<Finding>,
}

impl Look<'_> {
    fn error(&mut self, what: impl Into<String>) {
        self.add(Severity::Error, what.into());
    }

    fn warning(&mut self, what: impl Into<String>) {
        self.add(Severity::Warning, what.into());
    }

    fn add(&mut self, severity: Severity, what: String) {
        self.found.push(Finding { severity, rule: Some(self.rule.name.clone()), what });
    }

    fn resource(&mut self) {
        let Some(wanted) = &self.rule.resource.service else { return };
        let Some(service) = self.known.services.iter().find(|it| it.is(&wanted.name)) else {
            let names = self.known.services.iter().flat_map(|it| &it.names).map(String::as_str);
            return match near(&wanted.name, names) {
                Some(meant) => self.error(format!("there is no integration \"{}\"; did you mean \"{meant}\"?", wanted.name)),
                None => self.warning(format!("the integration \"{}\" is not installed, so it never matches", wanted.name)),
            };
        };
        let types: Vec<&Type> = match &wanted.access_type {
            None => service.types.iter().collect(),
            Some(name) => match service.types.iter().find(|it| it.name.eq_ignore_ascii_case(name)) {
                Some(found) => vec![found],
                None => {
                    let advice = meant(name, service.types.iter().map(|it| it.name.as_str()));
                    return self.error(format!("{} has no access type \"{name}\"; {advice}", wanted.name));
                }
            },
        };
        for (name, filter) in &wanted.filters {
            let args: Vec<&Arg> = types.iter().flat_map(|it| &it.args).filter(|arg| arg.name == *name).collect();
            if args.is_empty() {
                let names: BTreeSet<&str> = types.iter().flat_map(|it| &it.args).map(|arg| arg.name.as_str()).collect();
                let advice = meant(name, names);
                self.error(format!("there is no filter \"{name}\" here, so it narrows nothing; {advice}"));
                continue;
            }
            self.filter(name, filter, &args);
        }
        let narrowed = |it: &Type| it.args.iter().any(|arg| wanted.filters.contains_key(&arg.name));
        let free: Vec<&str> = types.iter().filter(|it| !narrowed(it)).map(|it| it.name.as_str()).collect();
        if !free.is_empty() && free.len() < types.len() && !wanted.filters.is_empty() {
            self.warning(format!("its filters do not narrow {}, which {} no such arguments", free.join(", "), have(free.len())));
        }
    }

    fn filter(&mut self, name: &str, filter: &Filter, args: &[&Arg]) {
        let Filter::Match { effect, key, test } = filter else { return };
        let never = match effect {
            Effect::Keep => "it never matches",
            Effect::Remove => "it removes nothing",
        };
        if let Some(key) = key.as_deref().filter(|key| !KEYS.contains(key)) {
            return self.error(format!("filter `{name}` has no key \"{key}\", so {never}; there are {}", KEYS.join(" and ")));
        }
        let all = args.iter().all(|arg| arg.all);
        let regex = match test {
            Test::Pattern(regex) => regex,
            Test::Is(value) => {
                let value = value.to_string();
                if all && args.iter().flat_map(|arg| &arg.choices).all(|values| !values.contains(&value)) {
                    self.error(format!("filter `{name}`: it is no yes or no, so {never}; write `key: id` and a `pattern`"));
                } else if !all {
                    self.warning(format!(
                        "filter `{name}`: `value: {value}` is for a yes or no, and matches the word \"{value}\" here; write `key: id` and a `pattern`"
                    ));
                }
                return;
            }
        };
        let text = regex.as_str();
        if pattern::uneven(text) {
            let bare: String = text.trim_start_matches('^').trim_end_matches('$').to_owned();
            self.warning(format!(
                "filter `{name}`: in \"{text}\" each of `^` and `$` counts for its own side of `|` only; write \"^({bare})$\""
            ));
        }
        if let Some(letter) = pattern::starred(text) {
            self.warning(format!(
                "filter `{name}`: the star in \"{text}\" repeats \"{letter}\" and stands for nothing else; \".*\" is anything"
            ));
        }
        match pattern::shape(text) {
            Shape::Nothing => return self.error(format!("filter `{name}`: nothing can match \"{text}\", so {never}")),
            Shape::Empty => return self.error(format!("filter `{name}`: only nothing at all matches \"{text}\", so {never}")),
            Shape::Everything => return self.warning(format!("filter `{name}`: everything matches \"{text}\"")),
            Shape::Bare | Shape::Other => {}
        }
        let listed: Option<Vec<&String>> = args
            .iter()
            .map(|arg| arg.choices.as_ref())
            .collect::<Option<Vec<_>>>()
            .map(|all| all.into_iter().flatten().collect());
        let fits =
            listed.as_ref().map(|all| all.iter().filter(|value| regex.is_match(value)).map(|it| it.as_str()).collect::<Vec<_>>());
        if let (Some(values), Some(fits)) = (&listed, &fits)
            && fits.is_empty()
        {
            let there: BTreeSet<&str> = values.iter().map(|it| it.as_str()).collect();
            let there = few(&there);
            return match all {
                true => self.error(format!("filter `{name}`: no value matches \"{text}\", so {never}; there are {there}")),
                false => self.warning(format!(
                    "filter `{name}`: nothing that was seen last matches \"{text}\", so {never} as it is; there are {there}"
                )),
            };
        }
        if pattern::shape(text) == Shape::Bare {
            let others: BTreeSet<&str> = fits.into_iter().flatten().filter(|value| *value != text).collect();
            if others.is_empty() && all && listed.is_some() {
                return;
            }
            // What was seen last need not be all there will be.
            let too = if others.is_empty() { format!("non{text}") } else { few(&others) };
            self.warning(format!("filter `{name}`: \"{text}\" is found anywhere, also in {too}; write \"^{text}$\""));
        }
    }

    fn group(&mut self, groups: &Groups, empty: impl Fn(&str) -> Option<String>) {
        for named in &groups.groups {
            match self.known.groups.get(&named.group) {
                Some(Err(why)) => self.error(format!("who is in {} cannot be known: {why}", named.label)),
                Some(Ok(members)) if members.is_empty() => {
                    if let Some(what) = empty(&named.label) {
                        self.warning(what);
                    }
                }
                Some(Ok(_)) | None => {}
            }
        }
    }

    fn requestor(&mut self) {
        let Requestor::Groups(groups) = &self.rule.requestor else { return };
        let (effect, all_empty) = (groups.effect, self.emails(groups).is_some_and(|all| all.is_empty()));
        self.group(groups, |label| match effect {
            Effect::Keep if all_empty => Some(format!("nobody is in {label}, so it never matches")),
            Effect::Remove if all_empty => Some(format!("nobody is in {label}, so it is for everybody")),
            Effect::Keep | Effect::Remove => None,
        });
    }

    /// Everybody in these groups. `None`: they are not known, or not by their address.
    fn emails(&self, groups: &Groups) -> Option<BTreeSet<Email>> {
        let mut all = BTreeSet::new();
        for named in &groups.groups {
            let members = self.known.groups.get(&named.group)?.as_ref().ok()?;
            if !members.handles.is_empty() {
                return None;
            }
            all.extend(members.emails.iter().cloned());
        }
        Some(all)
    }

    /// Everybody who may say yes. `None`: it depends on who asks or when, or it is not known.
    fn who(&self, approver: &Approver) -> Option<BTreeSet<Email>> {
        match approver {
            Approver::Groups(groups) if groups.effect == Effect::Keep => self.emails(groups),
            Approver::User(email) => Some(BTreeSet::from([email.clone()])),
            Approver::Reviewers => {
                let mut all = BTreeSet::new();
                for holders in [&self.policy.approvers, &self.policy.reviewers] {
                    all.extend(holders.people.iter().cloned());
                    for group in &holders.groups {
                        all.extend(self.known.groups.get(group)?.as_ref().ok()?.emails.iter().cloned());
                    }
                }
                Some(all)
            }
            Approver::Groups(_) | Approver::Profile { .. } | Approver::OnCall { .. } => None,
        }
    }

    fn approvals(&mut self) {
        if self.rule.approval.is_empty() {
            self.warning("it names no approval, so nobody can have anything by it");
        }
        let everything = self.rule.requestor == Requestor::Any && self.rule.resource == Resource { service: None, risk: None };
        if everything && self.rule.when.is_none() && self.rule.approval.iter().any(|it| it.how == How::Persistent) {
            self.warning("it gives everything to everybody at once, without asking");
        }
        let ladders = self.rule.approval.iter().filter(|it| it.ladder.is_some()).count();
        let people = self.rule.approval.iter().filter(|it| it.how.approvers().next().is_some()).count();
        if 0 < ladders && ladders < people {
            self.warning("`ask` has no effect: whoever another entry names is asked at once, with the channel");
        }
        for approval in &self.rule.approval {
            self.options(approval);
            let steps = match &approval.how {
                How::People(approver) => vec![Step { count: 1, approvers: vec![approver.clone()] }],
                How::Steps(steps) => steps.clone(),
                How::OnCall { .. } | How::Persistent | How::BreakGlass | How::Deny => continue,
            };
            let alone = matches!(steps.as_slice(), [Step { count: 1, .. }]);
            if approval.options.preapproval && !alone {
                self.error(
                    "`requirePreapproval` wants somebody who can say yes alone, and here several have to; nobody ever can",
                );
            }
            for step in &steps {
                self.step(step, approval.options.one_party);
            }
        }
    }

    fn step(&mut self, step: &Step, one_party: bool) {
        for approver in &step.approvers {
            match approver {
                Approver::Groups(groups) => {
                    let keep = groups.effect == Effect::Keep;
                    self.group(groups, |label| keep.then(|| format!("nobody is in {label}, who should approve")));
                }
                Approver::OnCall { integration, services } => {
                    if let Some(Err(why)) = self.known.on_call.get(&(integration.clone(), services.clone())) {
                        let why = why.clone();
                        self.error(format!("who is on call cannot be known: {why}"));
                    }
                }
                Approver::Reviewers => {
                    if self.policy.approvers.is_empty() && self.policy.reviewers.is_empty() {
                        self.error("security reviewers should approve, and nobody has that role; write `securityReviewers:`");
                    }
                }
                Approver::Profile { .. } | Approver::User(_) => {}
            }
        }
        let Some(all) = step.approvers.iter().map(|it| self.who(it)).collect::<Option<Vec<_>>>() else { return };
        let all: BTreeSet<Email> = all.into_iter().flatten().collect();
        let wanted = usize::try_from(step.count).unwrap_or(usize::MAX);
        if !all.is_empty() && all.len() < wanted {
            self.error(format!("{wanted} people have to say yes, and there are {} who may", all.len()));
        }
        let asks = match &self.rule.requestor {
            Requestor::User(email) => Some(BTreeSet::from([email.clone()])),
            Requestor::Groups(groups) if groups.effect == Effect::Keep => self.emails(groups),
            Requestor::Any | Requestor::Groups(_) | Requestor::Agent(_) => None,
        };
        if let Some(only) = all.first().filter(|_| all.len() == 1 && asks.as_ref() == Some(&all) && !one_party) {
            self.error(format!(
                "{only} is the only one who asks and the only one who approves, and nobody approves for themselves"
            ));
        }
    }

    fn options(&mut self, approval: &Approval) {
        let kind = match &approval.how {
            How::People(_) | How::Steps(_) => {
                if approval.options.break_glass && !self.has_emergencies() {
                    self.warning("`breakGlassApprover` has no effect: nothing here is for emergencies");
                }
                return;
            }
            How::OnCall { .. } => "auto",
            How::Persistent => "persistent",
            How::BreakGlass => "break-glass",
            How::Deny => "deny",
        };
        if approval.options.preapproval {
            self.warning(format!("`requirePreapproval` has no effect with `{kind}`"));
        }
        if approval.how == How::Deny
            && approval.options != (Options { preapproval: approval.options.preapproval, ..Options::default() })
        {
            self.warning("options have no effect with `deny`");
        }
    }

    fn has_emergencies(&self) -> bool {
        let types = self.known.services.iter().filter(|it| match &self.rule.resource.service {
            None => true,
            Some(wanted) => it.is(&wanted.name),
        });
        let wanted = self.rule.resource.service.as_ref().and_then(|service| service.access_type.as_ref());
        types.flat_map(|it| &it.types).any(|it| it.emergency && wanted.is_none_or(|name| it.name.eq_ignore_ascii_case(name)))
    }

    fn limits(&mut self) {
        let Some(longest) = self.rule.longest else { return };
        if self.policy.longest < longest {
            let most = self.policy.longest;
            self.warning(format!("`maxDuration` has no effect: {longest} is longer than `longest`, which is {most}"));
        }
    }

    /// What another rule makes of this one.
    fn beside(&mut self, other: &Rule, is_before: bool) {
        let denies = |rule: &Rule| rule.approval.iter().any(|it| it.how == How::Deny);
        let same = || Rule { name: self.rule.name.clone(), ..other.clone() } == *self.rule;
        if is_before && same() {
            self.warning(format!("it says the same as \"{}\"", other.name));
        } else if denies(other) && !denies(self.rule) && other.when.is_none() && self.known.covers(other, self.rule) {
            self.warning(format!("it never gives anything: \"{}\" denies all of it", other.name));
        }
    }
}

impl Service {
    fn is(&self, word: &str) -> bool {
        self.names.iter().any(|name| name.eq_ignore_ascii_case(word))
    }
}

impl Known<'_> {
    /// Does one rule match whenever the other does? Says no where that is hard to tell.
    fn covers(&self, wide: &Rule, narrow: &Rule) -> bool {
        let who = match (&wide.requestor, &narrow.requestor) {
            (Requestor::Any, _) => true,
            (Requestor::Groups(wide), Requestor::Groups(narrow))
                if wide.effect == Effect::Keep && narrow.effect == Effect::Keep =>
            {
                narrow.groups.iter().all(|named| wide.groups.iter().any(|it| it.group == named.group))
            }
            (wide, narrow) => wide == narrow,
        };
        who && self.covers_resource(&wide.resource, &narrow.resource)
    }

    fn covers_resource(&self, wide: &Resource, narrow: &Resource) -> bool {
        if wide.risk.is_some_and(|risk| narrow.risk < Some(risk)) {
            return false;
        }
        let Some(wide) = &wide.service else { return true };
        let Some(narrow) = &narrow.service else { return false };
        let same = |one: &str, other: &str| {
            one.eq_ignore_ascii_case(other) || self.services.iter().any(|service| service.is(one) && service.is(other))
        };
        let kind = match (&wide.access_type, &narrow.access_type) {
            (None, _) => true,
            (Some(wide), Some(narrow)) => wide.eq_ignore_ascii_case(narrow),
            (Some(_), None) => false,
        };
        let filters = wide.filters.iter().all(|(name, filter)| narrow.filters.get(name) == Some(filter));
        same(&wide.name, &narrow.name) && kind && filters
    }
}

/// So many of them as can be read, and how many more there are.
fn few(all: &BTreeSet<&str>) -> String {
    let named = all.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = all.len().saturating_sub(MOST_NAMED);
    if more == 0 { named } else { format!("{named} and {more} more") }
}

fn have(n: usize) -> &'static str {
    if n == 1 { "has" } else { "have" }
}

/// `did you mean "role"?`, or what there is.
fn meant<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match near(word, known.clone()) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => match known.into_iter().collect::<Vec<_>>().join(", ") {
            there if there.is_empty() => "there are none".to_owned(),
            there => format!("there are {there}"),
        },
    }
}

/// A word that a slip or two of the finger makes into this one.
fn near<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let most = 1 + word.chars().count() / 4;
    known
        .into_iter()
        .map(|it| (strsim::damerau_levenshtein(&lower, &it.to_lowercase()), it))
        .filter(|(slips, it)| 0 < *slips && *slips <= most && *slips < it.chars().count().max(2))
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, it)| it)
}
