//! Assignments and the grants that rest on them.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::{Result, Store, Tx, json, maybe_word, word};
use crate::domain::access::{Cut, Observed, Planned};
use crate::domain::assignment::{AssignmentState, Baseline};
use crate::domain::grant::{End, Ended, Grant};
use crate::domain::id::{AssignmentId, GrantId, RequestId};
use crate::domain::person::Actor;
use crate::domain::planted::{Bug, planted};
use crate::domain::time::{Span, Time};

/// An assignment as stored.
#[derive(Debug, Clone)]
pub struct AssignmentRow {
    pub id: AssignmentId,
    pub key: String,
    pub connector: String,
    pub target: serde_json::Value,
    pub effect: String,
    pub lane: String,
    pub state: AssignmentState,
    pub baseline: Option<Baseline>,
    /// See [`crate::domain::assignment::Facts::until`].
    pub until: Option<Time>,
    pub handle: Option<String>,
    /// When its last grant ended: from then on it is to be gone.
    pub due_at: Option<Time>,
    /// The first read-back after that which showed it absent.
    pub absent_at: Option<Time>,
    /// The last read-back of all.
    pub observed_at: Option<Time>,
    pub ended_at: Option<Time>,
    /// When its overdue end was told as stuck.
    pub stuck_at: Option<Time>,
    /// What the last read-back showed.
    pub seen: Option<Observed>,
    /// What came of cutting live sessions.
    pub cut: Option<Cut>,
    /// What the last failed try said, until one succeeds.
    pub error: Option<String>,
}

impl AssignmentRow {
    /// From when on its end counts as overdue: when it was to be gone; while it settles, when the last
    /// look at it was due.
    pub fn overdue_since(&self) -> Option<Time> {
        match self.state {
            AssignmentState::Settling => self.until,
            AssignmentState::Granting | AssignmentState::Active | AssignmentState::Revoking | AssignmentState::Ended => {
                self.due_at
            }
        }
    }

    /// Did a person close it without its having been seen gone?
    pub fn closed_by_force(&self) -> bool {
        self.state == AssignmentState::Ended && self.absent_at.is_none() && self.error.is_some()
    }

    /// Was what is granted taken away behind our back?
    pub fn is_missing(&self) -> bool {
        let there = self.seen.as_ref().is_none_or(Observed::ours_or_unknown);
        self.state == AssignmentState::Active && self.baseline == Some(Baseline::Absent) && !there
    }
}

/// A grant with what is needed of its request.
#[derive(Debug, Clone)]
pub struct GrantRow {
    pub grant: Grant,
    /// All earlier parts of its request are usable.
    pub ready: bool,
}

/// Did a conditional update change its row?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    Yes,
    No,
}

impl From<u64> for Changed {
    fn from(rows: u64) -> Changed {
        if rows == 0 { Changed::No } else { Changed::Yes }
    }
}

const COLUMNS: &str = "id, key, connector, target, effect, lane, state, baseline, until, handle, due_at, absent_at, observed_at,
    ended_at, stuck_at, seen, cut, error";

fn time(row: &AnyRow, column: &str) -> Result<Option<Time>> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Time))
}

fn assignment(row: &AnyRow) -> Result<AssignmentRow> {
    Ok(AssignmentRow {
        id: word("assignments", row, "id", AssignmentId::parse)?,
        key: row.try_get("key")?,
        connector: row.try_get("connector")?,
        target: json("assignments", row, "target")?,
        effect: row.try_get("effect")?,
        lane: row.try_get("lane")?,
        state: word("assignments", row, "state", AssignmentState::parse)?,
        baseline: maybe_word("assignments", row, "baseline", Baseline::parse)?,
        until: time(row, "until")?,
        handle: row.try_get("handle")?,
        due_at: time(row, "due_at")?,
        absent_at: time(row, "absent_at")?,
        observed_at: time(row, "observed_at")?,
        ended_at: time(row, "ended_at")?,
        stuck_at: time(row, "stuck_at")?,
        seen: maybe_word("assignments", row, "seen", |text| serde_json::from_str(text).ok())?,
        cut: maybe_word("assignments", row, "cut", |text| serde_json::from_str(text).ok())?,
        error: row.try_get("error")?,
    })
}

