//! The terminal: plain lines, colours only where somebody sits in front of them.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Longer lines are broken between words.
const WIDTH: usize = 96;

pub struct Screen {
    colours: bool,
    /// Nobody reads any more.
    left: AtomicBool,
}

/// What a line is, as far as its colour goes.
#[derive(Clone, Copy)]
pub enum Ink {
    Bold,
    Faint,
    Good,
    Bad,
}

impl Screen {
    pub fn of_stdout() -> Screen {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Screen { colours, left: AtomicBool::new(false) }
    }

    /// A reader that went away (`p0 demo | head`) is no failure of the demo.
    pub fn line(&self, text: &str) {
        if writeln!(std::io::stdout().lock(), "{text}").is_err() {
            self.left.store(true, Ordering::Relaxed);
        }
    }

    pub fn reader_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    pub fn ink(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Bold => 1,
            Ink::Faint => 2,
            Ink::Good => 32,
            Ink::Bad => 31,
        };
        if self.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// The next part of the story.
    pub fn part(&self, text: &str) {
        self.line("");
        self.line(&self.ink(Ink::Bold, text));
    }

    /// What happens, in a sentence.
    pub fn say(&self, text: &str) {
        for line in wrapped(text, WIDTH - 3) {
            self.line(&format!("   {line}"));
        }
    }

    /// What somebody sees: who or where, and the lines.
    pub fn seen(&self, place: &str, lines: &[String]) {
        self.say(&self.ink(Ink::Faint, place));
        for line in lines.iter().flat_map(|line| wrapped(line, WIDTH - 7)) {
            self.line(&format!("     {} {line}", self.ink(Ink::Faint, "│")));
        }
    }

    /// Rows under their titles, as psql shows them.
    pub fn table(&self, titles: &[&str], rows: &[Vec<String>]) {
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(String::len);
            cells.chain(titles.get(column).map(|title| title.len())).max().unwrap_or(0)
        };
        let laid = |cells: &[String]| {
            let cells = cells.iter().enumerate().map(|(column, cell)| format!(" {cell:<0$} ", width(column)));
            cells.collect::<Vec<_>>().join("|").trim_end().to_owned()
        };
        let titles: Vec<String> = titles.iter().map(|title| (*title).to_owned()).collect();
        let rule = (0..titles.len()).map(|column| "-".repeat(width(column) + 2)).collect::<Vec<_>>().join("+");
        self.line(&format!("     {}", laid(&titles)));
        self.line(&format!("     {rule}"));
        for row in rows {
            self.line(&format!("     {}", laid(row)));
        }
    }
}

/// Broken between words; what the line begins with (spaces, `> `) begins every piece.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let indent: String = text.chars().take_while(|c| matches!(c, ' ' | '>')).collect();
    let mut lines = Vec::new();
    let mut line = indent.clone();
    for word in text[indent.len()..].split(' ') {
        if line.len() > indent.len() && width < line.chars().count() + 1 + word.chars().count() {
            lines.push(std::mem::replace(&mut line, indent.clone()));
        }
        if line.len() > indent.len() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}
