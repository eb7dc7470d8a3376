//! What comes from outside the program's own rows: the time, chance, and the power cut.
//!
//! One value of this is made in `app` and handed to everything. Tests and the simulation hand in
//! their own, and the same code runs.

use async_trait::async_trait;

use super::time::Clock;

#[async_trait]
pub trait Outside: Clock {
    /// 128 fresh random bits.
    fn random(&self) -> u128;

    /// A named place at which the program may be killed in tests. It comes back at once in life.
    async fn reach(&self, _place: &'static str) {}

    /// A number in `0..below`, for jitter. `below` of zero gives zero.
    fn pick(&self, below: u64) -> u64 {
        if below == 0 { 0 } else { (self.random() % u128::from(below)) as u64 }
    }
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
}
