//! The audit trail as a whole: making checkpoints, reading everything page by page to check or export
//! it, taking archived events out.
//!
//! A checkpoint costs what is new since the last one, however much there is: it reads the streams
//! that have something unsealed, by an index of just those.

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use super::events::entry;
use super::{Result, Store};
use crate::audit::{Checkpoint, Entry, Leaf, Sealed, StreamHead, merkle_root};
use crate::domain::time::{Span, Time};

/// A checkpoint that is of further in the future than this was made by a clock that ran ahead, and holds up no other.
const AHEAD: Span = Span::minutes(1);

/// The most leaves of one checkpoint. What is over that goes into the next one, at once.
pub const MOST_LEAVES: usize = 2_000;

/// How many rows are in memory at once.
const PAGE: i64 = 500;

// What is new. On PostgreSQL a stream that is just being added to is left for the next checkpoint:
// nobody waits for a checkpoint to be made, and it waits for nobody.
macro_rules! take_leaves {
    ($lock:literal) => {
        concat!(
            "INSERT INTO leaves (checkpoint, stream, seq, head)
             SELECT $1, stream, seq, head FROM streams WHERE sealed < seq ORDER BY stream LIMIT $2",
            $lock
        )
    };
}
pub(super) const LEAVES_SQLITE: &str = take_leaves!("");
pub(super) const LEAVES_POSTGRES: &str = take_leaves!(" FOR UPDATE SKIP LOCKED");

const CHECKPOINT: &str = "SELECT seq, at, root, previous, signature FROM checkpoints ";

fn checkpoint(row: &AnyRow) -> Result<Checkpoint> {
    Ok(Checkpoint {
        number: row.try_get("seq")?,
        at: row.try_get("at")?,
        root: row.try_get("root")?,
        previous: row.try_get("previous")?,
        signature: row.try_get("signature")?,
    })
}

fn leaf(row: &AnyRow) -> Result<Leaf> {
    Ok(Leaf { stream: row.try_get("stream")?, seq: row.try_get("seq")?, head: row.try_get("head")? })
}

impl Store {
    /// Makes a checkpoint of what is unsealed, unless one was made after `not_since`. `None`: there is
    /// nothing to seal, or it is too early, or another replica was faster.
    pub async fn seal(&self, now: Time, not_since: Time) -> Result<Option<Sealed>> {
        let Some(signer) = &self.signer else { return Ok(None) };
        let unsealed = sqlx::query("SELECT stream FROM streams WHERE sealed < seq ORDER BY stream LIMIT 1")
            .fetch_optional(&mut *self.reading().await?)
            .await?;
        let last = self.last_checkpoint().await?;
        if unsealed.is_none() || last.as_ref().is_some_and(|last| not_since.0 < last.at && last.at <= now.0 + AHEAD.0) {
            return Ok(None);
        }
        let (number, previous) = last.map_or((1, String::new()), |last| (last.number + 1, last.hash()));
        let mut made = Checkpoint { number, at: now.0, root: String::new(), previous, signature: String::new() };
        let mut tx = self.begin().await?;
        // The number first, before any stream is locked: of two replicas one waits here and then has nothing to do.
        let first = sqlx::query(
            "INSERT INTO checkpoints (seq, at, root, previous, signature) VALUES ($1, $2, '', $3, '') ON CONFLICT (seq) DO NOTHING",
        )
        .bind(number)
        .bind(made.at)
        .bind(&made.previous)
        .execute(tx.sql().await?)
        .await?;
        if first.rows_affected() == 0 {
            return Ok(None);
        }
        sqlx::query(AssertSqlSafe(self.dialect.leaves)).bind(number).bind(MOST_LEAVES as i64).execute(tx.sql().await?).await?;
        let rows = sqlx::query("SELECT stream, seq, head FROM leaves WHERE checkpoint = $1")
            .bind(number)
            .fetch_all(tx.sql().await?)
            .await?;
        let mut leaves = rows.iter().map(leaf).collect::<Result<Vec<_>>>()?;
        if leaves.is_empty() {
            return Ok(None);
        }
        leaves.sort_by(|one, other| one.stream.cmp(&other.stream)); // by bytes, whatever the database sorts by
        // What is in a leaf is locked: its stream ends where the leaf says. By name, in pieces, so that no
        // planner without figures reads all streams for it.
        for some in leaves.chunks(500) {
            let names: Vec<String> = (1..=some.len()).map(|place| format!("${place}")).collect();
            let query = format!("UPDATE streams SET sealed = seq WHERE stream IN ({})", names.join(", "));
            let query = sqlx::query(AssertSqlSafe(query));
            some.iter().fold(query, |query, leaf| query.bind(&leaf.stream)).execute(tx.sql().await?).await?;
        }
        made.root = merkle_root(&leaves);
        signer.sign(&mut made);
        sqlx::query("UPDATE checkpoints SET root = $2, signature = $3 WHERE seq = $1")
            .bind(number)
            .bind(&made.root)
            .bind(&made.signature)
            .execute(tx.sql().await?)
            .await?;
        tx.commit().await?;
        Ok(Some(Sealed { checkpoint: made, leaves }))
    }