fn grant(row: &AnyRow) -> Result<GrantRow> {
    let ended_at = time(row, "ended_at")?;
    let ended = match ended_at {
        Some(at) => Some(Ended {
            at,
            by: maybe_word("grants", row, "ended_by", Actor::parse)?.unwrap_or(Actor::Engine),
            how: word("grants", row, "ended_how", End::parse)?,
            why: row.try_get("failed")?,
        }),
        None => None,
    };
    Ok(GrantRow {
        grant: Grant {
            id: word("grants", row, "id", GrantId::parse)?,
            request: word("grants", row, "request", RequestId::parse)?,
            assignment: word("grants", row, "assignment", AssignmentId::parse)?,
            position: row.try_get("position")?,
            length: Span(row.try_get("length")?),
            ends_at: Time(row.try_get("ends_at")?),
            usable_at: time(row, "usable_at")?,
            ended,
        },
        ready: row.try_get::<i64, _>("waits")? == 0,
    })
}

// `waits`: how many earlier parts of the same request are not usable yet.
const GRANTS: &str = "SELECT g.id, g.request, g.assignment, g.position, g.length, g.ends_at, g.usable_at, g.ended_at, g.ended_by,
    g.ended_how, g.failed, (SELECT COUNT(*) FROM grants AS e WHERE e.request = g.request AND e.position < g.position
        AND e.usable_at IS NULL) AS waits FROM grants AS g ";

async fn grants(sql: &mut AnyConnection, rest: &'static str, id: &str) -> Result<Vec<GrantRow>> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!("{GRANTS}{rest}"))).bind(id).fetch_all(sql).await?;
    rows.iter().map(grant).collect()
}

const LIVE_ON: &str = "WHERE g.assignment = $1 AND g.ended_at IS NULL ORDER BY g.ends_at, g.id";
const OF_REQUEST: &str = "WHERE g.request = $1 ORDER BY g.position";

