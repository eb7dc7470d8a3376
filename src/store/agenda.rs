//! The agenda: what to look at next, and when. Claims, leases, fences, lanes.
//!
//! Rows here are hints and carry no truth: [`Store::restore_agenda`] gives every unfinished thing
//! that lacks one its row back.

use std::borrow::Cow;

use sqlx::{AssertSqlSafe, Row};

use super::{AssignmentRow, Result, Store, Tx, word};
use crate::domain::assignment::{LONGEST_WAIT, STUCK_AFTER};
use crate::domain::id::AssignmentId;
use crate::domain::planted::{Bug, planted};
use crate::domain::time::{Span, Time};
use crate::domain::words;

/// Longer than any claim, and than two replicas' clocks may be apart.
const LONGEST_LEASE: Span = Span::minutes(5);

words! {
    /// What an agenda row says to look at.
    Kind {
        Assignment = "assignment",
        Request = "request",
        Notice = "notice",
        Inbox = "inbox",
        /// A look through a whole integration for what nobody holds; named by it.
        Sweep = "sweep",
    }
}

/// A claimed row. Whoever holds it may write what came of it, while the epoch is still this one.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub kind: Kind,
    pub id: String,
    pub lane: String,
    pub epoch: i64,
    /// Looks since the wanted effect changed, this one not counted.
    pub attempts: i64,
    /// Names this claim where it holds a lane.
    pub holder: String,
    /// When anybody may take over, unless it is kept for longer.
    pub until: Time,
    /// The integration that is looked at; empty for what is none's.
    pub connector: String,
}

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// At this time, with a fresh count of attempts.
    At(Time),
    /// At this time; one more attempt was made.
    Again(Time),
    /// There is nothing left to look at.
    Never,
}

// The candidates: of one integration, due, not leased, their lane free, and the first of their lane.
macro_rules! candidates {
    ($lock:literal) => {
        concat!(
            "UPDATE agenda SET lease_until = $1, epoch = epoch + 1, attempts = attempts + 1
             WHERE lease_until <= $2 AND run_at <= $2 AND (kind, id) IN (
                 SELECT kind, id FROM agenda AS a WHERE a.connector = $4 AND a.run_at <= $2 AND a.lease_until <= $2
                 AND (a.lane = '' OR (
                     NOT EXISTS (SELECT 1 FROM lanes WHERE lanes.lane = a.lane AND lanes.lease_until > $2)
                     AND NOT EXISTS (SELECT 1 FROM agenda AS b WHERE b.lane = a.lane AND b.lane <> '' AND b.run_at <= $2
                         AND b.lease_until <= $2 AND (b.run_at < a.run_at OR (b.run_at = a.run_at AND b.id < a.id)))))
                 ORDER BY a.run_at LIMIT $3",
            $lock,
            ") RETURNING kind, id, lane, epoch, attempts"
        )
    };
}
pub(super) const CLAIM_SQLITE: &str = candidates!("");
// The repeated predicate outside keeps a row from being leased twice; SKIP LOCKED keeps claimers
// from waiting for each other. Both are needed.
pub(super) const CLAIM_POSTGRES: &str = candidates!(" FOR UPDATE SKIP LOCKED");

// The integrations on the agenda, found by hops from name to name, however much of each there is.
macro_rules! of_names {
    ($query:literal) => {
        concat!(
            "WITH RECURSIVE names (name) AS (SELECT MIN(connector) FROM agenda UNION ALL
                 SELECT (SELECT MIN(connector) FROM agenda WHERE connector > names.name) FROM names WHERE names.name IS NOT NULL)",
            $query
        )
    };
}
const WHOSE: &str = of_names!(
    "SELECT name FROM names WHERE EXISTS (
         SELECT 1 FROM agenda WHERE connector = names.name AND run_at <= $1 AND lease_until <= $1) ORDER BY name"
);
const NEXT_AFTER: &str =
    of_names!("SELECT MIN((SELECT MIN(run_at) FROM agenda WHERE connector = names.name AND run_at > $1)) AS at FROM names");

