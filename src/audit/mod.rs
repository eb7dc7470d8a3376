//! The hash chain of the audit trail. Pure: `store` writes with it, a verifier checks with it.
//!
//! The hash of an event is SHA-256 over seven lines joined by `\n`: the hash before it in its stream
//! (empty for the first), the stream, its number there, the time in milliseconds, the actor, what
//! happened, and the body exactly as stored. Nothing else, so that a few lines in any language check
//! it.

use sha2::{Digest, Sha256};

/// One event as it is stored.
#[derive(Debug, Clone)]
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

/// Checks one stream, in order from its first event.
pub fn verify(entries: &[Entry]) -> Result<(), Broken> {
    let mut previous = String::new();
    for (number, entry) in (1i64..).zip(entries) {
        let broken = |why| Err(Broken { stream: entry.stream.clone(), seq: entry.seq, why });
        if entry.seq != number {
            return broken("an event is missing before it");
        }
        if entry.previous != previous {
            return broken("it does not follow the event before it");
        }
        if hash(entry) != entry.hash {
            return broken("it was changed after it was written");
        }
        previous.clone_from(&entry.hash);
    }
    Ok(())
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
