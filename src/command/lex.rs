//! Cuts a line into words as a shell does, but kindly: people type this into a chat.
//!
//! * straight and curly quotes hold words together, and pieces join: `a"b c"d` is one word;
//! * an apostrophe between letters is a letter: `can't`, and `'I can't log in'` is one word;
//! * curly quotes may stand in straight ones and the other way round, if they open and close;
//! * a backslash takes the meaning from a quote, a backslash, a space, a dash or `<`, and is itself
//!   before anything else: `CORP\alice`;
//! * a dash that a phone made of `--` is `--` again: `—reason`;
//! * `<@U1|alice>` is a mention: it reads `@alice`, and the word knows `U1`.
//!
//! Every word knows where it stands. Knows nothing of what words mean.

use std::ops::Range;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::{anychar, char, multispace0, satisfy};
use nom::combinator::{map, opt, recognize, verify};
use nom::multi::many0;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Offset, Parser};

/// One word of the line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    pub text: String,
    /// Where it stands in the line, in bytes, with its quotes.
    pub span: Range<usize>,
    /// It begins with a quote or an escape, so it is no option whatever it looks like.
    pub quoted: bool,
    /// Where the value of `--name=value` begins in `text`, if there is an unquoted `=` in it.
    pub equals: Option<usize>,
    /// The surface's id of the person, when the word is a mention and nothing else.
    pub person: Option<String>,
}

/// A quote that is never closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclosed {
    /// The quote.
    pub at: Range<usize>,
}

enum Piece<'a> {
    Bare(char),
    Escaped(char),
    Quoted(String),
    Mention { id: &'a str, label: Option<&'a str> },
    Open,
}

pub fn words(line: &str) -> Result<Vec<Word>, Unclosed> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        rest = match multispace0::<_, nom::error::Error<&str>>(rest) {
            Ok((after, _)) => after.trim_start(),
            Err(_) => rest,
        };
        if rest.is_empty() {
            return Ok(words);
        }
        let (after, word) = word(line, rest)?;
        rest = after;
        words.push(word);
    }
}

fn word<'a>(line: &str, start: &'a str) -> Result<(&'a str, Word), Unclosed> {
    let mut word = Word::default();
    let mut pieces = 0;
    let mut rest = start;
    // What stands before the piece, to tell an apostrophe from a quote.
    let mut in_letters = false;
    while !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
        let Ok((after, piece)) = piece(rest, in_letters) else { break };
        in_letters = false;
        match piece {
            Piece::Bare(c) if pieces == 0 && is_dash(c) && after.starts_with(|c: char| c.is_alphabetic()) => {
                word.text.push_str("--");
            }
            Piece::Bare(c) => {
                in_letters = c.is_alphanumeric();
                if c == '=' && word.equals.is_none() && !word.quoted {
                    word.equals = Some(word.text.len() + 1);
                }
                word.text.push(c);
            }
            Piece::Escaped(c) => {
                word.quoted |= pieces == 0;
                word.text.push(c);
            }
            Piece::Quoted(text) => {
                word.quoted |= pieces == 0;
                word.text.push_str(&text);
            }
            Piece::Mention { id, label } => {
                word.person = (pieces == 0).then(|| id.to_owned());
                word.quoted |= pieces == 0;
                word.text.push_str(&named(id, label));
            }
            Piece::Open => {
                let at = line.offset(rest);
                let length = rest.chars().next().map_or(0, char::len_utf8);
                return Err(Unclosed { at: at..at + length });
            }
        }
        if pieces > 0 {
            word.person = None;
        }
        pieces += 1;
        rest = after;
    }
    let begin = line.offset(start);
    word.span = begin..begin + start.offset(rest);
    Ok((rest, word))
}

