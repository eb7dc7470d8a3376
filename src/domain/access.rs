//! What is asked for, and what it means in a target.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::AssignmentId;
use super::person::Email;
use super::time::{Span, Time};
use super::words;

/// What rules can narrow by: the name of a filter, its keys, and the values each has.
pub type Attributes = BTreeMap<String, BTreeMap<String, Vec<String>>>;

words! {
    /// How much harm an access can do, as its manifest says.
    Risk {
        Low = "low",
        Medium = "medium",
        High = "high",
    }
}

/// The values of an access type's arguments, by argument name.
pub type Args = BTreeMap<String, String>;

/// A kind of access in an integration and its arguments: `postgres role {role: analyst}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Access {
    pub integration: String,
    pub access_type: String,
    pub args: Args,
}

/// Who receives an access in one target: the name they have there and the id that never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// As the target shows it to people: a login, a user name.
    pub name: String,
    /// The target's immutable id (an oid, an object id), never an e-mail address.
    pub native: String,
}

/// What a connector is asked to plan.
#[derive(Debug, Clone)]
pub struct Ask {
    pub access: Access,
    /// Who is to receive it.
    pub email: Email,
}

/// One effect in one target as a connector planned it, before it has a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The connector that makes it true; a plan may name others than the planner's own.
    pub connector: String,
    /// Names the effect, for ever: instance, entitlement and principal by their immutable ids.
    pub key: String,
    /// The contended object in the target; one assignment of a lane is worked on at a time.
    pub lane: String,
    /// What the connector needs to make the calls. Opaque to everyone else; holds no secret.
    pub target: serde_json::Value,
    /// One line for people: `analyst on main for alice`.
    pub effect: String,
}

/// A plan: the assignments of one request, in the order in which they must be granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub principal: Principal,
    pub assignments: Vec<Planned>,
    /// What an approver should know first, if anything: one plain sentence.
    pub warning: Option<String>,
    /// How the principal uses it once it works; shown in place of the manifest's text if given.
    pub connect: Option<String>,
}

/// One effect in one target, with the id that its mark is made from. What connectors work on.
#[derive(Debug, Clone)]
pub struct Assignment {
    pub id: AssignmentId,
    pub key: String,
    pub target: serde_json::Value,
    /// What the target returned for the grant call, where it returns something.
    pub handle: Option<String>,
    /// What was seen of it last, since the handle came.
    pub seen: Option<Observed>,
    /// The name of our object in the target, where it can bear one: `[a-z0-9]`, at most 40.
    pub mark: String,
}

/// `p0`, six characters of the installation, the assignment: 34 characters of `[a-z0-9]`.
pub fn mark(installation: &str, id: &AssignmentId) -> String {
    format!("{}{}", mark_prefix(installation), id.bare())
}

/// What every mark of an installation begins with. What begins otherwise is never touched.
pub fn mark_prefix(installation: &str) -> String {
    format!("p0{}", installation.get(..6).unwrap_or(installation))
}

/// What a read-back shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "seen")]
pub enum Observed {
    Absent,
    /// There, and provably made by this installation (a mark, a grantor only we are).
    Ours,
    /// There, and the target cannot tell who made it.
    Held,
    /// There, made by this installation, and changed since: it gives something else than what was
    /// granted.
    Changed {
        how: String,
    },
    /// Not by us, but somebody else's gives the same access.
    Foreign {
        by: String,
    },
}

impl Observed {
    /// Is something there that a call of ours made or may have made?
    pub fn ours_or_unknown(&self) -> bool {
        match self {
            Observed::Ours | Observed::Held | Observed::Changed { .. } => true,
            Observed::Absent | Observed::Foreign { .. } => false,
        }
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Observed::Absent => f.write_str("absent"),
            Observed::Ours => f.write_str("there, granted by us"),
            Observed::Held => f.write_str("there"),
            Observed::Changed { how } => write!(f, "there, granted by us and changed since: {how}"),
            Observed::Foreign { by } => write!(f, "there, granted by {by}"),
        }
    }
}

/// What a target says to a call that changes something. The read-back decides whether it is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    /// It is done. `handle`: what the target returned to find it by, where it returns something.
    Done { handle: Option<String> },
    /// The target works on it; how far it is can be asked after this long.
    Working { handle: Option<String>, again: Span },
}

impl Called {
    /// Done, and there is nothing to remember.
    pub const DONE: Called = Called::Done { handle: None };

    pub fn handle(&self) -> Option<&String> {
        match self {
            Called::Done { handle } | Called::Working { handle, .. } => handle.as_ref(),
        }
    }
}

/// Something in a target that bears a mark of this installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// What it would be as an assignment: enough to take it away.
    pub planned: Planned,
    /// The mark as it stands there, where the target lets objects bear one.
    pub mark: Option<String>,
}

/// What came of ending live sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "cut")]
pub enum Cut {
    /// Nothing outlasts the revocation in this target.
    NotNeeded,
    Ended {
        sessions: u32,
    },
    /// The target cannot end them; the latest may go on until then.
    Impossible {
        why: String,
        until: Time,
    },
}

/// One value an argument can take, for pickers and `ls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub value: String,
    pub label: String,
    /// The values of other arguments it belongs to: a role that exists on instance `main` only.
    /// Empty when it goes with everything.
    pub given: Args,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outside::tests::Still;
    use crate::domain::time::Time;

    #[test]
    fn a_mark_names_installation_and_assignment_and_can_be_a_name_anywhere() {
        let id = AssignmentId::new(&Still(Time(1)));
        let mark = mark("abcdef0123456789", &id);
        assert_eq!(mark, format!("{}{}", mark_prefix("abcdef0123456789"), id.bare()));
        assert!(mark.starts_with("p0abcdef") && mark.len() == 34, "{mark}");
        assert!(mark.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()), "{mark}");
        assert_eq!(mark_prefix("abc"), "p0abc");
    }

    #[test]
    fn what_is_seen_says_whether_a_call_of_ours_may_have_made_it() {
        let all = [
            (Observed::Ours, true, "granted by us"),
            (Observed::Held, true, "there"),
            (Observed::Changed { how: "wider".into() }, true, "changed since: wider"),
            (Observed::Absent, false, "absent"),
            (Observed::Foreign { by: "root".into() }, false, "granted by root"),
        ];
        for (seen, ours, told) in all {
            assert_eq!(seen.ours_or_unknown(), ours, "{seen:?}");
            assert!(seen.to_string().contains(told), "{seen}");
        }
    }

    #[test]
    fn a_call_says_what_to_remember() {
        let handle = Some("h1".to_owned());
        assert_eq!(Called::DONE.handle(), None);
        assert_eq!(Called::Done { handle: handle.clone() }.handle(), handle.as_ref());
        assert_eq!(Called::Working { handle: handle.clone(), again: Span::seconds(1) }.handle(), handle.as_ref());
    }
}
