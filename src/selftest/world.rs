//! One simulated world: the real engine, desk and store, people, targets, and the choice of what happens
//! next. A step is one act of a person, one look of the engine, or passing of time.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use super::Failed;
use super::laws::Laws;
use super::people::{Press, Work};
use super::sim::{Driven, Eye, Sim};
use super::surface::{Board, Messages, NAME, REALM};
use super::target::{BARE, DEPOT, MANIFESTS, Ours, Target, Theirs};
use super::wrong::{Weather, Wrong};
use crate::catalog::{Catalog, Index, Offers};
use crate::connectors::{Connector, Connectors};
use crate::desk::{Desk, Parts};
use crate::domain::assignment::AssignmentState;
use crate::domain::notice::ApprovalsPlace;
use crate::domain::person::{Email, Handle, Person};
use crate::domain::time::{Clock, Span, Time};
use crate::engine::{Engine, Limits, Orphans, SCAN_EVERY};
use crate::metrics::Metrics;
use crate::policy::{Holders, Policy};
use crate::secret::Key;
use crate::store::{Claimed, Kind, Store};

pub const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// What stands still.
pub enum Still {
    Look(Claimed, Pin<Box<dyn Future<Output = ()>>>),
    Act(Box<Press>, Work),
}

pub struct Frozen {
    pub still: Still,
    pub wake: oneshot::Sender<()>,
}

/// What dies with the process.
pub struct Process {
    pub desk: Desk,
    pub engine: Engine,
}

pub struct World {
    pub sim: Arc<Sim>,
    pub target: Target,
    pub store: Store,
    pub eye: Store,
    pub process: Process,
    pub messages: Messages,
    pub people: Vec<(Person, Handle)>,
    pub laws: Laws,
    /// Claimed and not looked at yet.
    queue: Vec<Claimed>,
    pub frozen: Vec<Frozen>,
    pub presses: Vec<Press>,
    pub pressed: u64,
    weather_until: u64,
    lost_agenda: bool,
    scan_at: Time,
}

/// What a world did, for the table.
#[derive(Default)]
pub struct Did {
    pub requests: u64,
    pub grants: u64,
    pub calls: u64,
    pub looks: u64,
}

impl World {
    pub async fn new(sim: Arc<Sim>) -> Result<World, Failed> {
        let eye_of = Arc::new(Eye(sim.clone()));
        let eye = Store::open("sqlite::memory:", eye_of).await?;
        let store = eye.beside(sim.clone());
        let target =
            Target { integration: DEPOT, sim: sim.clone(), world: Arc::default(), eye: Arc::new(Mutex::new(Some(eye.clone()))) };
        let messages = Messages::default();
        let process = start(&sim, &store, &target, &messages).await?;
        let mut people = Vec::new();
        for name in PEOPLE {
            let handle = Handle { surface: NAME.into(), realm: REALM.into(), handle: format!("U-{name}") };
            let person = process.desk.meet(&handle, &email(name)?, name).await?;
            people.push((person, handle));
        }
        let (scan_at, step) = (sim.now(), sim.state().step);
        process.engine.scan(scan_at).await;
        Ok(World {
            laws: Laws::default(),
            queue: Vec::new(),
            frozen: Vec::new(),
            presses: Vec::new(),
            pressed: 0,
            weather_until: step,
            lost_agenda: false,
            scan_at,
            sim,
            target,
            store,
            eye,
            process,
            messages,
            people,
        })
    }

    pub fn chance(&self, below: u64) -> u64 {
        self.sim.state().chance.below(below)
    }

    /// One step, and the laws after it.
    pub async fn step(&mut self) -> Result<(), Failed> {
        self.weather();
        self.scan_when_due().await?;
        let due = !self.queue.is_empty() || self.laws.next_due.is_some_and(|at| at <= self.sim.now());
        match (due, self.chance(100)) {
            (true, 0..=79) => {
                self.look().await;
            }
            (true, 80..=83) => self.sleep_over_it(),
            (false, 0..=57) => self.pass(),
            (_, 0..=92) => self.somebody_acts().await?,
            (_, 93..=95) => self.wake_one().await?,
            (_, 96..=98) => self.behind_our_back().await?,
            (_, _) => self.trouble().await?,
        }
        if 3 < self.frozen.len() {
            self.wake_one().await?;
        }
        self.target.land();
        super::laws::check(self).await
    }

