//! One rule: who asks, what for, and who decides. What it means, not how it is written ([`super::wire`]).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::wire::{BadRule, Written};
use crate::domain::access::{Attributes, Risk};
use crate::domain::directory::Group;
use crate::domain::person::Email;
use crate::domain::time::{Span, Time};
use crate::domain::words;
use crate::domain::zone::{Day, Zone};

/// A rule. Written and read as P0's rules are, in YAML and in JSON alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Rule {
    /// Unique in a policy.
    pub name: String,
    pub disabled: bool,
    pub requestor: Requestor,
    pub resource: Resource,
    /// Any one is enough, but for a denial, which wins. None: nobody can have it by this rule.
    pub approval: Vec<Approval>,
    /// The longest access by this rule.
    pub longest: Option<Span>,
    /// When it counts; always, if nothing is said.
    pub when: Option<Window>,
}

/// Who may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requestor {
    Any,
    User(Email),
    Groups(Groups),
    /// A program that asks by itself; people never do. Kept as it was written.
    Agent(Box<super::wire::WrittenRequestor>),
}

/// People by their groups.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Groups {
    /// Any of these.
    pub groups: Vec<Named>,
    pub effect: Effect,
}

/// A group with what people call it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    pub group: Group,
    pub label: String,
}

words! {
    Effect {
        /// Those in it.
        Keep = "keep",
        /// Everybody else.
        Remove = "remove",
    }
}

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// `None`: any integration.
    pub service: Option<Service>,
    /// Only access types of this risk or more.
    pub risk: Option<Risk>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The integration, by its name or another it has.
    pub name: String,
    /// `None`: any.
    pub access_type: Option<String>,
    /// All of these.
    pub filters: BTreeMap<String, Filter>,
}

/// A condition on one attribute of what is asked for. An item that has no such attribute at all is not
/// narrowed by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    Match {
        effect: Effect,
        /// `None` for a yes or no.
        key: Option<String>,
        test: Test,
    },
    /// Nothing that has the attribute.
    RemoveAll,
}

#[derive(Debug, Clone)]
pub enum Test {
    /// Found anywhere in the value: not anchored, as the rules have always been.
    Pattern(regex::Regex),
    Is(bool),
}

impl PartialEq for Test {
    fn eq(&self, other: &Test) -> bool {
        match (self, other) {
            (Test::Pattern(one), Test::Pattern(other)) => one.as_str() == other.as_str(),
            (Test::Is(one), Test::Is(other)) => one == other,
            (Test::Pattern(_), Test::Is(_)) | (Test::Is(_), Test::Pattern(_)) => false,
        }
    }
}

impl Eq for Test {}

impl Filter {
    /// Does what has these attributes pass? `name` is the attribute this is a condition on. Of several values
    /// each has to pass; one is enough for a rule that denies.
    pub fn passes(&self, name: &str, attributes: &Attributes, denies: bool) -> bool {
        let Some(keys) = attributes.get(name) else { return true };
        match self {
            Filter::RemoveAll => keys.values().all(Vec::is_empty),
            Filter::Match { effect, key, test } => {
                let values = keys.get(key.as_deref().unwrap_or_default()).map(Vec::as_slice).unwrap_or_default();
                let mut passing = values.iter().map(|value| test.fits(value) == (*effect == Effect::Keep));
                match (values.is_empty(), denies) {
                    (true, _) => *effect == Effect::Remove,
                    (false, true) => passing.any(|passes| passes),
                    (false, false) => passing.all(|passes| passes),
                }
            }
        }
    }
}

impl Filter {
    /// Is it about what stands under this key?
    pub(super) fn looks_at(&self, key: &str) -> bool {
        match self {
            Filter::RemoveAll => true,
            Filter::Match { key: wanted, .. } => wanted.as_deref().unwrap_or_default() == key,
        }
    }
}

impl Test {
    fn fits(&self, value: &str) -> bool {
        match self {
            Test::Pattern(regex) => regex.is_match(value),
            Test::Is(wanted) => value == if *wanted { "true" } else { "false" },
        }
    }
}

/// When a rule counts: on these days, from one time of day until another. A window that passes midnight
/// belongs to the day on which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Empty: every day.
    pub days: Vec<Day>,
    /// Minutes since midnight.
    pub from: u16,
    pub until: u16,
    /// Whose clock; the zone of whoever is to receive the access, if nothing is said.
    pub zone: Option<Zone>,
}