// What is unfinished and lacks an agenda row. Each of these, and of the next, reads by an index of what is unfinished
// and nothing else, however much is over.
const SCANS: [&str; 6] = [
    "INSERT INTO agenda (kind, id, lane, connector, run_at, lease_until, epoch, attempts)
     SELECT 'assignment', a.id, a.lane, a.connector, $1, 0, $1, 0 FROM assignments AS a WHERE a.state <> 'ended'
     AND NOT EXISTS (SELECT 1 FROM agenda AS x WHERE x.kind = 'assignment' AND x.id = a.id) ON CONFLICT DO NOTHING",
    // The last late look is a day after the end (`LATE_LOOKS`).
    "INSERT INTO agenda (kind, id, lane, connector, run_at, lease_until, epoch, attempts)
     SELECT 'assignment', a.id, a.lane, a.connector, $1, 0, $1, 0 FROM assignments AS a
     WHERE a.state = 'ended' AND a.ended_at > $1 - 90000000
     AND a.baseline = 'absent' AND (a.observed_at IS NULL OR a.observed_at < a.ended_at + 86400000)
     AND NOT EXISTS (SELECT 1 FROM agenda AS x WHERE x.kind = 'assignment' AND x.id = a.id) ON CONFLICT DO NOTHING",
    "INSERT INTO agenda (kind, id, lane, connector, run_at, lease_until, epoch, attempts)
     SELECT 'assignment', a.id, a.lane, a.connector, $1, 0, $1, 0 FROM assignments AS a
     WHERE a.state = 'ended' AND a.id IN (SELECT assignment FROM grants WHERE ended_at IS NULL)
     AND NOT EXISTS (SELECT 1 FROM agenda AS x WHERE x.kind = 'assignment' AND x.id = a.id) ON CONFLICT DO NOTHING",
    "INSERT INTO agenda (kind, id, lane, run_at, lease_until, epoch, attempts)
     SELECT 'request', r.id, '', r.stale_at, 0, $1, 0 FROM requests AS r WHERE r.state = 'open'
     AND NOT EXISTS (SELECT 1 FROM agenda AS x WHERE x.kind = 'request' AND x.id = r.id) ON CONFLICT DO NOTHING",
    "INSERT INTO agenda (kind, id, lane, run_at, lease_until, epoch, attempts)
     SELECT 'notice', n.id, '', CASE WHEN n.not_before > $1 THEN n.not_before ELSE $1 END, 0, $1, 0
     FROM notices AS n WHERE n.shown < n.wanted
     AND NOT EXISTS (SELECT 1 FROM agenda AS x WHERE x.kind = 'notice' AND x.id = n.id) ON CONFLICT DO NOTHING",
    "INSERT INTO agenda (kind, id, lane, run_at, lease_until, epoch, attempts)
     SELECT 'inbox', i.key, '', $1, 0, $1, 0 FROM inbox AS i WHERE i.state = 'pending'
     AND NOT EXISTS (SELECT 1 FROM agenda AS x WHERE x.kind = 'inbox' AND x.id = i.key) ON CONFLICT DO NOTHING",
];

