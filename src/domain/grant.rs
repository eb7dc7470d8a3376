//! A grant: what one request holds on one assignment until one time.

use super::id::{AssignmentId, GrantId, RequestId};
use super::person::Actor;
use super::time::{Span, Time};
use super::words;

words! {
    /// How a grant ended.
    End {
        Expired = "expired",
        Relinquished = "relinquished",
        Revoked = "revoked",
        /// It never became usable, or a sibling did not.
        Failed = "failed",
    }
}

/// How the reason begins when time alone made it fail; what the last try said follows.
pub const NOT_IN_TIME: &str = "It did not work in time.";

#[derive(Debug, Clone)]
pub struct Grant {
    pub id: GrantId,
    pub request: RequestId,
    pub assignment: AssignmentId,
    /// Its place in the plan; granted in this order, taken back in reverse.
    pub position: i64,
    /// How long the access is to work once it works.
    pub length: Span,
    /// When it ends. Set before the first call, moved once, earlier only: when it is usable.
    pub ends_at: Time,
    /// When a read-back first showed it.
    pub usable_at: Option<Time>,
    pub ended: Option<Ended>,
}

#[derive(Debug, Clone)]
pub struct Ended {
    pub at: Time,
    pub by: Actor,
    pub how: End,
    /// Why it failed, or the reason a person gave: one sentence.
    pub why: Option<String>,
}

impl Grant {
    /// The end that is stored with the approval: the clock starts when the access works, so the
    /// time that provisioning may take comes on top (and is taken off again by [`Grant::usable`]).
    pub fn first_end(approved: Time, length: Span, allowance: Span) -> Time {
        approved + length + allowance
    }

    /// Where the end moves when the whole request is usable. Earlier only.
    pub fn end_when_usable(&self, now: Time) -> Time {
        self.ends_at.min(now + self.length)
    }

    /// When its holder is reminded of the end: a quarter of the length before it, at least two minutes
    /// and at most fifteen. An access of five minutes or less is over before a reminder would help.
    pub fn reminder(length: Span, end: Time) -> Option<Time> {
        let lead = Span(length.0 / 4).max(Span::minutes(2)).min(Span::minutes(15));
        (Span::minutes(5) < length).then_some(end - lead)
    }

    /// Until when it must have become usable; past this it fails.
    pub fn usable_by(&self) -> Time {
        self.ends_at - self.length
    }

    /// What the time alone ends: an expiry, or the allowance that ran out.
    pub fn ends_by_itself(&self, now: Time) -> Option<End> {
        if self.ended.is_some() {
            None
        } else if self.ends_at <= now {
            Some(if self.usable_at.is_some() { End::Expired } else { End::Failed })
        } else if self.usable_at.is_none() && self.usable_by() <= now {
            Some(End::Failed)
        } else {
            None
        }
    }

    /// When to look again if nothing else happens.
    pub fn next_look(&self) -> Time {
        if self.usable_at.is_some() { self.ends_at } else { self.usable_by().min(self.ends_at) }
    }

    pub fn live(&self) -> bool {
        self.ended.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reminder_comes_a_quarter_of_the_length_before_the_end() {
        let end = Time(1_800_000_000_000);
        for (length, lead) in [(6, 2), (8, 2), (20, 5), (30, 7), (60, 15), (720, 15)] {
            let at = Grant::reminder(Span::minutes(length), end).map(|at| (end - at).0 / 60_000);
            assert_eq!(at, Some(lead), "{length} minutes");
        }
        assert_eq!(Grant::reminder(Span::minutes(5), end), None);
    }
}
