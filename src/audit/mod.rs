//! The audit trail: how events are chained, how checkpoints seal them, how both are checked. Pure:
//! `store` writes with it, `p0 audit` checks with it. It never reads a clock, a file or a database.
//!
//! The hash of an event is SHA-256 over seven lines joined by `\n`: the hash before it in its stream
//! (empty for the first), the stream, its number there, the time in milliseconds, the actor, what
//! happened, and the body exactly as stored. Nothing else, so that a few lines in any language check
//! it.

mod check;
mod lines;
mod seal;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use check::{Checkpoints, Finding, StreamCheck, of_kept};
pub use lines::{FORMAT, Kept, Line, Sealed, StreamHead};
pub use seal::{Checkpoint, Leaf, Signer, merkle_root, signed_by};

/// One event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub stream: String,
    pub seq: i64,
    pub at: i64,
    pub actor: String,
    pub what: String,
    pub body: String,
    pub previous: String,
    pub hash: String,
}

/// The hash of an entry, in lower-case hexadecimal.
pub fn hash(entry: &Entry) -> String {
    let Entry { stream, seq, at, actor, what, body, previous, hash: _ } = entry;
    hex::encode(Sha256::digest(format!("{previous}\n{stream}\n{seq}\n{at}\n{actor}\n{what}\n{body}")))
}

/// A break in a stream's chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stream {stream}, event {seq}: {why}")]
pub struct Broken {
    pub stream: String,
    pub seq: i64,
    pub why: &'static str,
}

/// Walks along one stream, event by event.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    /// The number of the last event.
    pub seq: i64,
    /// Its hash.
    pub head: String,
}

impl Chain {
    pub fn follow(&mut self, entry: &Entry) -> Result<(), Broken> {
        let expected = self.seq + 1;
        let why = if entry.seq > expected {
            Some("an event is missing before it")
        } else if entry.seq < expected {
            Some("it stands in the wrong place")
        } else if entry.previous != self.head {
            Some("it does not follow the event before it")
        } else if hash(entry) != entry.hash {
            Some("it was changed after it was written")
        } else {
            None
        };
        (self.seq, self.head) = (entry.seq, entry.hash.clone());
        why.map_or(Ok(()), |why| Err(Broken { stream: entry.stream.clone(), seq: entry.seq, why }))
    }
}

/// Checks one stream, in order from its first event.
pub fn verify(entries: &[Entry]) -> Result<(), Broken> {
    let mut chain = Chain::default();
    entries.iter().try_for_each(|entry| chain.follow(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(bodies: &[&str]) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for (seq, body) in (1..).zip(bodies) {
            let mut entry = Entry {
                stream: "req_1".into(),
                seq,
                at: 10 * seq,
                actor: "engine".into(),
                what: "seen".into(),
                body: (*body).into(),
                previous: entries.last().map(|entry| entry.hash.clone()).unwrap_or_default(),
                hash: String::new(),
            };
            entry.hash = hash(&entry);
            entries.push(entry);
        }
        entries
    }

    #[test]
    fn edits_drops_and_reorderings_are_found() {
        let whole = chain(&["a", "b", "c"]);
        assert_eq!(verify(&whole), Ok(()));
        let mut edited = whole.clone();
        edited[1].body = "x".into();
        assert!(verify(&edited).is_err());
        let mut dropped = whole.clone();
        dropped.remove(1);
        assert!(verify(&dropped).is_err());
        let mut swapped = whole.clone();
        swapped.swap(0, 1);
        assert!(verify(&swapped).is_err());
    }
}
