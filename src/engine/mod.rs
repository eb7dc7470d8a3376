//! The engine makes the world match the record.
//!
//! It claims what the agenda says is due, looks at the row, does the one thing that is due, and
//! writes what came of it, if the claim is still its own. A look takes no input but an id, so the
//! happy path and the way back from a crash are the same code. It never decides who may have what.

mod alerts;
mod assignments;
mod breaker;
mod giving;
mod hands;
mod notices;
mod reminders;
mod requests;
mod sweep;
mod taking;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, RwLock};

use serde::Deserialize;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::connectors::Connectors;
use crate::domain::notice::ApprovalsPlace;
use crate::domain::outside::Outside;
use crate::domain::time::{Span, Time};
use crate::metrics::Metrics;
use crate::store::{Claimed, Kind, MOST_LEAVES, Next, Store, StoreError, Tx};
use crate::surfaces::Surface;

/// How long a claim is kept before another replica may take over. Renewed at each step.
pub const LEASE: Span = Span::seconds(45);

/// The longest that one look, or one question about the agenda, may take before it is given up.
const LOOK_WITHIN: Span = Span::seconds(120);

/// How often rows that lost their agenda row get it back.
pub const SCAN_EVERY: Span = Span::minutes(1);

/// How often the agenda is read though nothing becomes due.
const POLL: Span = Span::millis(500);

/// How long what was sealed with an interaction is kept.
const KEEP_SEALED: Span = Span::minutes(30);

/// How long an answer is kept for an interaction that comes again. Surfaces repeat for an hour at most.
const KEEP_ANSWERS: Span = Span::days(90);

/// How old the last checkpoint of the record is when the next one is made.
const CHECKPOINT_EVERY: Span = Span::minutes(5);

/// How many looks one process has under way at once at each integration, and as many at all that is none's,
/// messages above all: one that is down takes no hands from the others.
const AT_ONCE: usize = 10;

#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    outside: Arc<dyn Outside>,
    connectors: Connectors,
    installation: String,
    metrics: Arc<Metrics>,
    surfaces: RwLock<BTreeMap<&'static str, Arc<dyn Surface>>>,
    places: RwLock<Vec<ApprovalsPlace>>,
    limits: RwLock<Limits>,
    /// How many looks are under way, by integration.
    busy: Mutex<BTreeMap<String, usize>>,
    stop: Notify,
}

/// What is done with what bears our mark and nobody holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Orphans {
    Report,
    Revoke,
}

/// The `engine:` section of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    pub orphans: Orphans,
    /// How many accesses an integration may be granted within a minute, and how many orphans a sweep
    /// may take away, before a person is asked.
    pub breaker: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { orphans: Orphans::Report, breaker: 300 }
    }
}

/// A hand that is busy at an integration, until this is dropped, however its look ends.
struct Hand {
    inner: Arc<Inner>,
    integration: String,
}

impl Hand {
    fn of(inner: &Arc<Inner>, integration: &str) -> Hand {
        if let Ok(mut busy) = inner.busy.lock() {
            *busy.entry(integration.to_owned()).or_default() += 1;
        }
        Hand { inner: inner.clone(), integration: integration.to_owned() }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        if let Ok(mut busy) = self.inner.busy.lock()
            && let Some(count) = busy.get_mut(&self.integration)
        {
            *count = count.saturating_sub(1);
        }
    }
}

/// What a look came to.
enum Looked {
    /// Written and put on the agenda again, or off it.
    Finished,
    /// The claim was lost: somebody newer looks at it.
    Lost,
}

impl Engine {
    pub fn new(
        store: Store,
        outside: Arc<dyn Outside>,
        connectors: Connectors,
        installation: String,
        metrics: Arc<Metrics>,
    ) -> Engine {
        let inner = Inner {
            store,
            outside,
            connectors,
            installation,
            metrics,
            surfaces: RwLock::default(),
            places: RwLock::default(),
            limits: RwLock::default(),
            busy: Mutex::default(),
            stop: Notify::new(),
        };
        Engine { inner: Arc::new(inner) }
    }

    /// Surfaces are made after the desk, which is made after the engine's parts.
    pub fn add_surface(&self, surface: Arc<dyn Surface>, places: &[ApprovalsPlace]) {
        if let Ok(mut known) = self.inner.places.write() {
            known.extend_from_slice(places);
        }
        if let Ok(mut surfaces) = self.inner.surfaces.write() {
            surfaces.insert(surface.name(), surface);
        }
    }

