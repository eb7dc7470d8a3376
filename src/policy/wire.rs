//! A rule as it is written, in YAML and in JSON: P0's schema, and our additions to it.
//!
//! | ours | where | means |
//! | --- | --- | --- |
//! | `maxDuration: 4h` | rule | no access by this rule is longer |
//! | `when: { days, from, until, zone }` | rule | it counts only then |
//! | `risk: high` | resource | only access types of this risk or more |
//! | `type: steps`, `steps` | approval | several people, step by step |
//! | `type: user`, `uid` | approval | this person |
//! | `type: break-glass` | approval | at once when asked for as an emergency |
//! | `ask: { people: [1, 2], every: 10m }` | approval | one person is asked first, then two more, then the channel |
//!
//! A rule that has none of them is written back as it came. Old rules name one group in place of a list;
//! they are read and written back in the new form.

mod back;

pub(super) use back::write_span;

use std::collections::BTreeMap;

use regex::RegexBuilder;
use serde::{Deserialize, Serialize};

use super::rule::{
    Approval, Approver, Effect, Filter, Groups, How, Ladder, Named, Options, Requestor, Resource, Rule, Service, Step, Test,
    Window,
};
use crate::domain::access::Risk;
use crate::domain::directory::Group;
use crate::domain::person::Email;
use crate::domain::time::Span;
use crate::domain::zone::{Day, Zone};

/// What is wrong with a rule: one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadRule(pub String);

type Read<T> = Result<T, BadRule>;

fn bad<T>(why: impl Into<String>) -> Read<T> {
    Err(BadRule(why.into()))
}

macro_rules! written {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $(#[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<$kind>,)*
        }
    };
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Written {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    pub requestor: WrittenRequestor,
    pub resource: WrittenResource,
    pub approval: Vec<WrittenApproval>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<WrittenWindow>,
}

/// Who asks. `directory`, `id`, `label` are of the old form.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WrittenRequestor {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<WrittenGroup>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Box<WrittenAgent>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Box<WrittenRequestor>>,
}

written! {
    /// A program that asks, and whose it is.
    WrittenAgent {
        r#type: String,
        client_id: String,
        owner: String,
        groups: AgentGroups,
        effect: String,
        provider_id: String,
        subject_pattern: String,
    }
}

