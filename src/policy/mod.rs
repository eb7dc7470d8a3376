//! Who may ask for what, and who decides: an analysis of one request. Pure.
//!
//! [`rule`] says what a rule is and [`wire`] how it is written; [`analysis`] says how rules combine, and
//! [`press`] who may say yes and what a yes comes to. Nothing here reads a store, a clock or a directory:
//! [`facts`] says what has to be looked up, the facts are handed in, and one that could not be had refuses.

pub mod analysis;
pub mod facts;
pub mod lint;
pub mod offer;
mod pattern;
pub mod press;
pub mod rule;
mod sheets;
#[cfg(test)]
mod tests;
pub mod wire;

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::directory::Group;
use crate::domain::person::Email;
use crate::domain::time::{Span, Time};
use crate::yaml::{BadYaml, Section, Spanned};
pub use analysis::{Analysis, Refusal, Way};
pub use facts::{Asked, Facts, Needs};
pub use offer::{Offer, Partly};
pub use press::{MayNot, Press, Progress, Yes};
use rule::{Approval, Approver, How, Options, Requestor, Resource, Rule};
pub use sheets::places;
use sheets::{Sheet, one};
use wire::Written as WrittenRule;

/// The `policy:` section of the configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    approvers: Option<Spanned<WrittenHolders>>,
    security_reviewers: Option<WrittenHolders>,
    owners: Option<WrittenHolders>,
    rules: Option<Vec<Spanned<WrittenRule>>>,
    allow_one_party: Option<Spanned<bool>>,
    require_reason: Option<Spanned<bool>>,
    standing: Option<Spanned<String>>,
    durations: Option<Vec<Spanned<String>>>,
    longest: Option<Spanned<String>>,
    approvable: Option<Spanned<String>>,
    allowance: Option<Spanned<String>>,
    open_requests: Option<u32>,
    extensions: Option<WrittenExtensions>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenExtensions {
    at_once: Spanned<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHolders {
    #[serde(default)]
    people: Vec<Spanned<String>>,
    #[serde(default)]
    groups: Vec<Spanned<String>>,
}

/// Who holds a role: people by e-mail, who are resolved once and never compared with a sender's, and groups.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Holders {
    pub people: Vec<Email>,
    pub groups: Vec<Group>,
}

impl Holders {
    pub fn is_empty(&self) -> bool {
        self.people.is_empty() && self.groups.is_empty()
    }
}

/// What is in force. Stored as it is here, one version after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Whoever may approve where no rule says otherwise, and where a rule says `p0`.
    #[serde(flatten)]
    pub approvers: Holders,
    /// They may approve the same, and look after the policies and what went wrong.
    #[serde(default)]
    pub reviewers: Holders,
    /// They may change settings.
    #[serde(default)]
    pub owners: Holders,
    /// None: the approvers decide everything.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// The on-call sources there are; without rules each lets whoever is on call have what they ask for.
    #[serde(default)]
    pub on_call: Vec<String>,
    /// Without rules: a requestor who is an approver may approve the own request.
    #[serde(alias = "one_party")]
    pub allow_one_party: bool,
    /// Without rules.
    pub require_reason: bool,
    /// The longest persistent access, before it has to be asked for again.
    #[serde(default = "usual_standing")]
    pub standing: Span,
    /// The lengths offered in pickers.
    pub durations: Vec<Span>,
    /// The longest access an approval may give.
    pub longest: Span,
    /// The longest time between request and approval.
    pub approvable: Span,
    /// How long it may take until an approved access works.
    pub allowance: Span,
    /// How many undecided requests one person may have.
    pub open_requests: u32,
    /// An extension that keeps an access no longer than this in all needs no approver.
    #[serde(default)]
    pub at_once: Option<Span>,
}

/// How long an access may be held, and since when it is: what a new request for it is measured by.
///
/// A line is an access and its extensions, as far as one begins before the other ends. Its length is
/// bounded as that of a single access is. It is counted in whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// The most that policy and access type allow.
    pub longest: Span,
    /// When the first access of the line began to work. `None`: nobody holds it now.
    pub began: Option<Time>,
}

