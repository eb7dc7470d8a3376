//! Who may ask for what, and who decides: an analysis of one request. Pure.
//!
//! Today a policy holds the default approvers and the limits; access rules come into this module.
//! It never reads a store, a clock or a directory: the facts are handed in, and a fact that could
//! not be had is refused.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::directory::Group;
use crate::domain::id::PersonId;
use crate::domain::person::Email;
use crate::domain::time::{Span, Time};
use crate::yaml::{BadYaml, Section, Spanned};

/// The `policy:` section of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    approvers: Spanned<WrittenApprovers>,
    #[serde(default)]
    allow_one_party: bool,
    #[serde(default)]
    require_reason: bool,
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

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenApprovers {
    #[serde(default)]
    people: Vec<Spanned<String>>,
    #[serde(default)]
    groups: Vec<Spanned<String>>,
}

/// What is in force. Stored as it is here, one version after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Approvers by e-mail; they are resolved to people once and never compared with a sender's.
    pub people: Vec<Email>,
    /// Approver groups: the directory and its id for the group.
    pub groups: Vec<Group>,
    /// A requestor who is an approver may approve the own request.
    pub allow_one_party: bool,
    pub require_reason: bool,
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

impl Policy {
    /// Reads the policy. `directories` are those a group may be of.
    pub fn read(section: &Section, directories: &[&str]) -> Result<Policy, BadYaml> {
        let Some(written) = section.read::<Written>()? else {
            return Err(section
                .problem("nobody could approve anything; write `policy: { approvers: { people: [ somebody@your.example ] } }`"));
        };
        let span = |text: &Option<Spanned<String>>, otherwise: Span| match text {
            Some(text) => Span::parse(&text.value).map_err(|why| section.mistake(text, why)),
            None => Ok(otherwise),
        };
        let approvers = &written.approvers;
        if approvers.value.people.is_empty() && approvers.value.groups.is_empty() {
            return Err(section.mistake(approvers, "nobody could approve anything; name people or groups here"));
        }
        let mut people = Vec::new();
        for email in &approvers.value.people {
            let read = Email::parse(&email.value);
            people.push(read.ok_or_else(|| section.mistake(email, format!("\"{}\" is not an e-mail address", email.value)))?);
        }
        let mut groups = Vec::new();
        for group in &approvers.value.groups {
            match group.value.split_once(':') {
                Some((directory, id)) if directories.contains(&directory) && !id.trim().is_empty() => {
                    groups.push(Group { directory: directory.to_owned(), id: id.trim().to_owned() });
                }
                Some(_) | None => {
                    let known = directories.iter().map(|name| format!("{name}:GROUP")).collect::<Vec<_>>().join(" or ");
                    return Err(section.mistake(group, format!("\"{}\" is not a group; write {known}", group.value)));
                }
            }
        }
        let longest = span(&written.longest, Span::hours(12))?;
        let mut durations = Vec::new();
        match &written.durations {
            Some(texts) => {
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
            return Err(section.problem("`durations` must offer between 1 and 90 lengths, like [30m, 1h, 4h]"));
        }
        Ok(Policy {
            people,
            groups,
            allow_one_party: written.allow_one_party,
            require_reason: written.require_reason,
            durations,
            longest,
            approvable: span(&written.approvable, Span::days(14))?,
            allowance: span(&written.allowance, Span::minutes(15))?,
            open_requests: written.open_requests.unwrap_or(20),
            at_once: at_once(section, written.extensions.as_ref(), longest)?,
        })
    }

    /// The longest access of a type that has this limit of its own.
    pub fn longest_for(&self, of_type: Option<Span>) -> Span {
        of_type.map_or(self.longest, |of_type| of_type.min(self.longest))
    }

    /// Does the policy itself approve this extension? It gives `length`, counted from `at`, on top of a
    /// line that people approved. Access policies will decide this here.
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

fn at_once(section: &Section, written: Option<&WrittenExtensions>, longest: Span) -> Result<Option<Span>, BadYaml> {
    let Some(WrittenExtensions { at_once }) = written else { return Ok(None) };
    let most = Span::parse(&at_once.value).map_err(|why| section.mistake(at_once, why))?;
    if longest < most {
        return Err(section.mistake(at_once, format!("{most} is longer than `longest`, which is {longest}")));
    }
    Ok(Some(most))
}

/// Names a text of a policy; equal texts are one version.
pub fn fingerprint(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// What is known at the moment of a press.
#[derive(Debug, Clone, Copy)]
pub struct Press<'a> {
    pub actor: &'a PersonId,
    pub requestor: &'a PersonId,
    pub principal: &'a PersonId,
    /// Whom the policy's e-mail addresses stand for.
    pub approvers: &'a [PersonId],
    /// Is the actor in one of the policy's groups? `Err`: the directory did not say.
    pub in_group: Result<bool, &'a str>,
}

/// Why somebody may not decide: one sentence for them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MayNot {
    #[error("Only approvers can do this, and you are not one for this request.")]
    NotApprover,
    #[error("You cannot approve your own request; another approver has to.")]
    OwnRequest,
    #[error("Who the approvers are could not be checked just now, so nothing was changed: {0} Please press again in a minute.")]
    Unknown(String),
}

impl Policy {
    /// May this person decide this request now?
    pub fn may_decide(&self, press: Press<'_>) -> Result<(), MayNot> {
        self.is_approver(press)?;
        let own = press.actor == press.requestor || press.actor == press.principal;
        if own && !self.allow_one_party { Err(MayNot::OwnRequest) } else { Ok(()) }
    }

