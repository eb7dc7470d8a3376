//! Who may ask for what, and who decides: an analysis of one request. Pure.
//!
//! Today a policy holds the default approvers and the limits; access rules come into this module.
//! It never reads a store, a clock or a directory: the facts are handed in, and a fact that could
//! not be had is refused.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::id::PersonId;
use crate::domain::person::Email;
use crate::domain::time::Span;
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
}

/// A group of a directory, written `slack:S0123ABCD`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Group {
    pub directory: String,
    pub id: String,
}

impl std::fmt::Display for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.directory, self.id)
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
        })
    }

    /// The lengths to offer for a request: the usual ones and the one asked for, shortest first.
    pub fn durations_for(&self, asked: Span, longest: Option<Span>) -> Vec<Span> {
        let most = longest.map_or(self.longest, |longest| longest.min(self.longest));
        let mut lengths: Vec<Span> = self.durations.iter().copied().chain([asked]).filter(|length| *length <= most).collect();
        lengths.sort();
        lengths.dedup();
        lengths
    }
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
    use crate::domain::time::Time;

    fn read(text: &str) -> Result<Policy, BadYaml> {
        Policy::read(&Section::whole("p0.yaml", text).child("policy"), &["slack"])
    }

    #[test]
    fn a_policy_has_sensible_limits_of_its_own() {
        let policy = read("policy:\n  approvers: { people: [ Bob@Acme.example ], groups: [ 'slack:S1' ] }\n").expect("valid");
        assert_eq!(policy.people, [Email::parse("bob@acme.example").expect("an address")]);
        assert_eq!(policy.durations, [30, 60, 240, 480].map(Span::minutes));
        assert_eq!(policy.durations_for(Span::hours(2), None).len(), 5);
        assert_eq!(policy.durations_for(Span::hours(1), Some(Span::hours(1))).len(), 2);
    }

    #[test]
    fn mistakes_are_told_where_they_stand() {
        for (text, part) in [
            ("organisation: {}\n", "approvers"),
            ("policy:\n  approvers: { people: [] }\n", "line 2"),
            ("policy:\n  approvers: { people: [ bob ] }\n", "not an e-mail"),
            ("policy:\n  approvers: { groups: [ S1 ] }\n", "slack:GROUP"),
            ("policy:\n  approvers: { people: [ b@c.d ] }\n  longest: 1h\n  durations: [ 2h ]\n", "line 4"),
            ("policy:\n  approver: { people: [ b@c.d ] }\n", "unknown field"),
        ] {
            let told = read(text).expect_err(text).to_string();
            assert!(told.contains(part), "{part} is missing in: {told}");
        }
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
        let none = [bob.clone()];
        let own = Press { actor: alice, requestor: alice, principal: alice, approvers: &none, in_group: Ok(false) };
        assert_eq!(policy.may_decide(own), Err(MayNot::NotApprover));
    }
}