// Whoever wrote these had a clock that ran ahead: no pause of ours is as long, and nobody holds a claim
// for so long. Without this, what is due would wait until the clock is there again. `state <> 'ended'`
// is what the index of unfinished assignments asks for.
const TOO_FAR: [(&str, Span); 6] = [
    ("UPDATE agenda SET run_at = $1 WHERE run_at > $2 AND kind IN ('inbox', 'sweep')", LONGEST_WAIT),
    (
        "UPDATE agenda SET run_at = $1 WHERE run_at > $2 AND kind = 'assignment'
         AND (id IN (SELECT id FROM assignments WHERE state <> 'ended')
             OR id IN (SELECT assignment FROM grants WHERE ended_at IS NULL))",
        LONGEST_WAIT,
    ),
    (
        "UPDATE agenda SET run_at = $1 WHERE run_at > $2 AND kind = 'notice'
         AND id IN (SELECT id FROM notices WHERE shown < wanted AND not_before <= $1)",
        LONGEST_WAIT,
    ),
    (
        "UPDATE agenda SET run_at = $1 WHERE run_at > $2 AND kind = 'assignment'
         AND id IN (SELECT id FROM assignments WHERE state <> 'ended' AND state IN ('revoking', 'settling'))",
        STUCK_AFTER,
    ),
    ("UPDATE agenda SET lease_until = $1, epoch = epoch + 1 WHERE lease_until > $2", LONGEST_LEASE),
    ("UPDATE lanes SET lease_until = $1 WHERE lease_until > $2", LONGEST_LEASE),
];

impl Store {
    /// Claims what is due until `now + lease`: of each integration, and of what is none's, as much as there
    /// are hands `free` for and as its rate `per_second` leaves in this second; at most one of each lane.
    /// All that counts over all replicas. What is over it stays due.
    pub async fn claim(
        &self,
        now: Time,
        lease: Span,
        per_second: impl Fn(&str) -> u32,
        free: impl Fn(&str) -> usize,
    ) -> Result<Vec<Claimed>> {
        // A look without a transaction first: with nothing to do, nobody has to wait for the writer.
        let mut whose = Vec::new();
        for row in sqlx::query(WHOSE).bind(now.0).fetch_all(&mut *self.reading().await?).await? {
            let connector: String = row.try_get("name")?;
            let hands = i64::try_from(free(&connector)).unwrap_or(i64::MAX);
            whose.extend((0 < hands).then_some((connector, hands)));
        }
        if whose.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let mut claimed = Vec::new();
        for (connector, hands) in whose {
            if connector.is_empty() {
                claimed.extend(self.claim_of(&mut tx, connector, now, lease, hands).await?);
                continue;
            }
            let left = left_of_rate(&mut tx, &connector, now, per_second(&connector)).await?;
            let of_it = self.claim_of(&mut tx, connector.clone(), now, lease, hands.min(left)).await?;
            if !of_it.is_empty() {
                sqlx::query("UPDATE rates SET used = used + $2 WHERE connector = $1")
                    .bind(connector)
                    .bind(i64::try_from(of_it.len()).unwrap_or(i64::MAX))
                    .execute(tx.sql().await?)
                    .await?;
            }
            claimed.extend(of_it);
        }
        if !claimed.is_empty() {
            tx.commit().await?;
        }
        Ok(claimed)
    }

    async fn claim_of(&self, tx: &mut Tx, connector: String, now: Time, lease: Span, most: i64) -> Result<Vec<Claimed>> {
        let until = (now + lease).0;
        let text = match planted(Bug::NoLanes) {
            false => Cow::Borrowed(self.dialect.claim),
            true => Cow::Owned(self.dialect.claim.replace("a.lane = ''", "1 = 1")),
        };
        let query = sqlx::query(AssertSqlSafe(text)).bind(until).bind(now.0).bind(most).bind(&connector);
        let mut claimed = Vec::new();
        for row in query.fetch_all(tx.sql().await?).await? {
            let claim = Claimed {
                kind: word("agenda", &row, "kind", Kind::parse)?,
                id: row.try_get("id")?,
                lane: row.try_get("lane")?,
                epoch: row.try_get("epoch")?,
                attempts: row.try_get::<i64, _>("attempts")? - 1,
                holder: format!("{:032x}", self.outside.random()),
                until: Time(until),
                connector: connector.clone(),
            };
            if claim.lane.is_empty() || planted(Bug::NoLanes) || take_lane(tx, &claim, now, until).await? {
                claimed.push(claim);
            } else {
                // Another replica was faster. Its release makes this row's turn.
                sqlx::query(
                    "UPDATE agenda SET lease_until = 0, attempts = attempts - 1 WHERE kind = $1 AND id = $2 AND epoch = $3",
                )
                .bind(claim.kind.as_str())
                .bind(&claim.id)
                .bind(claim.epoch)
                .execute(tx.sql().await?)
                .await?;
            }
        }
        Ok(claimed)
    }