    fn weather(&mut self) {
        let mut state = self.sim.state();
        if state.step < self.weather_until {
            return;
        }
        self.weather_until = state.step + 40 + state.chance.below(120);
        state.faults = true;
        state.weather = match state.chance.below(10) {
            0..=3 => Weather::Calm,
            4..=7 => Weather::Rough,
            _ => Weather::Storm,
        };
        let weather = state.weather;
        state.note(&format_args!("weather: {weather:?}"));
    }

    /// As the engine does by itself: each minute.
    pub async fn scan_when_due(&mut self) -> Result<(), Failed> {
        let now = self.sim.now();
        if now < self.scan_at && self.scan_at <= now + SCAN_EVERY {
            return Ok(());
        }
        self.scan_at = now + SCAN_EVERY;
        let before = self.sim.state().counts.iter().sum::<u64>();
        let engine = self.process.engine.clone();
        self.sim.note("scan");
        let mut work = Box::pin(async move { engine.scan(now).await });
        match self.sim.drive(&mut work).await {
            Driven::Done(()) | Driven::Frozen(_) => {}
            Driven::Crashed => {
                drop(work); // with what it holds of the store
                self.restart(false).await;
            }
        }
        self.lost_agenda &= before != self.sim.state().counts.iter().sum::<u64>();
        // What it found has to be done now, and no time passes before.
        self.laws.next_due = self.eye.next_due().await?;
        Ok(())
    }

