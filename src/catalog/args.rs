//! Checks the values of an access type's arguments, and fills in what need not be said.
//!
//! One place for every surface: a command, a modal and the API get the same answers. A value that a
//! source does not know is refused here; one whose source is not loaded yet passes, because the
//! connector's plan looks at each value again before anybody is asked.

use super::lookup::{Look, Lookup, nearest};
use super::{AccessType, Arg, Integration, Kind, Source};
use crate::domain::access::{Args, Choice};
use crate::domain::person::Email;
use crate::domain::time::Span;

/// Stands between the values of an argument that takes many.
pub const MANY: &str = "\n";

/// The longest value: what a Slack text field takes at most.
pub const LONGEST_VALUE: usize = 3000;

/// What is wrong with one argument, to be shown at its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The argument's name, or one of the fields that every form has ([`super::form`]).
    pub arg: String,
    pub trouble: Trouble,
    /// One sentence that says what to do.
    pub message: String,
    /// What was probably meant.
    pub instead: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Needed and not given.
    Missing,
    /// Given, and not one of the access type's.
    Unknown,
    /// Given, and not good.
    Wrong,
}

impl Problem {
    pub fn missing(arg: &str, message: impl Into<String>) -> Problem {
        Problem { arg: arg.to_owned(), trouble: Trouble::Missing, message: message.into(), instead: None }
    }

    pub fn wrong(arg: &str, message: impl Into<String>) -> Problem {
        Problem { arg: arg.to_owned(), trouble: Trouble::Wrong, message: message.into(), instead: None }
    }
}

/// The good values, as they are to be stored, and what is wrong with the others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settled {
    pub args: Args,
    pub problems: Vec<Problem>,
}

/// Every value, or everything that is wrong.
pub fn check(integration: &Integration, access: &AccessType, typed: &Args, lookup: &dyn Lookup) -> Result<Args, Vec<Problem>> {
    let settled = settle(integration, access, typed, lookup);
    if settled.problems.is_empty() { Ok(settled.args) } else { Err(settled.problems) }
}