    /// Gives up a claim and its lane without having done anything; it is due again at `at`.
    pub async fn put_back(&self, claim: &Claimed, at: Time) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.finish(claim, Next::Again(at)).await?;
        tx.release_lane(claim).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Lets a lane go after the claim itself was lost to somebody newer.
    pub async fn leave_lane(&self, claim: &Claimed) -> Result<()> {
        if claim.lane.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        tx.release_lane(claim).await?;
        tx.commit().await?;
        Ok(())
    }

    /// When the next row after `now` is due, claimed or not.
    pub async fn next_after(&self, now: Time) -> Result<Option<Time>> {
        let row = sqlx::query(NEXT_AFTER).bind(now.0).fetch_one(&mut *self.reading().await?).await?;
        Ok(row.try_get::<Option<i64>, _>("at")?.map(Time))
    }

    /// When the next row is due, if there is one that nobody works on. Reads the whole agenda.
    pub async fn next_due(&self) -> Result<Option<Time>> {
        let row = sqlx::query("SELECT MIN(CASE WHEN lease_until > run_at THEN lease_until ELSE run_at END) AS at FROM agenda")
            .fetch_one(&mut *self.reading().await?)
            .await?;
        Ok(row.try_get::<Option<i64>, _>("at")?.map(Time))
    }

    /// What is on the agenda, with the epoch of its last claim.
    pub async fn agenda(&self) -> Result<Vec<(Kind, String, i64)>> {
        let rows =
            sqlx::query("SELECT kind, id, epoch FROM agenda ORDER BY run_at, id").fetch_all(&mut *self.reading().await?).await?;
        rows.iter()
            .map(|row| Ok((word("agenda", row, "kind", Kind::parse)?, row.try_get("id")?, row.try_get("epoch")?)))
            .collect()
    }

    /// Deletes every hint. Only a test would; the scan brings them back.
    pub async fn lose_agenda(&self) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM agenda").execute(tx.sql().await?).await?;
        tx.commit().await
    }

    /// Frees everything that is claimed, where one process works alone (SQLite): whoever claimed it is
    /// dead, or writes nothing any more, as its epochs are over. Replicas wait for leases instead.
    pub async fn take_over(&self) -> Result<()> {
        if !self.dialect.alone {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        for free in [
            "UPDATE agenda SET lease_until = 0, epoch = epoch + 1 WHERE lease_until > 0",
            "UPDATE lanes SET lease_until = 0 WHERE lease_until > 0",
        ] {
            sqlx::query(free).execute(tx.sql().await?).await?;
        }
        tx.commit().await
    }

    /// Puts the sweeps of these integrations on the agenda that are not on it, due now.
    pub async fn plan_sweeps(&self, integrations: &[String], now: Time) -> Result<()> {
        let mut tx = self.begin().await?;
        for integration in integrations {
            sqlx::query(
                "INSERT INTO agenda (kind, id, lane, connector, run_at, lease_until, epoch, attempts)
                 VALUES ('sweep', $1, '', $1, $2, 0, $2, 0) ON CONFLICT (kind, id) DO NOTHING",
            )
            .bind(integration)
            .bind(now.0)
            .execute(tx.sql().await?)
            .await?;
        }
        tx.commit().await
    }

    /// Gives every unfinished thing that lacks an agenda row one, due now. Returns how many lacked it.
    pub async fn restore_agenda(&self) -> Result<u64> {
        if planted(Bug::NoScan) {
            return Ok(0);
        }
        let mut restored = 0;
        let mut tx = self.begin().await?;
        let now = self.outside.now(); // the time when it may write: what was claimed while it waited is not too far ahead
        for (pull_in, further) in TOO_FAR {
            sqlx::query(pull_in).bind(now.0).bind((now + further).0).execute(tx.sql().await?).await?;
        }
        for scan in SCANS {
            restored += sqlx::query(scan).bind(now.0).execute(tx.sql().await?).await?.rows_affected();
        }
        if restored > 0 {
            tx.makes_due(now);
        }
        tx.commit().await?;
        Ok(restored)
    }
}

