//! The lines of an export or an archive, and the small file of one checkpoint that people keep
//! elsewhere. `tools/verify-audit.mjs` reads the same without our code; docs/audit.md describes them.

use serde::{Deserialize, Serialize};

use super::{Checkpoint, Entry, Leaf, signed_by};

/// The version of the format, in the first line.
pub const FORMAT: i64 = 1;

/// One line of the file, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Line {
    /// The first line of an export: all checkpoints and all streams follow.
    Export {
        format: i64,
        at: i64,
        key: String,
    },
    /// The first line of an archive: some streams, and the checkpoints that seal them.
    Archive {
        format: i64,
        at: i64,
        key: String,
    },
    Checkpoint(Sealed),
    /// A stream; its events follow.
    Stream(StreamHead),
    Event(Entry),
    /// The last line: how much there was before it.
    End {
        checkpoints: i64,
        streams: i64,
        events: i64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    #[serde(flatten)]
    pub checkpoint: Checkpoint,
    pub leaves: Vec<Leaf>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamHead {
    pub stream: String,
    /// The number of its last event.
    pub seq: i64,
    pub head: String,
    /// The events up to this number are not in this file.
    pub archived: i64,
    /// The events up to this number are in a checkpoint. Not in the file: its checkpoints say so.
    #[serde(skip)]
    pub sealed: i64,
}

/// One checkpoint, to be kept where nobody who can change the record can change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    #[serde(flatten)]
    pub checkpoint: Checkpoint,
    pub hash: String,
    pub key: String,
}

impl Kept {
    pub fn new(checkpoint: Checkpoint, key: String) -> Kept {
        Kept { hash: checkpoint.hash(), checkpoint, key }
    }

    /// Is the file what it was when it was written?
    pub fn is_whole(&self) -> bool {
        self.hash == self.checkpoint.hash() && signed_by(&self.key, &self.checkpoint)
    }
}
