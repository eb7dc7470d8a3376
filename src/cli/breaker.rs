//! `p0 breaker`: where granting is paused because too much happened at once, and letting it go on.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::{Result, operator, record, table, told};
use crate::domain::alert::AlertKind;
use crate::domain::event::{Event, ORGANISATION};
use crate::domain::outside::Outside;
use crate::store::Changed;

#[derive(Args)]
pub struct Breaker {
    /// Let granting in this integration go on.
    #[arg(long, value_name = "INTEGRATION")]
    release: Option<String>,
}

pub async fn run(args: Breaker, outside: Arc<dyn Outside>) -> Result<()> {
    let store = record(&outside).await?;
    let now = outside.now();
    let Some(integration) = args.release else {
        let tripped = store.tripped().await.map_err(told)?;
        if tripped.is_empty() {
            println!("Granting is paused nowhere.");
            return Ok(());
        }
        let rows: Vec<Vec<String>> = tripped.into_iter().map(|one| vec![one.integration, one.at.to_string()]).collect();
        println!("{}", table(&["GRANTING IS PAUSED IN", "SINCE"], &rows));
        println!("\nWhat is due to be taken away is still taken away. `p0 breaker --release INTEGRATION` lets granting go on.");
        return Ok(());
    };
    let mut tx = store.begin().await.map_err(told)?;
    if tx.release_breaker(&integration).await.map_err(told)? == Changed::No {
        return Err(format!("granting in {integration} is not paused; `p0 breaker` lists where it is"));
    }
    tx.record(Event::new(ORGANISATION, now, operator(), "breaker.released").with(json!({ "integration": integration })));
    if let Some(alert) = tx.close_alert(AlertKind::Breaker, &integration, now).await.map_err(told)? {
        tx.bump_notices(&alert).await.map_err(told)?;
        tx.show_notices(&alert, now).await.map_err(told)?;
    }
    tx.commit().await.map_err(told)?;
    println!("Granting in {integration} goes on.");
    Ok(())
}
