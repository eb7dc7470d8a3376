//! `p0 grants`: who has what through P0 just now, and what is overdue.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use clap::Args;

use super::{Result, record, table};
use crate::domain::assignment::{self, AssignmentState};
use crate::domain::outside::Outside;
use crate::domain::time::Time;

#[derive(Args)]
pub struct Grants {
    /// Only what should be gone and is not.
    #[arg(long)]
    stuck: bool,
}

pub async fn run(args: Grants, outside: Arc<dyn Outside>) -> Result<()> {
    let store = record(&outside).await?;
    let now = outside.now();
    let mut rows = Vec::new();
    for row in store.unfinished_assignments().await.map_err(|error| error.to_string())? {
        let stuck = assignment::stuck(row.state, row.due_at, now);
        if args.stuck && !stuck {
            continue;
        }
        let live = store.live_grants(&row.id).await.map_err(|error| error.to_string())?;
        let until = live.iter().map(|held| held.grant.ends_at).max();
        let state = match row.state {
            AssignmentState::Granting => "being granted",
            AssignmentState::Active => "there",
            AssignmentState::Revoking if stuck => "OVERDUE",
            AssignmentState::Revoking => "being taken away",
            AssignmentState::Settling => "gone, checked once more soon",
            AssignmentState::Ended => "gone",
        };
        let when = match (until, row.due_at) {
            (Some(until), _) => format!("until {}", clock(until)),
            (None, Some(due)) => format!("since {}", clock(due)),
            (None, None) => String::new(),
        };
        rows.push(vec![row.effect, row.connector, state.to_owned(), when, row.id.to_string(), row.error.unwrap_or_default()]);
    }
    match (rows.is_empty(), args.stuck) {
        (true, true) => println!("Nothing is overdue."),
        (true, false) => println!("Nobody has anything through P0 just now."),
        (false, _) => println!("{}", table(&["ACCESS", "IN", "STATE", "WHEN", "ASSIGNMENT", "LAST TRY SAID"], &rows)),
    }
    Ok(())
}

/// A time in logs and tables: UTC, to the second.
pub(super) fn clock(at: Time) -> String {
    DateTime::<Utc>::from_timestamp_millis(at.0).map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}
