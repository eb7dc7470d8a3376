//! What people can do. Every surface comes in through [`Desk`]; each act is one transaction.
//!
//! The desk gathers facts first (the target, the directory), outside the transaction and with a
//! deadline of a second, then does one conditional update in which the interaction, its answer and
//! its effect become durable together. It never calls a target to change it, and never trusts what
//! a button says: rights are computed at the press.

mod ahead;
mod answer;
mod decide;
mod end;
mod extend;
mod home;
mod inbox;
mod judge;
mod lookups;
mod notices;
mod offers;
mod people;
mod preview;
mod show;
mod show_policy;
mod sources;
mod submit;
pub mod view;
mod words;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, RwLock};

use crate::catalog::{Catalog, Index};
use crate::connectors::Connectors;
use crate::domain::event::{Event, ORGANISATION};
use crate::domain::fault::Fault;
use crate::domain::id::RequestId;
use crate::domain::notice::ApprovalsPlace;
use crate::domain::outside::Outside;
use crate::domain::person::{Actor, Handle, Person};
use crate::domain::time::{Span, Time};
use crate::policy::{self, Policy};
use crate::secret::{BadSecret, Key};
use crate::store::{CONFIG, Store, StoreError, Tx};

pub use answer::Answer;
pub use home::{Again, Held, Home};
pub use inbox::Stored;
pub use offers::Offers;
pub use sources::Sources;
pub use words::Said;

/// The longest an act waits for facts from outside before it is refused.
pub const FACTS_WITHIN: Span = Span::seconds(1);

/// Something went wrong on our side. Whoever sees it is told in one sentence; the log has the rest.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Secret(#[from] BadSecret),
    /// Somebody came for the first time, and a directory did not say whether their account is another's.
    #[error("Who you are could not be checked just now, so nothing was done: {0} Please try again in a minute.")]
    Unmet(String),
}

pub type Result<T> = std::result::Result<T, DeskError>;

/// An interaction as a surface received it, with the person it is from.
#[derive(Debug, Clone)]
pub struct Came {
    /// Names the interaction: a second delivery has the same.
    pub key: String,
    pub person: Person,
    /// The name by which the person came, and the surface.
    pub handle: Handle,
    /// What is needed to tell the answer later; sealed before it is stored. `None`: the answer is told
    /// in the acknowledgement.
    pub tell_by: Option<String>,
    /// Something is left to do after the answer even when nobody has to be told: the interaction stays
    /// in the inbox until then.
    pub unfinished: bool,
    /// What the pressed button was drawn for ([`view::RequestView::bound`]), if it bears that.
    pub shown: Option<String>,
}

/// What the desk works with; made once in `app`.
pub struct Parts {
    pub store: Store,
    pub outside: Arc<dyn Outside>,
    pub connectors: Connectors,
    pub index: Arc<Index>,
    pub key: Arc<Key>,
}

#[derive(Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    outside: Arc<dyn Outside>,
    connectors: Connectors,
    index: Arc<Index>,
    key: Arc<Key>,
    catalog: RwLock<Arc<Catalog>>,
    places: RwLock<Arc<Vec<ApprovalsPlace>>>,
    /// Those that surfaces brought, and those of the configuration.
    brought: RwLock<Sources>,
    configured: RwLock<Sources>,
    rules: RwLock<Option<Arc<Rules>>>,
    /// Whom handles are linked to, as far as somebody came lately.
    known: Mutex<BTreeMap<Handle, Person>>,
    /// When the choices of an integration were last fetched.
    refreshed: Mutex<BTreeMap<String, Time>>,
}

/// The policy in force, with those who hold the roles of approvers and reviewers as people.
#[derive(Debug)]
pub struct Rules {
    pub version: i64,
    pub policy: Policy,
    pub approvers: Vec<Person>,
}

impl Desk {
    pub fn new(parts: Parts) -> Desk {
        let Parts { store, outside, connectors, index, key } = parts;
        let inner = Inner {
            store,
            outside,
            connectors,
            index,
            key,
            catalog: RwLock::default(),
            places: RwLock::default(),
            brought: RwLock::default(),
            configured: RwLock::default(),
            rules: RwLock::default(),
            known: Mutex::default(),
            refreshed: Mutex::default(),
        };
        Desk { inner: Arc::new(inner) }
    }

    /// Takes over what can be asked for, and where approvers are. Called at start and on a reload.
    pub fn configure(&self, catalog: Catalog, places: Vec<ApprovalsPlace>) {
        if let Ok(mut current) = self.inner.catalog.write() {
            *current = Arc::new(catalog);
        }
        if let Ok(mut current) = self.inner.places.write() {
            *current = Arc::new(places);
        }
    }

