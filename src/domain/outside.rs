//! What comes from outside the program's own rows: the time, chance, and the power cut.
//!
//! One value of this is made in `app` and handed to everything. Tests and the simulation hand in
//! their own, and the same code runs.

use async_trait::async_trait;

use super::time::Clock;

pub trait Outside: Clock {
    /// 128 fresh random bits.
    fn random(&self) -> u128;

    /// What may go wrong at named places; nothing, unless somebody is testing.
    fn faults(&self) -> Option<&dyn Faults> {
        None
    }

    /// A number in `0..below`, for jitter. `below` of zero gives zero.
    fn pick(&self, below: u64) -> u64 {
        if below == 0 { 0 } else { (self.random() % u128::from(below)) as u64 }
    }
}

impl dyn Outside {
    /// Passes a named place: around each statement and commit of the store (`store.…`), and around
    /// each call that leaves the process (`engine.…`), where nothing but the end of the process can
    /// happen.
    pub async fn reach(&self, place: &'static str) -> Result<(), Trouble> {
        match self.faults() {
            None => Ok(()),
            Some(faults) => faults.reach(place).await,
        }
    }
}

/// Faults at named places. A killed process is a place that is never left.
#[async_trait]
pub trait Faults: Send + Sync {
    async fn reach(&self, place: &'static str) -> Result<(), Trouble>;
}

/// How a database fails a statement or a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    #[error("somebody else writes to it")]
    Busy,
    #[error("its disk is full")]
    Full,
    /// After a commit: it is durable, and nobody is told.
    #[error("its answer was lost")]
    LostAnswer,
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::domain::time::Time;

    /// A clock that stands still and a die that always shows the same.
    pub struct Still(pub Time);

    impl Clock for Still {
        fn now(&self) -> Time {
            self.0
        }
    }

    impl Outside for Still {
        fn random(&self) -> u128 {
            0x1234_5678_9abc_def0_1234
        }
    }

    #[test]
    fn a_pick_is_below_what_was_said_and_follows_chance() {
        let still = Still(Time(1));
        assert_eq!([1, 0x10, 0x1_0000].map(|below| still.pick(below)), [0, 0x4, 0x1234]);
        assert_eq!(still.pick(0), 0);
    }
}
