//! The record: the only place that speaks SQL.
//!
//! One set of statements serves SQLite (one machine) and PostgreSQL (replicas): columns are `TEXT`
//! and `BIGINT`, ids are made in Rust, and all that differs is [`Dialect`]. It never calls out and
//! decides nothing: conditional updates here say whether they changed a row, callers say what that
//! means.
//!
//! Transactions lock in one order, so that they cannot wait for each other in a circle: inbox,
//! people, requests, assignments (by key), grants, notices, agenda, lanes, streams.

mod agenda;
mod ahead;
mod alerts;
mod assignments;
mod counts;
mod events;
mod inbox;
mod inventory;
mod lines;
mod notices;
mod people;
mod policies;
mod requests;
mod sweeps;
mod trail;

use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, ConnectOptions, Connection, Executor, Row};
use tokio::sync::Notify;

use crate::audit::{Signer, signed_by};
use crate::domain::outside::{Outside, Trouble};
use crate::domain::time::Time;

pub use agenda::{Claimed, Kind, Next};
pub use ahead::{PreapprovalRow, StandInRow};
pub use alerts::News;
pub use assignments::{AssignmentRow, Changed, GrantRow};
pub use counts::Counts;
pub use inbox::{Letter, RECEIVER_HAS};
pub use lines::Other;
pub use policies::CONFIG;
pub use requests::{Decided, DecisionRow, RequestRow};
pub use sweeps::{SweepRow, Tripped};
pub use trail::MOST_LEAVES;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database did not do it: {0}")]
    Sql(#[from] sqlx::Error),
    #[error("the database that P0_DATABASE_URL names does not let p0 in: {0}")]
    Unreachable(sqlx::Error),
    #[error("the database cannot be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("{table} {id} cannot be read: {what}")]
    Row { table: &'static str, id: String, what: String },
    #[error("the database did not store what came in: {0}")]
    Arriving(String),
    #[error("the database did not do it: {0}")]
    Trouble(#[from] Trouble),
    #[error("P0_DATABASE_URL must begin with sqlite: or postgres://")]
    Scheme,
    #[error("there is no record of p0 in this database; set P0_DATABASE_URL to the one that `p0 serve` uses")]
    NoRecord,
    #[error("the record is of another version of p0; start `p0 serve` of this version first, or use that version's command")]
    Version,
    #[error(
        "the last checkpoint of this record is not signed by the key in P0_KEY_FILE; put this installation's own key file back \
         (docs/install.md says to keep a copy of it)"
    )]
    OtherKey,
}

impl StoreError {
    /// Two transactions got in each other's way: the same again will do.
    pub fn is_conflict(&self) -> bool {
        match self {
            // PostgreSQL: serialization failure, deadlock. SQLite: busy, busy snapshot.
            StoreError::Sql(sqlx::Error::Database(error)) => {
                matches!(error.code().as_deref(), Some("40001" | "40P01" | "5" | "517"))
            }
            StoreError::Trouble(trouble) => *trouble == Trouble::Busy,
            StoreError::Sql(_)
            | StoreError::Unreachable(_)
            | StoreError::Migrate(_)
            | StoreError::Row { .. }
            | StoreError::Arriving(_)
            | StoreError::Scheme
            | StoreError::NoRecord
            | StoreError::Version
            | StoreError::OtherKey => false,
        }
    }
}

/// So long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// A connection that answered this lately is taken to be there. Short: each connection that broke within this
/// time fails somebody once.
const TRUSTED: Duration = Duration::from_millis(5);

/// What each connection to PostgreSQL begins with. A replica that freezes inside a transaction must not hold up the
/// others for long. Each of our statements has one plan, by its indexes: planning anew costs more than most of them
/// do, and figures gathered while a table was empty must not lead to reading all of it when it is full.
const SESSION: &str = "SET idle_in_transaction_session_timeout = '10s'; SET plan_cache_mode = force_generic_plan; \
                       SET enable_seqscan = off";

pub type Result<T> = std::result::Result<T, StoreError>;

/// All that differs between the two databases.
#[derive(Debug, Clone, Copy)]
struct Dialect {
    /// One process works on it.
    alone: bool,
    begin: &'static str,
    claim: &'static str,
    leaves: &'static str,
}

