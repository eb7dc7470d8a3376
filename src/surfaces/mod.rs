//! One folder per place where people are, behind one trait.

pub mod slack;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::desk::Desk;
use crate::directory::Directory;
use crate::domain::fault::Fault;
use crate::domain::notice::{ApprovalsPlace, Notice, Posted};
use crate::domain::outside::Outside;
use crate::domain::time::Time;
use crate::secret::Env;
use crate::yaml::{BadYaml, Section};

/// A place where people ask, decide and are told.
#[async_trait]
pub trait Surface: Send + Sync {
    /// Its name in `handles`, `notices` and `inbox`.
    fn name(&self) -> &'static str;

    /// What comes in over HTTP.
    fn routes(self: Arc<Self>) -> axum::Router;

    /// Takes what comes in any other way until `stop` says true, then finishes what it has in hand.
    async fn listen(self: Arc<Self>, _stop: watch::Receiver<bool>) {}

    /// Why nothing can come in just now, for an operator.
    fn deaf(&self) -> Option<String> {
        None
    }

    /// Looks whether it can do its work, for `p0 doctor`; nobody sees anything of it.
    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }

    /// Brings a notice to what its request says now: posts it, or rewrites it in place. From `until` on
    /// nothing is sent any more: somebody newer may show it by then, and the older text must not stand last.
    async fn show(&self, notice: &Notice, until: Time) -> Result<Posted, Fault>;

    /// Goes on with an interaction that was stored and acknowledged first.
    async fn resume(&self, key: &str) -> Result<(), Fault>;
}

/// What was looked at, and what was found: as it should be, or one sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub about: String,
    pub found: std::result::Result<String, String>,
}

/// What a surface is made from.
pub struct Parts<'a> {
    /// Its section of the configuration.
    pub section: &'a Section,
    pub env: &'a Env,
    pub desk: Desk,
    pub outside: Arc<dyn Outside>,
}

/// What a surface brings with it.
pub struct Built {
    pub surface: Arc<dyn Surface>,
    /// Where approvers see requests.
    pub places: Vec<ApprovalsPlace>,
    /// The groups it knows, under the surface's name.
    pub directory: Option<Arc<dyn Directory>>,
}

/// Why a surface cannot be made: one sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum BadSurface {
    #[error(transparent)]
    Config(#[from] BadYaml),
    #[error(transparent)]
    Secret(#[from] crate::secret::BadSecret),
    #[error("{0}")]
    Setting(String),
}

pub type Build = fn(Parts<'_>) -> Result<Built, BadSurface>;

/// Every surface there is, under the key of its section. A new one is a folder and a line here.
pub const ALL: &[(&str, Build)] = &[("slack", slack::build)];