/// How many more looks at an integration there may be in this second. Replicas wait here for each other.
async fn left_of_rate(tx: &mut Tx, connector: &str, now: Time, per_second: u32) -> Result<i64> {
    let row = sqlx::query(
        "INSERT INTO rates (connector, second, used) VALUES ($1, $2, 0) ON CONFLICT (connector) DO UPDATE SET second = $2,
         used = CASE WHEN rates.second = $2 THEN rates.used ELSE 0 END RETURNING used",
    )
    .bind(connector)
    .bind(now.0 / 1000)
    .fetch_one(tx.sql().await?)
    .await?;
    Ok((i64::from(per_second.max(1)) - row.try_get::<i64, _>("used")?).max(0))
}

async fn take_lane(tx: &mut Tx, claim: &Claimed, now: Time, until: i64) -> Result<bool> {
    let taken = sqlx::query(
        "INSERT INTO lanes (lane, holder, lease_until) VALUES ($1, $2, $3)
         ON CONFLICT (lane) DO UPDATE SET holder = $2, lease_until = $3 WHERE lanes.lease_until <= $4",
    )
    .bind(&claim.lane)
    .bind(&claim.holder)
    .bind(until)
    .bind(now.0)
    .execute(tx.sql().await?)
    .await?;
    Ok(taken.rows_affected() == 1)
}

impl Tx {
    /// Puts a thing on the agenda because what is wanted of it changed. A worker in flight loses its
    /// claim: what it brings back is not written, and the thing is looked at afresh.
    pub async fn look(&mut self, kind: Kind, id: &str, at: Time) -> Result<()> {
        let connector = if kind == Kind::Sweep { id } else { "" };
        self.look_in_lane(kind, id, "", connector, at).await
    }

    /// Puts an assignment on the agenda, in its lane.
    pub async fn look_at_assignment(&mut self, id: &AssignmentId, at: Time) -> Result<()> {
        let query = sqlx::query("SELECT lane, connector FROM assignments WHERE id = $1").bind(id.as_str());
        let row = query.fetch_one(self.sql().await?).await?;
        let (lane, connector): (String, String) = (row.try_get("lane")?, row.try_get("connector")?);
        self.look_in_lane(Kind::Assignment, id.as_str(), &lane, &connector, at).await
    }

    /// The same for an assignment that was just read.
    pub async fn look_at_row(&mut self, row: &AssignmentRow, at: Time) -> Result<()> {
        self.look_in_lane(Kind::Assignment, row.id.as_str(), &row.lane, &row.connector, at).await
    }

    async fn look_in_lane(&mut self, kind: Kind, id: &str, lane: &str, connector: &str, at: Time) -> Result<()> {
        self.makes_due(at);
        let now = self.outside.now().0; // a new row's epoch is one that no earlier worker can hold
        sqlx::query(
            "INSERT INTO agenda (kind, id, lane, connector, run_at, lease_until, epoch, attempts) VALUES ($1, $2, $3, $4, $5, 0, $6, 0)
             ON CONFLICT (kind, id) DO UPDATE SET connector = $4, run_at = $5, lease_until = 0, epoch = agenda.epoch + 1, attempts = 0",
        )
        .bind(kind.as_str())
        .bind(id)
        .bind(lane)
        .bind(connector)
        .bind(at.0)
        .bind(now)
        .execute(self.sql().await?)
        .await?;
        Ok(())
    }

