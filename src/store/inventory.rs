//! The choices connectors offer, as last seen, so that a start finds them before a target answers.

use sqlx::Row;

use super::{Result, Store, json, to_json};
use crate::domain::access::Choice;
use crate::domain::time::Time;

impl Store {
    pub async fn choices(&self, integration: &str, source: &str) -> Result<Vec<Choice>> {
        let rows = sqlx::query("SELECT given, value, label FROM inventory WHERE integration = $1 AND source = $2 ORDER BY value")
            .bind(integration)
            .bind(source)
            .fetch_all(&mut *self.reading().await?)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Choice { value: row.try_get("value")?, label: row.try_get("label")?, given: json("inventory", row, "given")? })
            })
            .collect()
    }

    /// Replaces all choices of a source.
    pub async fn put_choices(&self, integration: &str, source: &str, choices: &[Choice], now: Time) -> Result<()> {
        let mut tx = self.begin().await?;
        for choice in choices {
            sqlx::query(
                "INSERT INTO inventory (integration, source, given, value, label, seen_at) VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (integration, source, given, value) DO UPDATE SET label = $5, seen_at = $6",
            )
            .bind(integration)
            .bind(source)
            .bind(to_json(&choice.given))
            .bind(&choice.value)
            .bind(&choice.label)
            .bind(now.0)
            .execute(tx.sql().await?)
            .await?;
        }
        sqlx::query("DELETE FROM inventory WHERE integration = $1 AND source = $2 AND seen_at < $3")
            .bind(integration)
            .bind(source)
            .bind(now.0)
            .execute(tx.sql().await?)
            .await?;
        tx.commit().await
    }
}