    /// One look of the engine.
    /// `false`: there was nothing that could be looked at.
    pub async fn look(&mut self) -> bool {
        if self.queue.is_empty() {
            let (engine, now, most) = (self.process.engine.clone(), self.sim.now(), 1 + self.chance(4));
            let most = usize::try_from(most).unwrap_or(1);
            let mut work = Box::pin(async move { engine.claim(now, most).await });
            match self.sim.drive(&mut work).await {
                Driven::Done(claimed) => {
                    self.queue = claimed;
                    self.laws.claimed(&self.sim, &self.queue);
                    self.queue.reverse();
                }
                Driven::Frozen(_) => return true,
                Driven::Crashed => {
                    drop(work);
                    self.restart(false).await;
                    return true;
                }
            }
        }
        let Some(claim) = self.queue.pop() else { return false };
        self.sim.note(format_args!("look at {} {}", claim.kind.as_str(), claim.id));
        self.laws.looks += 1;
        let (engine, taken) = (self.process.engine.clone(), claim.clone());
        let mut work: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async move {
            engine.look(taken).await.ok(); // what was not given back has its lease
        });
        match self.sim.drive(&mut work).await {
            Driven::Done(()) => {}
            Driven::Frozen(wake) => self.frozen.push(Frozen { still: Still::Look(claim, work), wake }),
            Driven::Crashed => {
                drop(work);
                self.restart(false).await;
            }
        }
        true
    }

    /// Time passes, up to what is due next.
    fn pass(&mut self) {
        let mut state = self.sim.state();
        let now = state.time + state.off;
        // What lost its row on the agenda gets it back within a minute: no more than that passes at once.
        let most =
            self.laws.next_due.map_or(60_000, |at| at.0 - now).clamp(1, 60_000.max(3_600_000 * i64::from(!self.lost_agenda)));
        let span = if state.chance.below(10) < 7 { most } else { state.chance.between(1, most) };
        state.time += span;
        if SCAN_EVERY.0 < span {
            state.note(&format_args!("{} pass", Span(span)));
        }
    }

    /// Things are due, and nobody looks while time passes.
    fn sleep_over_it(&mut self) {
        let mut state = self.sim.state();
        let long = state.weather != Weather::Calm && state.chance.below(6) == 0;
        let span = if long { state.chance.between(60_000, 1_800_000) } else { state.chance.between(1, 2_000) };
        state.time += span;
        if long {
            state.note(&format_args!("nobody looks for {}", Span(span)));
            state.wrong(Wrong::Asleep);
        }
    }

    async fn wake_one(&mut self) -> Result<(), Failed> {
        let place = self.chance(u64::try_from(self.frozen.len()).unwrap_or(0));
        let place = usize::try_from(place).unwrap_or(0);
        if place < self.frozen.len() {
            let frozen = self.frozen.remove(place);
            self.wake(frozen).await?;
        }
        Ok(())
    }

    /// Something that stood still goes on as if no time had passed.
    pub async fn wake(&mut self, frozen: Frozen) -> Result<(), Failed> {
        let Frozen { still, wake } = frozen;
        let _ = wake.send(()); // it waits for this and for nothing else
        self.sim.calm_from_now();
        match still {
            Still::Look(claim, mut work) => {
                self.sim.note(format_args!("woken: the look at {} {}", claim.kind.as_str(), claim.id));
                let before = self.lost(&claim).await?;
                match self.sim.drive(&mut work).await {
                    Driven::Done(()) => {}
                    Driven::Frozen(wake) => self.frozen.push(Frozen { still: Still::Look(claim.clone(), work), wake }),
                    Driven::Crashed => {
                        drop(work);
                        self.restart(false).await;
                    }
                }
                if let Some(before) = before
                    && before != self.row(&claim).await?
                {
                    self.sim.broken(format!("a look at {} that had lost its claim wrote all the same", claim.id));
                }
            }
            Still::Act(press, work) => {
                self.sim.note(format_args!("woken: {}", press.act));
                self.go_on(*press, work).await;
            }
        }
        self.sim.calm_from_now();
        Ok(())
    }

    /// The row as it is, if the claim on it was lost.
    async fn lost(&self, claim: &Claimed) -> Result<Option<String>, Failed> {
        if claim.kind != Kind::Assignment {
            return Ok(None);
        }
        let held = self
            .eye
            .agenda()
            .await?
            .into_iter()
            .any(|(kind, id, epoch)| kind == claim.kind && id == claim.id && epoch == claim.epoch);
        if held { Ok(None) } else { Ok(Some(self.row(claim).await?)) }
    }

    async fn row(&self, claim: &Claimed) -> Result<String, Failed> {
        let id = crate::domain::id::AssignmentId::parse(&claim.id);
        Ok(match id {
            Some(id) => format!("{:?}", self.eye.assignment(&id).await?),
            None => String::new(),
        })
    }

    /// The process is gone, and started again. `alone`: nobody else can work on the record, so that what
    /// was claimed is taken over at once.
    pub async fn restart(&mut self, alone: bool) {
        let faults = std::mem::replace(&mut self.sim.state().faults, false);
        self.sim.note(if alone { "restarted, alone" } else { "restarted" });
        self.queue.clear();
        if alone {
            self.frozen.clear();
            if self.store.take_over().await.is_err() {
                self.sim.broken("claims cannot be taken over");
            }
        }
        match start(&self.sim, &self.store, &self.target, &self.messages).await {
            Ok(process) => self.process = process,
            Err(error) => self.sim.broken(format!("it does not start again: {error}")),
        }
        self.process.engine.scan(self.sim.now()).await;
        let mut state = self.sim.state();
        state.faults = faults;
        state.calm_since = state.time;
    }

    /// Somebody edits a target behind our back.
    async fn behind_our_back(&mut self) -> Result<(), Failed> {
        if self.sim.state().weather == Weather::Calm {
            return Ok(());
        }
        let (name, life) = self.a_life();
        let native = format!("{name}.{life}");
        let key = match self.chance(4) {
            0 => format!("shelf/a/{native}"),
            1 => format!("room/v/{native}"),
            2 => format!("edge/a/{native}"),
            _ => format!("edge/b/{native}"),
        };
        let row = self.eye.assignment_by_key(&key).await?;
        let untouched = row.is_none_or(|row| {
            row.state == AssignmentState::Ended || (row.state == AssignmentState::Granting && row.baseline.is_none())
        }) && self.frozen.is_empty();
        let mut state = self.sim.state();
        let mut world = self.target.world();
        let (what, time, bare) = (state.chance.below(4), state.time, key.starts_with("edge/"));
        let mut entry = world.entries.get(&key).cloned().unwrap_or_default();
        let wrong = match what {
            0 | 1 if entry.theirs.is_none() && !(bare && entry.ours.is_some()) => {
                entry.theirs = Some(Theirs { since: time, muddled: !untouched });
                Wrong::Given
            }
            2 if entry.ours.is_some() || entry.theirs.is_some() => {
                entry = super::target::Entry::default();
                Wrong::Taken
            }
            3 if !bare && entry.ours.is_some() => {
                entry.ours = entry.ours.map(|ours| Ours { changed: true, ..ours });
                Wrong::Changed
            }
            _ => return Ok(()),
        };
        state.note(&format_args!("{}: {key}", wrong.as_str()));
        state.wrong(wrong);
        if wrong != Wrong::Given {
            world.tampered.insert(key.clone(), time);
        }
        world.edit(&key, time, entry);
        Ok(())
    }

    /// Somebody, and which life of theirs this is.
    pub fn a_life(&self) -> (&'static str, u32) {
        let name = self.sim.state().chance.one_of(&PEOPLE).copied().unwrap_or("alice");
        (name, self.target.world().born.get(name).copied().unwrap_or(0))
    }

    /// What happens now and then to machines and to principals.
    async fn trouble(&mut self) -> Result<(), Failed> {
        if self.sim.state().weather == Weather::Calm {
            return Ok(());
        }
        match self.chance(6) {
            0 => {
                self.sim.state().wrong(Wrong::Restart);
                let alone = self.chance(2) == 0;
                self.restart(alone).await;
            }
            1 => {
                self.sim.note("the agenda is lost");
                self.sim.state().wrong(Wrong::NoAgenda);
                self.eye.lose_agenda().await?;
                self.laws.commits = 0;
                self.lost_agenda = true;
            }
            2 => {
                let mut state = self.sim.state();
                let span = state.chance.between(30_000, 3_600_000);
                let until = state.time + span;
                let which = if state.chance.below(2) == 0 { DEPOT } else { BARE };
                state.note(&format_args!("{which} is down for {}", Span(span)));
                state.wrong(Wrong::Down);
                drop(state);
                self.target.world().down.insert(which, until);
            }
            3 | 4 => {
                let mut state = self.sim.state();
                let off = state.chance.between(-20_000, 20_000);
                let wrong = if state.off < off { Wrong::Forward } else { Wrong::Back };
                state.wrong(wrong);
                (state.off, state.off_since) = (off, state.time);
                state.note(&format_args!("our clock is off by {off} ms"));
            }
            _ => {
                let (name, life) = self.a_life();
                if 5 <= life {
                    return Ok(()); // the world stays small
                }
                let mut state = self.sim.state();
                state.note(&format_args!("{name} is deleted and made anew"));
                state.wrong(Wrong::Recreated);
                let time = state.time;
                drop(state);
                self.target.world().born_again(name, life, time);
            }
        }
        Ok(())
    }

    pub fn did(&self) -> Did {
        let world = self.target.world();
        Did {
            requests: u64::try_from(self.laws.requests.len()).unwrap_or(0),
            grants: self.laws.grants,
            calls: world.grants + world.revokes,
            looks: self.laws.looks,
        }
    }
}