    pub async fn last_checkpoint(&self) -> Result<Option<Checkpoint>> {
        let query = format!("{CHECKPOINT} ORDER BY seq DESC LIMIT 1");
        let row = sqlx::query(AssertSqlSafe(query)).fetch_optional(&mut *self.reading().await?).await?;
        row.as_ref().map(checkpoint).transpose()
    }

    /// One checkpoint with its leaves in the order of their streams: the first with a number after `after`.
    pub async fn checkpoint_after(&self, after: i64) -> Result<Option<Sealed>> {
        let query = format!("{CHECKPOINT} WHERE seq > $1 ORDER BY seq LIMIT 1");
        let row = sqlx::query(AssertSqlSafe(query)).bind(after).fetch_optional(&mut *self.reading().await?).await?;
        let Some(row) = row else { return Ok(None) };
        let checkpoint = checkpoint(&row)?;
        let rows = sqlx::query("SELECT stream, seq, head FROM leaves WHERE checkpoint = $1")
            .bind(checkpoint.number)
            .fetch_all(&mut *self.reading().await?)
            .await?;
        let mut leaves = rows.iter().map(leaf).collect::<Result<Vec<_>>>()?;
        leaves.sort_by(|one, other| one.stream.cmp(&other.stream));
        Ok(Some(Sealed { checkpoint, leaves }))
    }

    /// A page of streams after the one named; empty at the end.
    pub async fn stream_heads_after(&self, after: &str) -> Result<Vec<StreamHead>> {
        let query = "SELECT stream, seq, head, sealed, archived FROM streams WHERE stream > $1 ORDER BY stream LIMIT $2";
        let rows = sqlx::query(query).bind(after).bind(PAGE).fetch_all(&mut *self.reading().await?).await?;
        rows.iter().map(stream_head).collect()
    }

    /// A page of a stream's events after this number and up to that one; empty at the end.
    pub async fn events_after(&self, stream: &str, after: i64, up_to: i64) -> Result<Vec<Entry>> {
        let rows = sqlx::query(
            "SELECT stream, seq, at, actor, what, body, previous, hash FROM events
             WHERE stream = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4",
        )
        .bind(stream)
        .bind(after)
        .bind(up_to)
        .bind(PAGE)
        .fetch_all(&mut *self.reading().await?)
        .await?;
        rows.iter().map(entry).collect()
    }

    /// One stream.
    pub async fn stream_head(&self, stream: &str) -> Result<Option<StreamHead>> {
        let query = "SELECT stream, seq, head, sealed, archived FROM streams WHERE stream = $1";
        let row = sqlx::query(query).bind(stream).fetch_optional(&mut *self.reading().await?).await?;
        row.as_ref().map(stream_head).transpose()
    }

    /// What checkpoints sealed of a stream, in order.
    pub async fn leaves_of(&self, stream: &str) -> Result<Vec<(i64, Leaf)>> {
        let rows = sqlx::query("SELECT checkpoint, stream, seq, head FROM leaves WHERE stream = $1 ORDER BY seq")
            .bind(stream)
            .fetch_all(&mut *self.reading().await?)
            .await?;
        rows.iter().map(|row| Ok((row.try_get("checkpoint")?, leaf(row)?))).collect()
    }

