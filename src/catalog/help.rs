//! What `help`, `--help` and `ls` answer: plain text, made to be shown in one width of letters.
//!
//! Made from the catalog alone, so it is never out of date. `program` is what people type to reach us:
//! `/p0` in Slack, `p0` in a shell.

use super::args::MANY;
use super::form::short;
use super::lookup::Lookup;
use super::{AccessType, Arg, Catalog, Integration, Kind};
use crate::domain::access::{Args, Choice};

/// How many values `ls` shows when nothing else is asked for.
pub const SHOWN: usize = 25;

const EVERYWHERE: [(&str, &str); 3] = [
    ("--reason <text>", "Why you need it; in quotes when it has several words"),
    ("--duration <time>", "For how long: 30m, 2h, 1 day"),
    ("--help", "Show help instead of doing anything"),
];

/// `help`
pub fn everything(program: &str) -> String {
    let rows = [
        (format!("{program} request"), "Ask for access; opens a form when something is missing"),
        (format!("{program} ls"), "List what can be asked for"),
        (format!("{program} help"), "Show this"),
    ];
    let rows = rows.iter().map(|(left, right)| (left.as_str(), *right));
    format!(
        "{program}\nAsk for access, for as long as you need it.\n\nCommands:\n{}\nAdd --help to any of them to read more.\n",
        table(rows)
    )
}

/// `request --help`
pub fn request(catalog: &Catalog, program: &str) -> String {
    let rows: Vec<(String, &str)> =
        catalog.integrations().map(|it| (format!("{program} request {}", it.name), it.title.as_str())).collect();
    let commands = if rows.is_empty() {
        "No integration is configured yet.\n".to_owned()
    } else {
        format!("Commands:\n{}", table(rows.iter().map(|(left, right)| (left.as_str(), *right))))
    };
    format!(
        "{program} request\nAsk for access. With nothing more it opens a form.\n\n{commands}\nOptions:\n{}",
        table(EVERYWHERE)
    )
}

/// `request <integration> --help`
pub fn integration(it: &Integration, program: &str) -> String {
    let rows: Vec<(String, &str)> = it.access.iter().map(|access| (usage(it, access, program), access.title.as_str())).collect();
    let aliases = if it.aliases.is_empty() { String::new() } else { format!("\nAlso: {}\n", it.aliases.join(", ")) };
    format!(
        "{program} request {}\nAsk for access to {}.\n\nCommands:\n{}\nOptions:\n{}{aliases}",
        it.name,
        it.title,
        table(rows.iter().map(|(left, right)| (left.as_str(), *right))),
        table(EVERYWHERE)
    )
}

/// `request <integration> <access type> --help`
pub fn access_type(it: &Integration, access: &AccessType, program: &str) -> String {
    let mut out = format!("{}\n{} in {}.", usage(it, access, program), access.title, it.title);
    out.extend(access.help.iter().flat_map(|help| [" ", help.as_str()]));
    out.push('\n');
    let sections = [("Arguments", false), ("Options", true)];
    for (title, flag) in sections {
        let mut rows: Vec<(String, String)> = access
            .args
            .iter()
            .filter(|arg| arg.flag == flag)
            .map(|arg| (if flag { option(arg) } else { shown(arg) }, describe(it, access, arg, program)))
            .collect();
        if flag {
            rows.extend(EVERYWHERE.map(|(left, right)| (left.to_owned(), right.to_owned())));
        }
        if let Some((_, text)) = rows.iter_mut().find(|(left, _)| left.starts_with("--duration")) {
            text.extend(access.limits.longest.map(|longest| format!("; at most {longest}")));
            text.extend(access.limits.default.map(|default| format!("; default {default}")));
        }
        if !rows.is_empty() {
            let rows = rows.iter().map(|(left, right)| (left.as_str(), right.as_str()));
            out.push_str(&format!("\n{title}:\n{}", table(rows)));
        }
    }
    if let Some(example) = &access.example {
        let time = access.limits.default.map_or_else(|| "1h".to_owned(), short);
        out.push_str(&format!(
            "\nExample:\n  {program} request {} {} {example} --reason \"INC-42\" --duration {time}\n",
            it.name, access.name
        ));
    }
    out
}

/// `ls --help`
pub fn ls(program: &str) -> String {
    let rows = [
        (format!("{program} ls"), "The integrations"),
        (format!("{program} ls <integration>"), "Its access types"),
        (format!("{program} ls <integration> <access type>"), "The arguments of one"),
        (format!("{program} ls <integration> <access type> <argument>"), "The values it can take"),
    ];
    let options = [
        ("--like <text>", "Only what fits; several words must all fit"),
        ("--size <number>", "How many to show"),
        ("--<argument> <value>", "Only what goes with this value of another argument"),
        ("--help", "Show this"),
    ];
    let rows = rows.iter().map(|(left, right)| (left.as_str(), *right));
    format!("{program} ls\nList what can be asked for.\n\nCommands:\n{}\nOptions:\n{}", table(rows), table(options))
}

/// `ls`
pub fn ls_integrations(catalog: &Catalog, program: &str) -> String {
    let rows: Vec<(&str, &str)> = catalog.integrations().map(|it| (it.name.as_str(), it.title.as_str())).collect();
    match rows.first() {
        None => "No integration is configured yet.\n".to_owned(),
        Some((first, _)) => format!("{}\nMore about one: {program} ls {first}\n", table(rows.clone())),
    }
}

/// `ls <integration>`
pub fn ls_access_types(it: &Integration, program: &str) -> String {
    let rows = it.access.iter().map(|access| (access.name.as_str(), access.title.as_str()));
    let first = it.access.first().map_or("", |access| access.name.as_str());
    format!("{}\n{}\nMore about one: {program} ls {} {first}\n", it.title, table(rows), it.name)
}

