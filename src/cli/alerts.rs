//! `p0 alerts`: what is not as it should be just now.

use std::sync::Arc;

use super::{Result, record, table, told};
use crate::domain::outside::Outside;

pub async fn run(outside: Arc<dyn Outside>) -> Result<()> {
    let open = record(&outside).await?.open_alerts().await.map_err(told)?;
    if open.is_empty() {
        println!("No alert is open.");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = open
        .into_iter()
        .filter(|alert| alert.subject != "*")
        .map(|alert| vec![alert.kind.as_str().to_owned(), alert.told.about, alert.told.since.to_string(), alert.told.why])
        .collect();
    println!("{}", table(&["ALERT", "ABOUT", "SINCE", "WHY"], &rows));
    Ok(())
}
