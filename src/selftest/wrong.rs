//! What can go wrong in the simulated world, and how likely. Chance comes from one seed, so that a
//! seed repeats exactly.

use crate::domain::words;

words! {
    /// Everything that the simulation does to the program. A run in which one of these never happened
    /// has tested nothing of it, and fails.
    Wrong {
        Crash = "process dies at a named place",
        Frozen = "process frozen, others go on, woken later",
        Asleep = "nobody looks while time passes",
        Restart = "process restarted",
        Busy = "store busy",
        Full = "store full",
        LostCommit = "store: committed, answer lost",
        NoAgenda = "agenda lost",
        Refused = "target: refuses",
        LostAnswer = "target: done, answer lost",
        Late = "target: lands late, answer lost",
        Twice = "target: done twice, the second late",
        OnlyYes = "target: says yes, does nothing",
        Throttled = "target: too many calls, come later",
        Working = "target: works on it",
        Slow = "target: slow",
        Stale = "target: shows what was before",
        Down = "target: down for long",
        Given = "target: somebody grants it behind our back",
        Taken = "target: somebody takes it behind our back",
        Changed = "target: somebody changes ours",
        Recreated = "target: principal deleted and made anew",
        Forward = "clock jumps forward",
        Back = "clock jumps back",
        PostFailed = "surface: fails",
        PostLost = "surface: posted, answer lost",
        PostSlow = "surface: slow",
        Repeated = "people: same interaction delivered again",
        AtOnce = "people: two decide at once",
    }
}

/// A stream of chance (splitmix64).
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..below`.
    pub fn below(&mut self, below: u64) -> u64 {
        if below == 0 { 0 } else { self.next() % below }
    }

    /// A number in `from..=to`.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.below(u64::try_from(to - from + 1).unwrap_or(1))).unwrap_or(0)
    }

    /// True in so many of ten thousand cases.
    pub fn in_10_000(&mut self, cases: u64) -> bool {
        self.below(10_000) < cases
    }

    pub fn one_of<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let place = self.below(u64::try_from(of.len()).unwrap_or(0));
        of.get(usize::try_from(place).unwrap_or(0))
    }
}

/// How rough the world is just now; it changes, so that there is calm in which everything has to come
/// right, and trouble enough to get it wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    Calm,
    Rough,
    Storm,
}

impl Weather {
    /// Faults of ten thousand calls out.
    pub fn of_calls(self) -> u64 {
        match self {
            Weather::Calm => 0,
            Weather::Rough => 800,
            Weather::Storm => 4_000,
        }
    }

    /// Faults of ten thousand places in the program.
    pub fn of_places(self) -> u64 {
        match self {
            Weather::Calm => 0,
            Weather::Rough => 4,
            Weather::Storm => 25,
        }
    }
}
