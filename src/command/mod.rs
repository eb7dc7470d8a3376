//! From what somebody typed to what is meant: words ([`lex`]), then their meaning ([`resolve`]).
//!
//! Pure and total: every line gives a [`Command`] or a [`Mistake`] that points at a word and says what
//! to type instead. The grammar is the catalog's; no integration is known here by its name.
//!
//! ```text
//! line     = { word }
//! command  = ( "request" | "grant" | "allow" ) [ integration [ access-type { value } ] ]
//!          | "ls" [ integration [ access-type [ argument { like } ] ] ]
//!          | "ls" integration ( source | argument ) { like }
//!          | "away" | "back"
//!          | "help" { word }
//! anywhere = "--name" value | "--name=value" | "--break-glass" | "--approved" | "--help" | "-h"
//! ```
//!
//! A word that is quoted, or whose first dash is escaped with `\`, is never an option. `--` alone ends
//! the options: all words after it are values.

#![expect(clippy::result_large_err, reason = "a mistake is made once for a line somebody typed")]

mod away;
mod common;
pub mod lex;
mod listing;
pub mod mistake;
mod options;
pub mod print;
pub mod resolve;
#[cfg(test)]
mod tests;

pub use crate::catalog::form::{Complete, Draft};
pub use crate::catalog::help::Ls;
pub use away::Away;
pub use mistake::Mistake;
pub use resolve::{Context, resolve};

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// All is there: make the request, for oneself or for somebody, or allow it ahead of time.
    Request(Complete),
    /// Something is missing: open the form with what there is. `because` says what, in one sentence; it
    /// is empty when somebody simply asked for the form.
    Form { draft: Draft, because: String },
    /// Let somebody else decide meanwhile, or tell how it is.
    Away(Away),
    /// Decide oneself again.
    Back,
    /// Show the values an argument can take ([`crate::catalog::help::values`]).
    Ls(Ls),
    /// Show this text, in one width of letters.
    Help(String),
}
