//! `ls` and `help`: what answers in text. Changes nothing and asks nobody.

use std::collections::BTreeMap;

use super::options::{Opt, Parts, Value};
use super::resolve::{Reader, VERBS, find_arg, meant};
use super::{Command, Ls, Mistake};
use crate::catalog::args::{self, Trouble};
use crate::catalog::form::Purpose;
use crate::catalog::lookup::nearest;
use crate::catalog::{AccessType, Arg, Integration, Kind, help};
use crate::domain::access::Args;

const LIKE: &str = "like";
const SIZE: &str = "size";
/// The most that `ls` shows at once.
const MOST: usize = 500;

impl Reader<'_> {
    /// The help for as much of the command as is understood; never a mistake.
    pub(super) fn help(self, parts: &Parts) -> String {
        let (catalog, program) = (self.context.catalog, self.context.program);
        let mut words = parts.values.iter().map(|value| value.text.as_str()).peekable();
        let first = words.peek().map(|word| word.to_lowercase());
        let purpose = match first.as_deref() {
            None => return help::everything(program),
            Some("ls") => return help::ls(program),
            Some("away") => return help::away(program),
            Some("back") => return help::back(program),
            Some(word) if catalog.get(word).is_some() => Purpose::Request,
            Some(word) => {
                words.next();
                let Some(purpose) = Purpose::parse(word) else {
                    let near = nearest(word, VERBS);
                    return format!("There is no command \"{word}\"{}\n\n{}", meant(near), help::everything(program));
                };
                purpose
            }
        };
        let Some(word) = words.next() else { return help::purpose(purpose, catalog, program) };
        let Some(integration) = catalog.get(word) else {
            let near = nearest(word, catalog.integrations().map(|it| it.name.as_str()));
            return format!("There is no integration \"{word}\"{}\n\n{}", meant(near), help::purpose(purpose, catalog, program));
        };
        let Some(word) = words.next() else { return help::integration(purpose, integration, program) };
        match integration.access_type(word) {
            Some(access) => help::access_type(purpose, integration, access, program),
            None => {
                let near = nearest(word, integration.access.iter().map(|it| it.name.as_str()));
                let text = help::integration(purpose, integration, program);
                format!("There is no access type \"{word}\" in {}{}\n\n{text}", integration.title, meant(near))
            }
        }
    }

    pub(super) fn ls(self, parts: &Parts) -> Result<Command, Mistake> {
        const MORE: &str = "ls --help";
        let (catalog, program) = (self.context.catalog, self.context.program);
        let mut words = parts.values.iter().skip(1);
        let Some(word) = words.next() else {
            return match parts.options.first() {
                Some(option) => Err(self.no_option(option, None, MORE)),
                None => Ok(Command::Help(help::ls_integrations(self.context.offered, program))),
            };
        };
        let Some(integration) = catalog.get(&word.text) else { return Err(self.no_integration(word, MORE)) };
        let Some(word) = words.next() else {
            self.no_options_yet(parts, MORE)?;
            let offered = self.context.offered.get(&integration.name);
            return Ok(Command::Help(match offered {
                Some(offered) => help::ls_access_types(offered, program),
                None => format!("No access policy lets you ask for anything in {}.\n", integration.title),
            }));
        };
        let (access, arg) = match integration.access_type(&word.text) {
            Some(access) => match words.next() {
                Some(word) => (access, list_of(access, &word.text).ok_or_else(|| self.no_arg(access, word))?),
                None => {
                    self.no_options_yet(parts, MORE)?;
                    return Ok(Command::Help(help::ls_args(integration, access, program)));
                }
            },
            // `ls okta groups`: the list by its own name, in the first access type that has it.
            None => integration
                .access
                .iter()
                .find_map(|access| Some((access, list_of(access, &word.text)?)))
                .ok_or_else(|| self.no_list(integration, word))?,
        };
        match &arg.kind {
            Kind::Listed(_) | Kind::Source(_) => {}
            Kind::Text | Kind::Number | Kind::Duration | Kind::Person => {
                return Ok(Command::Help(format!("There is no list for the {}: it is typed freely.\n", arg.noun())));
            }
        }
        self.list(integration, access, arg, words.collect(), parts)
    }

    fn list(
        self,
        integration: &Integration,
        access: &AccessType,
        arg: &Arg,
        words: Vec<&Value>,
        parts: &Parts,
    ) -> Result<Command, Mistake> {
        const MORE: &str = "ls --help";
        let mut query: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        let mut size = help::SHOWN;
        let mut places = BTreeMap::new();
        let mut own: Vec<&Opt> = Vec::new();
        for option in &parts.options {
            match option.name.as_str() {
                LIKE | SIZE => {
                    let value = self.value(option, &places, MORE)?;
                    places.insert(option.name.clone(), value.span.clone());
                    if option.name == LIKE {
                        query.push(value.text.as_str());
                    } else {
                        let number = value.text.parse().ok().filter(|number| (1..=MOST).contains(number));
                        let told = || self.mistake(&value.span, format!("Type a number from 1 to {MOST}."), MORE);
                        size = number.ok_or_else(told)?;
                    }
                }
                _ => own.push(option),
            }
        }
        let mut given = Args::new();
        self.options(access, &own, &mut given, &mut places, MORE)?;
        let settled = args::settle(integration, access, &given, self.context.lookup);
        let wrong = |problem: &&args::Problem| problem.trouble == Trouble::Wrong && given.contains_key(&problem.arg);
        if let Some(problem) = settled.problems.iter().find(wrong)
            && let Some(place) = places.get(&problem.arg)
        {
            return Err(self.replace(self.mistake(place, problem.message.clone(), MORE), problem.instead.as_deref()));
        }
        let decisive = arg.source().map(|source| source.given(&settled.args)).unwrap_or_default();
        Ok(Command::Ls(Ls {
            integration: integration.name.clone(),
            access_type: access.name.clone(),
            arg: arg.name.clone(),
            query: query.join(" ").trim().to_owned(),
            given: decisive,
            size,
        }))
    }

    fn no_options_yet(self, parts: &Parts, more: &str) -> Result<(), Mistake> {
        match parts.options.first() {
            None => Ok(()),
            Some(option) => Err(self.mistake(&option.span, "Name the argument first whose values you want to see.", more)),
        }
    }

    fn no_arg(self, access: &AccessType, word: &Value) -> Mistake {
        let near = nearest(&word.text, access.args.iter().flat_map(names));
        let told = format!("{} has no argument \"{}\"{}", access.title, word.text, meant(near));
        self.replace(self.mistake(&word.span, told, "ls --help"), near)
    }

    fn no_list(self, integration: &Integration, word: &Value) -> Mistake {
        let known = integration
            .access
            .iter()
            .flat_map(|access| std::iter::once(access.name.as_str()).chain(access.args.iter().flat_map(names)));
        let near = nearest(&word.text, known);
        let told = format!("There is no access type or list \"{}\" in {}{}", word.text, integration.title, meant(near));
        self.replace(self.mistake(&word.span, told, "ls --help"), near)
    }
}

/// An argument by its name, or by the name of the source it is chosen from.
fn list_of<'c>(access: &'c AccessType, word: &str) -> Option<&'c Arg> {
    let by_source = |arg: &&Arg| arg.source().is_some_and(|source| source.source.eq_ignore_ascii_case(word));
    find_arg(access, word).or_else(|| access.args.iter().find(by_source))
}

fn names(arg: &Arg) -> impl Iterator<Item = &str> {
    std::iter::once(arg.name.as_str()).chain(arg.source().map(|source| source.source.as_str()))
}