fn piece(input: &str, in_letters: bool) -> IResult<&str, Piece<'_>> {
    if in_letters && input.starts_with(is_single) && input.chars().nth(1).is_some_and(char::is_alphanumeric) {
        return map(anychar, Piece::Bare).parse(input);
    }
    alt((
        map(escaped(true), Piece::Escaped),
        map(mention, |(id, label)| Piece::Mention { id, label }),
        map(quoted, Piece::Quoted),
        map(satisfy(is_quote), |_| Piece::Open),
        map(anychar, Piece::Bare),
    ))
    .parse(input)
}

/// A backslash and what it takes the meaning from; in quotes a space and a dash mean nothing anyway.
fn escaped<'a>(bare: bool) -> impl Parser<&'a str, Output = char, Error = nom::error::Error<&'a str>> {
    preceded(
        char('\\'),
        satisfy(move |c| is_quote(c) || c == '\\' || c == '<' || bare && (c.is_whitespace() || c == '-' || is_dash(c))),
    )
}

/// `<@U123|alice>` or `<@U123>`.
fn mention(input: &str) -> IResult<&str, (&str, Option<&str>)> {
    let id = take_while1(|c: char| c.is_ascii_alphanumeric());
    let label = preceded(char('|'), recognize(many0(satisfy(|c| c != '>' && c != '|' && c != '<'))));
    delimited(tag("<@"), (id, opt(label)), char('>')).parse(input)
}

fn named(id: &str, label: Option<&str>) -> String {
    match label.map(|label| label.trim().trim_start_matches('@')) {
        Some(label) if !label.is_empty() => format!("@{label}"),
        _ => format!("<@{id}>"),
    }
}

/// A quoted piece. First with quotes of other kinds that open and close inside; when that leaves it
/// open, up to the first quote that could close it at all.
fn quoted(input: &str) -> IResult<&str, String> {
    let (inside, open) = verify(anychar, |c| is_quote(*c)).parse(input)?;
    let close = closing(inside, open, true).or_else(|| closing(inside, open, false));
    match close {
        Some((text, after)) => Ok((after, text)),
        None => Err(nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Char))),
    }
}

fn closing(inside: &str, open: char, nesting: bool) -> Option<(String, &str)> {
    let single = is_single(open);
    let mut text = String::new();
    let mut nested: Vec<char> = Vec::new();
    let mut before = '\0';
    let mut rest = inside;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if let Ok((after, c)) = escaped(false).parse(rest) {
            text.push(c);
            before = c;
            rest = after;
            continue;
        }
        if let Ok((after, (id, label))) = mention(rest) {
            text.push_str(&named(id, label));
            before = '>';
            rest = after;
            continue;
        }
        let ours = if single { is_single(c) } else { is_double(c) };
        // The apostrophe of can't, in words that single quotes hold.
        let letter = single && before.is_alphanumeric() && after.starts_with(char::is_alphanumeric);
        if ours && !letter {
            let closes_nested = nested.last().is_some_and(|opener| same_kind(*opener, c));
            let opens =
                nesting && !same_kind(open, c) && !before.is_alphanumeric() && after.starts_with(|c: char| !c.is_whitespace());
            if closes_nested {
                nested.pop();
            } else if opens && !closes(c, open) {
                nested.push(c);
            } else {
                return Some((text, after));
            }
        }
        text.push(c);
        before = c;
        rest = after;
    }
    None
}

/// Straight or curly.
fn same_kind(a: char, b: char) -> bool {
    matches!(a, '"' | '\'') == matches!(b, '"' | '\'')
}

/// The plain partner of a quote that opens.
fn closes(c: char, open: char) -> bool {
    matches!((open, c), ('“', '”') | ('‘', '’') | ('„', '“' | '”') | ('”', '”') | ('’', '’'))
}

fn is_double(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„')
}

fn is_single(c: char) -> bool {
    matches!(c, '\'' | '‘' | '’' | '‚')
}

/// Anything that can open or close a quoted piece.
pub fn is_quote(c: char) -> bool {
    is_double(c) || is_single(c)
}

/// What phones make of two dashes.
pub fn is_dash(c: char) -> bool {
    matches!(c, '–' | '—' | '―')
}
