//! Bugs that can be planted, each breaking one law, to see that the self test finds them. In a build
//! without the feature `planted` none can be, and nothing of this is left in the program.

use super::words;

words! {
    Bug {
        CallFirst = "call-before-intent",
        LaterEnd = "end-moved-later",
        NoBaseline = "no-baseline-look",
        TakesStanding = "standing-revoked",
        BelievesGrant = "believes-the-grant",
        BelievesRevoke = "believes-the-revocation",
        GivesUp = "gives-up-a-revocation",
        NoSettling = "no-settling",
        EndsKept = "ends-what-another-grant-keeps",
        TwoOutcomes = "two-outcomes",
        ActsTwice = "repeated-key-acts-twice",
        WritesLate = "writes-after-a-lost-claim",
        NoLanes = "lane-ignored",
        NoScan = "agenda-lost-and-no-scan",
        NotPosted = "shown-though-not-posted",
        NoLink = "event-without-its-link",
        NotTakenBack = "failed-grant-not-taken-back",
    }
}

#[cfg(feature = "planted")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants a bug in everything that this thread does from now on.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

#[cfg(feature = "planted")]
pub fn planted(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Is this bug planted? Never.
#[cfg(not(feature = "planted"))]
#[inline(always)]
pub const fn planted(_: Bug) -> bool {
    false
}
