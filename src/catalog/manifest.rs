//! The manifest as it is written: the YAML keys and nothing of their meaning, which is [`super::check`]'s.
//!
//! Unknown keys are refused. Keeps where each value stands, so that a mistake can be shown in its line.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::yaml::{BadYaml, Section, Spanned};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub manifest: Spanned<u32>,
    pub name: Spanned<String>,
    pub title: Spanned<String>,
    #[serde(default)]
    pub aliases: Vec<Spanned<String>>,
    pub connector: Spanned<String>,
    /// Takes the place of the manifest of this name that comes with the program.
    #[serde(default)]
    pub replaces: bool,
    pub access: Ordered<AccessType>,
    /// The calls, for a connector that reads them here. What stands in them is the connector's alone.
    pub base: Option<Spanned<IgnoredAny>>,
    pub auth: Option<Spanned<IgnoredAny>>,
    pub principal: Option<Spanned<IgnoredAny>>,
    pub sources: Option<Spanned<Ordered<IgnoredAny>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessType {
    pub title: Spanned<String>,
    pub help: Option<Spanned<String>>,
    pub example: Option<Spanned<String>>,
    #[serde(default)]
    pub args: Vec<Arg>,
    pub effect: Spanned<String>,
    pub after: Option<Spanned<String>>,
    pub limits: Option<Limits>,
    pub risk: Option<Spanned<String>>,
    #[serde(default)]
    pub emergency: bool,
    #[serde(default)]
    pub cures: Vec<Cure>,
    /// The calls, as above.
    pub key: Option<Spanned<IgnoredAny>>,
    pub observe: Option<Spanned<IgnoredAny>>,
    pub grant: Option<Spanned<IgnoredAny>>,
    pub revoke: Option<Spanned<IgnoredAny>>,
    pub ours: Option<Spanned<IgnoredAny>>,
}

/// An error of the target, and what to fill in when somebody pastes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cure {
    pub error: Spanned<String>,
    #[serde(default = "nothing")]
    pub fill: Ordered<Spanned<String>>,
}

fn nothing() -> Ordered<Spanned<String>> {
    Ordered(Vec::new())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub longest: Option<Spanned<String>>,
    pub default: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arg {
    pub name: Spanned<String>,
    pub title: Spanned<String>,
    pub help: Option<Spanned<String>>,
    pub kind: Spanned<Kind>,
    pub options: Option<Spanned<Options>>,
    pub pattern: Option<Spanned<String>>,
    pub default: Option<Spanned<String>>,
    pub suggest: Option<Spanned<String>>,
    #[serde(default)]
    pub optional: bool,
    #[serde(default)]
    pub many: bool,
    #[serde(default)]
    pub flag: bool,
    #[serde(default)]
    pub aliases: Vec<Spanned<String>>,
    pub when_one: Option<Spanned<WhenOne>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Text,
    Choice,
    Number,
    Duration,
    Person,
}

/// What to do when a source has exactly one choice.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenOne {
    /// That is the value.
    Assume,
}

/// `[read, write]` or `{ source: roles, given: [project], free: true }`.
#[derive(Debug)]
pub enum Options {
    Listed(Vec<Spanned<String>>),
    Source(Source),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub source: Spanned<String>,
    #[serde(default)]
    pub given: Vec<Spanned<String>>,
    #[serde(default)]
    pub free: bool,
}

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Options, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Options;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of values, or the source they come from, like { source: roles }")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Options, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Options::Listed)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Options, A::Error> {
                Source::deserialize(MapAccessDeserializer::new(map)).map(Options::Source)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Keys with values, in the order of the file.
#[derive(Debug)]
pub struct Ordered<T>(pub Vec<(Spanned<String>, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Ordered<T>, D::Error> {
        struct Pairs<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Ordered<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names with what they stand for")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Ordered(pairs))
            }
        }
        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

/// The format this program reads. A later one gets a number of its own.
const FORMAT: u32 = 1;

pub fn read(section: &Section) -> Result<Manifest, BadYaml> {
    let keys = section.keys()?;
    match keys.first() {
        Some(first) if first.value == "manifest" => {}
        Some(first) => {
            return Err(
                section.problem(format!("a manifest begins with \"manifest: {FORMAT}\", and this one with \"{}\"", first.value))
            );
        }
        None => return Err(section.problem(format!("a manifest begins with \"manifest: {FORMAT}\", and this file is empty"))),
    }
    let Some(manifest) = section.read::<Manifest>()? else {
        return Err(section.problem("this file is empty"));
    };
    if manifest.manifest.value != FORMAT {
        let told = format!("this program reads format {FORMAT}; write \"manifest: {FORMAT}\", or use a newer program");
        return Err(section.mistake(&manifest.manifest, told));
    }
    Ok(manifest)
}
