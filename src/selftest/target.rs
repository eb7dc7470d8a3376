//! Two simulated targets that lie: `depot`, whose objects bear marks and which knows no deadlines, and
//! `bare`, which only knows that something is there, and honours deadlines. They know the truth: what
//! the calls really did and who made what.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::sim::{Sim, State};
use super::wrong::Wrong;
use crate::connectors::Connector;
use crate::domain::access::{Ask, Assignment, Called, Choice, Cut, Marked, Observed, Plan, Planned, Principal};
use crate::domain::assignment::Timing;
use crate::domain::fault::Fault;
use crate::domain::time::{Clock, Span, Time};
use crate::store::Store;

pub const DEPOT: &str = "depot";
pub const BARE: &str = "bare";

pub const MANIFESTS: &[(&str, &str)] = &[
    (
        "selftest/depot.yaml",
        r#"manifest: 1
name: depot
title: Depot
connector: depot
access:
  shelf:
    title: Shelf
    args: [ { name: shelf, title: Shelf, kind: text } ]
    effect: "shelf {shelf}"
  room:
    title: Room with its gate
    args: [ { name: room, title: Room, kind: text } ]
    effect: "room {room}"
"#,
    ),
    (
        "selftest/bare.yaml",
        r#"manifest: 1
name: bare
title: Bare
connector: bare
access:
  edge:
    title: Edge
    args: [ { name: edge, title: Edge, kind: text } ]
    effect: "edge {edge}"
  both:
    title: A shelf of the depot and an edge
    args: [ { name: both, title: Both, kind: text } ]
    effect: "both {both}"
"#,
    ),
];

/// The longest that a call may still land after it was given up, and that a look may show what was.
/// Together they are less than what is declared as `settle`.
const LANDS_WITHIN: i64 = 12_000;
const STALE_FOR: i64 = 5_000;
const CALL: Span = Span::seconds(10);
const SETTLE: Span = Span::seconds(20);

/// What we have there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    /// The true time since when.
    pub since: i64,
    pub mark: String,
    pub changed: bool,
    /// It landed when nobody could know of it any more: a process that was frozen made the call, or our
    /// clock jumped while it was waited for.
    pub unexpected: bool,
}

/// What somebody else gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theirs {
    pub since: i64,
    /// It came where it cannot be told from ours, or at the moment of our first look.
    pub muddled: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    pub ours: Option<Ours>,
    pub theirs: Option<Theirs>,
}

struct Landing {
    at: i64,
    called: i64,
    integration: &'static str,
    key: String,
    mark: String,
    /// `None`: it takes away.
    deadline: Option<Time>,
    unexpected: bool,
}

#[derive(Default)]
pub struct World {
    pub entries: BTreeMap<String, Entry>,
    /// What was there before the last change, and when that was.
    before: BTreeMap<String, (i64, Entry)>,
    landing: Vec<Landing>,
    /// By integration: down until this true time.
    pub down: BTreeMap<&'static str, i64>,
    /// Which life of a principal this is.
    pub born: BTreeMap<String, u32>,
    /// Keys whose access the record cannot know to be away: edited, or hit by a frozen call.
    pub tampered: BTreeMap<String, i64>,
    /// Keys with a live grant, as the simulation last saw them in the record.
    pub covered: BTreeMap<String, i64>,
    pub grants: u64,
    pub revokes: u64,
}

#[derive(Clone)]
pub struct Target {
    pub integration: &'static str,
    pub sim: Arc<Sim>,
    pub world: Arc<Mutex<World>>,
    /// For looking into the record from inside a call.
    pub eye: Arc<Mutex<Option<Store>>>,
}

enum Lie {
    None,
    Refuses(Fault),
    LosesAnswer,
    Late(i64),
    Twice(i64),
    OnlyYes,
    Works(i64),
}

impl World {
    fn change(&mut self, key: &str, time: i64, change: impl FnOnce(&mut Entry)) {
        let entry = self.entries.entry(key.to_owned()).or_default();
        let was = entry.clone();
        change(entry);
        if *entry != was {
            if *entry == Entry::default() {
                self.entries.remove(key);
            }
            self.before.insert(key.to_owned(), (time, was));
        }
    }

    /// Somebody else made it so.
    pub fn edit(&mut self, key: &str, time: i64, to: Entry) {
        self.change(key, time, |entry| *entry = to);
    }

    /// When this key last changed.
    pub fn changed_at(&self, key: &str) -> i64 {
        self.before.get(key).map_or(0, |(at, _)| *at)
    }

