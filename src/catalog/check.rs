//! What a manifest must be, beyond its keys. Every mistake names its file, line, column and excerpt.
//!
//! Turns what was written ([`manifest`]) into what the rest of the program uses. Nothing that passes
//! here may fail later: patterns compile, texts name arguments that exist, lists are not empty.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::cure::Cure;
use super::manifest::{self, Manifest};
use super::template::Template;
use super::{AccessType, Arg, Integration, Kind, Limits, Offers, Pattern, Source, Sources};
use crate::domain::access::{Args, Choice, Risk};
use crate::domain::time::Span;
use crate::yaml::{BadYaml, Section, Spanned};

/// A name becomes part of ids and of commands, where long ones are cut or wrapped.
const LONGEST_NAME: usize = 40;
/// Slack: the text of an option in a list has at most 75 characters, and titles become options.
const LONGEST_TITLE: usize = 75;
/// Slack: the hint of an input has at most 2,000; more than this nobody reads there.
const LONGEST_HELP: usize = 500;
/// Slack: a placeholder has at most 150 characters, and an example becomes one.
const LONGEST_EXAMPLE: usize = 150;
/// One line for approvers and the record.
const LONGEST_EFFECT: usize = 200;
/// Slack: a section has at most 3,000 characters, and values still come in.
const LONGEST_AFTER: usize = 1500;
/// A pattern that nobody can read finds what nobody meant.
const LONGEST_ERROR: usize = 500;
/// Slack: a modal has at most 100 blocks; a form as long as this is too long for people already.
const MOST_ARGS: usize = 20;
/// Slack: a list has at most 100 options. A longer one belongs into a source.
const MOST_OPTIONS: usize = 100;

/// Words that mean something of their own after `request` and `ls`, or before.
const RESERVED: &[&str] = &[
    "help",
    "ls",
    "request",
    "grant",
    "allow",
    "away",
    "back",
    "approve",
    "deny",
    "relinquish",
    "revoke",
    "extend",
    "list",
    "status",
];
/// Options that every command has or may get, and the fields that every form has.
const RESERVED_ARGS: &[&str] = &[
    "reason",
    "duration",
    "requested-duration",
    "requested_duration",
    "request-duration",
    "request_duration",
    "to",
    "principal-type",
    "principal_type",
    "break-glass",
    "break_glass",
    "approved",
    "start",
    "end",
    "length",
    "help",
    "like",
    "size",
    "json",
    "wait",
    "all",
    "principal",
    "integration",
    "access-type",
    "access_type",
];

/// `seen` holds every name and alias so far and the file it stands in.
pub fn integration(
    section: &Section,
    manifest: &Manifest,
    sources: Sources,
    seen: &mut BTreeMap<String, String>,
) -> Result<Integration, Vec<BadYaml>> {
    let mut check = Check { section, mistakes: Vec::new() };
    for word in std::iter::once(&manifest.name).chain(&manifest.aliases) {
        check.name(word, RESERVED);
        if let Some(file) = seen.get(&word.value) {
            let advice = "choose another, or write \"replaces: true\" in a manifest that takes the place of one of ours";
            check.no(word, format!("\"{}\" is already the name of an integration, in {file}; {advice}", word.value));
        }
        seen.entry(word.value.clone()).or_insert_with(|| section.file().to_owned());
    }
    check.title(&manifest.title);
    let offered = match sources(&manifest.connector.value) {
        Some(Offers::These(these)) => {
            check.no_calls(manifest);
            Some(these)
        }
        Some(Offers::Manifest) => {
            let names = manifest.sources.iter().flat_map(|sources| &sources.value.0);
            Some(names.map(|(name, _)| name.value.clone()).collect())
        }
        None => {
            check.no(&manifest.connector, format!("there is no connector \"{}\"", manifest.connector.value));
            None
        }
    };
    if manifest.access.0.is_empty() {
        check.no(&manifest.name, "nothing can be asked for here; write at least one access type under \"access\"");
    }
    let mut access = Vec::new();
    for (name, written) in &manifest.access.0 {
        check.name(name, RESERVED);
        access.extend(check.access_type(name, written, offered.as_deref()));
    }
    if !check.mistakes.is_empty() {
        return Err(check.mistakes);
    }
    Ok(Integration {
        name: manifest.name.value.clone(),
        title: manifest.title.value.clone(),
        aliases: manifest.aliases.iter().map(|alias| alias.value.clone()).collect(),
        connector: manifest.connector.value.clone(),
        access,
        manifest: section.clone(),
    })
}

