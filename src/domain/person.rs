//! People, and the names they have on surfaces.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::PersonId;

/// An e-mail address, trimmed and in lower case. It links a person once; afterwards ids are used.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    pub fn parse(text: &str) -> Option<Email> {
        let lower = text.trim().to_lowercase();
        let (local, domain) = lower.split_once('@')?;
        let plain = |part: &str| {
            !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "<>()@,;:\"\\".contains(c))
        };
        (plain(local) && plain(domain) && lower.len() <= 254).then_some(Email(lower))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`.
    pub fn local(&self) -> &str {
        self.0.split_once('@').map_or(self.0.as_str(), |(local, _)| local)
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Email, D::Error> {
        let text = String::deserialize(deserializer)?;
        Email::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("\"{text}\" is not an e-mail address")))
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Somebody we know. The e-mail may change or vanish; the id stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub id: PersonId,
    pub email: Option<Email>,
    pub name: String,
}

/// A name a person has on a surface: Slack user `U1` in team or enterprise `T1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Handle {
    pub surface: String,
    pub realm: String,
    pub handle: String,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    Person(PersonId),
    /// The engine, acting on what is stored: an expiry, a read-back.
    Engine,
    /// The configuration file.
    Config,
    /// Somebody at a terminal of the server, by the name they have there.
    Operator(String),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Person(id) => write!(f, "{id}"),
            Actor::Engine => f.write_str("engine"),
            Actor::Config => f.write_str("config"),
            Actor::Operator(name) => write!(f, "operator:{name}"),
        }
    }
}

impl Actor {
    pub fn parse(text: &str) -> Option<Actor> {
        match text {
            "engine" => Some(Actor::Engine),
            "config" => Some(Actor::Config),
            other => match other.strip_prefix("operator:") {
                Some(name) => Some(Actor::Operator(name.to_owned())),
                None => PersonId::parse(other).map(Actor::Person),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outside::tests::Still;
    use crate::domain::time::Time;

    #[test]
    fn an_address_is_one_whatever_its_letters_and_nothing_else_is() {
        let email = Email::parse(" Bob@Acme.Example ").expect("an address");
        assert_eq!((email.as_str(), email.local(), email.domain()), ("bob@acme.example", "bob", "acme.example"));
        assert_eq!((email.to_string(), format!("{email:?}")), ("bob@acme.example".into(), "bob@acme.example".into()));
        for wrong in ["", "bob", "@acme.example", "bob@", "a b@c.d", "a@b@c", "a\u{0}@b.c", "<bob>@acme.example"] {
            assert_eq!(Email::parse(wrong), None, "{wrong:?}");
        }
        let long = |letters: usize| format!("{}@b.cd", "x".repeat(letters));
        assert!(Email::parse(&long(249)).is_some() && Email::parse(&long(250)).is_none(), "254 characters at most: RFC 5321");
        assert_eq!(serde_json::from_str::<Email>("\"B@c.d\"").expect("read"), Email::parse("b@c.d").expect("an address"));
        assert!(serde_json::from_str::<Email>("\"b\"").is_err());
    }

    #[test]
    fn who_acted_is_read_back_as_it_was_written() {
        let person = Actor::Person(PersonId::new(&Still(Time(1))));
        for actor in [person, Actor::Engine, Actor::Config, Actor::Operator("eve".into())] {
            assert_eq!(Actor::parse(&actor.to_string()), Some(actor));
        }
        assert_eq!(Actor::parse("nobody"), None);
    }
}
