//! What a run came to, as a table; and when a law was broken, what happened before and how to repeat it.

use std::io::{IsTerminal, Write};

use super::Failed;
use super::world::World;
use super::wrong::Wrong;
use crate::domain::time::Span;

#[derive(Debug, Default)]
pub struct Report {
    pub asked_for: u64,
    pub seed: u64,
    pub steps: u64,
    pub worlds: u64,
    pub requests: u64,
    pub grants: u64,
    pub calls: u64,
    pub looks: u64,
    pub statements: u64,
    pub answers: u64,
    pub receipts: u64,
    pub streams: u64,
    pub notices: u64,
    pub checked: u64,
    pub worst: i64,
    pub worst_in_peace: i64,
    pub counts: Vec<u64>,
    /// One number for everything that happened.
    pub digest: u64,
    pub broken: Option<String>,
    past: Vec<String>,
}

impl Report {
    pub fn new(asked_for: u64, seed: u64) -> Report {
        Report { asked_for, seed, counts: vec![0; Wrong::ALL.len()], ..Report::default() }
    }

    /// Adds what one world did. An error of the simulation itself is given back.
    pub fn add(&mut self, world: &World, lived: Result<(), Failed>) -> Result<(), Failed> {
        let (did, laws) = (world.did(), &world.laws);
        let state = world.sim.state();
        self.steps = state.step;
        self.worlds += 1;
        self.requests += did.requests;
        self.grants += did.grants;
        self.calls += did.calls;
        self.looks += did.looks;
        self.statements += state.statements;
        self.answers += laws.answers;
        self.receipts += laws.receipts;
        self.streams += laws.streams;
        self.notices += laws.notices;
        self.checked += laws.checked;
        self.worst = self.worst.max(laws.worst);
        self.worst_in_peace = self.worst_in_peace.max(laws.worst_in_peace);
        for (all, one) in self.counts.iter_mut().zip(&state.counts) {
            *all += one;
        }
        self.digest = self.digest.rotate_left(7) ^ state.digest();
        match lived {
            Ok(()) => Ok(()),
            Err(Failed::Broken(why)) => {
                self.past = state.past();
                self.broken = Some(why);
                Ok(())
            }
            Err(other) => {
                for line in state.past() {
                    eprintln!("{line}");
                }
                Err(other)
            }
        }
    }

    /// One line that is written over, where somebody sits in front of it.
    pub fn progress(&self, of: u64, took: Span) {
        if std::io::stderr().is_terminal() {
            let a_second = self.steps * 1000 / u64::try_from(took.0.max(1)).unwrap_or(1);
            let _ = write!(std::io::stderr(), "\r{} of {of} steps, {a_second} a second ", self.steps);
        }
    }

    pub fn print(&self, took: Span) {
        let mut out = std::io::stdout().lock();
        let _ = write!(out, "{}", self.table(took)); // nobody reads it any more: nothing to do about it
        if self.verdict().is_ok() {
            let _ = writeln!(out, "\nPassed: no law was broken in {} steps.", self.steps);
        }
    }

    fn table(&self, took: Span) -> String {
        use std::fmt::Write;
        let mut text = String::new();
        let mut row = |name: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(text, "  {name:<44} {value:>14}");
        };
        row("seed", &self.seed);
        row("steps", &self.steps);
        row("steps a second", &(self.steps * 1000 / u64::try_from(took.0.max(1)).unwrap_or(1)));
        row("worlds", &self.worlds);
        row("requests", &self.requests);
        row("grants", &self.grants);
        row("looks of the engine", &self.looks);
        row("calls that change a target", &self.calls);
        row("statements", &self.statements);
        row("", &"");
        row("what went wrong", &"times");
        for (wrong, count) in Wrong::ALL.iter().zip(&self.counts) {
            row(wrong.as_str(), count);
        }
        row("", &"");
        row("what held", &"checked");
        row("after each step", &self.checked);
        row("one answer for one interaction", &self.answers);
        row("audit chains whole", &self.streams);
        row("ended accesses with a receipt", &self.receipts);
        row("messages that say what the record says", &self.notices);
        row("", &"");
        row("longest past its end, nothing going wrong", &Span(self.worst_in_peace));
        row("longest past its end, target down included", &Span(self.worst));
        row("digest", &format!("{:016x}", self.digest));
        text
    }

    /// What went wrong too seldom for a run of this length.
    pub fn untested(&self) -> Vec<&'static str> {
        let least = self.steps / 20_000;
        let seldom = Wrong::ALL.iter().zip(&self.counts).filter(|(_, count)| **count < least);
        seldom.map(|(wrong, _)| wrong.as_str()).collect()
    }

    /// Passed, or why not, with what happened before and how to see it again.
    pub fn verdict(&self) -> Result<(), Failed> {
        if let Some(why) = &self.broken {
            let again = format!("p0 selftest --chaos --steps {} --seed {}", self.asked_for, self.seed);
            let past = self.past.join("\n");
            return Err(Failed::Broken(format!(
                "broken at step {} of seed {}: {why}\n\nWhat happened before:\n{past}\n\nTo see it again: {again}",
                self.steps, self.seed
            )));
        }
        match self.untested().as_slice() {
            [] => Ok(()),
            seldom => Err(Failed::Untested(format!("it went wrong too seldom: {}", seldom.join(", ")))),
        }
    }
}
