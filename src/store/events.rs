//! Events: appended at the end of a transaction, chained per stream.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::{Result, Store, Tx};
use crate::audit::{self, Entry};
use crate::domain::event::Event;
use crate::domain::planted::{Bug, planted};

impl Tx {
    /// Records what happened; written when the transaction commits.
    pub fn record(&mut self, event: Event) {
        self.events.push(event);
    }
}

/// Appends events stream by stream, so that two transactions lock streams in the same order.
pub(super) async fn append(sql: &mut AnyConnection, mut events: Vec<Event>) -> Result<()> {
    events.sort_by(|one, other| one.stream.cmp(&other.stream)); // stable: order within a stream stays
    for event in events {
        // Takes the lock on the stream and its next number at once.
        let row = sqlx::query(
            "INSERT INTO streams (stream, seq, head, sealed) VALUES ($1, 1, '', 0)
             ON CONFLICT (stream) DO UPDATE SET seq = streams.seq + 1 RETURNING seq, head",
        )
        .bind(&event.stream)
        .fetch_one(&mut *sql)
        .await?;
        let mut entry = Entry {
            seq: row.try_get("seq")?,
            previous: row.try_get("head")?,
            at: event.at.0,
            actor: event.actor.to_string(),
            what: event.what.to_owned(),
            body: event.body.to_string(),
            stream: event.stream,
            hash: String::new(),
        };
        entry.hash = audit::hash(&entry);
        sqlx::query(
            "INSERT INTO events (stream, seq, at, actor, what, body, previous, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&entry.stream)
        .bind(entry.seq)
        .bind(entry.at)
        .bind(&entry.actor)
        .bind(&entry.what)
        .bind(&entry.body)
        .bind(&entry.previous)
        .bind(&entry.hash)
        .execute(&mut *sql)
        .await?;
        if planted(Bug::NoLink) && entry.what == "grant.ended" {
            continue;
        }
        sqlx::query("UPDATE streams SET head = $1 WHERE stream = $2")
            .bind(&entry.hash)
            .bind(&entry.stream)
            .execute(&mut *sql)
            .await?;
    }
    Ok(())
}

pub(super) fn entry(row: &AnyRow) -> Result<Entry> {
    Ok(Entry {
        stream: row.try_get("stream")?,
        seq: row.try_get("seq")?,
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        what: row.try_get("what")?,
        body: row.try_get("body")?,
        previous: row.try_get("previous")?,
        hash: row.try_get("hash")?,
    })
}

impl Store {
    /// One stream, from its first event.
    pub async fn stream(&self, stream: &str) -> Result<Vec<Entry>> {
        let rows =
            sqlx::query("SELECT stream, seq, at, actor, what, body, previous, hash FROM events WHERE stream = $1 ORDER BY seq")
                .bind(stream)
                .fetch_all(&mut *self.reading().await?)
                .await?;
        rows.iter().map(entry).collect()
    }

    /// The names of all streams.
    pub async fn streams(&self) -> Result<Vec<String>> {
        let rows = sqlx::query("SELECT stream FROM streams ORDER BY stream").fetch_all(&mut *self.reading().await?).await?;
        rows.iter().map(|row| Ok(row.try_get("stream")?)).collect()
    }
}
