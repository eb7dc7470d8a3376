//! Writes an organisation to try policies on: 500 people, 80 groups, who is on call, 60 rules with their cases,
//! and, if that is wished, a record of what was asked for. The same seed gives the same organisation.
//!
//! ```sh
//! cargo run --example organisation -- --seed 7 --history 20000 /tmp/acme
//! ```
//!
//! Three rules have a mistake, for `p0 policy lint` to find.

mod generate;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use p0::app::Real;
use p0::domain::outside::Outside;

#[derive(Parser)]
struct Args {
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// So many requests of the last 90 days, in a record `p0.db`.
    #[arg(long, default_value_t = 0)]
    history: usize,
    folder: PathBuf,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let outside: Arc<dyn Outside> = Arc::new(Real::new(None));
    generate::organisation(&args.folder, args.seed)?;
    if 0 < args.history {
        generate::history(&args.folder, args.seed, args.history, outside.now()).await?;
    }
    println!("{} holds it: P0_CONFIG={0}/p0.yaml p0 policy lint {0}/policies", args.folder.display());
    Ok(())
}
