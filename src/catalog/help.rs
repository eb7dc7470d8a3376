//! What `help`, `--help` and `ls` answer: plain text, made to be shown in one width of letters.
//!
//! Made from the catalog alone, so it is never out of date. `program` is what people type to reach us:
//! `/p0` in Slack, `p0` in a shell.

use super::args::MANY;
use super::form::{Purpose, short};
use super::lookup::Lookup;
use super::{AccessType, Arg, Catalog, Integration, Kind};
use crate::domain::access::{Args, Choice};

/// How many values `ls` shows when nothing else is asked for.
pub const SHOWN: usize = 25;

const REASON: (&str, &str) = ("--reason <text>", "Why you need it; in quotes when it has several words");
const DURATION: (&str, &str) = ("--duration <time>", "For how long: 30m, 2h, 1 day");
const HELP: (&str, &str) = ("--help", "Show help instead of doing anything");

/// The options that a purpose has beside those of an access type.
fn options(purpose: Purpose) -> Vec<(&'static str, &'static str)> {
    match purpose {
        Purpose::Request => vec![
            REASON,
            DURATION,
            ("--break-glass", "Needed now, before anybody can decide; everybody will be told"),
            ("--approved", "Only if it needs no approver"),
            HELP,
        ],
        Purpose::Grant => vec![
            ("--to <person>", "For whom: an e-mail address or a mention"),
            ("--principal-type <type>", "What they are: user; nothing else can be given access yet"),
            ("--reason <text>", "Why they need it; in quotes when it has several words"),
            DURATION,
            HELP,
        ],
        Purpose::Allow => vec![
            ("--to <person>", "For whom: an e-mail address or a mention"),
            ("--request-duration <time>", "How long each access may last: 30m, 2h, 1 day"),
            ("--length <time>", "For how long they may ask: 8h, 3 days; default 1 week"),
            ("--start <date>", "From when: 2026-12-24 or 2026-12-24T09:00:00Z; default now"),
            ("--end <date>", "Until when, instead of --length"),
            ("--reason <text>", "Why they may have it; in quotes when it has several words"),
            HELP,
        ],
    }
}

/// What a command of this purpose does, in a sentence or two.
fn about(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Request => "Ask for access.",
        Purpose::Grant => "Ask for access for somebody else, who gets it when it is approved.",
        Purpose::Allow => {
            "Approve access of somebody ahead of time. Nothing is granted until they ask; what they then ask for\nneeds no further approval."
        }
    }
}

/// `help`
pub fn everything(program: &str) -> String {
    let rows = [
        (format!("{program} request"), "Ask for access; opens a form when something is missing"),
        (format!("{program} grant"), "Ask for access for somebody else"),
        (format!("{program} allow"), "Approve access ahead of time; nothing is granted until they ask"),
        (format!("{program} away"), "Let somebody else decide in your place while you are away"),
        (format!("{program} back"), "Decide yourself again"),
        (format!("{program} ls"), "List what can be asked for"),
        (format!("{program} help"), "Show this"),
    ];
    let rows = rows.iter().map(|(left, right)| (left.as_str(), *right));
    format!(
        "{program}\nAsk for access, for as long as you need it.\n\nCommands:\n{}\nAdd --help to any of them to read more.\n",
        table(rows)
    )
}

/// `request --help`, `grant --help`, `allow --help`
pub fn purpose(purpose: Purpose, catalog: &Catalog, program: &str) -> String {
    let verb = purpose.as_str();
    let rows: Vec<(String, &str)> =
        catalog.integrations().map(|it| (format!("{program} {verb} {}", it.name), it.title.as_str())).collect();
    let commands = if rows.is_empty() {
        "No integration is configured yet.\n".to_owned()
    } else {
        format!("Commands:\n{}", table(rows.iter().map(|(left, right)| (left.as_str(), *right))))
    };
    format!(
        "{program} {verb}\n{} With nothing more it opens a form.\n\n{commands}\nOptions:\n{}",
        about(purpose),
        table(options(purpose))
    )
}

