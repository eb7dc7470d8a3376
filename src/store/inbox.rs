//! The inbox: every interaction under its key, and the answer it got.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Row};

use tokio::sync::{mpsc, oneshot};

use super::{Kind, Result, Store, StoreError, Tx};
use crate::domain::time::{Span, Time};

/// How long whoever received an interaction goes on with it alone, before the engine takes it for
/// dead: longer than all calls of one interaction take together when each runs into its time limit.
/// Two that go on at once would tell the same twice.
pub const RECEIVER_HAS: Span = Span::seconds(30);

/// A stored interaction.
#[derive(Debug, Clone)]
pub struct Letter {
    pub key: String,
    pub surface: String,
    pub at: Time,
    /// Something is still to be done: the work itself when there is no answer, else telling it.
    pub pending: bool,
    pub answer: Option<String>,
    /// What is needed to go on, sealed: trigger ids, response URLs. Cleared after 30 minutes.
    pub sealed: Option<String>,
}

/// What is written of interactions apart from all else.
pub(super) enum Arrival {
    /// To be stored before it is acknowledged; says whether it is new.
    Received(Box<Letter>, oneshot::Sender<Result<bool>>),
    /// Finished; nobody waits for this.
    Told(String),
}

pub(super) type Arriving = mpsc::UnboundedSender<Arrival>;

pub(super) fn arriving() -> (Arriving, mpsc::UnboundedReceiver<Arrival>) {
    mpsc::unbounded_channel()
}

/// The most that share one commit.
const TOGETHER: usize = 64;

/// How long a database may take for them. Slack waits three seconds; what comes later waits behind this.
const WRITTEN_WITHIN: std::time::Duration = std::time::Duration::from_secs(15);

impl Store {
    /// Stores an interaction on its own and comes back when that is durable. `false`: it came before.
    /// Those that arrive while another commit is under way share the next one.
    pub async fn receive(&self, letter: Letter) -> Result<bool> {
        let (done, stored) = oneshot::channel();
        let gone = || StoreError::Arriving("it is being closed".to_owned());
        self.arriving.send(Arrival::Received(Box::new(letter), done)).map_err(|_| gone())?;
        stored.await.map_err(|_| gone())?
    }

    /// An interaction is finished. Durable soon; after a crash before that it is gone on with again.
    pub fn told(&self, key: &str) {
        // Closed: the engine of the next start finds it pending.
        let _ = self.arriving.send(Arrival::Told(key.to_owned()));
    }

    /// Writes what arrives, together, for as long as somebody holds the store.
    pub(super) fn take_in(&self, mut waiting: mpsc::UnboundedReceiver<Arrival>) {
        let mut store = self.clone();
        store.arriving = arriving().0; // its own sender would keep the line open for ever
        tokio::spawn(async move {
            let mut arrived = Vec::new();
            while waiting.recv_many(&mut arrived, TOGETHER).await > 0 {
                let mut tries = 0;
                let stored = loop {
                    match tokio::time::timeout(WRITTEN_WITHIN, store.write_together(&arrived)).await {
                        Ok(Err(error)) if error.is_conflict() && tries < 5 => tries += 1,
                        Ok(stored) => break stored,
                        Err(_) => break Err(StoreError::Arriving("it does not answer".to_owned())),
                    }
                };
                let mut stored = stored.map(Vec::into_iter).map_err(|error| error.to_string());
                for arrival in arrived.drain(..) {
                    if let Arrival::Received(_, done) = arrival {
                        let new = match &mut stored {
                            Ok(news) => Ok(news.next().unwrap_or(false)),
                            Err(why) => Err(StoreError::Arriving(why.clone())),
                        };
                        let _ = done.send(new); // whoever asked may have gone away
                    }
                }
            }
        });
    }

    /// For each interaction received: is it new?
    async fn write_together(&self, arrived: &[Arrival]) -> Result<Vec<bool>> {
        let mut tx = self.begin().await?;
        let (mut letters, mut keys) = (Vec::new(), Vec::new());
        for arrival in arrived {
            match arrival {
                Arrival::Received(letter, _) => letters.push(&**letter),
                Arrival::Told(key) => keys.push(key.as_str()),
            }
        }
        let mut new = tx.receive_all(&letters).await?;
        tx.told_all(&keys).await?;
        // The second of two that came together came before, too.
        let news = letters.iter().map(|letter| new.remove(&letter.key)).collect();
        tx.commit().await?;
        Ok(news)
    }

    pub async fn letter(&self, key: &str) -> Result<Option<Letter>> {
        let row = sqlx::query("SELECT key, surface, at, state, answer, sealed FROM inbox WHERE key = $1")
            .bind(key)
            .fetch_optional(&mut *self.reading().await?)
            .await?;
        row.map(|row| {
            Ok(Letter {
                key: row.try_get("key")?,
                surface: row.try_get("surface")?,
                at: Time(row.try_get("at")?),
                pending: row.try_get::<String, _>("state")? == "pending",
                answer: row.try_get("answer")?,
                sealed: row.try_get("sealed")?,
            })
        })
        .transpose()
    }

