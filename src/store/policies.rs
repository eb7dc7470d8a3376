//! Versions of the access policy.

use sqlx::Row;

use super::{Result, Store, Tx};
use crate::domain::time::Time;

impl Store {
    /// The version in force and its text.
    pub async fn policy(&self) -> Result<Option<(i64, String)>> {
        let row = sqlx::query("SELECT version, text FROM policies ORDER BY version DESC LIMIT 1")
            .fetch_optional(&mut *self.reading().await?)
            .await?;
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

    /// The hash of the last version that this author wrote.
    pub async fn last_policy_of(&self, author: &str) -> Result<Option<String>> {
        let row = sqlx::query("SELECT hash FROM policies WHERE author = $1 ORDER BY version DESC LIMIT 1")
            .bind(author)
            .fetch_optional(&mut *self.reading().await?)
            .await?;
        row.map(|row| Ok(row.try_get("hash")?)).transpose()
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

impl Tx {
    /// Stores a new version unless the one in force reads the same. Returns the version in force and
    /// whether it is new.
    pub async fn put_policy(&mut self, text: &str, hash: &str, author: &str, now: Time) -> Result<(i64, bool)> {
        let row = sqlx::query("SELECT version, hash FROM policies ORDER BY version DESC LIMIT 1")
            .fetch_optional(self.sql().await?)
            .await?;
        let mut version = 0;
        if let Some(row) = row {
            version = row.try_get("version")?;
            if row.try_get::<String, _>("hash")? == hash {
                return Ok((version, false));
            }
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
