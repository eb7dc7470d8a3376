//! The simulated outside: a clock that the simulation moves, chance from a seed, faults at named places,
//! and the list of what happened. It never waits and never reads the real time.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::wrong::{Chance, Weather, Wrong};
use crate::domain::outside::{Faults, Outside, Trouble};
use crate::domain::time::{Clock, Time};

pub struct Sim(Mutex<State>);

/// What became of a piece of work that was driven.
pub enum Driven<T> {
    Done(T),
    /// The process died in it.
    Crashed,
    /// It stands still, until it is woken.
    Frozen(oneshot::Sender<()>),
}

enum Stop {
    Crash,
    Freeze(oneshot::Sender<()>),
}

pub struct State {
    /// The true time, which is the targets' own.
    pub time: i64,
    /// How far our clock is off.
    pub off: i64,
    /// When that last changed, in true time.
    pub off_since: i64,
    /// What the program draws from: ids, jitter.
    program: Chance,
    /// What the simulation draws from.
    pub chance: Chance,
    pub weather: Weather,
    /// Whether anything goes wrong at all just now.
    pub faults: bool,
    pub counts: Vec<u64>,
    /// The true time of the last fault that can hold anything up.
    pub calm_since: i64,
    stop: Option<Stop>,
    pub commits: u64,
    pub statements: u64,
    pub step: u64,
    past: VecDeque<String>,
    /// How much of the past is told when something broke.
    told: usize,
    digest: u64,
    /// The first law that was broken, in a sentence.
    pub broken: Option<String>,
}

impl Sim {
    pub fn new(seed: u64, told: usize) -> Sim {
        let mut chance = Chance(seed);
        let program = Chance(chance.next());
        Sim(Mutex::new(State {
            time: 1_700_000_000_000,
            off: 0,
            off_since: 0,
            program,
            chance,
            weather: Weather::Calm,
            faults: false,
            counts: vec![0; Wrong::ALL.len()],
            calm_since: 1_700_000_000_000,
            stop: None,
            commits: 0,
            statements: 0,
            step: 0,
            past: VecDeque::new(),
            told,
            digest: 0xcbf2_9ce4_8422_2325,
            broken: None,
        }))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whatever is late is late from now on only.
    pub fn calm_from_now(&self) {
        let mut state = self.state();
        state.calm_since = state.time;
    }

    /// Something happened: part of the run's digest, and told if something breaks soon.
    pub fn note(&self, what: impl std::fmt::Display) {
        self.state().note(&what);
    }

    /// A law was broken. Only the first is kept: what follows may follow from it.
    pub fn broken(&self, why: impl Into<String>) {
        let mut state = self.state();
        if state.broken.is_none() {
            let why = why.into();
            state.note(&format_args!("BROKEN: {why}"));
            state.broken = Some(why);
        }
    }

    /// Stands still here until the simulation wakes it.
    pub async fn freeze(&self, place: &str) {
        let (wake, woken) = oneshot::channel();
        {
            let mut state = self.state();
            state.note(&format_args!("frozen at {place}"));
            state.wrong(Wrong::Frozen);
            state.stop = Some(Stop::Freeze(wake));
        }
        // An error: the simulation dropped it, which is as good as never.
        if woken.await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Goes on with a piece of work until it is done, dies, or stands still.
    pub async fn drive<T>(&self, work: &mut (impl Future<Output = T> + Unpin)) -> Driven<T> {
        let mut work = std::pin::Pin::new(work);
        std::future::poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Driven::Done(done)),
            Poll::Pending => match self.state().stop.take() {
                Some(Stop::Crash) => Poll::Ready(Driven::Crashed),
                Some(Stop::Freeze(wake)) => Poll::Ready(Driven::Frozen(wake)),
                None => Poll::Pending,
            },
        })
        .await
    }
}

impl State {
    pub fn note(&mut self, what: &dyn std::fmt::Display) {
        let line = format!("{:>7} {}  {what}", self.step, Time(self.time + self.off));
        for byte in line.bytes() {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.told <= self.past.len() {
            self.past.pop_front();
        }
        self.past.push_back(line);
    }

    pub fn past(&self) -> Vec<String> {
        self.past.iter().cloned().collect()
    }

    /// One number for everything that happened.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    pub fn wrong(&mut self, what: Wrong) {
        if let Some(place) = Wrong::ALL.iter().position(|known| *known == what) {
            self.counts[place] += 1;
        }
        self.calm_since = self.time;
    }

    /// Does this go wrong now, at a place that goes wrong in so many of ten thousand cases?
    pub fn goes_wrong(&mut self, cases: u64) -> bool {
        self.faults && self.chance.in_10_000(cases)
    }
}

impl Clock for Sim {
    fn now(&self) -> Time {
        let state = self.state();
        Time(state.time + state.off)
    }
}

impl Outside for Sim {
    fn random(&self) -> u128 {
        let mut state = self.state();
        (u128::from(state.program.next()) << 64) | u128::from(state.program.next())
    }

    fn faults(&self) -> Option<&dyn Faults> {
        Some(self)
    }
}

/// What may go wrong at a place.
enum At {
    Crash,
    Freeze,
    Trouble(Trouble, Wrong),
}

#[async_trait]
impl Faults for Sim {
    async fn reach(&self, place: &'static str) -> Result<(), Trouble> {
        let freeze = {
            let mut state = self.state();
            match place {
                "store.statement" | "store.read" => state.statements += 1,
                "store.after-commit" => state.commits += 1,
                _ => {}
            }
            let cases = state.weather.of_places();
            if !state.goes_wrong(cases) {
                return Ok(());
            }
            let busy = At::Trouble(Trouble::Busy, Wrong::Busy);
            let full = At::Trouble(Trouble::Full, Wrong::Full);
            let lost = At::Trouble(Trouble::LostAnswer, Wrong::LostCommit);
            let at = match (place, state.chance.below(4)) {
                (_, 0) => At::Crash,
                ("store.begin", 1) => busy,
                ("store.begin" | "store.read", _) => At::Freeze,
                ("store.statement" | "store.before-commit", 1) => busy,
                ("store.statement" | "store.before-commit", 2) => full,
                ("store.after-commit", _) => lost,
                (_, _) => At::Crash,
            };
            match at {
                At::Crash => {
                    state.note(&format_args!("dies at {place}"));
                    state.wrong(Wrong::Crash);
                    state.stop = Some(Stop::Crash);
                    false
                }
                At::Freeze => true,
                At::Trouble(trouble, wrong) => {
                    state.note(&format_args!("{place}: {trouble}"));
                    state.wrong(wrong);
                    return Err(trouble);
                }
            }
        };
        if freeze {
            self.freeze(place).await;
        } else {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// Looks at the record from beside: the same clock, nothing goes wrong, nobody's chance is drawn.
pub struct Eye(pub std::sync::Arc<Sim>);

impl Clock for Eye {
    fn now(&self) -> Time {
        self.0.now()
    }
}

impl Outside for Eye {
    fn random(&self) -> u128 {
        1
    }
}