    pub fn catalog(&self) -> Arc<Catalog> {
        self.inner.catalog.read().map(|catalog| catalog.clone()).unwrap_or_default()
    }

    /// The choices arguments can take, in memory.
    pub fn index(&self) -> &Index {
        &self.inner.index
    }

    pub fn now(&self) -> Time {
        self.inner.outside.now()
    }

    /// Stores the configuration's policy as a version, unless it is what the configuration said before: then
    /// what was applied since stays in force. A configuration that says nothing needs a record that does. Tells
    /// whether it is new.
    pub async fn put_policy(&self, policy: Option<&Policy>) -> Result<bool> {
        let new = match policy {
            Some(policy) => self.store_policy(policy).await?,
            None => false,
        };
        self.rules().await?;
        Ok(new)
    }

    async fn store_policy(&self, policy: &Policy) -> Result<bool> {
        let now = self.now();
        let text = policy.stored().map_err(no_policy)?;
        let hash = policy::fingerprint(&text);
        let before = self.inner.store.policy_versions(1).await?.into_iter().next();
        let mut tx = self.inner.store.begin().await?;
        let (version, new) = tx.put_policy(&text, &hash, CONFIG, now).await?;
        if new {
            if let Some((applied, _, author)) = before.filter(|(_, _, author)| author != CONFIG) {
                tracing::warn!(
                    version,
                    applied,
                    by = author,
                    "the configuration's policy section changed and takes the place of what was applied; keep policies in one place"
                );
            }
            let body = serde_json::json!({ "version": version, "hash": hash });
            tx.record(Event::new(ORGANISATION, now, Actor::Config, "policy.stored").with(body));
        }
        tx.commit().await?;
        Ok(new)
    }

    /// What waits for a decision says what the policies and directories that count now make of it.
    pub async fn retell_undecided(&self) -> Result<()> {
        settle!(self.retell_undecided_once().await)
    }

    async fn retell_undecided_once(&self) -> Result<()> {
        let mut tx = self.inner.store.begin().await?;
        tx.bump_undecided(self.now()).await?;
        Ok(tx.commit().await?)
    }

    /// The policy in force now, read from the record each time; only a new version is read anew.
    pub async fn rules(&self) -> Result<Arc<Rules>> {
        let known = self.inner.rules.read().ok().and_then(|rules| rules.clone());
        let found = self.inner.store.policy_unless(known.as_ref().map_or(0, |rules| rules.version)).await?;
        let (version, text) = found.ok_or_else(|| no_policy("none was stored"))?;
        if let Some(rules) = known.filter(|rules| rules.version == version) {
            return Ok(rules);
        }
        let policy: Policy = serde_json::from_str(&text).map_err(no_policy)?;
        let now = self.now();
        let mut approvers = Vec::new();
        let mut tx = self.inner.store.begin().await?;
        for email in policy.approvers.people.iter().chain(&policy.reviewers.people) {
            approvers.push(tx.person_for_email(email, email.as_str(), now).await?);
        }
        tx.commit().await?;
        let rules = Arc::new(Rules { version, policy, approvers });
        if let Ok(mut current) = self.inner.rules.write() {
            *current = Some(rules.clone());
        }
        Ok(rules)
    }

    /// The policy as it was last read: enough to draw a form with, never to decide by.
    pub async fn limits(&self) -> Result<Arc<Rules>> {
        match self.inner.rules.read().ok().and_then(|rules| rules.clone()) {
            Some(rules) => Ok(rules),
            None => self.rules().await,
        }
    }

    /// The messages of a request are brought up to date.
    async fn retell(&self, tx: &mut Tx, request: &RequestId) -> Result<()> {
        tx.bump_notices(request).await?;
        tx.show_notices(request, self.now()).await?;
        Ok(())
    }
}

fn no_policy(why: impl std::fmt::Display) -> DeskError {
    DeskError::Store(StoreError::Row { table: "policies", id: "in force".to_owned(), what: why.to_string() })
}

/// Waits for a fact from outside, at most a second.
async fn within<T>(work: impl Future<Output = std::result::Result<T, Fault>>) -> std::result::Result<T, Fault> {
    match tokio::time::timeout(FACTS_WITHIN.to_std(), work).await {
        Ok(done) => done,
        Err(_) => Err(Fault::later(format!("There was no answer within {FACTS_WITHIN}."))),
    }
}

/// Repeats an act whose transaction got in another's way. The acts are conditional updates, so the
/// second try finds what the other one did.
macro_rules! settle {
    ($act:expr) => {{
        let mut tries = 0;
        loop {
            match $act {
                Err($crate::desk::DeskError::Store(error)) if error.is_conflict() && tries < 5 => tries += 1,
                done => break done,
            }
        }
    }};
}
use settle;
