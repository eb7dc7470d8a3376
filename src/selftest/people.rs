//! What people do: ask, decide, take back, give back, take away; twice with one press, and two at once.

use std::fmt;
use std::pin::Pin;

use super::Failed;
use super::sim::Driven;
use super::world::{Frozen, Still, World};
use super::wrong::{Weather, Wrong};
use crate::catalog::form::Draft;
use crate::desk::{Answer, Came, Desk, DeskError};
use crate::domain::id::RequestId;
use crate::domain::time::Span;

#[derive(Debug, Clone)]
pub enum Act {
    Ask { access_type: &'static str, value: &'static str, length: Span },
    Approve(RequestId, Option<Span>),
    Deny(RequestId),
    Withdraw(RequestId),
    Relinquish(RequestId),
    Revoke(RequestId, bool),
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Ask { access_type, value, length } => write!(f, "asks for {access_type} {value} for {length}"),
            Act::Approve(id, _) => write!(f, "approves {id}"),
            Act::Deny(id) => write!(f, "denies {id}"),
            Act::Withdraw(id) => write!(f, "takes back {id}"),
            Act::Relinquish(id) => write!(f, "gives back {id}"),
            Act::Revoke(id, all) => write!(f, "revokes {id}{}", if *all { " and all beside it" } else { "" }),
        }
    }
}

/// One press, and what it was answered.
#[derive(Debug, Clone)]
pub struct Press {
    pub came: Came,
    pub act: Act,
    pub answer: Option<Answer>,
}

pub type Work = Pin<Box<dyn Future<Output = Result<Answer, DeskError>>>>;

fn work(desk: Desk, came: Came, act: Act) -> Work {
    Box::pin(async move {
        match act {
            Act::Ask { access_type, value, length } => {
                let integration = if matches!(access_type, "edge" | "both") { "bare" } else { "depot" };
                let draft = Draft {
                    integration: Some(integration.into()),
                    access_type: Some(access_type.into()),
                    values: [(access_type.to_owned(), value.to_owned())].into(),
                    duration: Some(length),
                    ..Draft::default()
                };
                desk.submit(&came, draft).await
            }
            Act::Approve(id, length) => desk.approve(&came, &id, length).await,
            Act::Deny(id) => desk.deny(&came, &id, None).await,
            Act::Withdraw(id) => desk.withdraw(&came, &id).await,
            Act::Relinquish(id) => desk.relinquish(&came, &id).await,
            Act::Revoke(id, all) => desk.revoke(&came, &id, all).await,
        }
    })
}

impl World {
    pub async fn somebody_acts(&mut self) -> Result<(), Failed> {
        let calm = self.sim.state().weather == Weather::Calm;
        if !calm && self.chance(12) == 0 && !self.presses.is_empty() {
            let place = usize::try_from(self.chance(u64::try_from(self.presses.len()).unwrap_or(1))).unwrap_or(0);
            let press = self.presses[place].clone();
            self.sim.state().wrong(Wrong::Repeated);
            self.deliver(press).await;
            return Ok(());
        }
        let Some((who, act)) = self.choose() else { return Ok(()) };
        if let (Act::Approve(id, _), 0) = (&act, self.chance(6)) {
            // Two at once: one is held up somewhere in its way, the other goes through.
            self.sim.state().wrong(Wrong::AtOnce);
            let other = if self.chance(2) == 0 { Act::Deny(id.clone()) } else { Act::Approve(id.clone(), None) };
            let one = self.press(who, act);
            let two = self.press(3 - who, other);
            let mut first = work(self.process.desk.clone(), one.came.clone(), one.act.clone());
            let mut second = work(self.process.desk.clone(), two.came.clone(), two.act.clone());
            self.sim.note(format_args!("{} {}, {} {} at once", who, one.act, 3 - who, two.act));
            let both = async move { tokio::join!(&mut first, &mut second) };
            let mut both = Box::pin(both);
            match self.sim.drive(&mut both).await {
                Driven::Done((a, b)) => {
                    self.answered(one, a);
                    self.answered(two, b);
                }
                Driven::Frozen(_) => drop(both), // to them it is as if the process had died
                Driven::Crashed => {
                    drop(both);
                    self.restart(false).await;
                }
            }
            return Ok(());
        }
        let press = self.press(who, act);
        self.deliver(press).await;
        Ok(())
    }

