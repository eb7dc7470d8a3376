//! What an assignment's row keeps for us, and how its effect key is made.
//!
//! The key names one edge, role to login, for ever: `postgres/<instance>/<role oid>/<login>`.
//!
//! *Instance* is the configured name and the cluster's system identifier, `main@7710522315814656761`.
//! The identifier alone would not do: a cluster restored from a snapshot keeps it, and an ask for
//! the copy would be taken for one already granted on the original. The name alone would not do
//! either: it may be pointed at another cluster, where the same oids are other roles. Everybody may
//! read the identifier unless that was taken away (`pg_control_system()`); then nothing is planned,
//! as a key that depends on a privilege would not be one.
//!
//! *Login* is its oid. A login that we are to create ([`Member::created`]) has none when the access is
//! planned, and planning changes nothing; it is named `login:<name>` instead, and the login is
//! created with that name in its comment. Whoever plans later finds the comment and comes to the
//! same key, so that no edge ever has two; a login without the comment always goes by its oid.

use serde::{Deserialize, Serialize};

use crate::domain::access::{Assignment, Planned};
use crate::domain::fault::Fault;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub instance: String,
    /// The system identifier of the cluster.
    pub cluster: String,
    pub role: Named,
    pub member: Member,
    /// The role that our grants were recorded as made by when this was planned.
    pub grantor: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub oid: u32,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// `None`: a login that we create or created.
    pub oid: Option<u32>,
    pub name: String,
}

const COMMENT: &str = "created by p0 for login:";

impl Member {
    /// The login as part of a key. Last in it, since a name may hold a slash.
    pub fn key(&self) -> String {
        match self.oid {
            Some(oid) => oid.to_string(),
            None => format!("login:{}", self.name),
        }
    }

    /// The comment that a login created by us bears.
    pub fn comment(&self) -> Option<String> {
        match self.oid {
            Some(_) => None,
            None => Some(format!("{COMMENT}{}", self.name)),
        }
    }

    /// A login as it is found: by the name in its comment if we created it, else by its oid.
    pub fn found(oid: u32, name: &str, comment: Option<&str>) -> Member {
        match comment.and_then(|comment| comment.strip_prefix(COMMENT)) {
            Some(created) => Member { oid: None, name: created.to_owned() },
            None => Member { oid: Some(oid), name: name.to_owned() },
        }
    }
}

impl Target {
    pub fn of(assignment: &Assignment) -> Result<Target, Fault> {
        serde_json::from_value(assignment.target.clone())
            .map_err(|_| Fault::never("the record of this PostgreSQL access cannot be read; it was written by another version"))
    }

    /// The assignment of this edge.
    pub fn planned(&self, login: &str) -> Result<Planned, Fault> {
        Ok(Planned {
            connector: "postgres".to_owned(),
            key: self.key(),
            lane: self.lane(),
            target: serde_json::to_value(self)
                .map_err(|_| Fault::never("the plan cannot be written down; this is a defect of p0"))?,
            effect: format!("{} on {} for {login}", self.role.name, self.instance),
        })
    }

    pub fn lane(&self) -> String {
        format!("postgres/{}@{}/{}", self.instance, self.cluster, self.role.oid)
    }

    pub fn key(&self) -> String {
        format!("{}/{}", self.lane(), self.member.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_has_one_key_before_and_after_we_create_it() {
        let wanted = Member { oid: None, name: "al/ice".to_owned() };
        let comment = wanted.comment().expect("a comment");
        assert_eq!(Member::found(17, "al/ice", Some(&comment)).key(), wanted.key());
        assert_eq!(Member::found(17, "renamed", Some(&comment)).key(), wanted.key());
        assert_eq!(Member::found(17, "al/ice", None).key(), "17");
        assert_eq!(Member::found(17, "al/ice", Some("the owner's own words")).key(), "17");
    }
}
