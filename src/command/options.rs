//! Tells options from values, wherever they stand. Of the options it knows those that are written in
//! several ways, those that take no value, and those whose value may be two words.

use std::ops::Range;

use super::lex::{self, Word};
use crate::catalog::form::{DURATION, LENGTH};
use crate::domain::time::Span;

/// `--name value` or `--name=value`.
#[derive(Debug, Clone)]
pub struct Opt {
    /// Without dashes, in lower case.
    pub name: String,
    pub span: Range<usize>,
    pub value: Option<Value>,
}

/// A word that is a value.
#[derive(Debug, Clone)]
pub struct Value {
    pub text: String,
    pub span: Range<usize>,
    /// The surface's id of the person, if the value is a mention.
    pub person: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Parts {
    pub values: Vec<Value>,
    pub options: Vec<Opt>,
    pub help: bool,
}

pub const BREAK_GLASS: &str = "break-glass";
pub const APPROVED: &str = "approved";
pub const PRINCIPAL_TYPE: &str = "principal-type";

pub fn split(line: &str, words: Vec<Word>) -> Parts {
    let mut parts = Parts::default();
    let mut words = words.into_iter().peekable();
    let mut only_values = false;
    while let Some(word) = words.next() {
        if only_values || !is_option(&word) {
            parts.values.push(value(word));
            continue;
        }
        if word.text == "--" {
            only_values = true;
            continue;
        }
        let name = word.text.get(..word.equals.map_or(word.text.len(), |at| at - 1)).unwrap_or(&word.text);
        let name = match name.trim_start_matches('-').to_lowercase().as_str() {
            "h" | "help" | "?" => {
                parts.help = true;
                continue;
            }
            "requested-duration" | "requested_duration" | "request-duration" | "request_duration" => DURATION.to_owned(),
            "break_glass" => BREAK_GLASS.to_owned(),
            "principal_type" => PRINCIPAL_TYPE.to_owned(),
            other => other.to_owned(),
        };
        let begin = word.span.start;
        let typed = match word.equals {
            Some(at) => {
                let raw = line.get(word.span.clone()).unwrap_or_default();
                let equals = raw.find('=').map_or(word.span.end, |at| begin + at);
                let text = word.text.get(at..).unwrap_or_default().to_owned();
                let raw = raw.get(equals + 1 - begin..).unwrap_or_default();
                let person = lex::words(raw).ok().and_then(|mut words| words.pop()?.person);
                let value = Value { text, span: (equals + 1).min(word.span.end)..word.span.end, person };
                parts.options.push(Opt { name, span: begin..equals, value: Some(value) });
                continue;
            }
            None if [BREAK_GLASS, APPROVED].contains(&name.as_str()) => None,
            None => words.next_if(|next| !is_option(next)).map(value),
        };
        let mut typed = typed;
        // `--duration 2 hours` is meant as one.
        if let Some(first) = &mut typed
            && [DURATION, LENGTH].contains(&name.as_str())
            && Span::parse(&first.text).is_err()
            && let Some(unit) = words.next_if(|next| Span::parse(&format!("{} {}", first.text, next.text)).is_ok())
        {
            first.text = format!("{} {}", first.text, unit.text);
            first.span.end = unit.span.end;
        }
        parts.options.push(Opt { name, span: word.span, value: typed });
    }
    parts
}

fn value(word: Word) -> Value {
    Value { text: word.text, span: word.span, person: word.person }
}

/// `--` and something, or one dash and a letter; `-5` and `-` are values.
fn is_option(word: &Word) -> bool {
    let one_dash = word.text.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_alphabetic() || c == '?'));
    !word.quoted && (word.text.starts_with("--") || one_dash)
}