    /// Works until [`Engine::stop`]; then lets running looks finish.
    pub async fn run(&self) {
        let mut looks = JoinSet::new();
        let mut scans = JoinSet::new();
        let mut scan_at = self.inner.outside.now();
        loop {
            let now = self.inner.outside.now();
            self.inner.metrics.beats(now);
            while scans.try_join_next().is_some() {}
            // Put back, too, a clock does not keep it from scanning. It can be long: claims go on beside it.
            if scans.is_empty() && (scan_at <= now || now + SCAN_EVERY < scan_at) {
                let engine = self.clone();
                scans.spawn(async move { engine.within("the scan", engine.scan(now)).await });
                scan_at = now + SCAN_EVERY;
            }
            while looks.try_join_next().is_some() {}
            let claimed = self.within("claiming", self.claim(now, AT_ONCE)).await.unwrap_or_default();
            let idle = claimed.is_empty();
            for claim in claimed {
                let engine = self.clone();
                let span = tracing::info_span!("look", kind = claim.kind.as_str(), id = %claim.id);
                let hand = Hand::of(&self.inner, &claim.connector);
                looks.spawn(async move { engine.look_and_give_back(claim, hand).await }.instrument(span));
            }
            if idle {
                let pause = self.within("asking what is next", self.pause(now)).await.unwrap_or_default();
                tokio::select! {
                    () = self.inner.stop.notified() => break,
                    () = self.inner.store.woken() => {}
                    Some(_) = looks.join_next() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
        while looks.join_next().await.is_some() {}
    }

    /// Whoever is asked, a database above all, may take the question and never answer: nothing waits for ever.
    async fn within<T>(&self, what: &str, work: impl Future<Output = T>) -> Option<T> {
        let done = tokio::time::timeout(LOOK_WITHIN.to_std(), work).await;
        if done.is_err() {
            tracing::error!(what, "it took longer than {LOOK_WITHIN} and was given up; it is tried again");
        }
        done.ok()
    }

    pub fn stop(&self) {
        self.inner.stop.notify_one();
    }

    /// Looks at everything that is due now and at what that makes due, until nothing is. Returns how
    /// many looks it took. What tests and the simulation drive.
    pub async fn run_due(&self) -> usize {
        let mut count = 0;
        loop {
            let claimed = self.claim(self.inner.outside.now(), AT_ONCE).await;
            if claimed.is_empty() {
                return count;
            }
            for claim in claimed {
                count += 1;
                self.look(claim).await.ok(); // what was not given back has its lease
            }
        }
    }

    /// Gives back agenda rows that are missing, and clears what may not be kept.
    pub async fn scan(&self, now: Time) {
        match self.inner.store.restore_agenda().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "things without an agenda row got one"),
            Err(error) => tracing::warn!(%error, "the scan did not finish; it is tried again in a minute"),
        }
        if let Err(error) = self.plan_sweeps(now).await {
            tracing::warn!(%error, "sweeps were not planned; it is tried again in a minute");
        }
        if let Err(error) = self.inner.store.clear_sealed(now - KEEP_SEALED).await {
            tracing::warn!(%error, "sealed texts that are too old were not cleared; it is tried again in a minute");
        }
        if let Err(error) = self.inner.store.drop_answered(now - KEEP_ANSWERS).await {
            tracing::warn!(%error, "old interactions were not dropped; it is tried again in a minute");
        }
        match self.seal(now).await {
            Ok(()) => {}
            Err(error) if error.is_conflict() => {}
            Err(error) => tracing::warn!(%error, "no checkpoint was made; it is tried again in a minute"),
        }
    }

    /// Makes a checkpoint of what is new, when the last one is old enough.
    async fn seal(&self, now: Time) -> Result<(), StoreError> {
        let mut not_since = now - CHECKPOINT_EVERY;
        while let Some(sealed) = self.inner.store.seal(now, not_since).await? {
            tracing::debug!(number = sealed.checkpoint.number, leaves = sealed.leaves.len(), "a checkpoint was made");
            if sealed.leaves.len() < MOST_LEAVES {
                break;
            }
            not_since = now; // there is more than one checkpoint holds
        }
        Ok(())
    }

    /// Takes up to `most` of what is due now of each integration. Whoever has a claim looks at it with [`Engine::look`].
    pub async fn claim(&self, now: Time, most: usize) -> Vec<Claimed> {
        let connectors = self.inner.connectors.all();
        // What is not configured any more costs no call.
        let per_second = |name: &str| connectors.get(name).map_or(u32::MAX, |connector| connector.timing().per_second);
        let busy = self.inner.busy.lock().map(|busy| busy.clone()).unwrap_or_default();
        let free = |name: &str| AT_ONCE.saturating_sub(busy.get(name).copied().unwrap_or(0)).min(most);
        self.inner.store.claim(now, LEASE, per_second, free).await.unwrap_or_else(|error| {
            if !error.is_conflict() {
                tracing::warn!(%error, "the agenda could not be read; it is tried again");
            }
            Vec::new()
        })
    }

    /// How long nothing becomes due, at most a moment: polling finds what other replicas put there and let go.
    async fn pause(&self, now: Time) -> std::time::Duration {
        // What is due already and was not claimed waits for its lane or a hand; whoever lets that go wakes us.
        let next = self.inner.store.next_after(now).await.ok().flatten().map_or(POLL, |at| at - now);
        next.min(POLL).to_std()
    }

    /// One look, in a process that lives: a database that was away gets the claim back when it is there
    /// again, and nobody waits for the lease.
    async fn look_and_give_back(&self, claim: Claimed, hand: Hand) {
        let until = self.inner.outside.now() + LEASE;
        // What was cut off has its lease, as if the process had died in it.
        let looked = self.within("a look", self.look(claim)).await.unwrap_or(Ok(()));
        drop(hand);
        let Err(kept) = looked else { return };
        while self.inner.outside.now() < until {
            tokio::time::sleep(Span::seconds(1).to_std()).await;
            if self.inner.store.put_back(&kept, self.inner.outside.now()).await.is_ok() {
                return;
            }
        }
    }

    /// One look at one thing. Gives the claim when it could not be given back.
    pub async fn look(&self, mut claim: Claimed) -> Result<(), Claimed> {
        let looked = match claim.kind {
            Kind::Assignment => self.look_at_assignment(&mut claim).await,
            Kind::Request => self.look_at_request(&claim).await,
            Kind::Notice => self.look_at_notice(&claim).await,
            Kind::Inbox => self.look_at_inbox(&claim).await,
            Kind::Sweep => self.look_at_sweep(&claim).await,
        };
        let after = match looked {
            Ok(Looked::Finished) => Ok(()),
            Ok(Looked::Lost) => self.inner.store.leave_lane(&claim).await,
            Err(error) => {
                if !error.is_conflict() {
                    tracing::warn!(%error, "a look did not finish; it is repeated");
                }
                self.inner.store.put_back(&claim, self.again_at(&claim)).await
            }
        };
        after.map_err(|error| {
            tracing::warn!(%error, "a claim was not given back; its lease will run out");
            claim
        })
    }

    /// When to try again after a failed try.
    fn again_at(&self, claim: &Claimed) -> Time {
        let outside = &self.inner.outside;
        outside.now() + crate::domain::assignment::pause(claim.attempts, outside.pick(256))
    }

    /// Takes over the configuration's limits. Called at start and on a reload.
    pub fn configure(&self, limits: Limits) {
        if let Ok(mut current) = self.inner.limits.write() {
            *current = limits;
        }
    }

    fn limits(&self) -> Limits {
        self.inner.limits.read().map(|limits| limits.clone()).unwrap_or_default()
    }

    fn places(&self) -> Vec<ApprovalsPlace> {
        self.inner.places.read().map(|places| places.clone()).unwrap_or_default()
    }

    fn surface(&self, name: &str) -> Option<Arc<dyn Surface>> {
        self.inner.surfaces.read().ok()?.get(name).cloned()
    }

    /// Goes on with an interaction that was acknowledged first, until half an hour has passed.
    async fn look_at_inbox(&self, claim: &Claimed) -> Result<Looked, StoreError> {
        let now = self.inner.outside.now();
        let letter = self.inner.store.letter(&claim.id).await?.filter(|letter| letter.pending);
        let (next, give_up) = match letter {
            None => (Next::Never, false),
            Some(letter) if letter.at + KEEP_SEALED < now => {
                tracing::warn!(surface = letter.surface, "an answer could not be told in half an hour and is dropped");
                (Next::Never, true)
            }
            Some(letter) => match self.surface(&letter.surface) {
                None => (Next::Again(self.again_at(claim)), false),
                Some(surface) => match surface.resume(&letter.key).await {
                    Ok(()) => (Next::Never, false),
                    Err(fault) => {
                        tracing::info!(why = %fault, "an interaction is not finished; it is tried again");
                        (Next::Again(self.again_at(claim)), false)
                    }
                },
            },
        };
        let mut tx = self.inner.store.begin().await?;
        if !tx.finish(claim, next).await? {
            return Ok(Looked::Lost);
        }
        if give_up {
            tx.told(&claim.id).await?;
        }
        tx.commit().await?;
        Ok(Looked::Finished)
    }

    /// Ends a look that has nothing else to write.
    async fn only_finish(&self, claim: &Claimed, next: Next) -> Result<Looked, StoreError> {
        self.finish(self.inner.store.begin().await?, claim, next).await
    }

    /// Writes what a look came to and when to look again, if the claim is still ours.
    async fn finish(&self, mut tx: Tx, claim: &Claimed, next: Next) -> Result<Looked, StoreError> {
        if !tx.finish(claim, next).await? {
            return Ok(Looked::Lost);
        }
        tx.release_lane(claim).await?;
        tx.commit().await?;
        Ok(Looked::Finished)
    }
}
