//! From words to a command: walks the catalog with them.
//!
//! Every word is used or complained of; none is guessed away. What is wrong with a value is
//! [`crate::catalog::args`]'s to say, so that a modal says the same.

use std::ops::Range;

use super::common::{self, Places};
use super::options::{self, Opt, Parts, Value};
use super::{Command, Draft, Mistake, lex, print};
use crate::catalog::args::{MANY, Problem, Trouble};
use crate::catalog::form::{ACCESS_TYPE, DURATION, END, INTEGRATION, LENGTH, Purpose, REASON, START, TO};
use crate::catalog::lookup::nearest;
use crate::catalog::{AccessType, Arg, Catalog, Integration, Kind, Lookup, help};
use crate::domain::access::Args;

/// What a line is read against.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Everything that there is.
    pub catalog: &'a Catalog,
    /// As much of it as lists show.
    pub offered: &'a Catalog,
    pub lookup: &'a dyn Lookup,
    /// What people type to reach us: `/p0` in Slack, `p0` in a shell. Stands before all advice.
    pub program: &'a str,
}

/// Reads a line: all that was typed after the program's name, free of a surface's own escapes; a shell's
/// words go through [`print::line`] first.
pub fn resolve(context: Context, line: &str) -> Result<Command, Mistake> {
    let reader = Reader { context, line };
    match lex::words(line) {
        Ok(words) => reader.command(options::split(line, words)),
        Err(unclosed) => Err(reader.unclosed(unclosed.at)),
    }
}

#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub context: Context<'a>,
    pub line: &'a str,
}

/// The words that begin a command.
pub(super) const VERBS: [&str; 7] = ["request", "grant", "allow", "away", "back", "ls", "help"];

impl<'a> Reader<'a> {
    fn command(self, mut parts: Parts) -> Result<Command, Mistake> {
        if parts.values.first().is_some_and(|word| word.text.eq_ignore_ascii_case("help")) {
            parts.values.remove(0);
            parts.help = true;
        }
        if parts.help {
            return Ok(Command::Help(self.help(&parts)));
        }
        let Some(verb) = parts.values.first() else {
            return match parts.options.first() {
                None => Ok(Command::Help(help::everything(self.context.program))),
                Some(option) => Err(self.mistake(&option.span, "A command begins with a word, like \"request\".", "help")),
            };
        };
        match verb.text.to_lowercase().as_str() {
            "ls" => self.ls(&parts),
            "away" => self.away(&parts),
            "back" => self.back(&parts),
            word => match Purpose::parse(word) {
                Some(purpose) => self.request(purpose, &parts),
                None => Err(self.no_verb(word, verb)),
            },
        }
    }

    fn no_verb(self, word: &str, verb: &Value) -> Mistake {
        let button = |names: &str| {
            self.mistake(&verb.span, format!("This is not typed: {names} are buttons on the request's message."), "help")
        };
        match word {
            "approve" | "deny" => return button("Approve and Deny"),
            "relinquish" | "revoke" => return button("Relinquish and Revoke"),
            _ => {}
        }
        if let Some(integration) = self.context.catalog.get(word) {
            let told = format!("To ask for access to {}, begin with \"request\".", integration.title);
            let rest = self.line.get(verb.span.start..).unwrap_or_default();
            let mut mistake = self.mistake(&verb.span, told, "help");
            mistake.instead = Some(format!("request {rest}"));
            return mistake;
        }
        let near = nearest(word, VERBS);
        let told = format!("There is no command \"{}\"{}", verb.text, meant(near));
        self.replace(self.mistake(&verb.span, told, "help"), near)
    }

    fn request(self, purpose: Purpose, parts: &Parts) -> Result<Command, Mistake> {
        let verb = purpose.as_str();
        let more = format!("{verb} --help");
        let mut draft = Draft { purpose, ..Draft::default() };
        let mut places = Places::new();
        let own = self.common(parts, &mut draft, &mut places, &more)?;
        let mut words = parts.values.iter().skip(1);
        let Some(word) = words.next() else {
            return match own.first() {
                Some(option) => Err(self.no_option(option, None, &more)),
                None => Ok(Command::Form { draft, because: String::new() }),
            };
        };
        let Some(integration) = self.context.catalog.get(&word.text) else {
            return Err(self.no_integration(word, &more));
        };
        draft.integration = Some(integration.name.clone());
        places.insert(INTEGRATION.to_owned(), word.span.clone());
        let more = format!("{verb} {} --help", integration.name);
        let access = match words.next() {
            Some(word) => {
                Some((word, integration.access_type(&word.text).ok_or_else(|| self.no_access_type(integration, word, &more))?))
            }
            None => None,
        };
        match access {
            Some((word, access)) => {
                draft.access_type = Some(access.name.clone());
                places.insert(ACCESS_TYPE.to_owned(), word.span.clone());
                let more = format!("{verb} {} {} --help", integration.name, access.name);
                self.options(access, &own, &mut draft.values, &mut places, &more)?;
                let words: Vec<&Value> = words.collect();
                self.positional(access, &words, parts, &mut draft.values, &mut places, &more)?;
            }
            None => {
                // The access type that has all the options is meant, if there is one.
                let has = |access: &&AccessType| own.iter().all(|option| find_arg(access, &option.name).is_some());
                let mut fits = integration.access.iter().filter(has);
                match (fits.next(), fits.next()) {
                    (Some(access), None) => {
                        draft.access_type = Some(access.name.clone());
                        self.options(access, &own, &mut draft.values, &mut places, &more)?;
                    }
                    (Some(access), Some(_)) => self.options(access, &own, &mut draft.values, &mut places, &more)?,
                    (None, _) => {
                        let unknown = |option: &&&Opt| integration.access.iter().all(|it| find_arg(it, &option.name).is_none());
                        let option = own.iter().find(unknown).or(own.first());
                        return Err(option.map_or_else(
                            || self.mistake(&word.span, "Nothing can be asked for here.", &more),
                            |option| self.no_option(option, integration.only_access_type(), &more),
                        ));
                    }
                }
                if integration.access.len() > 1 && own.is_empty() {
                    draft.access_type = None;
                }
            }
        }
        match draft.complete(self.context.catalog, self.context.lookup) {
            Ok(complete) => Ok(Command::Request(complete)),
            Err(problems) => self.incomplete(draft, problems, &places),
        }
    }

