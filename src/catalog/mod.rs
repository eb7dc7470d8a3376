//! What can be asked for: every integration with its access types and arguments, out of the manifests.
//!
//! Grammar, help, modal, card, web form and API all come from here; a surface renders
//! [`form::Form`] and never reads a manifest. Pure: it is handed texts and choices and does no IO.
//! It must never know an integration by its name.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::access::{Access, Args, Attributes, Choice, Risk};
use crate::domain::time::Span;
use crate::yaml::{BadYaml, Section};

pub mod args;
mod check;
pub mod cure;
pub mod draft;
pub mod form;
pub mod help;
pub mod index;
pub mod lookup;
mod manifest;
pub mod ours;
mod rank;
pub mod template;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use index::Index;
pub use lookup::{Look, Lookup};
use template::Template;

/// A system that access can be asked for.
#[derive(Debug, Clone)]
pub struct Integration {
    /// The first word after `request`.
    pub name: String,
    pub title: String,
    pub aliases: Vec<String>,
    /// The folder under `connectors` that does the work.
    pub connector: String,
    /// In the manifest's order; never empty.
    pub access: Vec<AccessType>,
    /// The file itself: a connector whose calls stand in it reads them there.
    pub manifest: Section,
}

/// A kind of access in an integration.
#[derive(Debug, Clone)]
pub struct AccessType {
    pub name: String,
    pub title: String,
    pub help: Option<String>,
    /// The words after the access type, as an example.
    pub example: Option<String>,
    /// In the manifest's order: an argument depends only on earlier ones.
    pub args: Vec<Arg>,
    pub effect: Template,
    pub after: Option<Template>,
    pub limits: Limits,
    /// How much harm it can do; rules may ask for more where it is high.
    pub risk: Risk,
    /// For emergencies: only approvers whose rule says so may say yes.
    pub emergency: bool,
    /// The errors of the target that having this access would have spared somebody.
    pub cures: Vec<cure::Cure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    pub longest: Option<Span>,
    pub default: Option<Span>,
}

/// One value that an access type needs.
#[derive(Debug, Clone)]
pub struct Arg {
    pub name: String,
    pub title: String,
    pub help: Option<String>,
    pub kind: Kind,
    pub pattern: Option<Pattern>,
    /// Taken when nothing is given.
    pub default: Option<String>,
    /// Filled into the form, never taken silently.
    pub suggest: Option<String>,
    pub optional: bool,
    /// Takes several values: `many` words, stored in one value, a line each.
    pub many: bool,
    /// Given as `--name value` only; otherwise by position, or by name all the same.
    pub flag: bool,
    pub aliases: Vec<String>,
}

#[derive(Debug, Clone)]
pub enum Kind {
    Text,
    Number,
    Duration,
    Person,
    /// One of a few that the manifest lists.
    Listed(Vec<Choice>),
    /// One of what the connector offers.
    Source(Source),
}

#[derive(Debug, Clone)]
pub struct Source {
    pub source: String,
    /// Earlier arguments that decide which choices there are.
    pub given: Vec<String>,
    /// What is not offered may be given as well.
    pub free: bool,
    /// The only choice there is need not be given.
    pub assume: bool,
}

/// A regular expression that the whole value must match.
#[derive(Debug, Clone)]
pub struct Pattern {
    pub text: String,
    regex: regex::Regex,
}

impl Pattern {
    pub fn new(text: &str) -> Result<Pattern, regex::Error> {
        regex::Regex::new(text)?;
        Ok(Pattern { text: text.to_owned(), regex: regex::Regex::new(&format!(r"\A(?:{text})\z"))? })
    }

    pub fn matches(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }
}

impl Integration {
    /// By its name, in any case.
    pub fn access_type(&self, word: &str) -> Option<&AccessType> {
        self.access.iter().find(|access| access.name.eq_ignore_ascii_case(word))
    }

    /// The one access type there is, when there is one.
    pub fn only_access_type(&self) -> Option<&AccessType> {
        match self.access.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    fn answers_to(&self, word: &str) -> bool {
        self.name.eq_ignore_ascii_case(word) || self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(word))
    }
}

impl AccessType {
    /// By name or alias, in any case.
    pub fn arg(&self, word: &str) -> Option<&Arg> {
        self.args.iter().find(|arg| arg.answers_to(word))
    }

    pub fn positional(&self) -> impl Iterator<Item = &Arg> {
        self.args.iter().filter(|arg| !arg.flag)
    }

    /// Does another argument's list of choices depend on this one?
    pub fn has_dependants(&self, name: &str) -> bool {
        self.args.iter().any(|arg| arg.source().is_some_and(|source| source.given.iter().any(|given| given == name)))
    }
}

impl Arg {
    pub fn source(&self) -> Option<&Source> {
        match &self.kind {
            Kind::Source(source) => Some(source),
            Kind::Text | Kind::Number | Kind::Duration | Kind::Person | Kind::Listed(_) => None,
        }
    }

    /// As it stands in a sentence: `There is no private resource "x"`.
    pub fn noun(&self) -> String {
        self.name.replace(['_', '-'], " ")
    }

