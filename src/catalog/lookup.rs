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

/// The slips between two texts when they are at most `most`: letters too many, missing, wrong, or two
/// swapped. Gives up early, so that it can be asked of a hundred thousand texts; `rows` is its paper.
/// Counts bytes, so a letter beyond ASCII may count twice.
pub fn slips(a: &[u8], b: &[u8], most: usize, rows: &mut [Vec<usize>; 3]) -> Option<usize> {
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let far = most + 1;
    for row in rows.iter_mut() {
        row.clear();
        row.resize(b.len() + 1, far);
    }
    let [before, last, this] = rows;
    last.iter_mut().enumerate().for_each(|(j, cell)| *cell = j.min(far));
    for (i, &x) in a.iter().enumerate() {
        // Further from the diagonal than `most` there is nothing to find.
        let (from, to) = (i.saturating_sub(most), b.len().min(i + most + 1));
        this.fill(far);
        let mut least = far;
        if from == 0 {
            this[0] = (i + 1).min(far);
            least = this[0];
        }
        for j in from..to {
            let wrong = last[j] + usize::from(x != b[j]);
            let mut cell = wrong.min(last[j + 1] + 1).min(this[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == b[j] {
                cell = cell.min(before[j - 1] + 1);
            }
            this[j + 1] = cell.min(far);
            least = least.min(cell);
        }
        if least > most {
            return None;
        }
        std::mem::swap(before, last);
        std::mem::swap(last, this);
    }
    last.last().copied().filter(|slips| *slips <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted_as_strsim_does() {
        let words = ["", "a", "ab", "ba", "sales", "slaes", "sale", "salse", "dales", "readers", "abcdef", "bacdfe"];
        let mut rows = Default::default();
        for a in words {
            for b in words {
                for most in 0..4 {
                    let known = strsim::osa_distance(a, b);
                    let expected = (known <= most).then_some(known);
                    assert_eq!(slips(a.as_bytes(), b.as_bytes(), most, &mut rows), expected, "{a} {b} {most}");
                }
            }
        }
    }

    #[test]
    fn only_a_near_word_is_offered() {
        assert_eq!(nearest("requst", ["request", "ls"]), Some("request"));
        assert_eq!(nearest("x", ["ls", "help"]), None);
        assert_eq!(nearest("DATSET", ["dataset"]), Some("dataset"));
    }
}