    /// Writes when to look again, if the claim is still ours. `false`: it is not, and the caller must
    /// drop the transaction.
    pub async fn finish(&mut self, claim: &Claimed, next: Next) -> Result<bool> {
        let (run_at, attempts) = match next {
            Next::At(at) => {
                self.makes_due(at);
                (at.0, 0)
            }
            Next::Again(at) => (at.0, claim.attempts + 1),
            Next::Never => {
                let gone = sqlx::query("DELETE FROM agenda WHERE kind = $1 AND id = $2 AND epoch = $3")
                    .bind(claim.kind.as_str())
                    .bind(&claim.id)
                    .bind(claim.epoch)
                    .execute(self.sql().await?)
                    .await?;
                return Ok(gone.rows_affected() == 1);
            }
        };
        let kept = sqlx::query(
            "UPDATE agenda SET run_at = $4, lease_until = 0, attempts = $5 WHERE kind = $1 AND id = $2 AND epoch = $3",
        )
        .bind(claim.kind.as_str())
        .bind(&claim.id)
        .bind(claim.epoch)
        .bind(run_at)
        .bind(attempts)
        .execute(self.sql().await?)
        .await?;
        Ok(kept.rows_affected() == 1)
    }

    /// Keeps a claim and its lane until `until`, while more of the look follows. `false`: the claim
    /// is not ours any more, and the caller must drop the transaction.
    pub async fn keep(&mut self, claim: &Claimed, until: Time) -> Result<bool> {
        let kept = sqlx::query("UPDATE agenda SET lease_until = $4 WHERE kind = $1 AND id = $2 AND epoch = $3")
            .bind(claim.kind.as_str())
            .bind(&claim.id)
            .bind(claim.epoch)
            .bind(until.0)
            .execute(self.sql().await?)
            .await?;
        if planted(Bug::WritesLate) {
            return Ok(true);
        }
        if kept.rows_affected() == 0 {
            return Ok(false);
        }
        if claim.lane.is_empty() {
            return Ok(true);
        }
        let lane = sqlx::query("UPDATE lanes SET lease_until = $3 WHERE lane = $1 AND holder = $2")
            .bind(&claim.lane)
            .bind(&claim.holder)
            .bind(until.0)
            .execute(self.sql().await?)
            .await?;
        Ok(lane.rows_affected() == 1)
    }

    pub async fn release_lane(&mut self, claim: &Claimed) -> Result<()> {
        if !claim.lane.is_empty() {
            self.makes_due(self.outside.now()); // whoever waited for the lane
            sqlx::query("DELETE FROM lanes WHERE lane = $1 AND holder = $2")
                .bind(&claim.lane)
                .bind(&claim.holder)
                .execute(self.sql().await?)
                .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::outside::tests::Still;

    /// Asked of a database that has no figures about its tables: SQLite never gathers any.
    #[tokio::test]
    async fn the_scan_reads_nothing_that_is_over() {
        const OF_WHAT_LIVES: [&str; 8] = [
            " agenda",
            " lanes",
            " assignments_unfinished",
            " grants_live",
            " requests_open",
            " requests_going_stale",
            " notices_behind",
            " inbox_pending",
        ];
        let store = Store::open("sqlite::memory:", Arc::new(Still(Time(0)))).await.expect("opened");
        for statement in SCANS.into_iter().chain(TOO_FAR.map(|(statement, _)| statement)) {
            let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")));
            let plan = plan.fetch_all(&mut *store.reading().await.expect("a connection")).await.expect("a plan");
            for step in plan {
                let step: String = step.get("detail");
                let fine = !step.starts_with("SCAN") || OF_WHAT_LIVES.iter().any(|table| step.ends_with(table));
                assert!(fine, "{step}, in {statement}");
            }
        }
    }
}
