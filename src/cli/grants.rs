//! `p0 grants`: who has what through P0 just now, what is overdue, and the last resort: closing by
//! force what nobody can take away, with a reason that stays on record.

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Result, operator, record, table, told};
use crate::domain::alert::{AlertKind, Told};
use crate::domain::assignment::{self, AssignmentState, LATE_LOOKS_END};
use crate::domain::event::Event;
use crate::domain::id::AssignmentId;
use crate::domain::outside::Outside;
use crate::domain::time::Time;
use crate::store::{Changed, Store};

#[derive(Args)]
pub struct Grants {
    /// Only what should be gone and is not.
    #[arg(long)]
    stuck: bool,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// Stop trying to take an overdue access away, without having seen it gone. Only when its target
    /// will never answer again, or somebody took it away by hand.
    Close {
        /// The assignment, as `p0 grants --stuck` lists it.
        assignment: String,
        /// Why; everybody concerned reads it, and it stays on record.
        #[arg(long)]
        reason: String,
    },
}

pub async fn run(args: Grants, outside: Arc<dyn Outside>) -> Result<()> {
    let store = record(&outside).await?;
    match args.what {
        None => list(&store, args.stuck, outside.now()).await,
        Some(What::Close { assignment, reason }) => close(&store, &assignment, reason.trim(), outside.now()).await,
    }
}

/// Closes what is overdue without having seen it gone.
pub async fn close(store: &Store, id: &str, reason: &str, now: Time) -> Result<()> {
    let no_such = || format!("there is no overdue access \"{id}\"; `p0 grants --stuck` lists what is overdue");
    if reason.is_empty() {
        return Err("say why with --reason; it stays on record".to_owned());
    }
    let id = AssignmentId::parse(id).ok_or_else(no_such)?;
    let row = store.assignment(&id).await.map_err(told)?.ok_or_else(no_such)?;
    if row.closed_by_force() {
        return Err(format!("{} was closed by force before; `p0 grants` lists it until it is seen gone, for a day", row.effect));
    }
    if !assignment::stuck(row.state, row.overdue_since(), now) {
        return Err(format!("{} is not overdue, so it is not closed by force; P0 takes it away itself", row.effect));
    }
    let by = operator();
    let why = format!("Closed by {by}: {reason}");
    let mut tx = store.begin().await.map_err(told)?;
    if tx.close_by_force(&id, &why, now).await.map_err(told)? == Changed::No {
        return Err(format!("{} is gone meanwhile; nothing was closed", row.effect));
    }
    let receipt = json!({
        "outcome": "closed by force", "effect": row.effect, "due_at": row.due_at, "seen": row.seen, "closed_at": now,
        "reason": reason, "last_try": row.error,
    });
    tx.record(Event::new(&id, now, by, "assignment.receipt").with(receipt));
    let since = row.overdue_since().unwrap_or(now);
    let closed = Told { by_hand: true, ..Told::new(&row.effect, &why, since) };
    tx.open_alert(AlertKind::Stuck, id.as_str(), &closed, now).await.map_err(told)?;
    if let Some(alert) = tx.close_alert(AlertKind::Stuck, id.as_str(), now).await.map_err(told)? {
        tx.bump_notices(&alert).await.map_err(told)?;
        tx.show_notices(&alert, now).await.map_err(told)?;
    }
    for request in tx.requests_ended_since(&id, Time(0)).await.map_err(told)? {
        tx.bump_notices(&request).await.map_err(told)?;
        tx.show_notices(&request, now).await.map_err(told)?;
    }
    tx.look_at_assignment(&id, now).await.map_err(told)?;
    tx.commit().await.map_err(told)?;
    println!("Closed: {}. Nobody saw it gone. It is looked at again for a day, should its target answer.", row.effect);
    Ok(())
}

async fn list(store: &Store, only_stuck: bool, now: Time) -> Result<()> {
    let mut rows = Vec::new();
    let closed = store.closed_by_force(now - LATE_LOOKS_END).await.map_err(told)?;
    for row in store.unfinished_assignments().await.map_err(told)?.into_iter().chain(closed) {
        let stuck = assignment::stuck(row.state, row.overdue_since(), now);
        if only_stuck && !stuck {
            continue;
        }
        let live = store.live_grants(&row.id).await.map_err(told)?;
        let until = live.iter().map(|held| held.grant.ends_at).max();
        let state = match row.state {
            AssignmentState::Granting => "being granted",
            AssignmentState::Active => "there",
            AssignmentState::Revoking if stuck => "OVERDUE",
            AssignmentState::Revoking => "being taken away",
            AssignmentState::Settling if stuck => "OVERDUE, seen gone once",
            AssignmentState::Settling => "gone, checked once more soon",
            AssignmentState::Ended if row.closed_by_force() => "closed by hand, not seen gone",
            AssignmentState::Ended => "gone",
        };
        let when = match (until, row.due_at) {
            (Some(until), _) => format!("until {until}"),
            (None, Some(due)) => format!("since {due}"),
            (None, None) => String::new(),
        };
        rows.push(vec![row.effect, row.connector, state.to_owned(), when, row.id.to_string(), row.error.unwrap_or_default()]);
    }
    match (rows.is_empty(), only_stuck) {
        (true, true) => println!("Nothing is overdue."),
        (true, false) => println!("Nobody has anything through P0 just now."),
        (false, _) => println!("{}", table(&["ACCESS", "IN", "STATE", "WHEN", "ASSIGNMENT", "LAST TRY SAID"], &rows)),
    }
    Ok(())
}
