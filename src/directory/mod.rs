//! Who is in which group: one trait, asked at the moment of a decision.

use async_trait::async_trait;

use crate::domain::fault::Fault;
use crate::domain::person::Handle;

/// A place that knows groups. Whoever implements it may keep an answer for at most 60 seconds.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The members of a group, by the names they have on a surface. A group that is unknown or a
    /// directory that does not answer is a fault, never an empty list: nobody decides then.
    async fn members(&self, group: &str) -> Result<Vec<Handle>, Fault>;
}