const SQLITE: Dialect =
    Dialect { alone: true, begin: "BEGIN IMMEDIATE", claim: agenda::CLAIM_SQLITE, leaves: trail::LEAVES_SQLITE };
const POSTGRES: Dialect = Dialect { alone: false, begin: "BEGIN", claim: agenda::CLAIM_POSTGRES, leaves: trail::LEAVES_POSTGRES };

/// A handle to the record; cheap to clone.
#[derive(Clone)]
pub struct Store {
    read: AnyPool,
    write: AnyPool,
    dialect: Dialect,
    outside: Arc<dyn Outside>,
    /// Told after each commit that made something due. A hint: the engine polls as well.
    wake: Arc<Notify>,
    /// Interactions on their way into the record; those that come together share one commit.
    arriving: inbox::Arriving,
    /// Signs checkpoints; there are none without.
    signer: Option<Arc<Signer>>,
}

/// A transaction that will write. Dropped without [`Tx::commit`], nothing of it was.
pub struct Tx {
    inner: sqlx::Transaction<'static, sqlx::Any>,
    outside: Arc<dyn Outside>,
    wake: Arc<Notify>,
    /// When the first thing is due that this put on the agenda.
    due: Option<Time>,
    events: Vec<crate::domain::event::Event>,
}

impl Store {
    /// Opens the database, making a SQLite file where there is none, and brings its schema up to date.
    pub async fn open(url: &str, outside: Arc<dyn Outside>) -> Result<Store> {
        Store::connect(url, outside, true).await
    }

    /// Opens a record that is there. Nothing is made or changed in a database that holds none.
    pub async fn open_existing(url: &str, outside: Arc<dyn Outside>) -> Result<Store> {
        Store::connect(url, outside, false).await
    }

