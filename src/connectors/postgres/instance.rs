//! One PostgreSQL cluster: its connections, and the bounds that every call to it keeps.
//!
//! A call that was given up never leaves a connection behind on which it could still go on, and no
//! connection is made before the first call: an instance that is down hinders no start.

use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{Executor, Postgres};

use super::config::LoginTemplate;
use super::fault;
use crate::domain::access::{Args, Choice};
use crate::domain::fault::Fault;
use crate::domain::time::Span;

/// The longest one call is let run.
pub const CALL: Span = Span::seconds(8);

/// The longest a statement that changes something may land after it was sent, by the server's own clock.
pub const LANDS_WITHIN: Span = Span::seconds(6);

/// Said once on each connection.
///
/// The timeouts end on the server what was given up here. The search path keeps objects of other
/// people from being taken for PostgreSQL's own; a fresh view of the catalogs for each statement is
/// what the checks around a grant rest on. That a server looks whether anybody still listens is not to be had
/// on every system.
const GREETING: &str = "set statement_timeout = '5s'; set lock_timeout = '3s'; \
     set search_path = pg_catalog, pg_temp; set default_transaction_isolation = 'read committed'; \
     set standard_conforming_strings = on; set client_min_messages = error; \
     do $$ begin perform set_config('client_connection_check_interval', '1s', false); exception when others then null; end $$";

pub struct Settings {
    pub title: Option<String>,
    pub login: LoginTemplate,
    pub create_login: bool,
    /// What people connect to.
    pub host: String,
    pub port: u16,
    /// The roles that may be asked for. `None`: all that can be given at all.
    pub roles: Option<Vec<String>>,
}

pub struct Instance {
    pub name: String,
    pub settings: Settings,
    options: PgConnectOptions,
    pool: OnceLock<PgPool>,
}

/// What can go wrong inside a call: PostgreSQL's own error, or one already put into words.
pub enum Trouble {
    Sql(sqlx::Error),
    Told(Fault),
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Trouble {
        Trouble::Sql(error)
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Trouble {
        Trouble::Told(fault)
    }
}

/// Has anything been sent that may change something? Decides what a lost answer means.
#[derive(Default)]
pub struct Sent(AtomicBool);

impl Sent {
    pub fn mark(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
    pub fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection that goes back to the pool only when its work was seen to end.
pub struct Lease(Option<PoolConnection<Postgres>>);

impl Lease {
    pub fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.0.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }

    pub fn done(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach()); // closes the socket without a word; the server notices
        }
    }
}

impl Instance {
    pub fn new(name: String, options: PgConnectOptions, settings: Settings) -> Instance {
        Instance { name, settings, options: options.application_name("p0"), pool: OnceLock::new() }
    }

    /// Itself, as something that can be chosen.
    pub fn choice(&self) -> Choice {
        let label = self.settings.title.clone().unwrap_or_else(|| self.name.clone());
        Choice { value: self.name.clone(), label, given: Args::new() }
    }

    /// How a person connects: a command to paste into a shell, without a password.
    pub fn connect(&self, database: &str, login: &str) -> String {
        hint(&self.settings.host, self.settings.port, database, login)
    }

    fn pool(&self) -> &PgPool {
        self.pool.get_or_init(|| {
            PgPoolOptions::new()
                .max_connections(4)
                .acquire_timeout(Duration::from_secs(3))
                .idle_timeout(Duration::from_secs(60))
                .max_lifetime(Duration::from_secs(1800))
                .after_connect(|connection, _| Box::pin(async move { connection.execute(GREETING).await.map(|_| ()) }))
                .connect_lazy_with(self.options.clone())
        })
    }

    /// Runs one call: a connection, the work, and the bound on both.
    ///
    /// `lacking` is told when PostgreSQL refuses for want of a privilege.
    pub async fn call<T, F>(&self, lacking: &str, work: F) -> Result<T, Fault>
    where
        F: AsyncFnOnce(&mut PgConnection, &Sent) -> Result<T, Trouble>,
    {
        let sent = Sent::default();
        let whole = async {
            let mut lease = Lease(Some(self.pool().acquire().await?));
            let result = work(lease.connection()?, &sent).await;
            if !matches!(&result, Err(Trouble::Sql(error)) if fault::broken(error)) {
                lease.done();
            }
            result
        };
        match bounded(whole).await {
            Some(Ok(value)) => Ok(value),
            Some(Err(Trouble::Told(fault))) => Err(fault),
            Some(Err(Trouble::Sql(error))) => Err(fault::of(&self.name, &error, sent.is(), lacking)),
            None => Err(fault::lost(&self.name, sent.is())),
        }
    }
}

async fn bounded<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(CALL.to_std(), work).await.ok()
}

/// Quoted twice, as libpq wants it and as the shell does: a name must not become a command.
fn hint(host: &str, port: u16, database: &str, login: &str) -> String {
    let value = |text: &str| {
        let plain = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_.@+:/".contains(c));
        if plain { text.to_owned() } else { format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'")) }
    };
    let words = format!("host={} port={port} dbname={} user={}", value(host), value(database), value(login));
    let simple = words.chars().all(|c| c.is_alphanumeric() || " =-_.@+:/'".contains(c));
    if simple { format!("psql \"{words}\"") } else { format!("psql '{}'", words.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_safe_to_paste() {
        assert_eq!(hint("db", 5432, "sales", "alice"), r#"psql "host=db port=5432 dbname=sales user=alice""#);
        assert_eq!(hint("db", 5432, "two words", "al"), r#"psql "host=db port=5432 dbname='two words' user=al""#);
        let hostile = hint("db", 5432, "$(rm -rf ~)", "a'b");
        assert_eq!(hostile, r"psql 'host=db port=5432 dbname='\''$(rm -rf ~)'\'' user='\''a\'\''b'\'''");
    }
}