struct Check<'a> {
    section: &'a Section,
    mistakes: Vec<BadYaml>,
}

impl Check<'_> {
    fn no<T>(&mut self, at: &Spanned<T>, message: impl Display) {
        self.mistakes.push(self.section.mistake(at, message));
    }

    /// Calls belong to a connector that reads them in the manifest; elsewhere they would be passed over.
    fn no_calls(&mut self, manifest: &Manifest) {
        let top = [&manifest.base, &manifest.auth, &manifest.principal];
        let below = manifest.access.0.iter().flat_map(|(_, it)| [&it.key, &it.observe, &it.grant, &it.revoke, &it.ours]);
        let told = format!("the connector \"{}\" makes its calls itself; leave this out", manifest.connector.value);
        for call in top.into_iter().chain(below).flatten() {
            self.no(call, &told);
        }
        if let Some(sources) = &manifest.sources {
            self.no(sources, &told);
        }
    }

    fn name(&mut self, name: &Spanned<String>, reserved: &[&str]) {
        let word = name.value.as_str();
        let plain = word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
        if !plain {
            self.no(name, format!("\"{word}\" cannot be typed as a word: use a-z, 0-9, _ and -, and begin with a letter"));
        } else if word.len() > LONGEST_NAME {
            self.no(name, format!("\"{word}\" is too long: at most {LONGEST_NAME} characters"));
        } else if reserved.contains(&word) {
            self.no(name, format!("\"{word}\" means something of its own in a command; choose another word"));
        }
    }

    fn short(&mut self, text: &Spanned<String>, what: &str, most: usize) {
        if text.value.trim().is_empty() {
            self.no(text, format!("this {what} is empty; write one, or leave the key out"));
        } else if text.value.chars().count() > most {
            self.no(text, format!("this {what} is too long: at most {most} characters"));
        }
    }

    fn title(&mut self, title: &Spanned<String>) {
        self.short(title, "title", LONGEST_TITLE);
        if title.value.contains('\n') {
            self.no(title, "a title is one line");
        }
    }

    fn access_type(
        &mut self,
        name: &Spanned<String>,
        written: &manifest::AccessType,
        offered: Option<&[String]>,
    ) -> Option<AccessType> {
        let before = self.mistakes.len();
        self.title(&written.title);
        if let Some(help) = &written.help {
            self.short(help, "help", LONGEST_HELP);
        }
        if let Some(example) = &written.example {
            self.short(example, "example", LONGEST_EXAMPLE);
        }
        self.short(&written.effect, "effect", LONGEST_EFFECT);
        if let Some(after) = &written.after {
            self.short(after, "text", LONGEST_AFTER);
        }
        if let Some(late) = written.args.get(MOST_ARGS) {
            self.no(&late.name, format!("an access type has at most {MOST_ARGS} arguments"));
        }
        let mut args: Vec<Arg> = Vec::new();
        for arg in &written.args {
            args.extend(self.arg(arg, &args, offered));
        }
        let effect = self.template(&written.effect, &args);
        let after = written.after.as_ref().and_then(|after| self.template(after, &args));
        let limits = self.limits(written.limits.as_ref());
        let risk = match &written.risk {
            None => Risk::Low,
            Some(word) => Risk::parse(&word.value).unwrap_or_else(|| {
                self.no(word, format!("\"{}\" is no risk; write low, medium or high", word.value));
                Risk::Low
            }),
        };
        let cures = written.cures.iter().filter_map(|cure| self.cure(cure, &args, offered)).collect();
        (self.mistakes.len() == before).then_some(AccessType {
            name: name.value.clone(),
            title: written.title.value.clone(),
            help: trimmed(&written.help),
            example: trimmed(&written.example),
            args,
            effect: effect?,
            after,
            limits,
            risk,
            emergency: written.emergency,
            cures,
        })
    }

    fn cure(&mut self, cure: &manifest::Cure, args: &[Arg], offered: Option<&[String]>) -> Option<Cure> {
        self.short(&cure.error, "pattern", LONGEST_ERROR);
        for (arg, source) in &cure.fill.0 {
            if !args.iter().any(|known| known.name == arg.value) {
                self.no(arg, format!("there is no argument \"{}\" to fill in", arg.value));
            }
            self.offers(source, offered);
        }
        let fill = cure.fill.0.iter().map(|(arg, source)| (arg.value.clone(), source.value.clone())).collect();
        let error = self.regex(&cure.error, regex::Regex::new)?;
        Some(Cure { error, fill })
    }

    /// A pattern that compiles.
    fn regex<T>(&mut self, pattern: &Spanned<String>, compile: impl Fn(&str) -> Result<T, regex::Error>) -> Option<T> {
        match compile(&pattern.value) {
            Ok(compiled) => Some(compiled),
            Err(bad) => {
                let told = bad.to_string();
                let last = told.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.no(pattern, format!("this pattern is not a regular expression: {last}"));
                None
            }
        }
    }

    /// An argument that is wrong is given back all the same where it can be, so that those after it
    /// that name it are not called wrong as well.
    fn arg(&mut self, arg: &manifest::Arg, earlier: &[Arg], offered: Option<&[String]>) -> Option<Arg> {
        self.name(&arg.name, RESERVED_ARGS);
        self.title(&arg.title);
        if let Some(help) = &arg.help {
            self.short(help, "help", LONGEST_HELP);
        }
        for alias in &arg.aliases {
            self.name(alias, RESERVED_ARGS);
        }
        for word in std::iter::once(&arg.name).chain(&arg.aliases) {
            if earlier.iter().any(|other| other.answers_to(&word.value)) {
                self.no(word, format!("there is an argument \"{}\" already; choose another name", word.value));
            }
        }
        let absent = arg.optional || arg.default.is_some();
        if !arg.flag {
            let positional = || earlier.iter().filter(|other| !other.flag);
            if let Some(many) = positional().find(|other| other.many) {
                self.no(&arg.name, format!("\"{}\" takes all words after it, so it must come last, or be a flag", many.name));
            }
            if let Some(other) = positional().find(|other| other.optional || other.default.is_some()).filter(|_| !absent) {
                let advice = "put it before, or make one of them a flag";
                self.no(
                    &arg.name,
                    format!("\"{}\" may be left out, so what is needed cannot come after it; {advice}", other.name),
                );
            }
        }
        let pattern = arg.pattern.as_ref().and_then(|pattern| self.regex(pattern, Pattern::new));
        let kind = self.kind(arg, earlier, offered)?;
        for (value, key) in [(&arg.default, "default"), (&arg.suggest, "suggestion")] {
            let Some(value) = value else { continue };
            if let Kind::Listed(choices) = &kind
                && !choices.iter().any(|choice| choice.value == value.value)
            {
                self.no(value, format!("this {key} is not one of the options"));
            }
            if pattern.as_ref().is_some_and(|pattern| !pattern.matches(&value.value)) {
                self.no(value, format!("this {key} does not match the pattern"));
            }
        }
        Some(Arg {
            name: arg.name.value.clone(),
            title: arg.title.value.clone(),
            help: trimmed(&arg.help),
            kind,
            pattern,
            default: trimmed(&arg.default),
            suggest: trimmed(&arg.suggest),
            optional: arg.optional,
            many: arg.many,
            flag: arg.flag,
            aliases: arg.aliases.iter().map(|alias| alias.value.clone()).collect(),
        })
    }

    fn kind(&mut self, arg: &manifest::Arg, earlier: &[Arg], offered: Option<&[String]>) -> Option<Kind> {
        let plain = match arg.kind.value {
            manifest::Kind::Text => Some(Kind::Text),
            manifest::Kind::Number => Some(Kind::Number),
            manifest::Kind::Duration => Some(Kind::Duration),
            manifest::Kind::Person => Some(Kind::Person),
            manifest::Kind::Choice => None,
        };
        let source = match (&arg.options, &plain) {
            (Some(Spanned { value: manifest::Options::Source(source), .. }), None) => Some(source),
            _ => None,
        };
        if let Some(when_one) = arg.when_one.as_ref().filter(|_| source.is_none()) {
            self.no(when_one, "this goes with \"options: { source: ... }\" only");
        }
        match (plain, &arg.options) {
            (Some(kind), None) => Some(kind),
            (Some(_), Some(options)) => {
                self.no(options, "only \"kind: choice\" has options; write that, or leave them out");
                None
            }
            (None, None) => {
                self.no(&arg.kind, "a choice needs options: a list, or { source: ... }");
                None
            }
            (None, Some(options)) => match &options.value {
                manifest::Options::Listed(values) => self.listed(options, values),
                manifest::Options::Source(source) => {
                    self.source(source, earlier, offered);
                    Some(Kind::Source(Source {
                        source: source.source.value.clone(),
                        given: source.given.iter().map(|name| name.value.clone()).collect(),
                        free: source.free,
                        assume: arg.when_one.is_some(),
                    }))
                }
            },
        }
    }

    fn listed(&mut self, at: &Spanned<manifest::Options>, values: &[Spanned<String>]) -> Option<Kind> {
        if values.is_empty() {
            self.no(at, "this list is empty; write what there is to choose from");
            return None;
        }
        if values.len() > MOST_OPTIONS {
            self.no(at, format!("a list has at most {MOST_OPTIONS} options; a longer one is a source's to offer"));
        }
        for (n, value) in values.iter().enumerate() {
            self.short(value, "option", LONGEST_TITLE);
            if values.iter().take(n).any(|other| other.value == value.value) {
                self.no(value, format!("\"{}\" stands here twice", value.value));
            }
        }
        let choice =
            |value: &Spanned<String>| Choice { value: value.value.clone(), label: value.value.clone(), given: Args::new() };
        Some(Kind::Listed(values.iter().map(choice).collect()))
    }

    fn offers(&mut self, source: &Spanned<String>, offered: Option<&[String]>) {
        if let Some(offered) = offered
            && !offered.contains(&source.value)
        {
            let all = if offered.is_empty() { "nothing".to_owned() } else { offered.join(", ") };
            self.no(source, format!("the connector has no source \"{}\"; it offers {all}", source.value));
        }
    }

    fn source(&mut self, source: &manifest::Source, earlier: &[Arg], offered: Option<&[String]>) {
        self.offers(&source.source, offered);
        for name in &source.given {
            if !earlier.iter().any(|arg| arg.name == name.value) {
                self.no(
                    name,
                    format!("\"{}\" is not an argument that stands before this one; \"given\" names those", name.value),
                );
            }
        }
    }

    fn template(&mut self, text: &Spanned<String>, args: &[Arg]) -> Option<Template> {
        let template = match Template::parse(text.value.trim()) {
            Ok(template) => template,
            Err(told) => {
                self.no(text, told);
                return None;
            }
        };
        for (name, in_brackets) in template.names() {
            match args.iter().find(|arg| arg.name == name) {
                None => self.no(text, format!("this text names {{{name}}}, and there is no such argument")),
                Some(arg) if arg.may_be_absent() && !in_brackets => {
                    let told = format!("{{{name}}} may be absent; put it into brackets with its words, like [ on {{{name}}}]");
                    self.no(text, told);
                }
                Some(_) => {}
            }
        }
        Some(template)
    }

    fn limits(&mut self, limits: Option<&manifest::Limits>) -> Limits {
        let Some(limits) = limits else { return Limits::default() };
        let mut span = |text: &Option<Spanned<String>>| {
            let text = text.as_ref()?;
            Span::parse(&text.value).map_err(|bad| self.no(text, bad)).ok()
        };
        let read = Limits { longest: span(&limits.longest), default: span(&limits.default) };
        if let (Some(longest), Some(default), Some(at)) = (read.longest, read.default, &limits.default)
            && default > longest
        {
            self.no(at, format!("this is longer than the longest, {longest}"));
        }
        read
    }
}

fn trimmed(text: &Option<Spanned<String>>) -> Option<String> {
    text.as_ref().map(|text| text.value.trim().to_owned())
}
