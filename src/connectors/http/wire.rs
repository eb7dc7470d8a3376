//! The calls as they are written in a manifest: the YAML keys and nothing of their meaning, which is
//! [`super::read`]'s. Unknown keys are refused.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::yaml::Spanned;

pub type Text = Spanned<String>;
pub type Query = BTreeMap<String, Text>;
pub type Statuses = Vec<Spanned<u16>>;

/// `{ bearer: token }`: the configuration names the token under this key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    pub bearer: Text,
}

/// Where the next page of an answer is named.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Next {
    /// In its `Link` header.
    Link,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    pub get: Text,
    #[serde(default)]
    pub query: Query,
    #[serde(default)]
    pub absent: Statuses,
    pub id: Text,
    pub email: Text,
    pub name: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observe {
    pub get: Text,
    #[serde(default)]
    pub query: Query,
    pub next: Option<Next>,
    #[serde(default)]
    pub absent: Statuses,
    pub held: Held,
}

/// Which entry of the list is the principal's, and what it says of itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    pub r#in: Text,
    pub at: Text,
    pub equals: Text,
    pub mark: Option<Text>,
    pub handle: Option<Text>,
}

/// A call that changes something.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    pub post: Option<Text>,
    pub put: Option<Text>,
    pub patch: Option<Text>,
    pub delete: Option<Text>,
    #[serde(default)]
    pub query: Query,
    pub body: Option<Spanned<Value>>,
    pub done: Spanned<Statuses>,
    pub handle: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ours {
    pub get: Text,
    #[serde(default)]
    pub query: Query,
    pub next: Option<Next>,
    pub items: Text,
    pub mark: Text,
    pub principal: Text,
    pub args: Spanned<BTreeMap<String, Text>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub get: Text,
    #[serde(default)]
    pub query: Query,
    pub next: Option<Next>,
    pub items: Text,
    pub value: Text,
    pub label: Option<Text>,
}

/// What the calls have to know of an argument; the rest is the catalog's.
#[derive(Debug, Deserialize)]
pub struct Arg {
    pub name: Text,
    #[serde(default)]
    pub optional: bool,
    #[serde(default)]
    pub many: bool,
    pub default: Option<IgnoredAny>,
}