    /// Is this person an approver of this request now? Enough to take access away.
    pub fn is_approver(&self, press: Press<'_>) -> Result<(), MayNot> {
        if press.approvers.contains(press.actor) {
            return Ok(());
        }
        match press.in_group {
            Ok(true) => Ok(()),
            Ok(false) => Err(MayNot::NotApprover),
            Err(why) => Err(MayNot::Unknown(why.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outside::tests::Still;

    fn read(text: &str) -> Result<Policy, BadYaml> {
        Policy::read(&Section::whole("p0.yaml", text).child("policy"), &["slack"])
    }

    #[test]
    fn a_policy_has_sensible_limits_of_its_own() {
        let policy = read("policy:\n  approvers: { people: [ Bob@Acme.example ], groups: [ 'slack:S1' ] }\n").expect("valid");
        assert_eq!(policy.people, [Email::parse("bob@acme.example").expect("an address")]);
        assert_eq!(policy.durations, [30, 60, 240, 480].map(Span::minutes));
        assert_eq!(policy.durations_for(Span::hours(2), policy.longest).len(), 5);
        assert_eq!(policy.durations_for(Span::hours(1), policy.longest_for(Some(Span::hours(1)))).len(), 2);
        assert_eq!(policy.durations_for(Span::hours(1), Span::minutes(40)), [30, 40].map(Span::minutes));
        assert_eq!(policy.at_once, None);
        assert_eq!(policy.groups[0].to_string(), "slack:S1");
        let all =
            read("policy:\n  approvers: { people: [ b@c.d ] }\n  extensions: { atOnce: 12h }\n").expect("as long as anything");
        assert_eq!(all.at_once, Some(Span::hours(12)));
        assert_eq!(fingerprint("one"), fingerprint("one"));
        assert_ne!(fingerprint("one"), fingerprint("two"));
    }

    #[test]
    fn mistakes_are_told_where_they_stand() {
        for (text, part) in [
            ("organisation: {}\n", "approvers"),
            ("policy:\n  approvers: { people: [] }\n", "line 2"),
            ("policy:\n  approvers: { people: [ bob ] }\n", "not an e-mail"),
            ("policy:\n  approvers: { groups: [ S1 ] }\n", "slack:GROUP"),
            ("policy:\n  approvers: { groups: [ 'teams:S1' ] }\n", "slack:GROUP"),
            ("policy:\n  approvers: { groups: [ 'slack: ' ] }\n", "slack:GROUP"),
            ("policy:\n  approvers: { people: [ b@c.d ] }\n  longest: 1h\n  durations: [ 2h ]\n", "line 4"),
            ("policy:\n  approvers: { people: [ b@c.d ] }\n  durations: []\n", "between 1 and 90"),
            ("policy:\n  approvers: { people: [ b@c.d ] }\n  extensions: { atOnce: 2 days }\n", "longer than `longest`"),
            ("policy:\n  approvers: { people: [ b@c.d ] }\n  extensions: {}\n", "atOnce"),
            ("policy:\n  approver: { people: [ b@c.d ] }\n", "unknown field"),
        ] {
            let told = read(text).expect_err(text).to_string();
            assert!(told.contains(part), "{part} is missing in: {told}");
        }
    }

    #[test]
    fn as_many_lengths_can_be_offered_as_slack_can_show() {
        let lengths = |count: u32| {
            let lengths: Vec<String> = (1..=count).map(|minutes| format!("{minutes}m")).collect();
            format!("policy:\n  approvers: {{ people: [ b@c.d ] }}\n  longest: 90m\n  durations: [ {} ]\n", lengths.join(", "))
        };
        assert_eq!(read(&lengths(90)).expect("valid").durations.last(), Some(&Span::minutes(90)));
        let more = lengths(90).replace("longest: 90m", "longest: 91m").replace(" ]\n", ", 91m ]\n");
        assert!(read(&more).expect_err("too many").to_string().contains("between 1 and 90"));
    }

    #[test]
    fn a_limit_counts_over_the_whole_line_in_whole_minutes() {
        let now = Time(1_800_000_000_000);
        let fresh = Line { longest: Span::hours(2), began: None };
        assert_eq!((fresh.left(now), fresh.allows(now, Span::hours(2))), (Span::hours(2), true));
        assert!(!fresh.allows(now, Span::minutes(121)));
        let line = Line { longest: Span::hours(2), began: Some(now - Span::minutes(90)) };
        assert_eq!(line.left(now), Span::minutes(30));
        assert!(line.allows(now, Span::minutes(30)) && !line.allows(now, Span::minutes(31)));
        assert!(line.allows(now + Span::millis(700), Span::minutes(30)), "what a read-back took is no minute");
        assert_eq!(line.left(now + Span::hours(3)), Span::ZERO);

        let policy = |most| read(&format!("policy:\n  approvers: {{ people: [ b@c.d ] }}\n  extensions: {{ atOnce: {most} }}\n"));
        let policy = policy("100m").expect("valid");
        assert!(policy.extends_at_once(line, now, Span::minutes(10)));
        assert!(!policy.extends_at_once(line, now, Span::minutes(11)));
        assert!(!policy.extends_at_once(fresh, now, Span::minutes(10)), "nobody approved anything yet");
        assert!(!read("policy:\n  approvers: { people: [ b@c.d ] }\n").expect("valid").extends_at_once(
            line,
            now,
            Span::minutes(1)
        ));
    }

    #[test]
    fn nobody_approves_the_own_request_unless_allowed_and_an_approver() {
        let ids: Vec<PersonId> = (0..3).map(|n| PersonId::new(&Still(Time(n)))).collect();
        let [alice, bob, carol] = ids.as_slice() else { panic!("three people") };
        let approvers = [alice.clone(), bob.clone()];
        let press = |actor, in_group| Press { actor, requestor: alice, principal: alice, approvers: &approvers, in_group };
        let mut policy = read("policy:\n  approvers: { people: [ a@b.c ] }\n").expect("valid");
        assert_eq!(policy.may_decide(press(bob, Ok(false))), Ok(()));
        assert_eq!(policy.may_decide(press(alice, Ok(false))), Err(MayNot::OwnRequest));
        assert_eq!(policy.may_decide(press(carol, Ok(false))), Err(MayNot::NotApprover));
        assert_eq!(policy.may_decide(press(carol, Ok(true))), Ok(()));
        assert!(matches!(policy.may_decide(press(carol, Err("Slack did not answer."))), Err(MayNot::Unknown(_))));
        policy.allow_one_party = true;
        assert_eq!(policy.may_decide(press(alice, Ok(false))), Ok(()));
        policy.allow_one_party = false;
        let for_alice = Press { requestor: carol, ..press(alice, Ok(false)) };
        assert_eq!(policy.may_decide(for_alice), Err(MayNot::OwnRequest), "it is alice who would have it");
        let by_alice = Press { principal: carol, ..press(alice, Ok(false)) };
        assert_eq!(policy.may_decide(by_alice), Err(MayNot::OwnRequest));
        let none = [bob.clone()];
        let own = Press { actor: alice, requestor: alice, principal: alice, approvers: &none, in_group: Ok(false) };
        assert_eq!(policy.may_decide(own), Err(MayNot::NotApprover));
    }
}
