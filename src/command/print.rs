//! Writes a command as one would type it; what is written is read back as the same.

use super::lex::{is_dash, is_quote};
use crate::catalog::args::{MANY, mention};
use crate::catalog::form::{Complete, Draft, Purpose, short};
use crate::catalog::{Arg, Catalog};
use crate::domain::access::Args;

/// The whole command of a request, without the program's name.
pub fn request(catalog: &Catalog, complete: &Complete) -> String {
    draft(catalog, &Draft::from(complete.clone()))
}

/// What is known of a request, as a command.
pub fn draft(catalog: &Catalog, draft: &Draft) -> String {
    let mut words = vec![draft.purpose.as_str().to_owned()];
    let integration = draft.integration.as_deref().and_then(|name| catalog.get(name));
    words.extend(draft.integration.as_deref().map(word));
    if let Some(integration) = integration {
        words.extend(draft.access_type.as_deref().map(word));
        let access = draft.access_type.as_deref().and_then(|name| integration.access_type(name));
        if let Some(access) = access {
            values(&access.args, &draft.values, &mut words);
        }
    }
    words.extend(draft.to.iter().map(|to| format!("--to {}", if mention(to).is_some() { to.clone() } else { word(to) })));
    let window = draft.window.unwrap_or_default();
    words.extend(window.start.map(|at| format!("--start {}", at.typed())));
    words.extend(window.end.map(|at| format!("--end {}", at.typed())));
    words.extend(window.length.map(|span| format!("--length {}", short(span))));
    words.extend(draft.reason.iter().map(|reason| format!("--reason {}", word(reason))));
    let duration = match draft.purpose {
        Purpose::Request | Purpose::Grant => "--duration",
        Purpose::Allow => "--request-duration",
    };
    words.extend(draft.duration.map(|span| format!("{duration} {}", short(span))));
    words.extend(draft.break_glass.then(|| "--break-glass".to_owned()));
    words.extend(draft.only_at_once.then(|| "--approved".to_owned()));
    words.join(" ")
}

fn values(args: &[Arg], values: &Args, words: &mut Vec<String>) {
    // By position until one is absent; those after it by name.
    let mut by_position = true;
    let each = |arg: &Arg, value: &str| -> Vec<String> {
        if arg.many { value.split(MANY).map(word).collect() } else { vec![word(value)] }
    };
    let mut named = Vec::new();
    for arg in args {
        match values.get(&arg.name) {
            None => by_position &= arg.flag,
            Some(value) if !arg.flag && by_position => words.extend(each(arg, value)),
            Some(value) => named.extend(each(arg, value).into_iter().map(|value| format!("--{} {value}", arg.name))),
        }
    }
    words.extend(named);
}

/// One word, quoted if it has to be.
pub fn word(text: &str) -> String {
    let bare = |c: char| c.is_alphanumeric() || "_./:@%+,=-*#~^!?()&;".contains(c);
    if !text.is_empty() && text.chars().all(bare) && !text.starts_with('-') {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        if is_quote(c) || c == '\\' || c == '<' {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// Words that were separate already (a shell's arguments) as one line that is cut into the same ones.
pub fn line<S: AsRef<str>>(argv: &[S]) -> String {
    let one = |text: &str| {
        let option = text.starts_with('-') && text.len() > 1 || text.starts_with(is_dash);
        match (option, text.split_once('=')) {
            (false, _) => word(text),
            (true, Some((name, value))) if plain(name) => format!("{name}={}", word(value)),
            (true, None) if plain(text) => text.to_owned(),
            (true, _) => word(text),
        }
    };
    argv.iter().map(|text| one(text.as_ref())).collect::<Vec<_>>().join(" ")
}

fn plain(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || "-_".contains(c) || is_dash(c))
}
