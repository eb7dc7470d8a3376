//! What a pattern can match at all.

use regex_syntax::hir::{Hir, HirKind, Look};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// No text: `^dev$.`.
    Nothing,
    /// The empty text only: `^$`.
    Empty,
    /// Every text: ``, `.*`, `^`.
    Everything,
    /// Letters that are found anywhere in a text: `prod`.
    Bare,
    Other,
}

pub fn shape(pattern: &str) -> Shape {
    let Ok(hir) = regex_syntax::parse(pattern) else { return Shape::Other };
    let looks = hir.properties().look_set();
    let anchored = looks.contains(Look::Start) && looks.contains(Look::End);
    match hir.properties().minimum_len() {
        None => Shape::Nothing,
        Some(_) if impossible(&hir) => Shape::Nothing,
        Some(0) if anchored && hir.properties().maximum_len() == Some(0) => Shape::Empty,
        Some(0) if !looks.contains(Look::Start) || !looks.contains(Look::End) => Shape::Everything,
        Some(_) if is_bare(&hir) => Shape::Bare,
        Some(_) => Shape::Other,
    }
}

/// The letter that a star repeats, where it was probably meant as in file names: the dash of `prod-*`.
pub fn starred(pattern: &str) -> Option<String> {
    fn find(hir: &Hir) -> Option<String> {
        match hir.kind() {
            HirKind::Repetition(it) if it.min == 0 && it.max.is_none() => match it.sub.kind() {
                HirKind::Literal(letters) => Some(String::from_utf8_lossy(&letters.0).into_owned()),
                _ => find(&it.sub),
            },
            HirKind::Repetition(it) => find(&it.sub),
            HirKind::Capture(capture) => find(&capture.sub),
            HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().find_map(find),
            HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => None,
        }
    }
    find(&regex_syntax::parse(pattern).ok()?)
}

/// Does `^` or `$` stand at one of several alternatives only: `^analyst|reporter$`?
pub fn uneven(pattern: &str) -> bool {
    let Ok(hir) = regex_syntax::parse(pattern) else { return false };
    let HirKind::Alternation(parts) = hir.kind() else { return false };
    let some = |of: fn(&Hir) -> bool| {
        let count = parts.iter().filter(|part| of(part)).count();
        0 < count && count < parts.len()
    };
    some(|part| part.properties().look_set_prefix().contains(Look::Start))
        || some(|part| part.properties().look_set_suffix().contains(Look::End))
}

fn is_bare(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(_) => true,
        HirKind::Capture(capture) => is_bare(&capture.sub),
        HirKind::Empty
        | HirKind::Class(_)
        | HirKind::Look(_)
        | HirKind::Repetition(_)
        | HirKind::Concat(_)
        | HirKind::Alternation(_) => false,
    }
}

/// Has it letters before its beginning, or behind its end?
fn impossible(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Concat(parts) => {
            let takes = |part: &Hir| part.properties().minimum_len().is_none_or(|least| 0 < least);
            let begins = |part: &Hir| part.properties().look_set_prefix().contains(Look::Start);
            let ends = |part: &Hir| part.properties().look_set_suffix().contains(Look::End);
            let letters_before = |at: usize| parts.iter().take(at).any(takes);
            let letters_behind = |at: usize| parts.iter().skip(at + 1).any(takes);
            parts
                .iter()
                .enumerate()
                .any(|(at, part)| impossible(part) || (begins(part) && letters_before(at)) || (ends(part) && letters_behind(at)))
        }
        HirKind::Alternation(parts) => parts.iter().all(impossible),
        HirKind::Capture(capture) => impossible(&capture.sub),
        HirKind::Repetition(repetition) => 0 < repetition.min && impossible(&repetition.sub),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_that_repeats_a_letter_is_found() {
        for (pattern, letter) in [("prod-*", Some("-")), ("^(a|team_*)$", Some("_")), ("x*", Some("x")), ("((ab*)+)?", Some("b"))]
        {
            assert_eq!(super::starred(pattern).as_deref(), letter, "{pattern}");
        }
        for pattern in ["prod-.*", "^[a-z]*$", "a+", "a{0,3}", "(ab)*", "("] {
            assert_eq!(super::starred(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn what_binds_to_one_alternative_only_is_found() {
        for (pattern, uneven) in [
            ("^analyst|reporter$", true),
            ("^a|b", true),
            ("a|b$", true),
            ("read|write", false),
            ("^read$|^write$", false),
            ("^(analyst|reporter)$", false),
            ("^a$|^b$", false),
            ("a|b", false),
            ("^a", false),
            ("(", false),
        ] {
            assert_eq!(super::uneven(pattern), uneven, "{pattern}");
        }
    }

    #[test]
    fn what_a_pattern_can_match() {
        for (shape, patterns) in [
            (Shape::Nothing, vec!["^dev$.", "dev^", "a$b", "(^a$)b", "x(^a|^b)", "[^\\s\\S]", "a(?:b$)+c"]),
            (Shape::Empty, vec!["^$", "^(?:)$"]),
            (Shape::Everything, vec!["", ".*", "^", "$", "x*", "(a|)"]),
            (Shape::Bare, vec!["prod", "(prod)", "a\\.b"]),
            (Shape::Other, vec!["^prod$", "^prod", "prod|dev", "(^a|b)$", "pro?d", "^a*$", "(a$|b)c", "\\bprod\\b"]),
        ] {
            for pattern in patterns {
                assert_eq!(super::shape(pattern), shape, "{pattern}");
            }
        }
    }
}