    /// May it be left out of a request?
    pub fn may_be_absent(&self) -> bool {
        self.optional && self.default.is_none()
    }

    fn answers_to(&self, word: &str) -> bool {
        self.name.eq_ignore_ascii_case(word) || self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(word))
    }
}

impl Source {
    /// Of the values so far, those that decide which choices there are.
    pub fn given(&self, values: &Args) -> Args {
        let pair = |name: &String| values.get(name).map(|value| (name.clone(), value.clone()));
        self.given.iter().filter_map(pair).collect()
    }
}

/// The sources of choices of a connector.
pub enum Offers {
    These(Vec<String>),
    /// What the manifest says under `sources`: its calls stand there too.
    Manifest,
}

/// What a connector offers; `None` when there is no such connector.
pub type Sources<'a> = &'a dyn Fn(&str) -> Option<Offers>;

/// Every integration there is, in order of title.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    integrations: Vec<Arc<Integration>>,
}

impl Catalog {
    /// Reads the manifests that come with the program ([`ours::MANIFESTS`]) and the user's own, each as
    /// file name and text, and tells every mistake at once. A user's manifest with the name of one of
    /// ours is refused, unless it says `replaces: true`.
    pub fn load(ours: &[(&str, &str)], theirs: &[(String, String)], sources: Sources) -> Result<Catalog, Vec<BadYaml>> {
        let mut mistakes = Vec::new();
        let mut read = Vec::new();
        let ours = ours.iter().map(|(file, text)| (true, Section::whole(*file, *text)));
        let theirs = theirs.iter().map(|(file, text)| (false, Section::whole(file.as_str(), text.as_str())));
        for (embedded, section) in ours.chain(theirs) {
            match manifest::read(&section) {
                Ok(manifest) => read.push((embedded, section, manifest)),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        let replaced: Vec<String> =
            read.iter().filter(|(_, _, it)| it.replaces).map(|(_, _, it)| it.name.value.clone()).collect();
        read.retain(|(embedded, _, manifest)| !*embedded || !replaced.contains(&manifest.name.value));

        let mut seen = BTreeMap::new();
        let mut integrations = Vec::new();
        for (_, section, manifest) in &read {
            match check::integration(section, manifest, sources, &mut seen) {
                Ok(integration) => integrations.push(Arc::new(integration)),
                Err(more) => mistakes.extend(more),
            }
        }
        integrations.sort_by_key(|integration| integration.title.to_lowercase());
        if mistakes.is_empty() { Ok(Catalog { integrations }) } else { Err(mistakes) }
    }

    /// Those that are configured; the others are not offered.
    pub fn only<S: AsRef<str>>(&self, names: &[S]) -> Catalog {
        let wanted = |it: &&Arc<Integration>| names.iter().any(|name| name.as_ref() == it.name);
        Catalog { integrations: self.integrations.iter().filter(wanted).cloned().collect() }
    }

    /// The integrations and access types of which `keep` holds; no integration without an access type.
    pub fn only_where(&self, keep: &dyn Fn(&Integration, &AccessType) -> bool) -> Catalog {
        let narrowed = |it: &Arc<Integration>| {
            let access: Vec<AccessType> = it.access.iter().filter(|access| keep(it, access)).cloned().collect();
            match access.len() {
                0 => None,
                all if all == it.access.len() => Some(it.clone()),
                _ => Some(Arc::new(Integration { access, ..(**it).clone() })),
            }
        };
        Catalog { integrations: self.integrations.iter().filter_map(narrowed).collect() }
    }

    /// By name or alias, in any case.
    pub fn get(&self, word: &str) -> Option<&Integration> {
        self.integrations.iter().find(|integration| integration.answers_to(word)).map(Arc::as_ref)
    }

    pub fn integrations(&self) -> impl ExactSizeIterator<Item = &Integration> {
        self.integrations.iter().map(Arc::as_ref)
    }

    /// What a stored access is an access of. `None` when its integration is no longer configured or
    /// its manifest no longer has the access type.
    pub fn find(&self, access: &Access) -> Option<(&Integration, &AccessType)> {
        let integration = self.get(&access.integration)?;
        Some((integration, integration.access_type(&access.access_type)?))
    }

    /// What access policies can narrow by: each argument is a filter of its name with its values under the
    /// keys `id` and `name`, and under no key for a yes or no. One that may be left out and was has none.
    pub fn attributes(access_type: &AccessType, args: &Args) -> Attributes {
        let of = |arg: &Arg| {
            let given = args.get(&arg.name).map(|value| value.split(args::MANY).map(str::to_owned).collect());
            let values: Vec<String> = given.unwrap_or_default();
            ["", "id", "name"].map(|key| (key.to_owned(), values.clone())).into()
        };
        access_type.args.iter().map(|arg| (arg.name.clone(), of(arg))).collect()
    }

    /// What to do next, in the manifest's words. The connector's own hint goes before it.
    pub fn after(&self, access: &Access) -> Option<String> {
        let (_, access_type) = self.find(access)?;
        access_type.after.as_ref().map(|after| after.fill(&access.args))
    }
}