impl Window {
    pub fn is_open(&self, at: Time, zone: Zone) -> bool {
        let local = self.zone.unwrap_or(zone).local(at);
        let on = |day| self.days.is_empty() || self.days.contains(&day);
        if self.from < self.until {
            on(local.day) && self.from <= local.minute && local.minute < self.until
        } else {
            (on(local.day) && self.from <= local.minute) || (on(local.day.before()) && local.minute < self.until)
        }
    }
}

/// One way to a yes, or a no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    pub how: How,
    pub options: Options,
    /// Whom to ask first, so that not everybody is pinged. `None`: everybody at once.
    pub ladder: Option<Ladder>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// Somebody says yes.
    People(Approver),
    /// Several say yes, step by step.
    Steps(Vec<Step>),
    /// At once, for whoever is on call.
    OnCall { integration: String },
    /// At once.
    Persistent,
    /// At once when asked for as an emergency, and everybody is told.
    BreakGlass,
    /// Never.
    Deny,
}

/// So many different people of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub count: u32,
    pub approvers: Vec<Approver>,
}

/// Who may say yes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Approver {
    /// Whoever has the role of a security reviewer or an approver.
    Reviewers,
    Groups(Groups),
    /// Whose address stands in this property of the profile of whoever is to receive the access.
    Profile {
        directory: String,
        property: String,
    },
    /// Who is on call for any of these services.
    OnCall {
        integration: String,
        services: Vec<String>,
    },
    User(Email),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Who asks may say yes too, if they are one of these.
    pub one_party: bool,
    pub reason: bool,
    pub duration: bool,
    /// Only what was allowed ahead of time passes.
    pub preapproval: bool,
    /// May say yes to access types for emergencies.
    pub break_glass: bool,
}

/// So many people are asked, then after a while so many more, and at last the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    pub people: Vec<u32>,
    pub every: Span,
}

impl Rule {
    pub fn new(written: Written) -> Result<Rule, BadRule> {
        Rule::try_from(written)
    }

    /// Is there a denial among its entries?
    pub fn denies(&self) -> bool {
        self.approval.iter().any(|approval| approval.how == How::Deny)
    }

    /// Every group it names.
    pub fn groups(&self) -> impl Iterator<Item = &Named> {
        let asking = match &self.requestor {
            Requestor::Groups(groups) => groups.groups.as_slice(),
            Requestor::Any | Requestor::User(_) | Requestor::Agent(_) => &[],
        };
        let deciding = self.approvers().flat_map(|approver| match approver {
            Approver::Groups(groups) => groups.groups.as_slice(),
            Approver::Reviewers | Approver::Profile { .. } | Approver::OnCall { .. } | Approver::User(_) => &[],
        });
        asking.iter().chain(deciding)
    }

    /// Everybody who may say yes by it.
    pub fn approvers(&self) -> impl Iterator<Item = &Approver> {
        self.approval.iter().flat_map(|approval| approval.how.approvers())
    }
}

impl How {
    /// Who may say yes, over all steps.
    pub fn approvers(&self) -> Box<dyn Iterator<Item = &Approver> + '_> {
        match self {
            How::People(approver) => Box::new(std::iter::once(approver)),
            How::Steps(steps) => Box::new(steps.iter().flat_map(|step| &step.approvers)),
            How::OnCall { .. } | How::Persistent | How::BreakGlass | How::Deny => Box::new(std::iter::empty()),
        }
    }
}

impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.groups.iter().map(|named| named.label.as_str()).collect();
        let outside = if self.effect == Effect::Remove { "anybody outside " } else { "" };
        write!(f, "{outside}{}", names.join(" or "))
    }
}

impl fmt::Display for Approver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Approver::Reviewers => f.write_str("a security reviewer"),
            Approver::Groups(groups) if groups.effect == Effect::Keep => write!(f, "somebody of {groups}"),
            Approver::Groups(groups) => write!(f, "{groups}"),
            Approver::Profile { property, .. } => write!(f, "the {property} of whoever receives it"),
            Approver::OnCall { integration, services } if services.is_empty() => write!(f, "whoever is on call in {integration}"),
            Approver::OnCall { services, .. } => write!(f, "whoever is on call for {}", services.join(" or ")),
            Approver::User(email) => write!(f, "{email}"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = self.approvers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", or ");
        match self.count {
            1 => f.write_str(&who),
            count => write!(f, "{count} of ({who})"),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let days: Vec<&str> = self.days.iter().map(|day| day.as_str()).collect();
        let days = if days.is_empty() { "every day".to_owned() } else { days.join(", ") };
        let zone = self.zone.map_or_else(|| "their own time".to_owned(), |zone| zone.to_string());
        write!(f, "{days} from {} until {}, {zone}", clock(self.from), clock(self.until))
    }
}
