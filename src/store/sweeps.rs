//! When each integration was last swept, and whether granting in it is paused.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::{Changed, Result, Store, Tx};
use crate::domain::id::AssignmentId;
use crate::domain::time::Time;

/// What sweeps of one integration came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepRow {
    pub integration: String,
    pub first_at: Time,
    pub last_at: Time,
    /// How many of our marks the last sweep found, and how many of them nobody holds.
    pub marks: i64,
    pub orphans: i64,
    /// Who asked that the next one takes away what it finds.
    pub apply_by: Option<String>,
}

/// A breaker that has tripped: since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tripped {
    pub integration: String,
    pub at: Time,
}

fn sweep(row: &AnyRow) -> Result<SweepRow> {
    Ok(SweepRow {
        integration: row.try_get("integration")?,
        first_at: Time(row.try_get("first_at")?),
        last_at: Time(row.try_get("last_at")?),
        marks: row.try_get("marks")?,
        orphans: row.try_get("orphans")?,
        apply_by: row.try_get("apply_by")?,
    })
}

impl Store {
    pub async fn sweeps(&self) -> Result<Vec<SweepRow>> {
        let rows =
            sqlx::query("SELECT integration, first_at, last_at, marks, orphans, apply_by FROM sweeps ORDER BY integration")
                .fetch_all(&mut *self.reading().await?)
                .await?;
        rows.iter().map(sweep).collect()
    }

    pub async fn tripped(&self) -> Result<Vec<Tripped>> {
        let rows = sqlx::query("SELECT integration, tripped_at FROM breakers WHERE tripped_at IS NOT NULL ORDER BY integration")
            .fetch_all(&mut *self.reading().await?)
            .await?;
        rows.iter()
            .map(|row| Ok(Tripped { integration: row.try_get("integration")?, at: Time(row.try_get("tripped_at")?) }))
            .collect()
    }
}

impl Tx {
    /// Notes a sweep. What was asked of it is done.
    pub async fn swept(&mut self, integration: &str, marks: usize, orphans: usize, now: Time) -> Result<()> {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        sqlx::query(
            "INSERT INTO sweeps (integration, first_at, last_at, marks, orphans) VALUES ($1, $2, $2, $3, $4)
             ON CONFLICT (integration) DO UPDATE SET last_at = $2, marks = $3, orphans = $4, apply_by = NULL",
        )
        .bind(integration)
        .bind(now.0)
        .bind(count(marks))
        .bind(count(orphans))
        .execute(self.sql().await?)
        .await?;
        Ok(())
    }

    /// The next sweep of this integration takes away what it finds. [`Changed::No`]: it was never swept.
    pub async fn apply_next_sweep(&mut self, integration: &str, by: &str) -> Result<Changed> {
        let done = sqlx::query("UPDATE sweeps SET apply_by = $2 WHERE integration = $1")
            .bind(integration)
            .bind(by)
            .execute(self.sql().await?)
            .await?;
        Ok(done.rows_affected().into())
    }

    /// An ended assignment is there in the target after all: it is to be taken away again.
    /// [`Changed::No`]: it is not ended any more.
    pub async fn revoke_ended(&mut self, id: &AssignmentId, now: Time) -> Result<Changed> {
        let done = sqlx::query(
            "UPDATE assignments SET state = 'revoking', baseline = 'absent', due_at = $2, absent_at = NULL, stuck_at = NULL, until = NULL
             WHERE id = $1 AND state = 'ended'",
        )
        .bind(id.as_str())
        .bind(now.0)
        .execute(self.sql().await?)
        .await?;
        Ok(done.rows_affected().into())
    }

    /// Counts `more` grants in this minute. Returns how many there were and whether granting is paused.
    pub async fn count_grant(&mut self, integration: &str, more: i64, now: Time) -> Result<(i64, bool)> {
        let row = sqlx::query(
            "INSERT INTO breakers (integration, minute, used) VALUES ($1, $2, $3) ON CONFLICT (integration) DO UPDATE SET
             minute = $2, used = CASE WHEN breakers.minute = $2 THEN breakers.used + $3 ELSE $3 END RETURNING used, tripped_at",
        )
        .bind(integration)
        .bind(now.0 / 60_000)
        .bind(more)
        .fetch_one(self.sql().await?)
        .await?;
        Ok((row.try_get("used")?, row.try_get::<Option<i64>, _>("tripped_at")?.is_some()))
    }

    /// Pauses granting. [`Changed::No`]: it was paused before.
    pub async fn trip_breaker(&mut self, integration: &str, now: Time) -> Result<Changed> {
        let done = sqlx::query(
            "INSERT INTO breakers (integration, minute, used, tripped_at) VALUES ($1, 0, 0, $2) ON CONFLICT (integration)
             DO UPDATE SET tripped_at = $2, used = 0 WHERE breakers.tripped_at IS NULL",
        )
        .bind(integration)
        .bind(now.0)
        .execute(self.sql().await?)
        .await?;
        Ok(done.rows_affected().into())
    }

    /// Lets granting go on. [`Changed::No`]: it was not paused.
    pub async fn release_breaker(&mut self, integration: &str) -> Result<Changed> {
        let done =
            sqlx::query("UPDATE breakers SET tripped_at = NULL, used = 0 WHERE integration = $1 AND tripped_at IS NOT NULL")
                .bind(integration)
                .execute(self.sql().await?)
                .await?;
        Ok(done.rows_affected().into())
    }
}
