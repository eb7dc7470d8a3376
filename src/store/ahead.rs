//! What was decided ahead of time: pre-approvals, and who decides in whose place.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::requests::same;
use super::{Result, Store, Tx, json, to_json, word};
use crate::domain::access::Access;
use crate::domain::id::{PersonId, PreapprovalId};
use crate::domain::person::Actor;
use crate::domain::time::{Span, Time};

/// Somebody may have something at once, for a while.
#[derive(Debug, Clone)]
pub struct PreapprovalRow {
    pub id: PreapprovalId,
    pub principal: PersonId,
    /// Who allowed it.
    pub issuer: PersonId,
    pub access: Access,
    pub effect: String,
    pub reason: Option<String>,
    /// The most each access may last.
    pub length: Span,
    pub from: Time,
    pub until: Time,
    pub policy: i64,
    pub created_at: Time,
    /// When somebody took it back.
    pub ended_at: Option<Time>,
}

/// Somebody decides in another's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandInRow {
    pub away: PersonId,
    pub by: PersonId,
    pub since: Time,
    pub until: Time,
}

const COLUMNS: &str = "id, principal, issuer, integration, access_type, args, effect, reason, length, from_at, until_at, policy, created_at, ended_at";

fn preapproval(row: &AnyRow) -> Result<PreapprovalRow> {
    Ok(PreapprovalRow {
        id: word("preapprovals", row, "id", PreapprovalId::parse)?,
        principal: word("preapprovals", row, "principal", PersonId::parse)?,
        issuer: word("preapprovals", row, "issuer", PersonId::parse)?,
        access: Access {
            integration: row.try_get("integration")?,
            access_type: row.try_get("access_type")?,
            args: json("preapprovals", row, "args")?,
        },
        effect: row.try_get("effect")?,
        reason: row.try_get("reason")?,
        length: Span(row.try_get("length")?),
        from: Time(row.try_get("from_at")?),
        until: Time(row.try_get("until_at")?),
        policy: row.try_get("policy")?,
        created_at: Time(row.try_get("created_at")?),
        ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(Time),
    })
}

fn stand_in(row: &AnyRow) -> Result<StandInRow> {
    Ok(StandInRow {
        away: word("stand_ins", row, "away", PersonId::parse)?,
        by: word("stand_ins", row, "person", PersonId::parse)?,
        since: Time(row.try_get("since")?),
        until: Time(row.try_get("until_at")?),
    })
}

impl Store {
    pub async fn preapproval(&self, id: &PreapprovalId) -> Result<Option<PreapprovalRow>> {
        let query = format!("SELECT {COLUMNS} FROM preapprovals WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(query)).bind(id.as_str()).fetch_optional(&mut *self.reading().await?).await?;
        row.as_ref().map(preapproval).transpose()
    }

    /// What was allowed to this person ahead of time and counts now, the longest first.
    pub async fn preapprovals_for(&self, principal: &PersonId, access: &Access, now: Time) -> Result<Vec<PreapprovalRow>> {
        let query = format!(
            "SELECT {COLUMNS} FROM preapprovals
             WHERE principal = $1 AND same = $2 AND until_at > $3 AND from_at <= $3 AND ended_at IS NULL ORDER BY length DESC, id"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(principal.as_str())
            .bind(same(access))
            .bind(now.0)
            .fetch_all(&mut *self.reading().await?)
            .await?;
        rows.iter().map(preapproval).collect()
    }

    /// Those in whose place this person decides now.
    pub async fn stands_in_for(&self, person: &PersonId, now: Time) -> Result<Vec<StandInRow>> {
        let rows = sqlx::query(
            "SELECT away, person, since, until_at FROM stand_ins WHERE person = $1 AND until_at > $2 AND since <= $2",
        )
        .bind(person.as_str())
        .bind(now.0)
        .fetch_all(&mut *self.reading().await?)
        .await?;
        rows.iter().map(stand_in).collect()
    }

    /// Who decides in this person's place now.
    pub async fn stand_in_of(&self, away: &PersonId, now: Time) -> Result<Option<StandInRow>> {
        let row = sqlx::query("SELECT away, person, since, until_at FROM stand_ins WHERE away = $1 AND until_at > $2")
            .bind(away.as_str())
            .bind(now.0)
            .fetch_optional(&mut *self.reading().await?)
            .await?;
        row.as_ref().map(stand_in).transpose()
    }
}

impl Tx {
    pub async fn insert_preapproval(&mut self, row: &PreapprovalRow) -> Result<()> {
        sqlx::query(
            "INSERT INTO preapprovals (id, principal, issuer, integration, access_type, args, same, effect, reason, length, from_at,
                 until_at, policy, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(row.id.as_str())
        .bind(row.principal.as_str())
        .bind(row.issuer.as_str())
        .bind(&row.access.integration)
        .bind(&row.access.access_type)
        .bind(to_json(&row.access.args))
        .bind(same(&row.access))
        .bind(&row.effect)
        .bind(&row.reason)
        .bind(row.length.0)
        .bind(row.from.0)
        .bind(row.until.0)
        .bind(row.policy)
        .bind(row.created_at.0)
        .execute(self.sql().await?)
        .await?;
        Ok(())
    }

    /// It counts no more. `false`: it was over before.
    pub async fn end_preapproval(&mut self, id: &PreapprovalId, by: &Actor, now: Time) -> Result<bool> {
        let changed = sqlx::query(
            "UPDATE preapprovals SET ended_at = $2, ended_by = $3 WHERE id = $1 AND ended_at IS NULL AND until_at > $2",
        )
        .bind(id.as_str())
        .bind(now.0)
        .bind(by.to_string())
        .execute(self.sql().await?)
        .await?;
        Ok(changed.rows_affected() == 1)
    }

    /// Somebody decides in another's place from now on; whoever did before does no more.
    pub async fn put_stand_in(&mut self, row: &StandInRow) -> Result<()> {
        sqlx::query(
            "INSERT INTO stand_ins (away, person, since, until_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (away) DO UPDATE SET person = excluded.person, since = excluded.since, until_at = excluded.until_at",
        )
        .bind(row.away.as_str())
        .bind(row.by.as_str())
        .bind(row.since.0)
        .bind(row.until.0)
        .execute(self.sql().await?)
        .await?;
        Ok(())
    }

    /// `false`: nobody did.
    pub async fn end_stand_in(&mut self, away: &PersonId, now: Time) -> Result<bool> {
        let changed = sqlx::query("UPDATE stand_ins SET until_at = $2 WHERE away = $1 AND until_at > $2")
            .bind(away.as_str())
            .bind(now.0)
            .execute(self.sql().await?)
            .await?;
        Ok(changed.rows_affected() == 1)
    }
}