impl Store {
    pub async fn assignment(&self, id: &AssignmentId) -> Result<Option<AssignmentRow>> {
        let query = format!("SELECT {COLUMNS} FROM assignments WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(query)).bind(id.as_str()).fetch_optional(&mut *self.reading().await?).await?;
        row.as_ref().map(assignment).transpose()
    }

    pub async fn assignment_by_key(&self, key: &str) -> Result<Option<AssignmentRow>> {
        let query = format!("SELECT {COLUMNS} FROM assignments WHERE key = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(query)).bind(key).fetch_optional(&mut *self.reading().await?).await?;
        row.as_ref().map(assignment).transpose()
    }

    /// The live grants that rest on an assignment, first end first.
    pub async fn live_grants(&self, id: &AssignmentId) -> Result<Vec<GrantRow>> {
        grants(&mut *self.reading().await?, LIVE_ON, id.as_str()).await
    }

    /// Every live grant there is.
    pub async fn all_live_grants(&self) -> Result<Vec<GrantRow>> {
        let query = format!("{GRANTS}WHERE g.ended_at IS NULL ORDER BY g.id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(&mut *self.reading().await?).await?;
        rows.iter().map(grant).collect()
    }

    /// All grants of a request, in the order of its plan.
    pub async fn grants_of(&self, id: &RequestId) -> Result<Vec<GrantRow>> {
        grants(&mut *self.reading().await?, OF_REQUEST, id.as_str()).await
    }

    /// The last end that rested on an assignment.
    pub async fn last_end(&self, id: &AssignmentId) -> Result<Option<Time>> {
        let row = sqlx::query("SELECT MAX(ended_at) AS at FROM grants WHERE assignment = $1")
            .bind(id.as_str())
            .fetch_one(&mut *self.reading().await?)
            .await?;
        time(&row, "at")
    }

    /// Later parts of ending requests that share this assignment's fate and are not gone yet.
    ///
    /// Returns the end of the latest such request's grant here, from which patience is counted. Ends of
    /// earlier rounds, up to `since`, are of no interest.
    pub async fn waits_for_later_parts(&self, id: &AssignmentId, since: Option<Time>) -> Result<Option<Time>> {
        let row = sqlx::query(
            "SELECT MAX(g.ended_at) AS at FROM grants AS g
             JOIN grants AS later ON later.request = g.request AND later.position > g.position
             JOIN assignments AS a ON a.id = later.assignment
             WHERE g.assignment = $1 AND g.ended_at > $2 AND later.assignment <> g.assignment
             AND (a.state = 'revoking' OR ((a.state = 'granting' OR a.state = 'active') AND NOT EXISTS (
                 SELECT 1 FROM grants AS other WHERE other.assignment = a.id AND other.ended_at IS NULL)))",
        )
        .bind(id.as_str())
        .bind(since.map_or(i64::MIN, |at| at.0))
        .fetch_one(&mut *self.reading().await?)
        .await?;
        time(&row, "at")
    }

    /// Every assignment that is not over, for lists and counts.
    pub async fn unfinished_assignments(&self) -> Result<Vec<AssignmentRow>> {
        let query = format!("SELECT {COLUMNS} FROM assignments WHERE state <> 'ended' ORDER BY id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(&mut *self.reading().await?).await?;
        rows.iter().map(assignment).collect()
    }

    /// What a person closed by force since then, and was not seen gone.
    pub async fn closed_by_force(&self, since: Time) -> Result<Vec<AssignmentRow>> {
        let query = format!(
            "SELECT {COLUMNS} FROM assignments WHERE state = 'ended' AND ended_at > $1 AND error IS NOT NULL ORDER BY id"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).bind(since.0).fetch_all(&mut *self.reading().await?).await?;
        Ok(rows.iter().map(assignment).collect::<Result<Vec<_>>>()?.into_iter().filter(AssignmentRow::closed_by_force).collect())
    }
}

impl Tx {
    /// The one row of an effect: made now, or the one there is. With what to reach it by brought up to
    /// date only if nothing of it is under way: what was granted by one login is taken away as that login's.
    pub async fn assignment_for(&mut self, planned: &Planned, now: Time) -> Result<AssignmentRow> {
        let id = AssignmentId::new(&*self.outside);
        let query = format!(
            "INSERT INTO assignments (id, key, connector, target, effect, lane, state, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, 'granting', $7)
             ON CONFLICT (key) DO UPDATE SET effect = $5,
                 target = CASE WHEN assignments.state = 'ended' THEN $4 ELSE assignments.target END RETURNING {COLUMNS}"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(id.as_str())
            .bind(&planned.key)
            .bind(&planned.connector)
            .bind(planned.target.to_string())
            .bind(&planned.effect)
            .bind(&planned.lane)
            .bind(now.0)
            .fetch_one(self.sql().await?)
            .await?;
        assignment(&row)
    }

    /// The row of an effect that nobody asked for and that is there: as if it had ended.
    pub async fn adopt(&mut self, planned: &Planned, now: Time) -> Result<AssignmentId> {
        let id = AssignmentId::new(&*self.outside);
        let row = sqlx::query(
            "INSERT INTO assignments (id, key, connector, target, effect, lane, state, baseline, ended_at, observed_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, 'ended', 'absent', $7, $7, $7) ON CONFLICT (key) DO UPDATE SET key = $2 RETURNING id",
        )
        .bind(id.as_str())
        .bind(&planned.key)
        .bind(&planned.connector)
        .bind(planned.target.to_string())
        .bind(&planned.effect)
        .bind(&planned.lane)
        .bind(now.0)
        .fetch_one(self.sql().await?)
        .await?;
        word("assignments", &row, "id", AssignmentId::parse)
    }

    /// Closes what is being taken away without having seen it gone. [`Changed::No`]: it is not being
    /// taken away. `error` says who did it and why, for everybody who reads of it.
    pub async fn close_by_force(&mut self, id: &AssignmentId, error: &str, now: Time) -> Result<Changed> {
        let done = sqlx::query(
            "UPDATE assignments SET state = 'ended', ended_at = $2, until = NULL, error = $3, absent_at = NULL, stuck_at = NULL
             WHERE id = $1 AND state IN ('revoking', 'settling')",
        )
        .bind(id.as_str())
        .bind(now.0)
        .bind(error)
        .execute(self.sql().await?)
        .await?;
        Ok(done.rows_affected().into())
    }

    pub async fn insert_grant(&mut self, grant: &Grant) -> Result<()> {
        sqlx::query("INSERT INTO grants (id, request, assignment, position, length, ends_at) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(grant.id.as_str())
            .bind(grant.request.as_str())
            .bind(grant.assignment.as_str())
            .bind(grant.position)
            .bind(grant.length.0)
            .bind(grant.ends_at.0)
            .execute(self.sql().await?)
            .await?;
        Ok(())
    }

    /// Writes back an assignment that only the holder of its claim changes.
    pub async fn put_assignment(&mut self, row: &AssignmentRow) -> Result<()> {
        sqlx::query(
            "UPDATE assignments SET state = $2, baseline = $3, until = $4, handle = $5, due_at = $6, absent_at = $7,
                 observed_at = $8, ended_at = $9, stuck_at = $10, seen = $11, cut = $12, error = $13 WHERE id = $1",
        )
        .bind(row.id.as_str())
        .bind(row.state.as_str())
        .bind(row.baseline.map(Baseline::as_str))
        .bind(row.until.map(|at| at.0))
        .bind(&row.handle)
        .bind(row.due_at.map(|at| at.0))
        .bind(row.absent_at.map(|at| at.0))
        .bind(row.observed_at.map(|at| at.0))
        .bind(row.ended_at.map(|at| at.0))
        .bind(row.stuck_at.map(|at| at.0))
        .bind(row.seen.as_ref().map(super::to_json))
        .bind(row.cut.as_ref().map(super::to_json))
        .bind(&row.error)
        .execute(self.sql().await?)
        .await?;
        Ok(())
    }

    pub async fn live_grants(&mut self, id: &AssignmentId) -> Result<Vec<GrantRow>> {
        grants(self.sql().await?, LIVE_ON, id.as_str()).await
    }

    pub async fn grants_of(&mut self, id: &RequestId) -> Result<Vec<GrantRow>> {
        grants(self.sql().await?, OF_REQUEST, id.as_str()).await
    }

    /// The requests whose grants on this assignment ended after `since`: what its last round was for.
    pub async fn requests_ended_since(&mut self, id: &AssignmentId, since: Time) -> Result<Vec<RequestId>> {
        let rows = sqlx::query("SELECT DISTINCT request FROM grants WHERE assignment = $1 AND ended_at > $2 ORDER BY request")
            .bind(id.as_str())
            .bind(since.0)
            .fetch_all(self.sql().await?)
            .await?;
        rows.iter().map(|row| word("grants", row, "request", RequestId::parse)).collect()
    }

    /// Ends one live grant. [`Changed::No`]: it was over before.
    pub async fn end_grant(&mut self, id: &GrantId, ended: &Ended) -> Result<Changed> {
        let done = sqlx::query(
            "UPDATE grants SET ended_at = $2, ended_by = $3, ended_how = $4, failed = $5 WHERE id = $1 AND ended_at IS NULL",
        )
        .bind(id.as_str())
        .bind(ended.at.0)
        .bind(ended.by.to_string())
        .bind(ended.how.as_str())
        .bind(&ended.why)
        .execute(self.sql().await?)
        .await?;
        Ok(done.rows_affected().into())
    }

    /// Notes that a read-back showed the access for this grant.
    pub async fn grant_is_usable(&mut self, id: &GrantId, now: Time) -> Result<Changed> {
        let done = sqlx::query("UPDATE grants SET usable_at = $2 WHERE id = $1 AND usable_at IS NULL AND ended_at IS NULL")
            .bind(id.as_str())
            .bind(now.0)
            .execute(self.sql().await?)
            .await?;
        Ok(done.rows_affected().into())
    }

    /// Moves the ends of a request's grants once it is usable: earlier, never later.
    pub async fn move_ends(&mut self, id: &RequestId, now: Time) -> Result<()> {
        let move_it = if planted(Bug::LaterEnd) {
            "UPDATE grants SET ends_at = $2 + length + 1800000 WHERE request = $1 AND ended_at IS NULL"
        } else {
            "UPDATE grants SET ends_at = $2 + length WHERE request = $1 AND ended_at IS NULL AND $2 + length < ends_at"
        };
        sqlx::query(move_it).bind(id.as_str()).bind(now.0).execute(self.sql().await?).await?;
        Ok(())
    }
}
