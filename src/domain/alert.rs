//! An alert: something is not as it should be, and reviewers have to know. It stays open until it is
//! right again, and it never decides anything by itself.

use serde::{Deserialize, Serialize};

use super::id::AlertId;
use super::time::Time;
use super::words;

words! {
    AlertKind {
        /// An end is overdue: an access should be gone and is not.
        Stuck = "stuck",
        /// Our mark without a live grant.
        Orphan = "orphan",
        /// Somebody took away what was granted.
        Missing = "missing",
        /// Somebody changed what was granted.
        Changed = "changed",
        /// More happened in a minute than is plausible; granting waits for a person.
        Breaker = "breaker",
        /// Somebody had access at once in an emergency; a reviewer has to look at it afterwards.
        Emergency = "emergency",
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    pub id: AlertId,
    pub kind: AlertKind,
    /// The assignment, or the integration whose breaker it is. One alert of a kind is open for each.
    pub subject: String,
    pub told: Told,
    pub opened_at: Time,
    pub closed_at: Option<Time>,
}

/// What people are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What it is about, in one line: `analyst on main for alice`.
    pub about: String,
    /// One sentence: what was seen, what the last try said.
    pub why: String,
    /// Since when it is not as it should be.
    pub since: Time,
    /// A person closed it without anything having been seen to be right.
    #[serde(default)]
    pub by_hand: bool,
    /// Who looked at it, where somebody had to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at_by: Option<String>,
}

impl Told {
    pub fn new(about: impl Into<String>, why: impl Into<String>, since: Time) -> Told {
        Told { about: about.into(), why: why.into(), since, by_hand: false, looked_at_by: None }
    }
}
