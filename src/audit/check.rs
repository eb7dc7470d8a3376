//! What a check of the whole record says, one sentence for each thing that is not as it was written.
//! Given one stream and one checkpoint after the other, so that the record never has to be in memory.

use super::{Broken, Chain, Checkpoint, Entry, Kept, Leaf, StreamHead, merkle_root, signed_by};

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error("stream {stream}: it has {seq} events by its head, but the last one here is {last}: what came after it was dropped")]
    Short { stream: String, seq: i64, last: i64 },
    #[error("stream {stream}: its head is not the hash of its last event, {seq}")]
    Head { stream: String, seq: i64 },
    #[error("stream {stream}, event {seq}: it is missing; checkpoint {checkpoint} sealed it")]
    Unsealed { stream: String, seq: i64, checkpoint: i64 },
    #[error("stream {stream}, event {seq}: it is not the one that checkpoint {checkpoint} sealed")]
    Other { stream: String, seq: i64, checkpoint: i64 },
    #[error("stream {stream}: it was sealed up to event {sealed} by its row, but up to {leaf} by the checkpoints")]
    Sealed { stream: String, sealed: i64, leaf: i64 },
    #[error("stream {stream}: the whole stream is missing; checkpoint {checkpoint} sealed its event {seq}")]
    Gone { stream: String, seq: i64, checkpoint: i64 },
    #[error("stream {stream}: there are events of it, but the stream itself is missing")]
    Headless { stream: String },
    #[error("stream {stream}: events up to {archived} are said to be archived, but no checkpoint sealed event {archived}")]
    Archived { stream: String, archived: i64 },
    #[error("{missing} events are missing as archived, but the record of archiving says {recorded}")]
    Archives { missing: i64, recorded: i64 },
    #[error("checkpoint {number}: it is missing")]
    Missing { number: i64 },
    #[error("checkpoint {number}: it does not follow checkpoint {}", number - 1)]
    Unchained { number: i64 },
    #[error("checkpoint {number}: its signature is not by this installation's key")]
    Forged { number: i64 },
    #[error("checkpoint {number}: its root is not that of what it sealed")]
    Root { number: i64 },
    #[error("checkpoint {number}: the kept file is damaged; its hash or its signature does not fit what it says")]
    Damaged { number: i64 },
    #[error("checkpoint {number}: the kept file is signed with another key than this installation's")]
    OtherKey { number: i64 },
    #[error("checkpoint {number}: it was kept, but the record ends with checkpoint {last}: what came after was cut off")]
    Cut { number: i64, last: i64 },
    #[error("checkpoint {number}: it is not the one that was kept")]
    NotKept { number: i64 },
}

/// Walks along one stream and compares it with what checkpoints sealed of it.
pub struct StreamCheck {
    head: StreamHead,
    leaves: std::vec::IntoIter<(i64, Leaf)>,
    due: Option<(i64, Leaf)>,
    chain: Chain,
    broken: bool,
}

impl StreamCheck {
    /// `leaves`: all of this stream, with the checkpoint of each, in order of their events.
    pub fn new(head: StreamHead, leaves: Vec<(i64, Leaf)>, find: &mut dyn FnMut(Finding)) -> StreamCheck {
        let (stream, archived) = (head.stream.clone(), head.archived);
        let leaf = leaves.last().map_or(0, |(_, leaf)| leaf.seq);
        if leaf != head.sealed {
            find(Finding::Sealed { stream: stream.clone(), sealed: head.sealed, leaf });
        }
        let mut chain = Chain::default();
        if archived > 0 {
            chain.seq = archived;
            match leaves.iter().find(|(_, leaf)| leaf.seq == archived) {
                Some((_, leaf)) => chain.head.clone_from(&leaf.head),
                None => find(Finding::Archived { stream, archived }),
            }
        }
        let mut leaves = leaves.into_iter();
        let due = leaves.find(|(_, leaf)| leaf.seq > archived);
        StreamCheck { head, leaves, due, chain, broken: false }
    }

    /// The next event. Of a stream's chain the first break is told: the rest follows from it.
    pub fn event(&mut self, entry: &Entry, find: &mut dyn FnMut(Finding)) {
        if let Err(broken) = self.chain.follow(entry)
            && !self.broken
        {
            self.broken = true;
            find(broken.into());
        }
        while let Some((checkpoint, leaf)) = self.due.take_if(|(_, leaf)| leaf.seq <= entry.seq) {
            let (stream, seq) = (leaf.stream, leaf.seq);
            if seq < entry.seq {
                find(Finding::Unsealed { stream, seq, checkpoint });
            } else if leaf.head != entry.hash {
                find(Finding::Other { stream, seq, checkpoint });
            }
            self.due = self.leaves.next();
        }
    }

    /// All events were there.
    pub fn end(self, find: &mut dyn FnMut(Finding)) {
        let StreamCheck { head, leaves, due, chain, .. } = self;
        for (checkpoint, leaf) in due.into_iter().chain(leaves) {
            find(Finding::Unsealed { stream: leaf.stream, seq: leaf.seq, checkpoint });
        }
        if chain.seq < head.seq {
            find(Finding::Short { stream: head.stream, seq: head.seq, last: chain.seq });
        } else if chain.head != head.head {
            find(Finding::Head { stream: head.stream, seq: head.seq });
        }
    }
}

/// Walks along the checkpoints.
pub struct Checkpoints {
    key: String,
    pub last: i64,
    previous: String,
    kept: Option<Kept>,
}

impl Checkpoints {
    pub fn new(key: String, kept: Option<Kept>) -> Checkpoints {
        Checkpoints { key, last: 0, previous: String::new(), kept }
    }

    /// The next checkpoint, with all its leaves in the order of their streams.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint, leaves: &[Leaf], find: &mut dyn FnMut(Finding)) {
        let number = checkpoint.number;
        let gap = self.last + 1 < number;
        (self.last + 1..number).for_each(|number| find(Finding::Missing { number }));
        // After a gap there is nothing to compare with: the gap is what is told.
        if !gap && checkpoint.previous != self.previous {
            find(Finding::Unchained { number });
        }
        if !signed_by(&self.key, checkpoint) {
            find(Finding::Forged { number });
        }
        if merkle_root(leaves) != checkpoint.root {
            find(Finding::Root { number });
        }
        self.last = number;
        self.previous = checkpoint.hash();
        if self.kept.as_ref().is_some_and(|kept| kept.checkpoint.number == number && kept.hash != self.previous) {
            find(Finding::NotKept { number });
        }
    }

    pub fn end(self, find: &mut dyn FnMut(Finding)) {
        if let Some(kept) = self.kept
            && kept.checkpoint.number > self.last
        {
            find(Finding::Cut { number: kept.checkpoint.number, last: self.last });
        }
    }
}

/// Checks a kept checkpoint by itself.
pub fn of_kept(kept: &Kept, key: &str, find: &mut dyn FnMut(Finding)) {
    let number = kept.checkpoint.number;
    if !kept.is_whole() {
        find(Finding::Damaged { number });
    }
    if kept.key != key {
        find(Finding::OtherKey { number });
    }
}