impl Line {
    /// How much of the line is over at this time.
    fn over(&self, at: Time) -> Span {
        self.began.map_or(Span::ZERO, |began| (at - began).whole_minutes())
    }

    /// How much longer than until `at` it may be held.
    pub fn left(&self, at: Time) -> Span {
        (self.longest - self.over(at)).max(Span::ZERO)
    }

    /// May it be held this much longer than until `at`?
    pub fn allows(&self, at: Time, length: Span) -> bool {
        self.total(at, length) <= self.longest
    }

    /// How long the line would be.
    fn total(&self, at: Time, length: Span) -> Span {
        (at + length - self.began.unwrap_or(at)).whole_minutes()
    }
}

/// The name of the rule that stands for all where none was written.
pub const DEFAULT: &str = "default approvals";

fn usual_standing() -> Span {
    Span::days(1)
}

/// The most rules a policy has.
const MOST_RULES: usize = 5_000;

/// What a policy may name: directories, and on-call sources.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    pub directories: &'a [&'a str],
    pub on_call: &'a [&'a str],
}

impl Policy {
    /// Reads the policy.
    pub fn read(section: &Section, names: Names) -> Result<Policy, BadYaml> {
        let Some(written) = section.read::<Written>()? else {
            return Err(section
                .problem("nobody could approve anything; write `policy: { approvers: { people: [ somebody@your.example ] } }`"));
        };
        Policy::of(&[Sheet { section: section.clone(), written }], names)
    }

    /// Reads a policy that stands in several files: each a list of rules, or keys as in the section.
    pub fn read_all(files: &[Section], names: Names) -> Result<Policy, BadYaml> {
        Policy::of(&sheets::read(files)?, names)
    }

    fn of(sheets: &[Sheet], names: Names) -> Result<Policy, BadYaml> {
        let empty = |why: &str| match sheets.first() {
            Some(sheet) => sheet.section.problem(why),
            None => Section::whole("policy", "").problem(why),
        };
        let span = |key: &str, of: fn(&Written) -> Option<&Spanned<String>>, otherwise: Span| match one(sheets, key, of)? {
            Some((section, text)) => Span::parse(&text.value).map_err(|why| section.mistake(text, why)),
            None => Ok(otherwise),
        };
        let role = |key: &str, of: fn(&Written) -> Option<&WrittenHolders>| match one(sheets, key, of)? {
            Some((section, written)) => holders(section, written, names),
            None => Ok(Holders::default()),
        };
        let approvers = match one(sheets, "approvers", |written| written.approvers.as_ref())? {
            Some((section, approvers)) => {
                let read = holders(section, &approvers.value, names)?;
                if read.is_empty() {
                    return Err(section.mistake(approvers, "nobody could approve anything; name people or groups here"));
                }
                read
            }
            None => Holders::default(),
        };
        let reviewers = role("securityReviewers", |written| written.security_reviewers.as_ref())?;
        let owners = role("owners", |written| written.owners.as_ref())?;
        let rules = rules(sheets, names)?;
        if rules.is_empty() && approvers.is_empty() && reviewers.is_empty() {
            return Err(empty("nobody could approve anything; `approvers` needs people or groups"));
        }
        let flag = |key: &str, of: fn(&Written) -> Option<&Spanned<bool>>| match one(sheets, key, of)? {
            Some((section, given)) if !rules.is_empty() => {
                let why = format!("`{key}` stands here only where there are no rules; put it into the `options` of each entry");
                Err(section.mistake(given, why))
            }
            given => Ok(given.is_some_and(|(_, given)| given.value)),
        };
        let longest = span("longest", |written| written.longest.as_ref(), Span::hours(12))?;
        let mut durations = Vec::new();
        match one(sheets, "durations", |written| written.durations.as_ref())? {
            Some((section, texts)) => {
                for text in texts {
                    let length = Span::parse(&text.value).map_err(|why| section.mistake(text, why))?;
                    if longest < length {
                        return Err(section.mistake(text, format!("{length} is longer than `longest`, which is {longest}")));
                    }
                    durations.push(length);
                }
            }
            None => durations.extend([30, 60, 240, 480].map(Span::minutes).into_iter().filter(|length| *length <= longest)),
        }
        durations.sort();
        durations.dedup();
        if durations.is_empty() || durations.len() > 90 {
            return Err(empty("`durations` must offer between 1 and 90 lengths, like [30m, 1h, 4h]"));
        }
        let at_once = match one(sheets, "extensions", |written| written.extensions.as_ref())? {
            Some((section, extensions)) => Some(at_once(section, extensions, longest)?),
            None => None,
        };
        let open_requests = one(sheets, "openRequests", |written| written.open_requests.as_ref())?;
        Ok(Policy {
            approvers,
            reviewers,
            owners,
            on_call: names.on_call.iter().map(|name| (*name).to_owned()).collect(),
            allow_one_party: flag("allowOneParty", |written| written.allow_one_party.as_ref())?,
            require_reason: flag("requireReason", |written| written.require_reason.as_ref())?,
            rules,
            standing: span("standing", |written| written.standing.as_ref(), usual_standing())?,
            durations,
            longest,
            approvable: span("approvable", |written| written.approvable.as_ref(), Span::days(14))?,
            allowance: span("allowance", |written| written.allowance.as_ref(), Span::minutes(15))?,
            open_requests: open_requests.map_or(20, |(_, count)| *count),
            at_once,
        })
    }

