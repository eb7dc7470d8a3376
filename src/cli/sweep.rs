//! `p0 sweep`: what bears our mark in the targets and nobody holds, and taking it away.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::{Result, operator, record, table, told};
use crate::domain::alert::AlertKind;
use crate::domain::event::{Event, ORGANISATION};
use crate::domain::outside::Outside;
use crate::store::{Changed, Kind};

#[derive(Args)]
pub struct Sweep {
    /// Let the next sweep of this integration take away what it finds, at once.
    #[arg(long, value_name = "INTEGRATION")]
    apply: Option<String>,
}

pub async fn run(args: Sweep, outside: Arc<dyn Outside>) -> Result<()> {
    let store = record(&outside).await?;
    let now = outside.now();
    if let Some(integration) = args.apply {
        let by = operator();
        let mut tx = store.begin().await.map_err(told)?;
        if tx.apply_next_sweep(&integration, &by.to_string()).await.map_err(told)? == Changed::No {
            return Err(format!("no integration named {integration} was swept yet; `p0 sweep` lists those that were"));
        }
        tx.record(Event::new(ORGANISATION, now, by, "sweep.applied").with(json!({ "integration": integration })));
        tx.look(Kind::Sweep, &integration, now).await.map_err(told)?;
        tx.commit().await.map_err(told)?;
        println!("The next sweep of {integration} takes away what nobody holds. It is due now.");
        return Ok(());
    }
    let sweeps = store.sweeps().await.map_err(told)?;
    if sweeps.is_empty() {
        println!("Nothing was swept yet; `p0 serve` does it every ten minutes.");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = sweeps
        .iter()
        .map(|sweep| {
            let next = if sweep.apply_by.is_some() { "takes away" } else { "as configured" };
            vec![
                sweep.integration.clone(),
                sweep.last_at.to_string(),
                sweep.marks.to_string(),
                sweep.orphans.to_string(),
                next.to_owned(),
            ]
        })
        .collect();
    println!("{}", table(&["INTEGRATION", "LAST SWEEP", "OURS THERE", "NOBODY HOLDS", "NEXT SWEEP"], &rows));
    let open = store.open_alerts().await.map_err(told)?;
    let rows: Vec<Vec<String>> = open
        .into_iter()
        .filter(|alert| alert.kind == AlertKind::Orphan)
        .map(|alert| {
            let integration = alert.subject.split_once(' ').map(|(name, _)| name.to_owned()).unwrap_or_default();
            vec![alert.told.about, integration, alert.told.since.to_string()]
        })
        .collect();
    if !rows.is_empty() {
        println!("\nWhat nobody holds, and `p0 sweep --apply INTEGRATION` takes away:\n");
        println!("{}", table(&["ACCESS", "IN", "SINCE"], &rows));
    }
    Ok(())
}