    /// A principal is deleted, with all it had, and made anew under the same name.
    pub fn born_again(&mut self, name: &str, life: u32, time: i64) {
        self.born.insert(name.to_owned(), life + 1);
        let gone = format!("/{name}.{life}");
        for key in self.entries.keys().filter(|key| key.ends_with(&gone)).cloned().collect::<Vec<_>>() {
            self.edit(&key, time, Entry::default());
            self.tampered.insert(key, time);
        }
    }

    /// Is this key's principal the one that lives now?
    fn lives(&self, key: &str) -> bool {
        let native = key.rsplit('/').next().unwrap_or_default();
        let (name, life) = native.split_once('.').unwrap_or((native, "0"));
        self.born.get(name).copied().unwrap_or(0).to_string() == life
    }
}

impl Target {
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn marks(&self) -> bool {
        self.integration == DEPOT
    }

    /// Everything that lands by now has landed.
    pub fn land(&self) {
        let (time, off, off_since) = {
            let state = self.sim.state();
            (state.time, state.off, state.off_since)
        };
        let mut world = self.world();
        let (mut due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut world.landing).into_iter().partition(|it| it.at <= time);
        world.landing = later;
        due.sort_by_key(|landing| landing.at);
        for mut landing in due {
            landing.unexpected |= landing.called <= off_since;
            self.sim.note(format_args!(
                "lands now: {} {}",
                if landing.deadline.is_some() { "grant" } else { "revoke" },
                landing.key
            ));
            self.sim.state().calm_since = time;
            match landing.deadline {
                Some(deadline) => give(&mut world, &landing, deadline, time, off),
                None => self.take(&mut world, &landing, time, off),
            }
        }
    }

    fn take(&self, world: &mut World, landing: &Landing, time: i64, off: i64) {
        let key = &landing.key;
        let entry = world.entries.get(key).cloned().unwrap_or_default();
        let next_life = entry.ours.as_ref().is_some_and(|ours| landing.called < ours.since);
        if let (BARE, Some(theirs)) = (landing.integration, &entry.theirs)
            && !theirs.muddled
            && theirs.since < landing.called
            && !landing.unexpected
        {
            self.sim.broken(format!("{key} was there before us and was taken away"));
        }
        if next_life && world.covered.get(key).is_some_and(|until| time + off < *until) {
            if landing.unexpected {
                world.tampered.insert(key.clone(), time);
            } else {
                self.sim.broken(format!("a revocation of {key} that was lost landed in the access's next life"));
            }
        }
        world.change(key, time, |entry| {
            entry.ours = None;
            if landing.integration == BARE {
                entry.theirs = None;
            }
        });
    }

    fn faulty(&self, state: &mut State, grant: bool) -> Lie {
        let cases = state.weather.of_calls();
        if !state.goes_wrong(cases) {
            return Lie::None;
        }
        let after = state.chance.between(500, LANDS_WITHIN);
        let (lie, wrong) = match state.chance.below(16) {
            0 | 1 => (Lie::Refuses(Fault::later("The target is busy.")), Wrong::Refused),
            2 => (Lie::Refuses(Fault::Denied { why: "Our credential lacks a right.".into() }), Wrong::Refused),
            3 if grant => (Lie::Refuses(Fault::never("It is closed for good.")), Wrong::Refused),
            3..=5 => (Lie::LosesAnswer, Wrong::LostAnswer),
            6..=8 => (Lie::Late(after), Wrong::Late),
            9 | 10 => (Lie::Twice(after), Wrong::Twice),
            11 => (Lie::OnlyYes, Wrong::OnlyYes),
            12 | 13 => {
                let after = Some(Span::seconds(state.chance.between(2, 60)));
                (Lie::Refuses(Fault::Later { why: "Too many calls.".into(), after }), Wrong::Throttled)
            }
            _ => (Lie::Works(after), Wrong::Working),
        };
        state.wrong(wrong);
        lie
    }

    /// Time that a call takes, and what happens to it on the way. `Err`: it never arrived.
    async fn on_the_way(&self, what: &'static str, key: &str) -> Result<bool, Fault> {
        let freeze = {
            let mut state = self.sim.state();
            state.note(&format_args!("{what} {key}"));
            let cases = state.weather.of_calls() / 8;
            if state.goes_wrong(cases) {
                state.time += state.chance.between(100, CALL.0);
                state.wrong(Wrong::Slow);
            }
            let cases = state.weather.of_calls() / 40;
            state.goes_wrong(cases)
        };
        if freeze {
            self.sim.freeze(what).await;
        }
        self.land();
        let mut state = self.sim.state();
        if self.world().down.get(self.integration).is_some_and(|until| state.time < *until) {
            state.calm_since = state.time;
            return Err(Fault::later("The target cannot be reached."));
        }
        Ok(freeze)
    }

