//! Alerts: what reviewers have to know, until it is right again.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::{Result, Store, Tx, json, to_json, word};
use crate::domain::alert::{Alert, AlertKind, Told};
use crate::domain::id::AlertId;
use crate::domain::time::Time;

const COLUMNS: &str = "id, kind, subject, body, opened_at, closed_at";

fn alert(row: &AnyRow) -> Result<Alert> {
    Ok(Alert {
        id: word("alerts", row, "id", AlertId::parse)?,
        kind: word("alerts", row, "kind", AlertKind::parse)?,
        subject: row.try_get("subject")?,
        told: json("alerts", row, "body")?,
        opened_at: Time(row.try_get("opened_at")?),
        closed_at: row.try_get::<Option<i64>, _>("closed_at")?.map(Time),
    })
}

/// What is new about an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Opened,
    Changed,
    None,
}

impl Store {
    pub async fn alert(&self, id: &AlertId) -> Result<Option<Alert>> {
        let query = format!("SELECT {COLUMNS} FROM alerts WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(query)).bind(id.as_str()).fetch_optional(&mut *self.reading().await?).await?;
        row.as_ref().map(alert).transpose()
    }

    /// What is not right now, oldest first.
    pub async fn open_alerts(&self) -> Result<Vec<Alert>> {
        let query = format!("SELECT {COLUMNS} FROM alerts WHERE closed_at IS NULL ORDER BY opened_at, id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(&mut *self.reading().await?).await?;
        rows.iter().map(alert).collect()
    }
}

impl Tx {
    /// Opens an alert, or brings the one that is open up to date.
    pub async fn open_alert(&mut self, kind: AlertKind, subject: &str, told: &Told, now: Time) -> Result<(AlertId, News)> {
        let id = AlertId::new(&*self.outside);
        let body = to_json(told);
        let inserted = sqlx::query(
            "INSERT INTO alerts (id, kind, subject, body, opened_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (kind, subject) WHERE closed_at IS NULL DO NOTHING",
        )
        .bind(id.as_str())
        .bind(kind.as_str())
        .bind(subject)
        .bind(&body)
        .bind(now.0)
        .execute(self.sql().await?)
        .await?;
        if inserted.rows_affected() == 1 {
            return Ok((id, News::Opened));
        }
        let row = sqlx::query("SELECT id, body FROM alerts WHERE kind = $1 AND subject = $2 AND closed_at IS NULL")
            .bind(kind.as_str())
            .bind(subject)
            .fetch_one(self.sql().await?)
            .await?;
        let id = word("alerts", &row, "id", AlertId::parse)?;
        if row.try_get::<String, _>("body")? == body {
            return Ok((id, News::None));
        }
        sqlx::query("UPDATE alerts SET body = $2 WHERE id = $1").bind(id.as_str()).bind(&body).execute(self.sql().await?).await?;
        Ok((id, News::Changed))
    }

    /// How many alerts of a kind are open, without the one of this subject.
    pub async fn open_alerts_but(&mut self, kind: AlertKind, subject: &str) -> Result<i64> {
        let row = sqlx::query("SELECT COUNT(*) AS n FROM alerts WHERE kind = $1 AND subject <> $2 AND closed_at IS NULL")
            .bind(kind.as_str())
            .bind(subject)
            .fetch_one(self.sql().await?)
            .await?;
        Ok(row.try_get("n")?)
    }

    /// It is settled, and this is what is to be told of it. Returns the alert that was open, if one was.
    pub async fn close_alert_with(&mut self, kind: AlertKind, subject: &str, told: &Told, now: Time) -> Result<Option<AlertId>> {
        let closed = self.close_alert(kind, subject, now).await?;
        if let Some(id) = &closed {
            let sql = sqlx::query("UPDATE alerts SET body = $2 WHERE id = $1").bind(id.as_str()).bind(to_json(told));
            sql.execute(self.sql().await?).await?;
        }
        Ok(closed)
    }

    /// It is right again. Returns the alert that was open, if one was.
    pub async fn close_alert(&mut self, kind: AlertKind, subject: &str, now: Time) -> Result<Option<AlertId>> {
        let row =
            sqlx::query("UPDATE alerts SET closed_at = $3 WHERE kind = $1 AND subject = $2 AND closed_at IS NULL RETURNING id")
                .bind(kind.as_str())
                .bind(subject)
                .bind(now.0)
                .fetch_optional(self.sql().await?)
                .await?;
        row.map(|row| word("alerts", &row, "id", AlertId::parse)).transpose()
    }
}