/// On the wire nested, elsewhere flat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AgentGroups {
    Flat(Vec<WrittenGroup>),
    Nested(Box<WrittenRequestor>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenGroup {
    pub directory: String,
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

written! {
    WrittenResource {
        r#type: String,
        service: String,
        access_type: String,
        filters: BTreeMap<String, WrittenFilter>,
        risk: String,
    }
}

written! {
    WrittenFilter {
        effect: String,
        key: String,
        pattern: String,
        value: bool,
    }
}

written! {
    WrittenWindow {
        days: Vec<String>,
        from: String,
        until: String,
        zone: String,
    }
}

written! {
    /// `directory`, `id`, `label` with `type: group` are of the old form.
    WrittenApproval {
        r#type: String,
        effect: String,
        groups: Vec<WrittenGroup>,
        directory: String,
        id: String,
        label: String,
        integration: String,
        profile_property: String,
        services: Vec<String>,
        uid: String,
        steps: Vec<WrittenStep>,
        ask: WrittenLadder,
        options: WrittenOptions,
    }
}

written! {
    WrittenStep {
        count: u32,
        approvers: Vec<WrittenApproval>,
    }
}

written! {
    WrittenLadder {
        people: Vec<u32>,
        every: String,
    }
}

written! {
    WrittenOptions {
        allow_one_party: bool,
        require_reason: bool,
        require_duration: bool,
        require_preapproval: bool,
        break_glass_approver: bool,
    }
}

/// The types of an approval entry.
const APPROVALS: [&str; 10] =
    ["p0", "group", "requestor-profile", "auto", "escalation", "persistent", "deny", "user", "steps", "break-glass"];

/// The longest name of a rule and the longest pattern.
const LONGEST: usize = 1_000;
/// What a compiled pattern may take: nobody's pattern makes the program slow or large.
const LARGEST_PATTERN: usize = 1 << 20;
/// The most people a step may want, and a ladder may have.
const MOST: u32 = 100;

impl TryFrom<Written> for Rule {
    type Error = BadRule;

    fn try_from(written: Written) -> Read<Rule> {
        let name = written.name.trim().to_owned();
        if name.is_empty() || name.len() > LONGEST {
            return bad(format!("a rule needs a `name` of at most {LONGEST} characters"));
        }
        let within = |part: &str, error: BadRule| BadRule(format!("rule \"{name}\", {part}: {}", error.0));
        let requestor = requestor(written.requestor).map_err(|error| within("requestor", error))?;
        let resource = resource(written.resource).map_err(|error| within("resource", error))?;
        let mut approvals = Vec::new();
        for (number, entry) in (1..).zip(written.approval) {
            approvals.push(approval(entry).map_err(|error| within(&format!("approval {number}"), error))?);
        }
        let longest = written.max_duration.as_deref().map(span).transpose().map_err(|error| within("maxDuration", error))?;
        let when = written.when.map(window).transpose().map_err(|error| within("when", error))?;
        Ok(Rule { disabled: written.disabled.unwrap_or(false), requestor, resource, approval: approvals, longest, when, name })
    }
}

fn span(text: &str) -> Read<Span> {
    Span::parse(text).map_err(|why| BadRule(why.to_string()))
}

fn needed<T>(value: Option<T>, key: &str, kind: &str) -> Read<T> {
    value.ok_or_else(|| BadRule(format!("type `{kind}` needs `{key}`")))
}

fn email(text: &str) -> Read<Email> {
    Email::parse(text).ok_or_else(|| BadRule(format!("`uid` is an e-mail address, and \"{text}\" is none")))
}

/// What belongs to another type must not stand there and be passed over.
fn unused(kind: &str, given: &[(&str, bool)]) -> Read<()> {
    match given.iter().find(|(_, there)| *there) {
        Some((key, _)) => bad(format!("type `{kind}` has no `{key}`; leave it out")),
        None => Ok(()),
    }
}

fn requestor(written: WrittenRequestor) -> Read<Requestor> {
    let kind = written.kind.as_str();
    let grouped = written.groups.is_some() || written.directory.is_some() || written.id.is_some();
    let agent = written.agent.is_some() || written.user.is_some();
    match kind {
        "any" => unused(kind, &[("groups", grouped), ("uid", written.uid.is_some()), ("agent", agent)]).map(|()| Requestor::Any),
        "user" => {
            unused(kind, &[("groups", grouped), ("agent", agent)])?;
            Ok(Requestor::User(email(&needed(written.uid, "uid", "user")?)?))
        }
        "group" => {
            unused(kind, &[("uid", written.uid.is_some()), ("agent", agent)])?;
            let WrittenRequestor { groups, effect, directory, id, label, .. } = written;
            self::groups(groups, effect, (directory, id, label)).map(Requestor::Groups)
        }
        "agentic" => agentic(written),
        other => bad(format!("`type` is any, user, group or agentic, and not \"{other}\"")),
    }
}

fn agentic(written: WrittenRequestor) -> Read<Requestor> {
    let (Some(agent), Some(user)) = (&written.agent, &written.user) else {
        return bad("type `agentic` needs `agent` and `user`");
    };
    let agents = ["any", "agent-client", "mcp-client", "agent-owner", "owner-group", "provider"];
    let there = match agent.r#type.as_deref().unwrap_or_default() {
        "any" => true,
        "agent-client" | "mcp-client" => agent.client_id.is_some(),
        "agent-owner" => agent.owner.is_some(),
        "owner-group" => agent.groups.is_some(),
        "provider" => agent.provider_id.is_some(),
        other => return bad(format!("an agent's `type` is one of {}, and not \"{other}\"", agents.join(", "))),
    };
    if !there {
        return bad("this type of agent needs `clientId`, `owner`, `groups` or `providerId`");
    }
    if let Some(pattern) = &agent.subject_pattern {
        compiled(pattern)?;
    }
    match user.kind.as_str() {
        "none" => {}
        "any" | "user" | "group" => drop(requestor((**user).clone())?),
        other => return bad(format!("a user's `type` is any, user, group or none, and not \"{other}\"")),
    }
    Ok(Requestor::Agent(Box::new(written)))
}

/// One group in the old form.
type Single = (Option<String>, Option<String>, Option<String>);

fn groups(groups: Option<Vec<WrittenGroup>>, effect: Option<String>, (directory, id, label): Single) -> Read<Groups> {
    let written = match (groups, directory, id) {
        (Some(groups), None, None) => groups,
        (None, Some(directory), Some(id)) => vec![WrittenGroup { directory, id, label }],
        (None, ..) => return bad("type `group` needs `groups`, like [ { directory: okta, id: 00ab, label: SRE } ]"),
        (Some(_), ..) => return bad("`groups` and a single `directory` with `id` exclude each other; keep `groups`"),
    };
    if written.is_empty() {
        return bad("`groups` is empty; name one");
    }
    let effect = match effect.as_deref() {
        None => Effect::Keep,
        Some(word) => Effect::parse(word).ok_or_else(|| BadRule(format!("`effect` is keep or remove, and not \"{word}\"")))?,
    };
    let named = |group: WrittenGroup| {
        if group.directory.trim().is_empty() || group.id.trim().is_empty() {
            return bad("a group needs a `directory` and an `id`");
        }
        let label = group.label.filter(|label| !label.trim().is_empty()).unwrap_or_else(|| group.id.clone());
        Ok(Named { group: Group { directory: group.directory, id: group.id }, label })
    };
    Ok(Groups { groups: written.into_iter().map(named).collect::<Read<_>>()?, effect })
}

fn resource(written: WrittenResource) -> Read<Resource> {
    let risk = match written.risk.as_deref() {
        None => None,
        Some(word) => {
            Some(Risk::parse(word).ok_or_else(|| BadRule(format!("`risk` is low, medium or high, and not \"{word}\"")))?)
        }
    };
    match written.r#type.as_deref().unwrap_or_default() {
        "any" => {
            unused("any", &[("service", written.service.is_some()), ("filters", written.filters.is_some())])?;
            unused("any", &[("accessType", written.access_type.is_some_and(|it| it != "any"))])?;
            Ok(Resource { service: None, risk })
        }
        "integration" => {
            let name = needed(written.service, "service", "integration")?;
            let mut filters = BTreeMap::new();
            for (key, one) in written.filters.unwrap_or_default() {
                let read = filter(one).map_err(|error| BadRule(format!("filter `{key}`: {}", error.0)))?;
                filters.insert(key, read);
            }
            let access_type = written.access_type.filter(|word| word != "any");
            Ok(Resource { service: Some(Service { name, access_type, filters }), risk })
        }
        other => bad(format!("`type` is any or integration, and not \"{other}\"")),
    }
}

