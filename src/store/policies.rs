//! Versions of the access policy.

use sqlx::Row;

use super::{Result, Store, Tx};
use crate::domain::time::Time;

impl Store {
    /// The version in force and its text.
    pub async fn policy(&self) -> Result<Option<(i64, String)>> {
        self.policy_unless(0).await
    }

    /// The same, without the text of a version that is known.
    pub async fn policy_unless(&self, known: i64) -> Result<Option<(i64, String)>> {
        let query = "SELECT version, CASE WHEN version = $1 THEN '' ELSE text END AS text FROM policies
                     ORDER BY version DESC LIMIT 1";
        let row = sqlx::query(query).bind(known).fetch_optional(&mut *self.reading().await?).await?;
        row.map(|row| Ok((row.try_get("version")?, row.try_get("text")?))).transpose()
    }
}

impl Store {
    /// A version and its text.
    pub async fn policy_version(&self, version: i64) -> Result<Option<String>> {
        let row = sqlx::query("SELECT text FROM policies WHERE version = $1")
            .bind(version)
            .fetch_optional(&mut *self.reading().await?)
            .await?;
        row.map(|row| Ok(row.try_get("text")?)).transpose()
    }

    /// Every version: number, time, author; newest first.
    pub async fn policy_versions(&self, most: i64) -> Result<Vec<(i64, Time, String)>> {
        let rows = sqlx::query("SELECT version, at, author FROM policies ORDER BY version DESC LIMIT $1")
            .bind(most)
            .fetch_all(&mut *self.reading().await?)
            .await?;
        rows.iter().map(|row| Ok((row.try_get("version")?, Time(row.try_get("at")?), row.try_get("author")?))).collect()
    }
}

/// The author of the versions that the configuration wrote.
pub const CONFIG: &str = "config";

impl Tx {
    /// Stores a new version unless nothing is new: for the configuration, that it wrote the same last; for
    /// anybody else, that the one in force reads the same. So what was written since by somebody stays when
    /// the configuration says what it said before. Returns the version in force and whether it is new.
    pub async fn put_policy(&mut self, text: &str, hash: &str, author: &str, now: Time) -> Result<(i64, bool)> {
        let own = if author == CONFIG { author } else { "%" };
        let row = sqlx::query(
            "SELECT (SELECT MAX(version) FROM policies) AS version,
                    (SELECT hash FROM policies WHERE author LIKE $1 ORDER BY version DESC LIMIT 1) AS hash",
        )
        .bind(own)
        .fetch_one(self.sql().await?)
        .await?;
        let version = row.try_get::<Option<i64>, _>("version")?.unwrap_or(0);
        if row.try_get::<Option<String>, _>("hash")?.as_deref() == Some(hash) {
            return Ok((version, false));
        }
        // Two replicas that start together both try the same number: one of them writes.
        let new = sqlx::query(
            "INSERT INTO policies (version, at, author, text, hash) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (version) DO NOTHING",
        )
        .bind(version + 1)
        .bind(now.0)
        .bind(author)
        .bind(text)
        .bind(hash)
        .execute(self.sql().await?)
        .await?;
        Ok((version + 1, new.rows_affected() == 1))
    }
}
