//! Lines: which grants on one assignment follow each other without a gap, and since when.
//!
//! A grant touches an earlier one when it was decided before that one ended: the assignment then
//! rests on one of them all the time. Failed grants never held anything and count for nothing.

use sqlx::{AssertSqlSafe, Row};

use super::{Result, Store, Tx, maybe_word, word};
use crate::domain::id::{AssignmentId, RequestId};
use crate::domain::time::Time;

// What rests on the assignment $1, or did until $2 or later. Two questions put together: asked as one, with OR, a
// database without figures reads all there ever was.
const HELD_SINCE: &str = "(SELECT * FROM grants WHERE assignment = $1 AND ended_at IS NULL
    UNION ALL SELECT * FROM grants WHERE assignment = $1 AND ended_at >= $2) AS g JOIN requests AS r ON r.id = g.request";

/// What another request holds, or held, on an assignment.
#[derive(Debug, Clone)]
pub struct Other {
    pub request: RequestId,
    pub extends: Option<RequestId>,
    pub decided_at: Time,
    /// When it ends, or ended.
    pub end: Time,
    pub live: bool,
}

impl Store {
    /// Since when an assignment rests on our grants without a gap. `None`: it does not at `now`.
    pub async fn line_began(&self, id: &AssignmentId, now: Time) -> Result<Option<Time>> {
        let mut sql = self.reading().await?;
        let (mut began, mut touched) = (None, now.0);
        loop {
            let query = format!(
                "SELECT MIN(r.decided_at) AS decided, MIN(COALESCE(g.usable_at, r.decided_at)) AS began FROM {HELD_SINCE}
                 WHERE g.ends_at >= $2 AND (g.ended_how IS NULL OR g.ended_how <> 'failed') AND r.decided_at < $2"
            );
            let row = sqlx::query(AssertSqlSafe(query)).bind(id.as_str()).bind(touched).fetch_one(&mut *sql).await?;
            let (decided, earlier): (Option<i64>, Option<i64>) = (row.try_get("decided")?, row.try_get("began")?);
            let (Some(decided), Some(earlier)) = (decided, earlier) else { return Ok(began.map(Time)) };
            began = Some(began.map_or(earlier, |began: i64| began.min(earlier)));
            touched = decided;
        }
    }

    /// What other requests hold on an assignment, or held until `since` or later; first decided first.
    pub async fn others_on(&self, id: &AssignmentId, but: &RequestId, since: Time) -> Result<Vec<Other>> {
        let query = format!(
            "SELECT g.request, r.extends, r.decided_at, COALESCE(g.ended_at, g.ends_at) AS ends,
                 CASE WHEN g.ended_at IS NULL THEN 1 ELSE 0 END AS live FROM {HELD_SINCE}
             WHERE g.request <> $3 AND r.decided_at IS NOT NULL AND (g.ended_at IS NULL OR g.ends_at >= $2)
             ORDER BY r.decided_at, g.id"
        );
        let rows = sqlx::query(AssertSqlSafe(query))
            .bind(id.as_str())
            .bind(since.0)
            .bind(but.as_str())
            .fetch_all(&mut *self.reading().await?)
            .await?;
        let other = |row| {
            Ok(Other {
                request: word("grants", row, "request", RequestId::parse)?,
                extends: maybe_word("requests", row, "extends", RequestId::parse)?,
                decided_at: Time(row.try_get("decided_at")?),
                end: Time(row.try_get("ends")?),
                live: row.try_get::<i64, _>("live")? == 1,
            })
        };
        rows.iter().map(other).collect()
    }
}

impl Tx {
    /// Keeps a request from ending, and from being extended by another, until this transaction is over.
    /// `false`: it is over, or not usable, or extended by another request than `by` already.
    pub async fn extend(&mut self, id: &RequestId, by: &RequestId) -> Result<bool> {
        let held =
            sqlx::query("UPDATE grants SET ends_at = ends_at WHERE request = $1 AND ended_at IS NULL AND usable_at IS NOT NULL")
                .bind(id.as_str())
                .execute(self.sql().await?)
                .await?;
        let extended = sqlx::query(
            "SELECT 1 AS one FROM grants AS mine JOIN grants AS other ON other.assignment = mine.assignment AND other.ended_at IS NULL
             JOIN requests AS r ON r.id = other.request WHERE mine.request = $1 AND r.extends = $1 AND r.id <> $2",
        )
        .bind(id.as_str())
        .bind(by.as_str())
        .fetch_optional(self.sql().await?)
        .await?;
        Ok(held.rows_affected() > 0 && extended.is_none())
    }
}
