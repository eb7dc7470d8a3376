//! Notices: which messages there are, what they show, what they should show.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::{Claimed, Result, Store, Tx, json, word};
use crate::domain::id::NoticeId;
use crate::domain::notice::{Audience, Notice, Posted, Subject};
use crate::domain::time::Time;

fn notice(row: &AnyRow) -> Result<Notice> {
    let posted: Option<String> = row.try_get("posted")?;
    Ok(Notice {
        id: word("notices", row, "id", NoticeId::parse)?,
        subject: word("notices", row, "subject", Subject::parse)?,
        surface: row.try_get("surface")?,
        realm: row.try_get("realm")?,
        audience: word("notices", row, "audience", Audience::parse)?,
        wanted: row.try_get("wanted")?,
        shown: row.try_get("shown")?,
        posted: posted.map(|_| json("notices", row, "posted")).transpose()?,
        not_before: Time(row.try_get("not_before")?),
        trouble: row.try_get("trouble")?,
    })
}

impl Store {
    pub async fn notice(&self, id: &NoticeId) -> Result<Option<Notice>> {
        let row = sqlx::query(
            "SELECT id, subject, surface, realm, audience, wanted, shown, posted, not_before, trouble FROM notices WHERE id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(&mut *self.reading().await?)
        .await?;
        row.as_ref().map(notice).transpose()
    }

    pub async fn notices_of(&self, subject: &impl AsRef<str>) -> Result<Vec<Notice>> {
        all_of(&mut *self.reading().await?, subject.as_ref()).await
    }
}

async fn all_of(sql: &mut AnyConnection, subject: &str) -> Result<Vec<Notice>> {
    let rows = sqlx::query(
        "SELECT id, subject, surface, realm, audience, wanted, shown, posted, not_before, trouble FROM notices WHERE subject = $1 ORDER BY id",
    )
    .bind(subject)
    .fetch_all(sql)
    .await?;
    rows.iter().map(notice).collect()
}

impl Tx {
    pub async fn notices_of(&mut self, subject: &impl AsRef<str>) -> Result<Vec<Notice>> {
        all_of(self.sql().await?, subject.as_ref()).await
    }

    /// A message that is there already is wanted no later than this one.
    pub async fn insert_notice(&mut self, notice: &Notice) -> Result<()> {
        sqlx::query(
            "INSERT INTO notices (id, subject, surface, realm, audience, wanted, shown, not_before) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (subject, surface, realm, audience) DO UPDATE SET not_before =
                 CASE WHEN excluded.not_before < notices.not_before THEN excluded.not_before ELSE notices.not_before END",
        )
        .bind(notice.id.as_str())
        .bind(notice.subject.as_str())
        .bind(&notice.surface)
        .bind(&notice.realm)
        .bind(notice.audience.to_text())
        .bind(notice.wanted)
        .bind(notice.shown)
        .bind(notice.not_before.0)
        .execute(self.sql().await?)
        .await?;
        Ok(())
    }

    /// All messages of a subject are out of date from now on.
    pub async fn bump_notices(&mut self, subject: &impl AsRef<str>) -> Result<()> {
        sqlx::query("UPDATE notices SET wanted = wanted + 1 WHERE subject = $1")
            .bind(subject.as_ref())
            .execute(self.sql().await?)
            .await?;
        Ok(())
    }

    /// The messages of every request that waits for a decision are out of date from now on.
    pub async fn bump_undecided(&mut self, now: Time) -> Result<()> {
        const OPEN: &str = "subject IN (SELECT id FROM requests WHERE state = 'open')";
        let bump = format!("UPDATE notices SET wanted = wanted + 1 WHERE {OPEN} RETURNING subject");
        let rows = sqlx::query(sqlx::AssertSqlSafe(bump)).fetch_all(self.sql().await?).await?;
        let mut subjects = rows.iter().map(|row| Ok(row.try_get::<String, _>("subject")?)).collect::<Result<Vec<_>>>()?;
        subjects.sort();
        subjects.dedup();
        for subject in subjects {
            self.show_notices(&subject, now).await?;
        }
        Ok(())
    }

    /// All messages of a subject but one are out of date from now on. That one is locked too, in the same
    /// pass: whoever bumps all at this moment would otherwise wait for us while we wait for them, and
    /// a message whose posting could not be noted is posted twice.
    pub async fn bump_other_notices(&mut self, subject: &impl AsRef<str>, but: &NoticeId) -> Result<()> {
        sqlx::query("UPDATE notices SET wanted = wanted + CASE WHEN id = $2 THEN 0 ELSE 1 END WHERE subject = $1")
            .bind(subject.as_ref())
            .bind(but.as_str())
            .execute(self.sql().await?)
            .await?;
        Ok(())
    }

    /// Puts the messages of a subject that are behind on the agenda, leaving alone one that somebody
    /// is writing just now: two writers of one message could post it twice.
    pub async fn show_notices(&mut self, subject: &impl AsRef<str>, now: Time) -> Result<()> {
        self.makes_due(now);
        sqlx::query(
            "INSERT INTO agenda (kind, id, lane, run_at, lease_until, epoch, attempts)
             SELECT 'notice', n.id, '', CASE WHEN n.not_before > $2 THEN n.not_before ELSE $2 END, 0, $2, 0 FROM notices AS n
             WHERE n.subject = $1 AND n.shown < n.wanted
             ON CONFLICT (kind, id) DO UPDATE SET run_at = excluded.run_at, attempts = 0",
        )
        .bind(subject.as_ref())
        .bind(now.0)
        .execute(self.sql().await?)
        .await?;
        Ok(())
    }

    /// Notes why a message cannot be shown. `false`: that is known.
    pub async fn notice_in_trouble(&mut self, id: &NoticeId, why: &str) -> Result<bool> {
        let new = sqlx::query("UPDATE notices SET trouble = $2 WHERE id = $1 AND (trouble IS NULL OR trouble <> $2)")
            .bind(id.as_str())
            .bind(why)
            .execute(self.sql().await?)
            .await?;
        Ok(new.rows_affected() == 1)
    }

    /// Notes what a message shows now. `false`: the claim was lost, drop the transaction. When the
    /// record went on meanwhile, the message is due again. Not `posted`: there is nothing to say.
    pub async fn notice_shown(&mut self, claim: &Claimed, notice: &Notice, posted: Option<&Posted>, now: Time) -> Result<bool> {
        let wanted = sqlx::query("UPDATE notices SET shown = $2, posted = $3, trouble = NULL WHERE id = $1 RETURNING wanted")
            .bind(notice.id.as_str())
            .bind(notice.wanted)
            .bind(posted.map(super::to_json))
            .fetch_optional(self.sql().await?)
            .await?;
        let behind = match wanted {
            Some(row) => notice.wanted < row.try_get("wanted")?,
            None => false,
        };
        self.finish(claim, if behind { super::Next::At(now) } else { super::Next::Never }).await
    }
}
