//! Texts with arguments in them: `role {role} on {instance}[, database {database}]`.
//!
//! * `{name}` becomes the value; several values are joined with commas;
//! * `[ ... ]` is left out when an argument in it has no value. An argument that may be absent must
//!   stand in such brackets;
//! * `{{`, `}}` and `[[` are a plain `{`, `}` and `[`; a `]` or `}` that closes nothing is itself.
//!
//! For people only: these texts never become part of a call.

use crate::domain::access::Args;

use super::args::MANY;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Arg(String),
    /// Left out when one of its arguments is absent.
    Maybe(Vec<Piece>),
}

impl Template {
    /// The error says what to write instead.
    pub fn parse(text: &str) -> Result<Template, String> {
        let mut pieces = Vec::new();
        let mut inner: Option<Vec<Piece>> = None;
        let mut plain = String::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            let doubled = rest.peek() == Some(&c);
            let nested = inner.is_some();
            let here = inner.as_mut().unwrap_or(&mut pieces);
            match c {
                '{' | '}' | '[' if doubled => {
                    rest.next();
                    plain.push(c);
                }
                '{' => {
                    let mut name = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            Some(c) => name.push(c),
                            None => return Err(format!("{{{name} is never closed; write {{name}}, or {{{{ for a plain brace")),
                        }
                    }
                    flush(here, &mut plain);
                    here.push(Piece::Arg(name.trim().to_owned()));
                }
                '[' if nested => return Err("brackets cannot stand in brackets; write [[ for a plain one".to_owned()),
                '[' => {
                    flush(here, &mut plain);
                    inner = Some(Vec::new());
                }
                ']' => match inner.take() {
                    Some(mut maybe) => {
                        flush(&mut maybe, &mut plain);
                        if !maybe.iter().any(|piece| matches!(piece, Piece::Arg(_))) {
                            return Err("brackets hold what is left out with an argument; write [[ for a plain one".to_owned());
                        }
                        pieces.push(Piece::Maybe(maybe));
                    }
                    None => plain.push(']'),
                },
                c => plain.push(c),
            }
        }
        if inner.is_some() {
            return Err("a bracket is never closed; write [[ for a plain one".to_owned());
        }
        flush(&mut pieces, &mut plain);
        Ok(Template { pieces })
    }

    /// Every argument it names, and whether that stands in brackets.
    pub fn names(&self) -> Vec<(&str, bool)> {
        let mut names = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(_) => {}
                Piece::Arg(name) => names.push((name.as_str(), false)),
                Piece::Maybe(inner) => names.extend(inner.iter().filter_map(|piece| match piece {
                    Piece::Arg(name) => Some((name.as_str(), true)),
                    Piece::Text(_) | Piece::Maybe(_) => None,
                })),
            }
        }
        names
    }

    pub fn fill(&self, args: &Args) -> String {
        let mut out = String::new();
        fill(&self.pieces, args, &mut out);
        out
    }
}

fn flush(pieces: &mut Vec<Piece>, plain: &mut String) {
    if !plain.is_empty() {
        pieces.push(Piece::Text(std::mem::take(plain)));
    }
}

fn fill(pieces: &[Piece], args: &Args, out: &mut String) {
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Arg(name) => out.push_str(&args.get(name).map(|value| value.replace(MANY, ", ")).unwrap_or_default()),
            Piece::Maybe(inner) => {
                let absent = |piece: &Piece| matches!(piece, Piece::Arg(name) if !args.contains_key(name));
                if !inner.iter().any(absent) {
                    fill(inner, args, out);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(pairs: &[(&str, &str)]) -> Args {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_absent_is_left_out_with_its_words() {
        let text = Template::parse("role {role} on {instance}[, database {database}]").expect("valid");
        assert_eq!(text.fill(&args(&[("role", "r"), ("instance", "main")])), "role r on main");
        assert_eq!(
            text.fill(&args(&[("role", "r"), ("instance", "main"), ("database", "d\ne")])),
            "role r on main, database d, e"
        );
        assert_eq!(text.names(), [("role", false), ("instance", false), ("database", true)]);
        // A value is never read as a template again.
        assert_eq!(Template::parse("{a}").expect("valid").fill(&args(&[("a", "{b}[c]")])), "{b}[c]");
    }

    #[test]
    fn plain_braces_are_doubled() {
        let text = Template::parse("jq '.items[[0]' {{a}} ]").expect("valid");
        assert_eq!(text.fill(&Args::new()), "jq '.items[0]' {a} ]");
        for bad in ["{a", "[x]", "[{a}", "[a [b {c}] ]"] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }
}
