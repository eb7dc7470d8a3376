//! Ending sessions that outlast a revocation.
//!
//! Before PostgreSQL 16 a session that said SET ROLE keeps the role for as long as it lasts, and no
//! view shows which one did: every session of the login is ended. From 16 on SET ROLE is withheld and
//! the next statement of a session is refused; only what already runs goes on, a long query or
//! an open cursor, so only sessions inside a transaction are ended.
//!
//! Never says that nothing is left when our privileges do not reach: that is an error, an operator
//! is told, and it is tried again.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::postgres::types::Oid;

use super::edge::{self, KNOWS_GRANTORS};
use super::instance::{Instance, Trouble};
use super::target::Target;
use crate::domain::access::Cut;
use crate::domain::fault::Fault;

/// The sessions of login $1; with $2 only those inside a transaction. `state` and `xact_start` are hidden
/// from us, and so is what kind of session it is; the lock that each transaction holds on itself is not.
const OPEN: &str = "
select s.pid from pg_stat_activity s
where s.usesysid = $1 and s.pid <> pg_backend_pid()
  and (not $2 or exists (select from pg_locks l where l.pid = s.pid and l.locktype = 'virtualxid' and l.mode = 'ExclusiveLock'))";

const END: &str = "select pg_terminate_backend(pid) from unnest($1::int4[]) as pid";

/// A server that was asked to end a session does so at its next chance, mostly at once.
const PATIENCE: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_millis(20);

pub fn lacking(instance: &str) -> String {
    format!(
        "our login may not end the sessions that outlast an access on PostgreSQL instance {instance}; run: GRANT pg_signal_backend TO it, or let a superuser end them"
    )
}

pub async fn cut(
    instance: &Instance,
    connection: &mut PgConnection,
    target: &Target,
    handle: Option<&str>,
) -> Result<Cut, Trouble> {
    let facts = edge::facts(instance, connection, target).await?;
    let transactions_only = KNOWS_GRANTORS <= facts.version;
    let known = facts.member.map(|(oid, _)| oid).or(target.member.oid);
    let Some(login) = known.or_else(|| handle.and_then(|oid| oid.parse().ok())) else { return Ok(Cut::NotNeeded) };
    let open = async |connection: &mut PgConnection| {
        sqlx::query_scalar::<_, i32>(OPEN).bind(Oid(login)).bind(transactions_only).fetch_all(connection).await
    };
    let mut left = open(connection).await?;
    let sessions = u32::try_from(left.len()).unwrap_or(u32::MAX);
    if sessions == 0 && transactions_only {
        return Ok(Cut::NotNeeded);
    }
    if !left.is_empty() {
        sqlx::query(END).bind(&left).execute(&mut *connection).await?;
    }
    let since = tokio::time::Instant::now();
    while !left.is_empty() {
        let now = open(connection).await?;
        left.retain(|pid| now.contains(pid)); // whoever came since came without the access
        if !left.is_empty() && PATIENCE < since.elapsed() {
            let why = format!(
                "{} sessions of {} on PostgreSQL instance {} are still ending; looking again",
                left.len(),
                target.member.name,
                instance.name
            );
            return Err(Fault::later(why).into());
        }
        if !left.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(Cut::Ended { sessions })
}
