//! What the record knows now, in numbers.

use sqlx::Row;

use super::{Result, Store};
use crate::domain::assignment::STUCK_AFTER;
use crate::domain::time::Time;

/// Counts for monitoring.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Unfinished assignments by state.
    pub assignments: Vec<(String, i64)>,
    /// Ends that are overdue.
    pub stuck: i64,
    /// Requests that wait for a decision.
    pub open_requests: i64,
    /// Open alerts by kind.
    pub alerts: Vec<(String, i64)>,
    /// Since when the first thing is due that nobody works on, if something is.
    pub due_since: Option<Time>,
}

impl Store {
    pub async fn counts(&self, now: Time) -> Result<Counts> {
        const BY_STATE: &str =
            "SELECT state AS word, COUNT(*) AS n FROM assignments WHERE state <> 'ended' GROUP BY state ORDER BY state";
        const BY_KIND: &str =
            "SELECT kind AS word, COUNT(*) AS n FROM alerts WHERE closed_at IS NULL GROUP BY kind ORDER BY kind";
        let mut counts = Counts::default();
        let mut connection = self.reading().await?;
        for (query, into) in [(BY_STATE, &mut counts.assignments), (BY_KIND, &mut counts.alerts)] {
            for row in sqlx::query(query).fetch_all(&mut *connection).await? {
                into.push((row.try_get("word")?, row.try_get("n")?));
            }
        }
        let row = sqlx::query(
            "SELECT COUNT(*) AS n FROM assignments WHERE state <> 'ended' AND ((state = 'revoking' AND due_at < $1)
                 OR (state = 'settling' AND until < $1))",
        )
        .bind((now - STUCK_AFTER).0)
        .fetch_one(&mut *connection)
        .await?;
        counts.stuck = row.try_get("n")?;
        let row = sqlx::query("SELECT COUNT(*) AS n FROM requests WHERE state = 'open'").fetch_one(&mut *connection).await?;
        counts.open_requests = row.try_get("n")?;
        drop(connection);
        counts.due_since = self.next_due().await?.filter(|due| *due < now);
        Ok(counts)
    }
}
