//! The inbox: every interaction under its key, and the answer it got.

use sqlx::Row;

use super::{Kind, Result, Store, Tx};
use crate::domain::time::{Span, Time};

/// How long whoever received an interaction goes on with it alone, before the engine takes it for
/// dead: longer than all calls of one interaction take together when each runs into its time limit.
/// Two that go on at once would tell the same twice.
pub const RECEIVER_HAS: Span = Span::seconds(30);

/// A stored interaction.
#[derive(Debug, Clone)]
pub struct Letter {
    pub key: String,
    pub surface: String,
    pub at: Time,
    /// Something is still to be done: the work itself when there is no answer, else telling it.
    pub pending: bool,
    pub answer: Option<String>,
    /// What is needed to go on, sealed: trigger ids, response URLs. Cleared after 30 minutes.
    pub sealed: Option<String>,
}

impl Store {
    pub async fn letter(&self, key: &str) -> Result<Option<Letter>> {
        let row = sqlx::query("SELECT key, surface, at, state, answer, sealed FROM inbox WHERE key = $1")
            .bind(key)
            .fetch_optional(&self.read)
            .await?;
        row.map(|row| {
            Ok(Letter {
                key: row.try_get("key")?,
                surface: row.try_get("surface")?,
                at: Time(row.try_get("at")?),
                pending: row.try_get::<String, _>("state")? == "pending",
                answer: row.try_get("answer")?,
                sealed: row.try_get("sealed")?,
            })
        })
        .transpose()
    }

    /// Clears what was sealed before `before`. Returns how many there were.
    pub async fn clear_sealed(&self, before: Time) -> Result<u64> {
        let stale = sqlx::query("SELECT 1 AS one FROM inbox WHERE sealed IS NOT NULL AND at < $1 LIMIT 1")
            .bind(before.0)
            .fetch_optional(&self.read)
            .await?;
        if stale.is_none() {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        let cleared = sqlx::query("UPDATE inbox SET sealed = NULL WHERE sealed IS NOT NULL AND at < $1")
            .bind(before.0)
            .execute(tx.sql())
            .await?
            .rows_affected();
        tx.commit().await?;
        Ok(cleared)
    }
}

impl Tx {
    /// Stores an interaction, with its answer if it has one. `false`: its key was there before, and nothing changed.
    /// `pending`: the answer is still to be told, or the work still to be done.
    pub async fn receive(&mut self, letter: &Letter) -> Result<bool> {
        let new = sqlx::query(
            "INSERT INTO inbox (key, surface, at, state, answer, sealed) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key) DO NOTHING",
        )
        .bind(&letter.key)
        .bind(&letter.surface)
        .bind(letter.at.0)
        .bind(if letter.pending { "pending" } else { "answered" })
        .bind(&letter.answer)
        .bind(&letter.sealed)
        .execute(self.sql())
        .await?
        .rows_affected()
            == 1;
        if new && letter.pending {
            self.look(Kind::Inbox, &letter.key, "", letter.at + RECEIVER_HAS).await?;
        }
        Ok(new)
    }

    /// Stores the answer of an interaction that was acknowledged first. `false`: it has one already.
    pub async fn answer(&mut self, key: &str, answer: &str, still_to_tell: bool) -> Result<bool> {
        let changed =
            sqlx::query("UPDATE inbox SET answer = $2, state = $3 WHERE key = $1 AND state = 'pending' AND answer IS NULL")
                .bind(key)
                .bind(answer)
                .bind(if still_to_tell { "pending" } else { "answered" })
                .execute(self.sql())
                .await?;
        Ok(changed.rows_affected() == 1)
    }

    /// The answer was told, or nobody can be told any more.
    pub async fn told(&mut self, key: &str) -> Result<()> {
        sqlx::query("UPDATE inbox SET state = 'answered', sealed = NULL WHERE key = $1").bind(key).execute(self.sql()).await?;
        sqlx::query("DELETE FROM agenda WHERE kind = 'inbox' AND id = $1").bind(key).execute(self.sql()).await?;
        Ok(())
    }
}