    /// Who looks after everything: the security reviewers, or the approvers where there are none.
    pub fn overseers(&self) -> &Holders {
        if self.reviewers.is_empty() { &self.approvers } else { &self.reviewers }
    }

    /// As it is stored. A program that knows no rules must not read one that has some and pass them over: it
    /// does not find a key then that it needs.
    pub fn stored(&self) -> Result<String, serde_json::Error> {
        let mut value = serde_json::to_value(self)?;
        if let Some(map) = value.as_object_mut().filter(|_| !self.rules.is_empty()) {
            let one_party = map.remove("allow_one_party").unwrap_or_default();
            map.insert("one_party".to_owned(), one_party);
        }
        serde_json::to_string(&value)
    }

    /// Every group it names, wherever: `directory` and id, each once.
    pub fn groups(&self) -> BTreeSet<&Group> {
        let holders = [&self.owners, &self.reviewers, &self.approvers].into_iter().flat_map(|holders| &holders.groups);
        holders.chain(self.rules.iter().flat_map(|rule| rule.groups().map(|named| &named.group))).collect()
    }

    /// The rules that count: those that were written, or else the default approvals as a rule.
    pub fn in_force(&self) -> Cow<'_, [Rule]> {
        if !self.rules.is_empty() {
            return Cow::Borrowed(&self.rules);
        }
        let options =
            Options { one_party: self.allow_one_party, reason: self.require_reason, break_glass: true, ..Options::default() };
        let entry = |how, options| Approval { how, options, ladder: None };
        let mut approval = vec![entry(How::People(Approver::Reviewers), options)];
        let at_once = Options { reason: self.require_reason, ..Options::default() };
        for integration in &self.on_call {
            approval.push(entry(How::OnCall { integration: integration.clone() }, at_once));
            let anybody = Approver::OnCall { integration: integration.clone(), services: Vec::new() };
            approval.push(entry(How::People(anybody), options));
        }
        Cow::Owned(vec![Rule {
            name: DEFAULT.to_owned(),
            disabled: false,
            requestor: Requestor::Any,
            resource: Resource { service: None, risk: None },
            approval,
            longest: None,
            when: None,
        }])
    }

    /// The longest access of a type that has this limit of its own.
    pub fn longest_for(&self, of_type: Option<Span>) -> Span {
        of_type.map_or(self.longest, |of_type| of_type.min(self.longest))
    }

    /// Does the policy itself approve this extension? It gives `length`, counted from `at`, on top of a
    /// line that people approved. That rules let it be asked for at all is decided before.
    pub fn extends_at_once(&self, line: Line, at: Time, length: Span) -> bool {
        self.at_once.is_some_and(|most| line.began.is_some() && line.allows(at, length) && line.total(at, length) <= most)
    }

    /// The lengths to offer for a request: the usual ones and the one asked for, shortest first; none
    /// is longer than what is left.
    pub fn durations_for(&self, asked: Span, left: Span) -> Vec<Span> {
        let asked = asked.min(left);
        let mut lengths: Vec<Span> = self.durations.iter().copied().chain([asked]).filter(|length| *length <= left).collect();
        lengths.sort();
        lengths.dedup();
        lengths
    }
}

