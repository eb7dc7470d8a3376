//! What somebody typed, understood: every surface that takes a line of text comes in here.

use super::Desk;
use crate::catalog::form::{Complete, Draft};
use crate::catalog::help;
use crate::command::{self, Command};

/// What a line of text means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// All is there: submit it.
    Request(Draft),
    /// Something is missing: show the form with what there is.
    Form(Draft),
    /// Help, a list, or what was typed wrong: to be shown in one width of letters.
    Text(String),
}

impl Desk {
    /// Understands a line. `program` is what people type to reach us: `/p0` in Slack, `p0` in a shell.
    pub fn read(&self, program: &str, line: &str) -> Said {
        let catalog = self.catalog();
        let context = command::Context { catalog: &catalog, lookup: self.index(), program };
        match command::resolve(context, line) {
            Ok(Command::Request(complete)) => Said::Request(draft(complete)),
            Ok(Command::Form { draft, .. }) => Said::Form(draft),
            Ok(Command::Ls(ls)) => {
                let (choices, more) = help::values(&catalog, self.index(), &ls);
                Said::Text(help::ls_values(&ls, &choices, more))
            }
            Ok(Command::Help(text)) => Said::Text(text),
            Err(mistake) => Said::Text(mistake.render()),
        }
    }
}

fn draft(complete: Complete) -> Draft {
    Draft {
        integration: Some(complete.access.integration),
        access_type: Some(complete.access.access_type),
        values: complete.access.args,
        reason: complete.reason,
        duration: complete.duration,
    }
}
