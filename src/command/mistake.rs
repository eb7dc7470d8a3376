//! What was typed wrong: which word, why, and what to type instead.
//!
//! Everything a person needs stands in [`Mistake::render`]; a surface shows it in one width of letters.

use std::fmt;
use std::ops::Range;

/// How much of a long line is shown around the word.
const BEFORE: usize = 50;
const AROUND: usize = 90;
const LONGEST_ADVICE: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line as it was read.
    pub line: String,
    /// Where the word stands in it, in bytes. Empty at the end, when something is missing there.
    pub span: Range<usize>,
    /// One sentence.
    pub message: String,
    /// A whole line that is understood, to be typed (or offered as a button) instead.
    pub instead: Option<String>,
    /// What people type to reach us; stands before the lines to type.
    pub program: String,
    /// The line that tells more: `request --help`.
    pub help: String,
}

impl Mistake {
    /// The line, a caret under the word, the sentence, what to type.
    pub fn render(&self) -> String {
        let (line, start, width) = self.window();
        let mut out = format!("{line}\n{}{}\n{}\n", " ".repeat(start), "^".repeat(width.max(1)), self.message);
        // A line too long to be typed again is only for a button.
        if let Some(instead) = self.instead.as_ref().filter(|line| line.chars().count() <= LONGEST_ADVICE) {
            out.push_str(&format!("Instead: {} {instead}\n", self.program));
        }
        out.push_str(&format!("More: {} {}\n", self.program, self.help));
        out
    }

    /// The part of the line around the word, and where in it the word stands, in characters.
    fn window(&self) -> (String, usize, usize) {
        let shown = |c: char| if c.is_control() || c.is_whitespace() { ' ' } else { c };
        let letters: Vec<char> = self.line.chars().map(shown).collect();
        let count = |until: usize| self.line.char_indices().take_while(|(at, _)| *at < until).count();
        let (start, end) = (count(self.span.start), count(self.span.end));
        let width = end.saturating_sub(start);
        let from = start.saturating_sub(BEFORE);
        let until = letters.len().min(from + AROUND.max(start - from + width.min(AROUND)));
        let mut line: String = letters.get(from..until).unwrap_or_default().iter().collect();
        let mut lead = 0;
        if from > 0 {
            line.insert(0, '…');
            lead = 1;
        }
        if until < letters.len() {
            line.push('…');
        }
        (line.trim_end().to_owned(), start - from + lead, width.min(until.saturating_sub(start)))
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render())
    }
}

impl std::error::Error for Mistake {}