    fn incomplete(self, draft: Draft, problems: Vec<Problem>, places: &Places) -> Result<Command, Mistake> {
        let wrong = problems.iter().find(|problem| match problem.trouble {
            Trouble::Missing => false,
            Trouble::Wrong | Trouble::Unknown => true,
        });
        if let Some(problem) = wrong {
            let place = places.get(&problem.arg).or(places.get(ACCESS_TYPE)).or(places.get(INTEGRATION));
            let place = place.cloned().unwrap_or(self.line.len()..self.line.len());
            let words =
                [Some(draft.purpose.as_str()), draft.integration.as_deref(), draft.access_type.as_deref(), Some("--help")];
            let more = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
            let mistake = self.mistake(&place, problem.message.clone(), &more);
            let instead = problem.instead.as_deref().filter(|_| places.contains_key(&problem.arg));
            return Err(self.replace(mistake, instead));
        }
        let titles: Vec<&str> =
            problems.iter().filter_map(|problem| problem.message.strip_suffix(" is still missing.")).collect();
        let because = match (titles.as_slice(), problems.first()) {
            ([_, _, ..], _) => format!("Still missing: {}.", titles.join(", ")),
            (_, Some(problem)) => problem.message.clone(),
            (_, None) => String::new(),
        };
        Ok(Command::Form { draft, because })
    }

    /// Arguments that were given by name.
    pub(super) fn options(
        self,
        access: &AccessType,
        own: &[&Opt],
        values: &mut Args,
        places: &mut Places,
        more: &str,
    ) -> Result<(), Mistake> {
        for option in own {
            let Some(arg) = find_arg(access, &option.name) else {
                return Err(self.no_option(option, Some(access), more));
            };
            let named = Opt { name: arg.name.clone(), ..(*option).clone() };
            let value = if arg.many { self.needed(option, more)? } else { self.value(&named, places, more)? };
            let value = value.clone();
            places.insert(arg.name.clone(), value.span.clone());
            add(values, arg, &value);
        }
        Ok(())
    }

    fn positional(
        self,
        access: &AccessType,
        words: &[&Value],
        parts: &Parts,
        values: &mut Args,
        places: &mut Places,
        more: &str,
    ) -> Result<(), Mistake> {
        let by_name: Vec<String> = places.keys().cloned().collect();
        let mut open = access.positional().filter(|arg| !by_name.contains(&arg.name)).peekable();
        for (n, word) in words.iter().enumerate() {
            let Some(arg) = open.peek() else {
                return Err(self.superfluous(word, words.get(n..).unwrap_or_default(), parts, more));
            };
            places.insert(arg.name.clone(), word.span.clone());
            add(values, arg, word);
            if !arg.many {
                open.next();
            }
        }
        Ok(())
    }

    pub(super) fn superfluous(self, word: &Value, rest: &[&Value], parts: &Parts, more: &str) -> Mistake {
        // `--reason fix the bug`: the words after the value are meant to belong to it.
        let gap = |from: usize, to: usize| self.line.get(from..to).is_some_and(|gap| gap.trim().is_empty());
        let before = parts.options.iter().filter_map(|option| Some((option, option.value.as_ref()?)));
        let owner = before.into_iter().find(|(_, value)| gap(value.span.end, word.span.start));
        let Some((option, value)) = owner else {
            return self.mistake(&word.span, format!("\"{}\" is one word too many.", word.text), more);
        };
        let mut all = value.text.clone();
        let mut end = value.span.end;
        for next in rest.iter().take_while(|next| next.span.start >= word.span.start) {
            if !gap(end, next.span.start) {
                break;
            }
            all = format!("{all} {}", next.text);
            end = next.span.end;
        }
        let told = format!("Several words after --{} need quotes around them.", option.name);
        let mut mistake = self.mistake(&(word.span.start..end), told, more);
        mistake.instead = self.with(&(value.span.start..end), &print::word(&all));
        mistake
    }