fn filter(written: WrittenFilter) -> Read<Filter> {
    let effect = match written.effect.as_deref().unwrap_or_default() {
        "removeAll" => return Ok(Filter::RemoveAll),
        word => {
            Effect::parse(word).ok_or_else(|| BadRule(format!("`effect` is keep, remove or removeAll, and not \"{word}\"")))?
        }
    };
    match (written.key, written.pattern, written.value) {
        (key, None, Some(value)) => Ok(Filter::Match { effect, key: key.filter(|key| !key.is_empty()), test: Test::Is(value) }),
        (Some(key), Some(pattern), None) => {
            Ok(Filter::Match { effect, key: Some(key), test: Test::Pattern(compiled(&pattern)?) })
        }
        (None, Some(_), None) => bad("a `pattern` needs the `key` whose value it is for"),
        (_, Some(_), Some(_)) => bad("`pattern` and `value` exclude each other"),
        (_, None, None) => bad("give a `pattern`, or `value: true` or `false`"),
    }
}

fn compiled(pattern: &str) -> Read<regex::Regex> {
    if pattern.len() > LONGEST {
        return bad(format!("a pattern has at most {LONGEST} characters"));
    }
    let compiled = RegexBuilder::new(pattern).size_limit(LARGEST_PATTERN).dfa_size_limit(LARGEST_PATTERN).build();
    compiled.map_err(|error| {
        let why = error.to_string();
        let why = why.lines().next_back().unwrap_or_default().trim_start_matches("error: ").to_owned();
        BadRule(format!("the pattern \"{pattern}\" cannot be read: {why}"))
    })
}

fn window(written: WrittenWindow) -> Read<Window> {
    let clock = |text: Option<String>, otherwise: u16| {
        let Some(text) = text else { return Ok(otherwise) };
        let read = text.split_once(':').and_then(|(hours, minutes)| Some((hours.parse().ok()?, minutes.parse().ok()?)));
        match read {
            Some((hours @ 0..=23u16, minutes @ 0..=59u16)) => Ok(hours * 60 + minutes),
            Some((24, 0)) => Ok(24 * 60),
            Some(_) | None => bad(format!("\"{text}\" is not a time of day; write it like 09:00 or 17:30")),
        }
    };
    let (from, until) = (clock(written.from, 0)?, clock(written.until, 24 * 60)?);
    if from == until {
        return bad("`from` and `until` are the same; leave both out for the whole day");
    }
    let day = |word: String| {
        Day::read(&word).ok_or_else(|| BadRule(format!("\"{word}\" is not a day; write mon, tue, wed, thu, fri, sat, sun")))
    };
    let days = written.days.unwrap_or_default().into_iter().map(day).collect::<Read<_>>()?;
    let zone = match written.zone {
        None => None,
        Some(name) => Some(
            Zone::parse(&name)
                .ok_or_else(|| BadRule(format!("\"{name}\" is not a time zone; write one like Europe/Berlin or UTC")))?,
        ),
    };
    Ok(Window { days, from, until, zone })
}

