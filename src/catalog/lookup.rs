//! Where the choices of a source are looked up, and the nearest word to a mistyped one.
//!
//! Answers at once from memory; never calls out. What is not loaded yet is said to be so, and the
//! connector's plan has the last word on every value.

use crate::domain::access::{Args, Choice};

/// What is known of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    Found(Choice),
    Unknown,
    /// The source's choices were never loaded: nothing can be said of the value.
    NotLoaded,
}

/// The choices of every source. `given` holds the values of other arguments that are known: a choice
/// that belongs to another value of one of them is passed over.
pub trait Lookup: Send + Sync {
    /// By value; failing that by value or label in any case, when only one fits.
    fn look(&self, integration: &str, source: &str, given: &Args, value: &str) -> Look;

    /// All of them, when they are loaded and at most `most`.
    fn few(&self, integration: &str, source: &str, given: &Args, most: usize) -> Option<Vec<Choice>>;

    /// The best `limit` for what was typed, best first; the first in order when nothing was.
    fn find(&self, integration: &str, source: &str, given: &Args, query: &str, limit: usize) -> Vec<Choice>;

    /// The value nearest to a mistyped one.
    fn nearest(&self, integration: &str, source: &str, given: &Args, value: &str) -> Option<String>;
}

/// How many slips of the finger are forgiven: one, and one more for every four letters.
pub fn forgiven(word: &str) -> usize {
    1 + word.chars().count() / 4
}

/// The word nearest to a mistyped one, if any is near enough.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let most = forgiven(word);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(slips, candidate)| *slips <= most && *slips < candidate.chars().count().max(2))
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}