pub fn email(name: &str) -> Result<Email, Failed> {
    Email::parse(&format!("{name}@acme.example")).ok_or(Failed::Setting)
}

async fn start(sim: &Arc<Sim>, store: &Store, target: &Target, messages: &Messages) -> Result<Process, Failed> {
    let store = store.beside(sim.clone());
    let connectors = Connectors::default();
    let of = |integration| Arc::new(Target { integration, ..target.clone() }) as Arc<dyn Connector>;
    connectors.replace(BTreeMap::from([(DEPOT.to_owned(), of(DEPOT)), (BARE.to_owned(), of(BARE))]));
    let key = Arc::new(Key::from_bytes([7; 32]));
    let metrics = Arc::new(Metrics::default());
    let engine = Engine::new(store.clone(), sim.clone(), connectors.clone(), key.installation(), metrics);
    engine.configure(Limits { orphans: Orphans::Revoke, breaker: 100_000 });
    let desk = Desk::new(Parts { store, outside: sim.clone(), connectors, index: Arc::new(Index::default()), key });
    let catalog = Catalog::load(MANIFESTS, &[], &|_| Some(Offers::These(Vec::new()))).map_err(|_| Failed::Setting)?;
    let places = vec![ApprovalsPlace { surface: NAME.into(), realm: REALM.into() }];
    desk.configure(catalog, places.clone());
    let policy = Policy {
        approvers: Holders { people: vec![email("bob")?, email("carol")?], groups: Vec::new() },
        reviewers: Holders::default(),
        owners: Holders::default(),
        rules: Vec::new(),
        on_call: Vec::new(),
        standing: Span::days(1),
        allow_one_party: false,
        require_reason: false,
        durations: vec![Span::hours(1)],
        longest: Span::hours(2),
        approvable: Span::hours(1),
        allowance: Span::minutes(15),
        open_requests: 6,
        at_once: None,
    };
    desk.put_policy(Some(&policy)).await?;
    engine.add_surface(Arc::new(Board { sim: sim.clone(), desk: desk.clone(), messages: messages.clone() }), &places);
    Ok(Process { desk, engine })
}