    async fn connect(url: &str, outside: Arc<dyn Outside>, make: bool) -> Result<Store> {
        sqlx::any::install_default_drivers();
        let sqlite = url.starts_with("sqlite:");
        let dialect = match url {
            _ if sqlite => SQLITE,
            _ if url.starts_with("postgres://") || url.starts_with("postgresql://") => POSTGRES,
            _ => return Err(StoreError::Scheme),
        };
        let mut full = url.to_owned();
        if sqlite && !url.contains("mode=") {
            full.push_str(if url.contains('?') { "&mode=" } else { "?mode=" });
            full.push_str(if make { "rwc" } else { "rw" });
        }
        let options: AnyConnectOptions = full.parse()?;
        let options = options.disable_statement_logging();
        let pool = move |connections: u32| {
            let options = AnyPoolOptions::new().max_connections(connections).acquire_timeout(PATIENCE);
            // A file does not hang up: only a server's connections grow old, and are tried before they are used
            // unless they were used just now.
            let options = if sqlite { options.idle_timeout(None).max_lifetime(None) } else { options };
            let options = options.test_before_acquire(false).before_acquire(move |connection, meta| {
                Box::pin(async move {
                    if !sqlite && TRUSTED <= meta.idle_for {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            });
            options.after_connect(move |connection, _| {
                Box::pin(async move {
                    if sqlite {
                        for pragma in [
                            "PRAGMA busy_timeout = 5000",
                            "PRAGMA journal_mode = WAL",
                            "PRAGMA synchronous = FULL",
                            "PRAGMA foreign_keys = ON",
                        ] {
                            connection.execute(pragma).await?;
                        }
                    } else {
                        connection.execute(SESSION).await?;
                    }
                    Ok(())
                })
            })
        };
        // SQLite has one writer: waiting in our own line is fair, waiting in its busy handler is not.
        let writers = pool(if sqlite { 1 } else { 10 });
        // A pool waits, and then says only that it did; one connection says why.
        let one = async || {
            let opened = tokio::time::timeout(PATIENCE, AnyConnection::connect_with(&options)).await;
            let opened = opened.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(StoreError::Unreachable)?;
            opened.close().await.map_err(StoreError::Sql)
        };
        if !make && !sqlite {
            one().await?;
        }
        let write = match writers.connect_with(options.clone()).await {
            Err(timed_out @ sqlx::Error::PoolTimedOut) => return Err(one().await.err().unwrap_or(timed_out.into())),
            opened => opened?,
        };
        let migrations = sqlx::migrate!("src/store/migrations");
        if make {
            migrations.run(&write).await?;
        } else {
            let known = sqlx::query("SELECT MAX(version) AS version FROM _sqlx_migrations").fetch_one(&write).await;
            let known: Option<i64> = known.map_err(|_| StoreError::NoRecord)?.try_get("version")?;
            if known != migrations.iter().map(|one| one.version).max() {
                return Err(if known.is_none() { StoreError::NoRecord } else { StoreError::Version });
            }
        }
        // What is in memory is there on one connection only.
        let files = sqlite && !url.contains(":memory:");
        let read = if files { pool(4).connect_with(options).await? } else { write.clone() };
        Ok(Store::on(read, write, dialect, outside))
    }

    fn on(read: AnyPool, write: AnyPool, dialect: Dialect, outside: Arc<dyn Outside>) -> Store {
        let (arriving, waiting) = inbox::arriving();
        let store = Store { read, write, dialect, outside, wake: Arc::new(Notify::new()), arriving, signer: None };
        store.take_in(waiting);
        store
    }

    /// The same record as another process has it: nothing of what this one remembers goes along.
    pub fn beside(&self, outside: Arc<dyn Outside>) -> Store {
        Store::on(self.read.clone(), self.write.clone(), self.dialect, outside)
    }

    /// Makes checkpoints of the record, signed by this: the key that signed the last one.
    pub async fn sealing_with(self, signer: Signer) -> Result<Store> {
        match self.last_checkpoint().await? {
            Some(last) if !signed_by(&signer.public_key(), &last) => Err(StoreError::OtherKey),
            Some(_) | None => Ok(Store { signer: Some(Arc::new(signer)), ..self }),
        }
    }

    /// Begins a transaction that will write.
    pub async fn begin(&self) -> Result<Tx> {
        self.outside.reach("store.begin").await?;
        let inner = self.write.begin_with(self.dialect.begin).await?;
        Ok(Tx { inner, outside: self.outside.clone(), wake: self.wake.clone(), due: None, events: Vec::new() })
    }

    /// For one statement that reads outside a transaction.
    async fn reading(&self) -> Result<PoolConnection<Any>> {
        self.outside.reach("store.read").await?;
        Ok(self.read.acquire().await?)
    }

    /// Comes back when something was put on the agenda by this process.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Does the database answer?
    pub async fn ping(&self) -> Result<()> {
        self.reading().await?.execute("SELECT 1").await?;
        Ok(())
    }

    pub async fn close(&self) {
        self.write.close().await;
        self.read.close().await;
    }
}

impl Tx {
    /// Something of the agenda is due at this time.
    fn makes_due(&mut self, at: Time) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// For one statement.
    async fn sql(&mut self) -> Result<&mut AnyConnection> {
        self.outside.reach("store.statement").await?;
        Ok(&mut self.inner)
    }

    /// Writes the events last, in the order of their streams, and makes everything durable.
    pub async fn commit(mut self) -> Result<()> {
        let events = std::mem::take(&mut self.events);
        events::append(&mut self.inner, events).await?;
        self.outside.reach("store.before-commit").await?;
        self.inner.commit().await?;
        self.outside.reach("store.after-commit").await?;
        if self.due.is_some_and(|due| due <= self.outside.now()) {
            self.wake.notify_one();
        }
        Ok(())
    }
}

/// Reads a word that one of our enums wrote.
fn word<T>(table: &'static str, row: &AnyRow, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
    let text: String = row.try_get(column)?;
    parse(&text).ok_or_else(|| unreadable(table, row, format!("{column} is {text:?}")))
}

/// Reads a word that may be NULL.
fn maybe_word<T>(table: &'static str, row: &AnyRow, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| parse(&text).ok_or_else(|| unreadable(table, row, format!("{column} is {text:?}")))).transpose()
}

/// Reads JSON that one of our types wrote.
fn json<T: serde::de::DeserializeOwned>(table: &'static str, row: &AnyRow, column: &str) -> Result<T> {
    let text: String = row.try_get(column)?;
    serde_json::from_str(&text).map_err(|error| unreadable(table, row, format!("{column}: {error}")))
}

fn unreadable(table: &'static str, row: &AnyRow, what: String) -> StoreError {
    StoreError::Row { table, id: row.try_get("id").unwrap_or_default(), what }
}

fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