    /// A call that changes something.
    async fn change(&self, assignment: &Assignment, deadline: Option<Time>) -> Result<Called, Fault> {
        let what = if deadline.is_some() { "grant" } else { "revoke" };
        let key = &assignment.key;
        let called = self.sim.state().time;
        let unexpected = self.on_the_way(what, key).await?;
        let mut state = self.sim.state();
        let (time, off) = (state.time, state.off);
        let lie = self.faulty(&mut state, deadline.is_some());
        drop(state);
        let mut world = self.world();
        if !world.lives(key) {
            return match deadline {
                Some(_) => Err(Fault::never("There is no such principal any more.")),
                None => Ok(Called::DONE),
            };
        }
        let landing = Landing {
            at: time,
            called,
            integration: self.integration,
            key: key.clone(),
            mark: assignment.mark.clone(),
            deadline,
            unexpected,
        };
        let lost = Err(Fault::Maybe { why: "The answer was lost.".into() });
        let now = |world: &mut World| match deadline {
            Some(deadline) => give(world, &landing, deadline, time, off),
            None => self.take(world, &landing, time, off),
        };
        let answer = match lie {
            Lie::None => {
                now(&mut world);
                Ok(Called::DONE)
            }
            Lie::Refuses(fault) => return Err(fault),
            Lie::LosesAnswer => {
                now(&mut world);
                lost
            }
            Lie::Late(after) => {
                world.landing.push(Landing { at: time + after, ..landing });
                lost
            }
            Lie::Twice(after) => {
                now(&mut world);
                world.landing.push(Landing { at: time + after, ..landing });
                Ok(Called::DONE)
            }
            Lie::OnlyYes => return Ok(Called::DONE),
            Lie::Works(after) => {
                world.landing.push(Landing { at: time + after, ..landing });
                Ok(Called::Working { handle: None, again: Span(after / 2) })
            }
        };
        match deadline {
            Some(_) => world.grants += 1,
            None => world.revokes += 1,
        }
        answer
    }

    /// Nothing is taken away that a usable grant still asks for.
    async fn still_asked_for(&self, key: &str) {
        let Some(eye) = self.eye.lock().ok().and_then(|eye| eye.clone()) else { return };
        let Ok(Some(row)) = eye.assignment_by_key(key).await else { return };
        let (now, live) = (self.sim.now(), eye.live_grants(&row.id).await.unwrap_or_default());
        if let Some(held) = live.iter().find(|held| held.grant.usable_at.is_some() && now < held.grant.ends_at) {
            self.sim.broken(format!("{key} is taken away while {} still asks for it", held.grant.id));
        }
    }

    /// A call to grant has its durable intent: a live grant, and what was there before is known.
    async fn intent(&self, key: &str) {
        let Some(eye) = self.eye.lock().ok().and_then(|eye| eye.clone()) else { return };
        let now = self.sim.now();
        let Ok(row) = eye.assignment_by_key(key).await else { return self.sim.broken("the record cannot be read") };
        let Some(row) = row else { return self.sim.broken(format!("{key} is granted without a row in the record")) };
        if row.baseline.is_none() {
            self.sim.broken(format!("{key} is granted before anybody looked whether it was there before"));
        }
        let live = eye.live_grants(&row.id).await.unwrap_or_default();
        if !live.iter().any(|held| held.ready && now < held.grant.ends_at) {
            self.sim.broken(format!("{key} is granted and no live grant in the record asks for it"));
        }
    }
}

fn give(world: &mut World, landing: &Landing, deadline: Time, time: i64, off: i64) {
    let bare = landing.integration == BARE;
    // `bare` compares with its own clock, which is the true time.
    if !world.lives(&landing.key) || (bare && deadline.0 < time) {
        return;
    }
    let uncovered = world.covered.get(&landing.key).is_none_or(|until| *until <= time + off);
    let ours = Ours { since: time, mark: landing.mark.clone(), changed: false, unexpected: landing.unexpected && uncovered };
    world.change(&landing.key, time, |entry| {
        if entry.ours.is_none() && !(bare && entry.theirs.is_some()) {
            entry.ours = Some(ours);
        }
    });
}

fn planned(key: String) -> Planned {
    let connector = if key.starts_with("edge/") { BARE } else { DEPOT };
    let lane = match key.rsplit_once('/') {
        Some((thing, _)) if connector == DEPOT => format!("{DEPOT}/{thing}"),
        Some((_, native)) => format!("{BARE}/{native}"),
        None => key.clone(),
    };
    Planned { connector: connector.into(), lane, target: serde_json::json!({}), effect: key.clone(), key }
}