    /// The value of an option that may be given once.
    pub(super) fn value<'o>(self, option: &'o Opt, places: &Places, more: &str) -> Result<&'o Value, Mistake> {
        if places.contains_key(&option.name) {
            return Err(self.mistake(&option.span, format!("--{} is given twice; leave one out.", option.name), more));
        }
        self.needed(option, more)
    }

    fn needed<'o>(self, option: &'o Opt, more: &str) -> Result<&'o Value, Mistake> {
        option.value.as_ref().ok_or_else(|| {
            let example = match option.name.as_str() {
                REASON => "--reason \"INC-42\"".to_owned(),
                DURATION => "--duration 1h".to_owned(),
                LENGTH => "--length 1w".to_owned(),
                TO => "--to bob@example.com".to_owned(),
                START | END | "until" => format!("--{} 2026-12-24", option.name),
                name => format!("--{name} <{name}>"),
            };
            self.mistake(&option.span, format!("--{} needs a value after it, like {example}.", option.name), more)
        })
    }

    pub(super) fn no_integration(self, word: &Value, more: &str) -> Mistake {
        let names = self.context.catalog.integrations().flat_map(|it| std::iter::once(&it.name).chain(&it.aliases));
        let near = nearest(&word.text, names.map(String::as_str));
        let told = format!("There is no integration \"{}\"{}", word.text, meant(near));
        self.replace(self.mistake(&word.span, told, more), near)
    }

    fn no_access_type(self, integration: &Integration, word: &Value, more: &str) -> Mistake {
        let near = nearest(&word.text, integration.access.iter().map(|it| it.name.as_str()));
        let told = format!("There is no access type \"{}\" in {}{}", word.text, integration.title, meant(near));
        let mistake = self.mistake(&word.span, told, more);
        match (near, integration.only_access_type()) {
            (None, Some(only)) => {
                let at = word.span.start;
                Mistake { instead: self.with(&(at..at), &format!("{} ", only.name)), ..mistake }
            }
            _ => self.replace(mistake, near),
        }
    }

    pub(super) fn no_option(self, option: &Opt, access: Option<&AccessType>, more: &str) -> Mistake {
        let args = access.into_iter().flat_map(|access| &access.args).map(|arg| arg.name.as_str());
        let common = more.split(' ').next().and_then(Purpose::parse).map_or(&["like", "size", "help"][..], common::names);
        self.no_such(option, args.chain(common.iter().copied()), more)
    }

    pub(super) fn no_such<'o>(self, option: &Opt, known: impl IntoIterator<Item = &'o str>, more: &str) -> Mistake {
        let near = nearest(&option.name, known);
        let near = near.map(|near| format!("--{near}"));
        let told = format!("There is no option \"--{}\" here{}", option.name, meant(near.as_deref()));
        let mut mistake = self.mistake(&option.span, told, more);
        mistake.instead = near.and_then(|near| self.with(&option.span, &near));
        mistake
    }

    fn unclosed(self, at: Range<usize>) -> Mistake {
        let mut mistake = self.mistake(&at, "This quote is never closed.", "help");
        let quote = match self.line.get(at).unwrap_or_default() {
            "“" | "„" => "”",
            "‘" | "‚" => "’",
            other => other,
        };
        let closed = format!("{}{quote}", self.line.trim_end().trim_end_matches('\\'));
        mistake.instead = lex::words(&closed).is_ok().then_some(closed);
        mistake
    }

    pub(super) fn mistake(self, span: &Range<usize>, message: impl Into<String>, more: &str) -> Mistake {
        Mistake {
            line: self.line.to_owned(),
            span: span.clone(),
            message: message.into(),
            instead: None,
            program: self.context.program.to_owned(),
            help: more.to_owned(),
        }
    }

    /// The line with another word in the place of the mistaken one.
    pub(super) fn replace(self, mistake: Mistake, word: Option<&str>) -> Mistake {
        let instead = word.and_then(|word| self.with(&mistake.span, &print::word(word)));
        Mistake { instead, ..mistake }
    }

    pub(super) fn with(self, span: &Range<usize>, text: &str) -> Option<String> {
        Some(format!("{}{text}{}", self.line.get(..span.start)?, self.line.get(span.end..)?))
    }
}

pub(super) fn find_arg<'c>(access: &'c AccessType, name: &str) -> Option<&'c Arg> {
    access.arg(name).or_else(|| access.arg(&name.replace('-', "_"))).or_else(|| access.arg(&name.replace('_', "-")))
}

/// A mention is the person where a person is wanted, and a text elsewhere.
fn add(values: &mut Args, arg: &Arg, word: &Value) {
    let text = match (&arg.kind, &word.person) {
        (Kind::Person, Some(id)) => format!("<@{id}>"),
        (Kind::Person | Kind::Text | Kind::Number | Kind::Duration | Kind::Listed(_) | Kind::Source(_), _) => word.text.clone(),
    };
    values
        .entry(arg.name.clone())
        .and_modify(|value| {
            value.push_str(MANY);
            value.push_str(&text);
        })
        .or_insert(text);
}

pub(super) fn meant(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_else(|| ".".to_owned())
}