/// Reads a role's holders.
fn holders(section: &Section, written: &WrittenHolders, names: Names) -> Result<Holders, BadYaml> {
    let mut holders = Holders::default();
    for email in &written.people {
        let read = Email::parse(&email.value);
        let wrong = || section.mistake(email, format!("\"{}\" is not an e-mail address", email.value));
        holders.people.push(read.ok_or_else(wrong)?);
    }
    for group in &written.groups {
        match group.value.split_once(':') {
            Some((directory, id)) if names.directories.contains(&directory) && !id.trim().is_empty() => {
                holders.groups.push(Group { directory: directory.to_owned(), id: id.trim().to_owned() });
            }
            Some((directory, _)) if !names.directories.contains(&directory) => {
                let why = format!("there is no directory \"{directory}\" here; add it under `directories:`, or name another");
                return Err(section.mistake(group, format!("{why}; there are {}", names.directories.join(", "))));
            }
            Some(_) | None => {
                let known = names.directories.iter().map(|name| format!("{name}:GROUP")).collect::<Vec<_>>().join(" or ");
                return Err(section.mistake(group, format!("\"{}\" is not a group; write {known}", group.value)));
            }
        }
    }
    Ok(holders)
}

fn rules(sheets: &[Sheet], names: Names) -> Result<Vec<Rule>, BadYaml> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut seen = BTreeSet::new();
    for Sheet { section, written } in sheets {
        for one in written.rules.iter().flatten() {
            let rule = Rule::new(one.value.clone()).map_err(|why| section.mistake(one, why))?;
            let wrong = |why: String| section.mistake(one, format!("rule \"{}\": {why}", rule.name));
            if !seen.insert(rule.name.clone()) {
                return Err(wrong("another rule has this name already; names are unique".to_owned()));
            }
            if MOST_RULES < seen.len() {
                return Err(wrong(format!("these are more than {MOST_RULES} rules")));
            }
            rule.knows_only(names).map_err(wrong)?;
            rules.push(rule);
        }
    }
    Ok(rules)
}

impl Rule {
    /// Are the directories and on-call sources it names there? What is not could never be evaluated.
    pub fn knows_only(&self, names: Names) -> Result<(), String> {
        let known = |what: &str, name: &str, known: &[&str]| {
            if known.contains(&name) {
                return Ok(());
            }
            let there =
                if known.is_empty() { "none is configured".to_owned() } else { format!("there are {}", known.join(", ")) };
            Err(format!("there is no {what} \"{name}\"; {there}"))
        };
        for named in self.groups() {
            known("directory", &named.group.directory, names.directories)?;
        }
        for approver in self.approvers() {
            match approver {
                Approver::Profile { directory, .. } => known("directory", directory, names.directories)?,
                Approver::OnCall { integration, .. } => known("on-call source", integration, names.on_call)?,
                Approver::Reviewers | Approver::Groups(_) | Approver::User(_) => {}
            }
        }
        for approval in &self.approval {
            if let How::OnCall { integration } = &approval.how {
                known("on-call source", integration, names.on_call)?;
            }
        }
        Ok(())
    }
}

fn at_once(section: &Section, written: &WrittenExtensions, longest: Span) -> Result<Span, BadYaml> {
    let WrittenExtensions { at_once } = written;
    let most = Span::parse(&at_once.value).map_err(|why| section.mistake(at_once, why))?;
    if longest < most {
        return Err(section.mistake(at_once, format!("{most} is longer than `longest`, which is {longest}")));
    }
    Ok(most)
}

/// Names a text of a policy; equal texts are one version.
pub fn fingerprint(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}
