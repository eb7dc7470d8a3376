//! One folder per place where people are, behind one trait.

pub mod slack;

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::fault::Fault;
use crate::domain::notice::{Notice, Posted};

/// A place where people ask, decide and are told.
#[async_trait]
pub trait Surface: Send + Sync {
    /// Its name in `handles`, `notices` and `inbox`.
    fn name(&self) -> &'static str;

    /// What comes in over HTTP.
    fn routes(self: Arc<Self>) -> axum::Router;

    /// Brings a notice to what its request says now: posts it, or rewrites it in place.
    async fn show(&self, notice: &Notice) -> Result<Posted, Fault>;

    /// Goes on with an interaction that was stored and acknowledged first.
    async fn resume(&self, key: &str) -> Result<(), Fault>;
}
