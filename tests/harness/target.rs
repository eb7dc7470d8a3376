//! A target in memory, as real targets are: idempotent, late, lossy, edited behind our back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use p0::connectors::Connector;
use p0::domain::access::{Ask, Assignment, Called, Choice, Cut, Marked, Observed, Plan, Planned, Principal};
use p0::domain::assignment::Timing;
use p0::domain::fault::Fault;
use p0::domain::time::{Clock, Span, Time};

use super::world::Outer;

pub const MANIFEST: &str = r#"
manifest: 1
name: depot
title: Depot
aliases: [store]
connector: depot
access:
  shelf:
    title: Shelf
    args:
      - { name: shelf, title: Shelf, kind: choice, options: { source: shelves } }
      - { name: beside, title: Beside, kind: choice, options: { source: shelves }, flag: true, optional: true }
    effect: "shelf {shelf}"
    after: Walk to shelf {shelf}.
  room:
    title: Room with its gate
    help: Opens the gate first, then the room.
    args:
      - { name: room, title: Room, kind: choice, options: { source: rooms } }
    effect: "room {room}"
"#;

/// Who made an entry true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Us,
    Somebody,
}

/// How the next call of a kind goes wrong.
#[derive(Debug, Clone)]
pub enum Lie {
    /// Does nothing and says so.
    Refuses(Fault),
    /// Does it, and the answer is lost.
    LosesTheAnswer,
    /// Does nothing now; it lands this much later, and the answer is lost.
    LandsLate(Span),
    /// Works on it for so long and says so.
    WorksOnIt(Span),
    /// Says yes and does nothing.
    OnlySaysYes,
}

#[derive(Default)]
pub struct State {
    pub held: BTreeMap<String, By>,
    pub lies: BTreeMap<&'static str, VecDeque<Lie>>,
    /// While down, every call fails.
    pub down: bool,
    /// While it hangs, nobody who looks is answered.
    pub hangs: bool,
    /// What cannot be taken away just now.
    pub jammed: BTreeSet<String>,
    /// What is still to land: when, key, there or gone.
    landing: Vec<(Time, String, bool)>,
    /// Everything that was asked of it: `grant shelf/a/alice@acme.example @ 60000`.
    pub calls: Vec<String>,
    /// Until when it works on a call.
    works_until: Option<Time>,
    pub marks: bool,
    /// Everybody has the same login there.
    pub one_login: bool,
    pub sessions: u32,
}

#[derive(Clone)]
pub struct Target {
    pub state: Arc<Mutex<State>>,
    outer: Arc<Outer>,
}

impl Target {
    pub fn new(outer: Arc<Outer>) -> Target {
        Target { state: Arc::default(), outer }
    }

    pub fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().expect("no panic while it was held");
        let now = self.outer.now();
        let (due, later) = std::mem::take(&mut state.landing).into_iter().partition(|(at, ..)| *at <= now);
        state.landing = later;
        let due: Vec<(Time, String, bool)> = due;
        for (_, key, there) in due {
            if there {
                state.held.insert(key, By::Us);
            } else {
                state.held.remove(&key);
            }
        }
        act(&mut state)
    }

    pub fn lies(&self, call: &'static str, lie: Lie) {
        self.with(|state| state.lies.entry(call).or_default().push_back(lie));
    }

    pub fn holds(&self, key: &str) -> bool {
        self.with(|state| state.held.contains_key(key))
    }

    pub fn calls(&self) -> Vec<String> {
        self.with(|state| state.calls.clone())
    }

    fn how_far(&self) -> Called {
        let now = self.outer.now();
        match self.with(|state| state.works_until).filter(|until| now < *until) {
            Some(_) => Called::Working { handle: None, again: Span::seconds(2) },
            None => Called::DONE,
        }
    }

    fn call(&self, call: &'static str, key: &str, act: impl Fn(&mut State)) -> Result<(), Fault> {
        let now = self.outer.now();
        self.with(|state| {
            state.calls.push(format!("{call} {key}"));
            if state.down {
                return Err(Fault::later("The depot cannot be reached."));
            }
            if call == "revoke" && state.jammed.contains(key) {
                return Err(Fault::later("It is jammed."));
            }
            match state.lies.get_mut(call).and_then(VecDeque::pop_front) {
                None => {
                    act(state);
                    Ok(())
                }
                Some(Lie::Refuses(fault)) => Err(fault),
                Some(Lie::LosesTheAnswer) => {
                    act(state);
                    Err(Fault::Maybe { why: "The answer was lost.".into() })
                }
                Some(Lie::LandsLate(after)) => {
                    state.landing.push((now + after, key.to_owned(), call == "grant"));
                    Err(Fault::Maybe { why: "The answer was lost.".into() })
                }
                Some(Lie::WorksOnIt(after)) => {
                    state.landing.push((now + after, key.to_owned(), call == "grant"));
                    state.works_until = Some(now + after);
                    Ok(())
                }
                Some(Lie::OnlySaysYes) => Ok(()),
            }
        })
    }
}