    fn press(&mut self, who: usize, act: Act) -> Press {
        self.pressed += 1;
        let (person, handle) = self.people[who].clone();
        let came = Came { key: format!("press:{}", self.pressed), person, handle, tell_by: None, unfinished: false, shown: None };
        Press { came, act, answer: None }
    }

    /// Who does what: something that makes sense, or sometimes something that does not.
    fn choose(&self) -> Option<(usize, Act)> {
        let mut state = self.sim.state();
        let recent: Vec<&RequestId> = self.laws.requests.keys().rev().take(12).collect();
        let id = state.chance.one_of(&recent).map(|id| (*id).clone());
        let approver = if state.chance.below(2) == 0 { 1 } else { 2 };
        let any = usize::try_from(state.chance.below(4)).unwrap_or(0);
        let act = state.chance.below(20);
        // Some think better of it at once, while it is being set up.
        let id = if 16 <= act && state.chance.below(2) == 0 { self.laws.approved.clone().or(id) } else { id };
        let owner = id.as_ref().and_then(|id| self.laws.requests.get(id)).map_or(any, |known| known.requestor);
        Some(match (act, id) {
            (0..=6, _) | (_, None) => {
                let access_type = *state.chance.one_of(&["shelf", "room", "edge", "both", "shelf"])?;
                let value = if access_type == "room" { "v" } else { *state.chance.one_of(&["a", "b"])? };
                let length = Span::minutes(state.chance.between(2, 45));
                (any, Act::Ask { access_type, value, length })
            }
            (7..=13, Some(id)) => {
                let open =
                    recent.iter().rev().find(|id| self.laws.requests.get(**id).is_some_and(|known| known.decided.is_none()));
                let length = (state.chance.below(3) == 0).then(|| Span::minutes(state.chance.between(1, 60)));
                (approver, Act::Approve(open.map_or(id, |open| (*open).clone()), length))
            }
            (14, Some(id)) => (approver, Act::Deny(id)),
            (15, Some(id)) => (owner, Act::Withdraw(id)),
            (16 | 17, Some(id)) => (owner, Act::Relinquish(id)),
            (18, Some(id)) => (approver, Act::Revoke(id, false)),
            (_, Some(id)) => (any, Act::Revoke(id, true)),
        })
    }

    async fn deliver(&mut self, press: Press) {
        self.sim.note(format_args!("{} {} ({})", press.came.person.name, press.act, press.came.key));
        let work = work(self.process.desk.clone(), press.came.clone(), press.act.clone());
        self.go_on(press, work).await;
    }

    pub async fn go_on(&mut self, press: Press, mut work: Work) {
        match self.sim.drive(&mut work).await {
            Driven::Done(answer) => self.answered(press, answer),
            Driven::Frozen(wake) => {
                self.keep(press.clone());
                self.frozen.push(Frozen { still: Still::Act(Box::new(press), work), wake });
            }
            Driven::Crashed => {
                drop(work);
                self.keep(press);
                self.restart(false).await;
            }
        }
    }

    /// Presses that may be delivered again.
    fn keep(&mut self, press: Press) {
        self.presses.retain(|known| known.came.key != press.came.key);
        if 20 <= self.presses.len() {
            self.presses.remove(0);
        }
        self.presses.push(press);
    }

    fn answered(&mut self, mut press: Press, answer: Result<Answer, DeskError>) {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.sim.note(format_args!("  {}: {error}", press.came.person.name));
                return self.keep(press);
            }
        };
        self.sim.note(format_args!("  {} is answered {answer:?}", press.came.person.name));
        let known = self.presses.iter().find(|known| known.came.key == press.came.key);
        let before = known.and_then(|known| known.answer.clone());
        let stored = !matches!(answer, Answer::Mistakes { .. });
        self.laws.answers += 1;
        if let (Some(before), true) = (&before, stored)
            && *before != answer
        {
            self.sim.broken(format!("{} was answered {before:?} and then {answer:?}", press.came.key));
        }
        self.laws.outcome(&self.sim, &press, &answer);
        press.answer = if stored { Some(answer) } else { None };
        self.keep(press);
    }
}