#[async_trait]
impl Connector for Target {
    fn timing(&self) -> Timing {
        Timing { call: CALL, settle: SETTLE, per_second: 50 }
    }

    fn sources(&self) -> Vec<&str> {
        vec![]
    }

    async fn check(&self) -> Result<(), Fault> {
        Ok(())
    }

    async fn choices(&self, _source: &str) -> Result<Vec<Choice>, Fault> {
        Ok(Vec::new())
    }

    async fn plan(&self, ask: &Ask) -> Result<Plan, Fault> {
        self.on_the_way("plan for", ask.email.local()).await?;
        let name = ask.email.local();
        let native = format!("{name}.{}", self.world().born.get(name).copied().unwrap_or(0));
        let arg = |name: &str| ask.access.args.get(name).cloned().unwrap_or_default();
        let keys = match ask.access.access_type.as_str() {
            "shelf" => vec![format!("shelf/{}/{native}", arg("shelf"))],
            "room" => vec![format!("gate/{}/{native}", arg("room")), format!("room/{}/{native}", arg("room"))],
            "edge" => vec![format!("edge/{}/{native}", arg("edge"))],
            _ => vec![format!("shelf/{}/{native}", arg("both")), format!("edge/{}/{native}", arg("both"))],
        };
        let principal = Principal { name: name.into(), native };
        Ok(Plan { principal, assignments: keys.into_iter().map(planned).collect(), warning: None, connect: None })
    }

    async fn observe(&self, assignment: &Assignment) -> Result<Observed, Fault> {
        let key = &assignment.key;
        self.on_the_way("look at", key).await?;
        let mut state = self.sim.state();
        let mut world = self.world();
        let cases = state.weather.of_calls() / 8;
        if state.goes_wrong(cases) {
            state.wrong(Wrong::Refused);
            return Err(Fault::later("The target is busy."));
        }
        let mut entry = world.entries.get(key).cloned().unwrap_or_default();
        let before = world.before.get(key).filter(|(at, _)| state.time < at + STALE_FOR).map(|(_, before)| before.clone());
        let cases = state.weather.of_calls();
        if let Some(before) = before
            && before != entry
            && state.goes_wrong(cases)
        {
            state.wrong(Wrong::Stale);
            if let Some(theirs) = world.entries.get_mut(key).and_then(|entry| entry.theirs.as_mut()) {
                theirs.muddled = true; // hidden at the moment of the look
            }
            entry = before;
        }
        let seen = match (self.marks(), entry.ours, entry.theirs) {
            (_, None, None) => Observed::Absent,
            (true, Some(ours), _) if ours.changed => Observed::Changed { how: "it gives more than was granted".into() },
            (true, Some(_), _) => Observed::Ours,
            (true, None, Some(_)) => Observed::Foreign { by: "the keeper".into() },
            (false, _, _) => Observed::Held,
        };
        state.note(&format_args!("  seen: {seen}"));
        Ok(seen)
    }

    async fn grant(&self, assignment: &Assignment, deadline: Time) -> Result<Called, Fault> {
        self.intent(&assignment.key).await;
        self.change(assignment, Some(deadline)).await
    }

    async fn revoke(&self, assignment: &Assignment) -> Result<Called, Fault> {
        self.still_asked_for(&assignment.key).await;
        self.change(assignment, None).await
    }

    async fn poll(&self, assignment: &Assignment) -> Result<Called, Fault> {
        self.on_the_way("poll", &assignment.key).await?;
        let time = self.sim.state().time;
        let at = self.world().landing.iter().filter(|it| it.key == assignment.key).map(|it| it.at).max();
        Ok(at.map_or(Called::DONE, |at| Called::Working { handle: None, again: Span(at - time) }))
    }

    async fn ours(&self, mark: &str) -> Result<Vec<Marked>, Fault> {
        self.on_the_way("list what is ours in", self.integration).await?;
        if !self.marks() {
            return Ok(Vec::new());
        }
        let world = self.world();
        let ours = world.entries.iter().filter_map(|(key, entry)| Some((key, entry.ours.as_ref()?)));
        let ours = ours.filter(|(key, ours)| !key.starts_with("edge/") && ours.mark.starts_with(mark));
        Ok(ours.map(|(key, ours)| Marked { planned: planned(key.clone()), mark: Some(ours.mark.clone()) }).collect())
    }

    async fn cut(&self, assignment: &Assignment) -> Result<Cut, Fault> {
        self.on_the_way("cut", &assignment.key).await?;
        Ok(Cut::NotNeeded)
    }
}
