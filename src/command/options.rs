//! Tells options from values, wherever they stand. Knows no option by name but help and duration.

use std::ops::Range;

use super::lex::Word;
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

pub const DURATION: &str = "duration";

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
            "requested-duration" | "requested_duration" => DURATION.to_owned(),
            other => other.to_owned(),
        };
        let begin = word.span.start;
        let typed = match word.equals {
            Some(at) => {
                let raw = line.get(word.span.clone()).unwrap_or_default();
                let equals = raw.find('=').map_or(word.span.end, |at| begin + at);
                let text = word.text.get(at..).unwrap_or_default().to_owned();
                let value = Value { text, span: (equals + 1).min(word.span.end)..word.span.end, person: None };
                parts.options.push(Opt { name, span: begin..equals, value: Some(value) });
                continue;
            }
            None => words.next_if(|next| !is_option(next)).map(value),
        };
        let mut typed = typed;
        // `--duration 2 hours` is meant as one.
        if let Some(first) = &mut typed
            && name == DURATION
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
