//! What directories say of people: groups, and what stands in a profile.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::PersonId;
use super::person::{Email, Handle, Person};

/// A group of a directory, written `slack:S0123ABCD`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Group {
    pub directory: String,
    pub id: String,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.directory, self.id)
    }
}

/// Everybody in a group, members of groups in it included: by address, or by the name they have on a surface.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Members {
    pub emails: BTreeSet<Email>,
    pub handles: BTreeSet<Handle>,
}

impl Members {
    pub fn has(&self, who: &Who) -> bool {
        who.email.as_ref().is_some_and(|email| self.emails.contains(email))
            || who.handles.iter().any(|handle| self.handles.contains(handle))
    }

    pub fn extend(&mut self, more: &Members) {
        self.emails.extend(more.emails.iter().cloned());
        self.handles.extend(more.handles.iter().cloned());
    }

    pub fn is_empty(&self) -> bool {
        self.emails.is_empty() && self.handles.is_empty()
    }
}

/// Somebody, with everything by which a directory may know them. All of it is from the record; a surface's
/// word for somebody's address counts once, at first contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    pub id: PersonId,
    pub email: Option<Email>,
    pub handles: Vec<Handle>,
}

impl Who {
    pub fn new(person: &Person, handles: Vec<Handle>) -> Who {
        Who { id: person.id.clone(), email: person.email.clone(), handles }
    }
}

/// What a directory says of one person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    pub name: Option<String>,
    /// The name of a zone of the IANA time zone database, like `Europe/Berlin`.
    pub zone: Option<String>,
    /// Other attributes by name: `manager` has the manager's e-mail address.
    pub properties: BTreeMap<String, String>,
}