fn planned(key: String) -> Planned {
    Planned {
        connector: "depot".into(),
        lane: key.rsplit_once('/').map_or(String::new(), |(lane, _)| lane.to_owned()),
        target: serde_json::json!({}),
        effect: key.clone(),
        key,
    }
}

#[async_trait]
impl Connector for Target {
    fn timing(&self) -> Timing {
        Timing { call: Span::seconds(5), settle: Span::seconds(10), per_second: 1000 }
    }

    fn sources(&self) -> Vec<&str> {
        vec!["shelves", "rooms"]
    }

    async fn check(&self) -> Result<(), Fault> {
        Ok(())
    }

    async fn choices(&self, source: &str) -> Result<Vec<Choice>, Fault> {
        let values: &[&str] = if source == "shelves" { &["a", "b", "c"] } else { &["vault", "attic"] };
        let choice = |value: &&str| Choice { value: (*value).into(), label: (*value).into(), given: Default::default() };
        Ok(values.iter().map(choice).collect())
    }

    async fn plan(&self, ask: &Ask) -> Result<Plan, Fault> {
        self.call("plan", ask.email.as_str(), |_| {})?;
        if ask.email.local() == "stranger" {
            return Err(Fault::never("The depot has no account for you; ask its keeper for one."));
        }
        let email = &ask.email;
        let assignments = match (ask.access.args.get("shelf"), ask.access.args.get("room")) {
            (Some(shelf), _) if self.with(|state| state.one_login) => vec![planned(format!("shelf/{shelf}/shared"))],
            (Some(shelf), _) => vec![planned(format!("shelf/{shelf}/{email}"))],
            (_, Some(room)) => vec![planned(format!("gate/{room}/{email}")), planned(format!("room/{room}/{email}"))],
            (None, None) => return Err(Fault::never("Say which shelf or room.")),
        };
        let principal = Principal { name: email.local().into(), native: email.as_str().into() };
        Ok(Plan { principal, assignments, warning: None, connect: None })
    }

    async fn observe(&self, assignment: &Assignment) -> Result<Observed, Fault> {
        self.call("observe", &assignment.key, |_| {})?;
        while self.with(|state| state.hangs) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        Ok(self.with(|state| match state.held.get(&assignment.key) {
            None => Observed::Absent,
            Some(By::Us) if state.marks => Observed::Ours,
            Some(By::Somebody) if state.marks => Observed::Foreign { by: "the keeper".into() },
            Some(By::Us | By::Somebody) => Observed::Held,
        }))
    }

    async fn grant(&self, assignment: &Assignment, deadline: Time) -> Result<Called, Fault> {
        let (key, in_time) = (assignment.key.clone(), self.outer.now() < deadline);
        self.call("grant", &assignment.key, move |state| {
            if in_time {
                state.held.entry(key.clone()).or_insert(By::Us);
            }
        })?;
        Ok(self.how_far())
    }

    async fn revoke(&self, assignment: &Assignment) -> Result<Called, Fault> {
        let key = assignment.key.clone();
        self.call("revoke", &assignment.key, move |state| {
            if !state.marks || state.held.get(&key) == Some(&By::Us) {
                state.held.remove(&key);
            }
        })?;
        Ok(self.how_far())
    }

    async fn poll(&self, assignment: &Assignment) -> Result<Called, Fault> {
        self.call("poll", &assignment.key, |_| {})?;
        Ok(self.how_far())
    }

    async fn ours(&self, mark: &str) -> Result<Vec<Marked>, Fault> {
        self.call("ours", mark, |_| {})?;
        let held = self.with(|state| if state.marks { state.held.clone() } else { BTreeMap::new() });
        let ours = held.into_iter().filter(|(_, by)| *by == By::Us);
        Ok(ours.map(|(key, _)| Marked { planned: planned(key), mark: None }).collect())
    }

    async fn cut(&self, assignment: &Assignment) -> Result<Cut, Fault> {
        self.call("cut", &assignment.key, |_| {})?;
        Ok(self.with(|state| match std::mem::take(&mut state.sessions) {
            0 => Cut::NotNeeded,
            sessions => Cut::Ended { sessions },
        }))
    }
}
