//! Who is on call just now: one trait, asked at the moment of a decision.

pub mod file;

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::directory::Members;
use crate::domain::fault::Fault;
use crate::domain::outside::Outside;
use crate::yaml::{BadYaml, Section};

/// A place that knows who is on call. Whoever implements it may keep an answer for at most 60 seconds.
#[async_trait]
pub trait OnCall: Send + Sync {
    /// Who is on call for any of these services; for any service at all when none is named. A service that
    /// is unknown and a source that does not answer are faults, never an empty answer.
    async fn on_call(&self, services: &[String]) -> Result<Arc<Members>, Fault>;
}

/// Makes one from its name and its section of the configuration.
pub type Build = fn(&str, &Section, Arc<dyn Outside>) -> Result<Arc<dyn OnCall>, BadYaml>;

/// Every kind there is, by the key of its section. A new one is a file or folder and a line here.
pub const ALL: &[(&str, Build)] = &[("file", file::build)];