fn approval(written: WrittenApproval) -> Read<Approval> {
    let options = options(written.options.clone().unwrap_or_default());
    let ladder = written.ask.clone().map(ladder).transpose()?;
    let kind = written.r#type.clone().unwrap_or_default();
    only_its_own(&kind, &written)?;
    let how = match kind.as_str() {
        "auto" => How::OnCall { integration: needed(written.integration, "integration", "auto")? },
        "persistent" => How::Persistent,
        "break-glass" => How::BreakGlass,
        "deny" => How::Deny,
        "steps" => {
            let steps = needed(written.steps.filter(|steps| !steps.is_empty()), "steps", "steps")?;
            How::Steps(steps.into_iter().map(step).collect::<Read<_>>()?)
        }
        _ => How::People(approver(written)?),
    };
    let by_people = matches!(how, How::People(_) | How::Steps(_));
    if !by_people && (options.one_party || options.break_glass || ladder.is_some()) {
        return bad(format!(
            "nobody decides by type `{kind}`, so it has no `allowOneParty`, no `breakGlassApprover` and no `ask`"
        ));
    }
    if matches!(how, How::Steps(_)) && ladder.is_some() {
        return bad("`ask` belongs to a type that one person decides; leave it out with `steps`");
    }
    Ok(Approval { how, options, ladder })
}

/// What an entry's type does not have must not stand there and be passed over.
fn only_its_own(kind: &str, written: &WrittenApproval) -> Read<()> {
    let own: &[&str] = match kind {
        "group" => &["groups", "effect", "directory", "id", "label"],
        "requestor-profile" => &["directory", "profileProperty"],
        "auto" => &["integration"],
        "escalation" => &["integration", "services"],
        "user" => &["uid"],
        "steps" => &["steps"],
        _ => &[],
    };
    let there = [
        ("groups", written.groups.is_some()),
        ("effect", written.effect.is_some()),
        ("directory", written.directory.is_some()),
        ("id", written.id.is_some()),
        ("label", written.label.is_some()),
        ("profileProperty", written.profile_property.is_some()),
        ("integration", written.integration.is_some()),
        ("services", written.services.is_some()),
        ("uid", written.uid.is_some()),
        ("steps", written.steps.is_some()),
    ];
    let known = APPROVALS.contains(&kind);
    let others: Vec<(&str, bool)> = there.into_iter().filter(|(key, _)| known && !own.contains(key)).collect();
    unused(kind, &others)
}

fn approver(written: WrittenApproval) -> Read<Approver> {
    only_its_own(written.r#type.as_deref().unwrap_or_default(), &written)?;
    match written.r#type.as_deref().unwrap_or_default() {
        "p0" => Ok(Approver::Reviewers),
        "group" => groups(written.groups, written.effect, (written.directory, written.id, written.label)).map(Approver::Groups),
        "requestor-profile" => Ok(Approver::Profile {
            directory: needed(written.directory, "directory", "requestor-profile")?,
            property: written.profile_property.unwrap_or_else(|| "manager".to_owned()),
        }),
        "escalation" => {
            let services = needed(written.services.filter(|services| !services.is_empty()), "services", "escalation")?;
            Ok(Approver::OnCall { integration: needed(written.integration, "integration", "escalation")?, services })
        }
        "user" => email(&needed(written.uid, "uid", "user")?).map(Approver::User),
        other => bad(format!("`type` is one of {}, and not \"{other}\"", APPROVALS.join(", "))),
    }
}

fn step(written: WrittenStep) -> Read<Step> {
    let count = written.count.unwrap_or(1);
    if !(1..=MOST).contains(&count) {
        return bad(format!("a step's `count` is between 1 and {MOST}"));
    }
    let approvers = written.approvers.unwrap_or_default();
    if approvers.is_empty() {
        return bad("a step needs `approvers`, like [ { type: p0 } ]");
    }
    if approvers.iter().any(|entry| entry.options.is_some() || entry.ask.is_some()) {
        return bad("`options` and `ask` belong to the entry, not to one of its steps");
    }
    Ok(Step { count, approvers: approvers.into_iter().map(approver).collect::<Read<_>>()? })
}

fn ladder(written: WrittenLadder) -> Read<Ladder> {
    let people = written.people.unwrap_or_default();
    if people.is_empty() || people.iter().any(|count| !(1..=MOST).contains(count)) || people.len() > 10 {
        return bad("`ask` needs `people`, how many are asked at each turn, like [1, 2]");
    }
    let every = written
        .every
        .ok_or_else(|| BadRule("`ask` needs `every`, how long to wait before the next turn, like 10m".to_owned()))?;
    Ok(Ladder { people, every: span(&every)? })
}

fn options(written: WrittenOptions) -> Options {
    let is = |value: Option<bool>| value.unwrap_or(false);
    Options {
        one_party: is(written.allow_one_party),
        reason: is(written.require_reason),
        duration: is(written.require_duration),
        preapproval: is(written.require_preapproval),
        break_glass: is(written.break_glass_approver),
    }
}