/// Goes through the arguments in order, so that each sees the values it depends on.
pub fn settle(integration: &Integration, access: &AccessType, typed: &Args, lookup: &dyn Lookup) -> Settled {
    let mut settled = Settled::default();
    for name in typed.keys().filter(|name| !access.args.iter().any(|arg| arg.name == **name)) {
        let instead = nearest(name, access.args.iter().map(|arg| arg.name.as_str())).map(str::to_owned);
        let hint = instead.as_ref().map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_else(|| ".".to_owned());
        let message = format!("{} takes no argument \"{name}\"{hint}", access.title);
        settled.problems.push(Problem { arg: name.clone(), trouble: Trouble::Unknown, message, instead });
    }
    for arg in &access.args {
        let given = typed.get(&arg.name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let assumed = || the_only_one(integration, arg, &settled.args, lookup);
        let value = given.map(str::to_owned).or_else(|| arg.default.clone()).or_else(assumed);
        let Some(value) = value else {
            if !arg.optional {
                settled.problems.push(Problem::missing(&arg.name, format!("{} is still missing.", arg.title)));
            }
            continue;
        };
        let values: Vec<&str> =
            if arg.many { value.split(MANY).map(str::trim).filter(|value| !value.is_empty()).collect() } else { vec![&value] };
        let mut good: Vec<String> = Vec::new();
        for value in values {
            match one(integration, arg, value, &settled.args, lookup) {
                Ok(value) if good.contains(&value) => {}
                Ok(value) => good.push(value),
                Err(problem) => settled.problems.push(problem),
            }
        }
        if !good.is_empty() {
            settled.args.insert(arg.name.clone(), good.join(MANY));
        }
    }
    settled
}

/// The value of an argument whose source has exactly one choice, where the manifest says to assume it.
pub fn the_only_one(integration: &Integration, arg: &Arg, values: &Args, lookup: &dyn Lookup) -> Option<String> {
    let source = arg.source().filter(|source| source.assume)?;
    match lookup.few(&integration.name, &source.source, &source.given(values), 1)?.as_slice() {
        [only] => Some(only.value.clone()),
        _ => None,
    }
}

fn one(integration: &Integration, arg: &Arg, value: &str, values: &Args, lookup: &dyn Lookup) -> Result<String, Problem> {
    let wrong = |message: String| Err(Problem::wrong(&arg.name, message));
    if value.chars().count() > LONGEST_VALUE {
        return wrong(format!("{} is too long: at most {LONGEST_VALUE} characters.", arg.title));
    }
    if let Some(c) = value.chars().find(|c| c.is_control() && (*c != '\n' || !matches!(arg.kind, Kind::Text))) {
        return wrong(format!("{} holds a character that cannot be typed ({}); leave it out.", arg.title, c.escape_default()));
    }
    let value = match &arg.kind {
        Kind::Text => value.to_owned(),
        Kind::Number => match value.parse::<f64>() {
            Ok(number) if number.is_finite() => value.to_owned(),
            _ => return wrong(format!("\"{value}\" is not a number; type digits, like 3.")),
        },
        Kind::Duration => match Span::parse(value) {
            Ok(_) => value.to_owned(),
            Err(bad) => return wrong(sentence(&bad.to_string())),
        },
        Kind::Person => match person(value) {
            Ok(person) => person,
            Err(why) => return wrong(why),
        },
        Kind::Listed(choices) => listed(arg, value, choices)?,
        Kind::Source(source) => offered(integration, arg, source, value, values, lookup)?,
    };
    match &arg.pattern {
        Some(pattern) if !pattern.matches(&value) => {
            let help = arg.help.as_ref().map(|help| format!(" {help}")).unwrap_or_default();
            wrong(format!("\"{value}\" does not fit: {} must match {}.{help}", arg.title, pattern.text))
        }
        _ => Ok(value),
    }
}

fn listed(arg: &Arg, value: &str, choices: &[Choice]) -> Result<String, Problem> {
    let exact = choices.iter().find(|choice| choice.value == value);
    let found = exact.or_else(|| choices.iter().find(|choice| choice.value.eq_ignore_ascii_case(value)));
    if let Some(choice) = found {
        return Ok(choice.value.clone());
    }
    let all: Vec<&str> = choices.iter().map(|choice| choice.value.as_str()).collect();
    let near = nearest(value, all.iter().copied());
    let hint = match near {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("choose one of {}.", all.join(", ")),
    };
    Err(unknown(arg, format!("There is no {} \"{value}\"; {hint}", arg.noun()), near.map(str::to_owned)))
}

fn offered(
    integration: &Integration,
    arg: &Arg,
    source: &Source,
    value: &str,
    values: &Args,
    lookup: &dyn Lookup,
) -> Result<String, Problem> {
    let given = source.given(values);
    match lookup.look(&integration.name, &source.source, &given, value) {
        Look::Found(choice) => return Ok(choice.value),
        Look::NotLoaded => return Ok(value.to_owned()),
        Look::Unknown if source.free => return Ok(value.to_owned()),
        Look::Unknown => {}
    }
    let noun = arg.noun();
    let on = given.values().map(|value| format!("\"{}\"", value.replace(MANY, ", "))).collect::<Vec<_>>().join(", ");
    if let Look::Found(elsewhere) = lookup.look(&integration.name, &source.source, &Args::new(), value)
        && !given.is_empty()
    {
        let there = elsewhere.given.values().map(|value| format!("\"{value}\"")).collect::<Vec<_>>().join(", ");
        let message = format!("{} \"{value}\" goes with {there}, not with {on}.", capital(&noun));
        return Err(unknown(arg, message, None));
    }
    let with = if on.is_empty() { String::new() } else { format!(" for {on}") };
    let near = lookup.nearest(&integration.name, &source.source, &given, value);
    let hint = near.as_ref().map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_else(|| ".".to_owned());
    Err(unknown(arg, format!("There is no {noun} \"{value}\"{with}{hint}"), near))
}

fn unknown(arg: &Arg, message: String, instead: Option<String>) -> Problem {
    Problem { arg: arg.name.clone(), trouble: Trouble::Wrong, message, instead }
}

/// Somebody by e-mail address, or by the surface's own id as `<@id>`; or why it is neither.
pub fn person(value: &str) -> Result<String, String> {
    match (mention(value), Email::parse(value)) {
        (Some(_), _) => Ok(value.to_owned()),
        (None, Some(email)) => Ok(email.as_str().to_owned()),
        (None, None) => Err(format!("\"{value}\" is nobody we can find; type an e-mail address, or mention the person.")),
    }
}

/// The surface's own id of a person who was mentioned: `U123` of `<@U123>`.
pub fn mention(value: &str) -> Option<&str> {
    let id = value.strip_prefix("<@")?.strip_suffix('>')?;
    (!id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric())).then_some(id)
}

fn capital(noun: &str) -> String {
    let mut letters = noun.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A text of an error as a sentence.
pub fn sentence(text: &str) -> String {
    format!("{}.", capital(text))
}
