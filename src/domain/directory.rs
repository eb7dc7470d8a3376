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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outside::tests::Still;
    use crate::domain::time::Time;

    #[test]
    fn somebody_is_in_a_group_by_address_or_by_name() {
        let email = |text: &str| Email::parse(text).expect("an address");
        let handle = |name: &str| Handle { surface: "slack".into(), realm: "T1".into(), handle: name.into() };
        let by_email = Members { emails: [email("bob@acme.example")].into(), ..Members::default() };
        let by_name = Members { handles: [handle("U2")].into(), ..Members::default() };
        let person = Person { id: PersonId::new(&Still(Time(1))), email: Some(email("bob@acme.example")), name: "Bob".into() };
        let bob = Who::new(&person, vec![handle("U1"), handle("U2")]);
        assert!(by_email.has(&bob) && by_name.has(&bob));
        let nameless = Who { handles: vec![handle("U1")], ..bob.clone() };
        assert!(by_email.has(&nameless) && !by_name.has(&nameless));
        let without_address = Who { email: None, ..bob.clone() };
        assert!(!by_email.has(&without_address) && by_name.has(&without_address));
        assert!(!Members::default().has(&bob));
        assert_eq!([by_email, by_name, Members::default()].map(|members| members.is_empty()), [false, false, true]);
    }

    #[test]
    fn a_group_is_named_with_its_directory() {
        assert_eq!(Group { directory: "slack".into(), id: "S0123ABCD".into() }.to_string(), "slack:S0123ABCD");
    }
}
