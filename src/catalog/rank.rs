//! How well a choice fits what was typed: exact, prefix, start of a word, somewhere inside, letters in
//! order; then the shorter, then the alphabet. Case does not count, and every word typed must fit.
//!
//! Runs over a hundred thousand choices at each key press: nothing here allocates per choice.

use memchr::memmem::Finder;

/// A choice's texts in lower case, with the set of their letters.
#[derive(Debug)]
pub struct Folded {
    value: Box<str>,
    value_mask: u64,
    /// `None` when it is the value.
    label: Option<(Box<str>, u64)>,
    length: u32,
}

impl Folded {
    pub fn new(value: &str, label: &str) -> Folded {
        let length = u32::try_from(label.chars().count()).unwrap_or(u32::MAX);
        let (value, label) = (value.to_lowercase(), label.to_lowercase());
        let value_mask = mask(&value);
        let label = (label != value).then(|| (mask(&label), label)).map(|(mask, label)| (label.into_boxed_str(), mask));
        Folded { value: value.into_boxed_str(), value_mask, label, length }
    }

    /// Is it this, in any case? `lower` is in lower case.
    pub fn is(&self, lower: &str) -> bool {
        self.texts().any(|(text, _)| text == lower)
    }

    pub fn texts(&self) -> impl Iterator<Item = (&str, u64)> {
        let label = self.label.as_ref().map(|(label, mask)| (label.as_ref(), *mask));
        std::iter::once((self.value.as_ref(), self.value_mask)).chain(label)
    }
}

/// The set of letters in a text; a text can hold another only when its set does.
pub fn mask(text: &str) -> u64 {
    text.bytes().fold(0, |mask, byte| {
        let bit = match byte {
            b'a'..=b'z' => byte - b'a',
            b'0'..=b'9' => byte - b'0' + 26,
            _ => 36 + byte % 28,
        };
        mask | 1 << bit
    })
}

/// Smaller is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// How the whole of what was typed fits, if it does as one.
    whole: u8,
    /// How its words fit, added up.
    words: u32,
    length: u32,
}

/// What is looked for, made ready to be found a hundred thousand times.
struct Word {
    text: String,
    mask: u64,
    finder: Finder<'static>,
}

impl Word {
    fn new(text: &str) -> Word {
        Word { text: text.to_owned(), mask: mask(text), finder: Finder::new(text).into_owned() }
    }
}

pub struct Query {
    whole: Word,
    words: Vec<Word>,
}

const EXACT: u8 = 0;
const PREFIX: u8 = 1;
const WORD_START: u8 = 2;
const INSIDE: u8 = 3;
const IN_ORDER: u8 = 4;
const NOT_AS_ONE: u8 = 5;

impl Query {
    pub fn new(typed: &str) -> Query {
        let lower = typed.trim().to_lowercase();
        Query { words: lower.split_whitespace().map(Word::new).collect(), whole: Word::new(&lower) }
    }

    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    pub fn rank(&self, folded: &Folded) -> Option<Rank> {
        let best = |word: &Word| {
            folded.texts().filter(|(_, mask)| mask & word.mask == word.mask).filter_map(|(text, _)| fit(text, word)).min()
        };
        if let [word] = self.words.as_slice() {
            return best(word).map(|fit| Rank { whole: fit, words: 0, length: folded.length });
        }
        let mut words = 0;
        for word in &self.words {
            words += u32::from(best(word)?);
        }
        let whole = best(&self.whole).unwrap_or(NOT_AS_ONE);
        Some(Rank { whole, words, length: folded.length })
    }
}

fn fit(text: &str, word: &Word) -> Option<u8> {
    let letters = text.as_bytes();
    let Some(first) = word.finder.find(letters) else { return in_order(text, &word.text).then_some(IN_ORDER) };
    if first == 0 {
        return Some(if text.len() == word.text.len() { EXACT } else { PREFIX });
    }
    let starts_word = |at: usize| !text[..at].ends_with(char::is_alphanumeric);
    let next = |at: &usize| word.finder.find(letters.get(at + 1..)?).map(|further| at + 1 + further);
    Some(if std::iter::successors(Some(first), next).any(starts_word) { WORD_START } else { INSIDE })
}

fn in_order(text: &str, word: &str) -> bool {
    let mut rest = text.bytes();
    word.bytes().all(|wanted| rest.any(|byte| byte == wanted))
}
