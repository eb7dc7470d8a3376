//! One access, shown from the ask to its end. Not yet.
use std::sync::Arc;

use crate::domain::outside::Outside;

#[derive(Debug, clap::Args)]
pub struct Args {}

#[derive(Debug, thiserror::Error)]
#[error("not yet")]
pub struct Failed;

pub async fn run(_args: Args, _outside: Arc<dyn Outside>, _stop: impl Future<Output = ()>) -> Result<(), Failed> {
    Err(Failed)
}