    /// What checkpoints sealed of streams that are not there at all.
    pub async fn leaves_without_a_stream(&self) -> Result<Vec<(i64, Leaf)>> {
        let rows = sqlx::query(
            "SELECT l.checkpoint, l.stream, l.seq, l.head FROM leaves AS l
             WHERE NOT EXISTS (SELECT 1 FROM streams AS s WHERE s.stream = l.stream) ORDER BY l.stream, l.seq LIMIT $1",
        )
        .bind(PAGE)
        .fetch_all(&mut *self.reading().await?)
        .await?;
        rows.iter().map(|row| Ok((row.try_get("checkpoint")?, leaf(row)?))).collect()
    }

    /// Streams that are not there, though events of theirs are.
    pub async fn events_without_a_stream(&self) -> Result<Vec<String>> {
        let rows = sqlx::query(
            "SELECT DISTINCT e.stream FROM events AS e
             WHERE NOT EXISTS (SELECT 1 FROM streams AS s WHERE s.stream = e.stream) ORDER BY e.stream LIMIT $1",
        )
        .bind(PAGE)
        .fetch_all(&mut *self.reading().await?)
        .await?;
        rows.iter().map(|row| Ok(row.try_get("stream")?)).collect()
    }

    /// The checkpoints that leaves name and that are not there, after this one.
    pub async fn checkpoints_gone_after(&self, last: i64) -> Result<Vec<i64>> {
        let rows = sqlx::query("SELECT DISTINCT checkpoint FROM leaves WHERE checkpoint > $1 ORDER BY checkpoint LIMIT $2")
            .bind(last)
            .bind(PAGE)
            .fetch_all(&mut *self.reading().await?)
            .await?;
        rows.iter().map(|row| Ok(row.try_get("checkpoint")?)).collect()
    }

    /// A page of what may be archived: requests and assignments that are over, wholly sealed, and to
    /// which nothing was added since `before`.
    pub async fn archivable_after(&self, after: &str, before: Time) -> Result<Vec<StreamHead>> {
        let rows = sqlx::query(
            "SELECT s.stream, s.seq, s.head, s.sealed, s.archived FROM streams AS s
             JOIN events AS e ON e.stream = s.stream AND e.seq = s.seq
             WHERE s.stream > $1 AND s.sealed = s.seq AND s.archived < s.seq AND e.at < $2
             AND (EXISTS (SELECT 1 FROM requests AS r WHERE r.id = s.stream AND r.state <> 'open'
                     AND NOT EXISTS (SELECT 1 FROM grants AS g WHERE g.request = r.id AND g.ended_at IS NULL))
                 OR EXISTS (SELECT 1 FROM assignments AS a WHERE a.id = s.stream AND a.state = 'ended'
                     AND NOT EXISTS (SELECT 1 FROM grants AS g WHERE g.assignment = a.id AND g.ended_at IS NULL)))
             ORDER BY s.stream LIMIT $3",
        )
        .bind(after)
        .bind(before.0)
        .bind(PAGE)
        .fetch_all(&mut *self.reading().await?)
        .await?;
        rows.iter().map(stream_head).collect()
    }
}

impl super::Tx {
    /// Takes the events that are in an archive out of the record, up to the head that stands there. Returns
    /// how many that were; none, if the stream is not as the archive says.
    pub async fn remove_archived(&mut self, in_file: &StreamHead) -> Result<i64> {
        let StreamHead { stream, seq, head, archived, sealed: _ } = in_file;
        let changed = sqlx::query(
            "UPDATE streams SET archived = $3 WHERE stream = $1 AND archived = $2 AND sealed >= $3
             AND EXISTS (SELECT 1 FROM leaves AS l WHERE l.stream = $1 AND l.seq = $3 AND l.head = $4)",
        )
        .bind(stream)
        .bind(archived)
        .bind(seq)
        .bind(head)
        .execute(self.sql().await?)
        .await?;
        if changed.rows_affected() == 0 {
            return Ok(0);
        }
        let gone = sqlx::query("DELETE FROM events WHERE stream = $1 AND seq <= $2")
            .bind(stream)
            .bind(seq)
            .execute(self.sql().await?)
            .await?;
        Ok(i64::try_from(gone.rows_affected()).unwrap_or(0))
    }
}

fn stream_head(row: &AnyRow) -> Result<StreamHead> {
    Ok(StreamHead {
        stream: row.try_get("stream")?,
        seq: row.try_get("seq")?,
        head: row.try_get("head")?,
        sealed: row.try_get("sealed")?,
        archived: row.try_get("archived")?,
    })
}