/// `ls <integration> <access type>`
pub fn ls_args(it: &Integration, access: &AccessType, program: &str) -> String {
    let rows: Vec<(&str, String)> =
        access.args.iter().map(|arg| (arg.name.as_str(), describe(it, access, arg, program))).collect();
    let rows = rows.iter().map(|(name, text)| (*name, text.as_str()));
    format!("{}\n{}\n{}", usage(it, access, program), access.title, table(rows))
}

/// What `ls` of an argument's values asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ls {
    pub integration: String,
    pub access_type: String,
    pub arg: String,
    /// What the values should be like; empty for all.
    pub query: String,
    /// Values of other arguments that decide which values there are.
    pub given: Args,
    pub size: usize,
}

/// The values an argument can take, best first, and whether there are more.
pub fn values(catalog: &Catalog, lookup: &dyn Lookup, ls: &Ls) -> (Vec<Choice>, bool) {
    let found = catalog.get(&ls.integration).and_then(|it| Some((it, it.access_type(&ls.access_type)?.arg(&ls.arg)?)));
    let Some((integration, arg)) = found else { return (Vec::new(), false) };
    let mut choices = match &arg.kind {
        Kind::Source(source) => {
            let given = source.given(&ls.given);
            lookup.find(&integration.name, &source.source, &given, &ls.query, ls.size.saturating_add(1))
        }
        Kind::Listed(choices) => {
            let words: Vec<String> = ls.query.split_whitespace().map(str::to_lowercase).collect();
            let fits = |choice: &&Choice| words.iter().all(|word| choice.value.to_lowercase().contains(word));
            choices.iter().filter(fits).cloned().collect()
        }
        Kind::Text | Kind::Number | Kind::Duration | Kind::Person => Vec::new(),
    };
    let more = choices.len() > ls.size;
    choices.truncate(ls.size);
    (choices, more)
}

/// `ls <integration> <access type> <argument>`: the choices as [`values`] found them.
pub fn ls_values(ls: &Ls, choices: &[Choice], more: bool) -> String {
    let like = if ls.query.is_empty() { String::new() } else { format!(" like \"{}\"", ls.query) };
    let noun = ls.arg.replace(['_', '-'], " ");
    if choices.is_empty() {
        return format!("There is no {noun}{like} to choose from.\n");
    }
    let rows: Vec<(&str, String)> = choices
        .iter()
        .map(|choice| {
            let label = if choice.label == choice.value { String::new() } else { choice.label.clone() };
            let belongs = choice.given.iter().filter(|(name, _)| !ls.given.contains_key(*name));
            let belongs: Vec<String> = belongs.map(|(name, value)| format!("{name} {value}")).collect();
            let rest = if belongs.is_empty() { String::new() } else { format!("({})", belongs.join(", ")) };
            (choice.value.as_str(), [label, rest].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))
        })
        .collect();
    let mut out = table(rows.iter().map(|(left, right)| (*left, right.as_str())));
    if more {
        out.push_str("There are more; narrow them down with --like <text>.\n");
    }
    out
}

/// The command with its arguments: `/p0 request okta group <group> [--app <app>]`.
pub fn usage(it: &Integration, access: &AccessType, program: &str) -> String {
    let mut out = format!("{program} request {} {}", it.name, access.name);
    let args = access.positional().chain(access.args.iter().filter(|arg| arg.flag));
    for arg in args {
        let needed = !arg.optional && arg.default.is_none() && !arg.source().is_some_and(|source| source.assume);
        let plain = if arg.flag { option(arg) } else { shown(arg) };
        out.push_str(&if needed { format!(" {plain}") } else { format!(" [{plain}]") });
    }
    out
}

fn shown(arg: &Arg) -> String {
    format!("<{}{}>", arg.noun(), if arg.many { ".." } else { "" })
}

fn option(arg: &Arg) -> String {
    format!("--{} {}", arg.name, shown(arg))
}

fn describe(it: &Integration, access: &AccessType, arg: &Arg, program: &str) -> String {
    let mut parts = vec![arg.help.clone().unwrap_or_else(|| format!("{}.", arg.title))];
    match &arg.kind {
        Kind::Listed(choices) => {
            let all: Vec<&str> = choices.iter().map(|choice| choice.value.as_str()).collect();
            parts.push(format!("One of {}.", all.join(", ")));
        }
        Kind::Source(source) => {
            parts.push(format!("List: {program} ls {} {} {}", it.name, access.name, arg.name));
            if source.assume {
                parts.push("(needless when there is only one)".to_owned());
            }
        }
        Kind::Number => parts.push("A number.".to_owned()),
        Kind::Duration => parts.push("A duration, like 2h.".to_owned()),
        Kind::Person => parts.push("An e-mail address or a mention.".to_owned()),
        Kind::Text => {}
    }
    parts.extend(arg.default.as_ref().map(|default| format!("Default: {}.", default.replace(MANY, ", "))));
    parts.join(" ")
}

/// Two columns; the second begins where all can see it.
fn table<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let rows: Vec<(&str, &str)> = rows.into_iter().collect();
    let width = rows.iter().map(|(left, _)| left.chars().count()).filter(|width| *width <= WIDEST).max().unwrap_or(0);
    rows.iter().map(|(left, right)| row(left, right, width)).collect()
}

/// Wider than this a text stands above its explanation.
const WIDEST: usize = 44;

fn row(left: &str, right: &str, width: usize) -> String {
    if right.is_empty() {
        format!("  {left}\n")
    } else if left.chars().count() > width {
        format!("  {left}\n      {right}\n")
    } else {
        format!("  {left:width$}  {right}\n")
    }
}