    /// Clears what was sealed before `before`. Returns how many there were.
    pub async fn clear_sealed(&self, before: Time) -> Result<u64> {
        let stale = sqlx::query("SELECT 1 AS one FROM inbox WHERE sealed IS NOT NULL AND at < $1 LIMIT 1")
            .bind(before.0)
            .fetch_optional(&mut *self.reading().await?)
            .await?;
        if stale.is_none() {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        let cleared = sqlx::query("UPDATE inbox SET sealed = NULL WHERE sealed IS NOT NULL AND at < $1")
            .bind(before.0)
            .execute(tx.sql().await?)
            .await?
            .rows_affected();
        tx.commit().await?;
        Ok(cleared)
    }

    /// Drops interactions that were answered before `before`, some at a time. Returns how many those were.
    pub async fn drop_answered(&self, before: Time) -> Result<u64> {
        const OLD: &str = "SELECT key FROM inbox WHERE state = 'answered' AND at < $1 ORDER BY at LIMIT 500";
        let old = sqlx::query(OLD).bind(before.0).fetch_optional(&mut *self.reading().await?).await?;
        if old.is_none() {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        let query = format!("DELETE FROM inbox WHERE state = 'answered' AND key IN ({OLD})");
        let dropped = sqlx::query(AssertSqlSafe(query)).bind(before.0).execute(tx.sql().await?).await?.rows_affected();
        tx.commit().await?;
        Ok(dropped)
    }
}

impl Tx {
    /// Stores an interaction, with its answer if it has one. `false`: its key was there before, and nothing changed.
    /// `pending`: the answer is still to be told, or the work still to be done.
    pub async fn receive(&mut self, letter: &Letter) -> Result<bool> {
        Ok(self.receive_all(&[letter]).await?.contains(&letter.key))
    }

    /// Stores interactions, all in one statement. Returns the keys that are new.
    async fn receive_all(&mut self, letters: &[&Letter]) -> Result<BTreeSet<String>> {
        if letters.is_empty() {
            return Ok(BTreeSet::new());
        }
        let text = format!(
            "INSERT INTO inbox (key, surface, at, state, answer, sealed) VALUES {} ON CONFLICT (key) DO NOTHING RETURNING key",
            places(letters.len(), 6)
        );
        let mut insert = sqlx::query(AssertSqlSafe(text));
        for letter in letters {
            insert = insert
                .bind(&letter.key)
                .bind(&letter.surface)
                .bind(letter.at.0)
                .bind(if letter.pending { "pending" } else { "answered" })
                .bind(&letter.answer)
                .bind(&letter.sealed);
        }
        let rows = insert.fetch_all(self.sql().await?).await?;
        let new: BTreeSet<String> = rows.iter().map(|row| row.try_get("key")).collect::<std::result::Result<_, _>>()?;
        let unfinished: Vec<_> = letters.iter().filter(|letter| letter.pending && new.contains(&letter.key)).collect();
        if unfinished.is_empty() {
            return Ok(new);
        }
        let text = format!(
            "INSERT INTO agenda (kind, id, lane, run_at, lease_until, epoch, attempts) VALUES {} ON CONFLICT (kind, id) DO NOTHING",
            places(unfinished.len(), 7)
        );
        let epoch = self.outside.now().0;
        let mut insert = sqlx::query(AssertSqlSafe(text));
        for letter in unfinished {
            let run_at = letter.at + RECEIVER_HAS;
            insert =
                insert.bind(Kind::Inbox.as_str()).bind(&letter.key).bind("").bind(run_at.0).bind(0i64).bind(epoch).bind(0i64);
        }
        insert.execute(self.sql().await?).await?;
        Ok(new)
    }

    /// Stores the answer of an interaction that was acknowledged first. `false`: it has one already.
    pub async fn answer(&mut self, key: &str, answer: &str, still_to_tell: bool) -> Result<bool> {
        let changed =
            sqlx::query("UPDATE inbox SET answer = $2, state = $3 WHERE key = $1 AND state = 'pending' AND answer IS NULL")
                .bind(key)
                .bind(answer)
                .bind(if still_to_tell { "pending" } else { "answered" })
                .execute(self.sql().await?)
                .await?;
        Ok(changed.rows_affected() == 1)
    }

    /// The answer was told, or nobody can be told any more.
    pub async fn told(&mut self, key: &str) -> Result<()> {
        self.told_all(&[key]).await
    }

    async fn told_all(&mut self, keys: &[&str]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        for change in [
            "UPDATE inbox SET state = 'answered', sealed = NULL WHERE key IN",
            "DELETE FROM agenda WHERE kind = 'inbox' AND id IN",
        ] {
            let query = sqlx::query(AssertSqlSafe(format!("{change} {}", places(1, keys.len()))));
            keys.iter().fold(query, |query, key| query.bind(*key)).execute(self.sql().await?).await?;
        }
        Ok(())
    }
}

/// `($1, $2), ($3, $4)`: so many rows of so many values.
fn places(rows: usize, values: usize) -> String {
    let row = |row: usize| {
        let numbers: Vec<String> = (1..=values).map(|value| format!("${}", row * values + value)).collect();
        format!("({})", numbers.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}