/// `request <integration> --help`
pub fn integration(purpose: Purpose, it: &Integration, program: &str) -> String {
    let row = |access: &'_ AccessType| (usage(purpose, it, access, program), access.title.clone());
    let rows: Vec<(String, String)> = it.access.iter().map(row).collect();
    let about = match purpose {
        Purpose::Request => format!("Ask for access to {}.", it.title),
        Purpose::Grant => format!("Ask for access to {} for somebody else.", it.title),
        Purpose::Allow => format!("Approve access to {} ahead of time; nothing is granted until they ask.", it.title),
    };
    let aliases = if it.aliases.is_empty() { String::new() } else { format!("\nAlso: {}\n", it.aliases.join(", ")) };
    format!(
        "{program} {} {}\n{about}\n\nCommands:\n{}\nOptions:\n{}{aliases}",
        purpose.as_str(),
        it.name,
        table(rows.iter().map(|(left, right)| (left.as_str(), right.as_str()))),
        table(options(purpose))
    )
}

/// `request <integration> <access type> --help`
pub fn access_type(purpose: Purpose, it: &Integration, access: &AccessType, program: &str) -> String {
    let mut out = format!("{}\n{} in {}.", usage(purpose, it, access, program), access.title, it.title);
    out.extend(access.help.iter().flat_map(|help| [" ", help.as_str()]));
    match purpose {
        Purpose::Request => {}
        Purpose::Grant | Purpose::Allow => out.extend(["\n", about(purpose)]),
    }
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
            rows.extend(options(purpose).into_iter().map(|(left, right)| (left.to_owned(), right.to_owned())));
        }
        let duration = |left: &str| left.starts_with("--duration") || left.starts_with("--request-duration");
        if let Some((_, text)) = rows.iter_mut().find(|(left, _)| duration(left)) {
            text.extend(access.limits.longest.map(|longest| format!("; at most {longest}")));
            let default = access.limits.default.filter(|_| purpose != Purpose::Allow);
            text.extend(default.map(|default| format!("; default {default}")));
        }
        if !rows.is_empty() {
            let rows = rows.iter().map(|(left, right)| (left.as_str(), right.as_str()));
            out.push_str(&format!("\n{title}:\n{}", table(rows)));
        }
    }
    if let Some(example) = &access.example {
        let time = access.limits.default.map_or_else(|| "1h".to_owned(), short);
        let words = match purpose {
            Purpose::Request => format!("--reason \"INC-42\" --duration {time}"),
            Purpose::Grant => format!("--to bob@example.com --reason \"INC-42\" --duration {time}"),
            Purpose::Allow => format!("--to bob@example.com --length 3d --request-duration {time}"),
        };
        let verb = purpose.as_str();
        out.push_str(&format!("\nExample:\n  {program} {verb} {} {} {example} {words}\n", it.name, access.name));
    }
    out
}

/// `away --help`
pub fn away(program: &str) -> String {
    let rows = [
        ("--to <person>", "Who decides: an e-mail address or a mention"),
        ("--until <date>", "Until when: 2026-12-24 or 2026-12-24T09:00:00Z"),
        ("--length <time>", "For how long, instead of --until: 8h, 3 days, 2 weeks"),
        ("--help", "Show this"),
    ];
    format!(
        "{program} away\nLet somebody else decide in your place while you are away. With nothing more it tells how it is now;\n\"{program} back\" ends it.\n\nOptions:\n{}",
        table(rows)
    )
}

/// `back --help`
pub fn back(program: &str) -> String {
    format!("{program} back\nDecide yourself again: nobody stands in for you any longer.\n")
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
        None => "There is nothing you can ask for: no integration is configured, or no access policy lets you.\n".to_owned(),
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
    format!("{}\n{}\n{}", usage(Purpose::Request, it, access, program), access.title, table(rows))
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
pub fn usage(purpose: Purpose, it: &Integration, access: &AccessType, program: &str) -> String {
    let mut out = format!("{program} {} {} {}", purpose.as_str(), it.name, access.name);
    let args = access.positional().chain(access.args.iter().filter(|arg| arg.flag));
    for arg in args {
        let needed = !arg.optional && arg.default.is_none() && !arg.source().is_some_and(|source| source.assume);
        let plain = if arg.flag { option(arg) } else { shown(arg) };
        out.push_str(&if needed { format!(" {plain}") } else { format!(" [{plain}]") });
    }
    out.push_str(match purpose {
        Purpose::Request => "",
        Purpose::Grant => " --to <person>",
        Purpose::Allow => " --to <person> --request-duration <time>",
    });
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
