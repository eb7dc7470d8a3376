//! One folder per target system, behind one trait.
//!
//! A connector sees assignments, never requests, people's messages or the store. Each call may come
//! again after any failure and any crash: all of them are idempotent, and the read-back
//! ([`Connector::observe`]), not an answer, is the truth.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;

use crate::domain::access::{Ask, Assignment, Called, Choice, Cut, Marked, Observed, Plan};
use crate::domain::assignment::Timing;
use crate::domain::fault::Fault;
use crate::domain::outside::Outside;
use crate::domain::time::Time;
use crate::yaml::{BadYaml, Section};

pub mod http;
pub mod postgres;

/// A system in which access can be made true and made untrue.
#[async_trait]
pub trait Connector: Send + Sync {
    /// How slow the target can be.
    fn timing(&self) -> Timing;

    /// The sources of choices it offers ([`Connector::choices`]); manifests may name only these.
    fn sources(&self) -> Vec<&str>;

    /// Can it do its work: credentials, privileges, clock? The error says what an operator must do.
    async fn check(&self) -> Result<(), Fault>;

    /// Everything a source has, for pickers, type-ahead and `ls`. Called now and then, kept in memory.
    async fn choices(&self, source: &str) -> Result<Vec<Choice>, Fault>;

    /// Resolves the principal to its immutable id and says which assignments give the access, in the
    /// order in which they must be granted. Changes nothing. [`Fault::Never`] tells the requestor
    /// what is wrong with the ask: no such login, no such role.
    async fn plan(&self, ask: &Ask) -> Result<Plan, Fault>;

    /// Reads back whether it is there.
    async fn observe(&self, assignment: &Assignment) -> Result<Observed, Fault>;

    /// Makes it true. Where the target can compare time, the call itself carries `deadline` and does
    /// nothing when it lands later.
    async fn grant(&self, assignment: &Assignment, deadline: Time) -> Result<Called, Fault>;

    /// Makes it untrue. Succeeds when it is not there, and without the handle of the grant.
    async fn revoke(&self, assignment: &Assignment) -> Result<Called, Fault>;

    /// How far a call is that the target works on ([`Called::Working`]).
    async fn poll(&self, _assignment: &Assignment) -> Result<Called, Fault> {
        Ok(Called::DONE)
    }

    /// Everything in the target that bears a mark of this installation, `mark` being what all its
    /// marks begin with; where objects bear no marks, everything that can only have been made by it.
    /// Never what may be somebody else's.
    async fn ours(&self, mark: &str) -> Result<Vec<Marked>, Fault>;

    /// Ends live sessions that outlast the revocation, where there are such.
    async fn cut(&self, assignment: &Assignment) -> Result<Cut, Fault>;
}

/// Makes a connector from its section of the configuration and from its integration's manifest.
pub type Build = fn(&Section, &Section, Arc<dyn Outside>) -> Result<Arc<dyn Connector>, BadYaml>;

/// The sources of choices a connector offers. `None`: those that stand in the manifest, with its calls.
pub type Offered = Option<&'static [&'static str]>;

/// Every connector there is. A new one is a folder, a line here and a manifest.
pub const ALL: &[(&str, Build, Offered)] = &[("http", http::build, None), ("postgres", postgres::build, Some(postgres::SOURCES))];

/// The connectors in use, by integration; replaced as one when the configuration changes.
#[derive(Clone, Default)]
pub struct Connectors(Arc<RwLock<Arc<ByIntegration>>>);

type ByIntegration = BTreeMap<String, Arc<dyn Connector>>;

impl Connectors {
    pub fn get(&self, integration: &str) -> Option<Arc<dyn Connector>> {
        self.all().get(integration).cloned()
    }

    pub fn all(&self) -> Arc<ByIntegration> {
        self.0.read().map(|map| map.clone()).unwrap_or_default()
    }

    pub fn replace(&self, connectors: ByIntegration) {
        if let Ok(mut map) = self.0.write() {
            *map = Arc::new(connectors);
        }
    }
}
