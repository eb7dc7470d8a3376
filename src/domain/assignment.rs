//! The life of an assignment: what is due for it, as a pure function of its row and the time.
//!
//! This is the core of the core. [`due`] is the sentence the system stands on: with no live claim
//! only taking away is ever due, and a grant call never reaches past the end of the last claim.

use serde::{Deserialize, Serialize};

use super::grant::Grant;
use super::planted::{Bug, planted};
use super::time::{Span, Time};
use super::words;

words! {
    AssignmentState {
        Granting = "granting",
        Active = "active",
        Revoking = "revoking",
        /// Seen absent; waiting for the longest time a lost call may still land.
        Settling = "settling",
        Ended = "ended",
    }
}

words! {
    /// What was there before our first call.
    Baseline {
        Absent = "absent",
        /// It was there before us and is never ours to revoke.
        Standing = "standing",
    }
}

/// How slow a target can be. Declared by its connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// The longest one call is let run.
    pub call: Span,
    /// How long after a call was given up it may still land.
    pub settle: Span,
    /// How many looks at its assignments a second it bears, from all replicas together.
    pub per_second: u32,
}

/// How late a look at an ended assignment is taken, after its end: law 5.
pub const LATE_LOOKS: [Span; 3] = [Span::minutes(10), Span::hours(1), Span::hours(24)];

/// How long after an end late looks are tried, if its target does not answer when the last is due.
pub const LATE_LOOKS_END: Span = Span::hours(25);

/// How soon a late look is tried again that the target did not answer.
pub const LATE_LOOK_AGAIN: Span = Span::minutes(1);

/// An end that is overdue by this much is *stuck*.
pub const STUCK_AFTER: Span = Span::minutes(2);

/// The longest pause between two tries. A revocation is tried at least this often, for ever.
pub const LONGEST_PAUSE: Span = Span::seconds(15);

/// Longer than any connector lets a lost call land, and than any pause between two questions.
pub const LONGEST_WAIT: Span = Span::minutes(15);

/// How often what is granted is looked at, to see whether it still is as it was granted.
pub const CHECK_EVERY: Span = Span::minutes(10);

/// How long a revocation waits for the later parts of its request to be taken away first.
pub const REVERSE_PATIENCE: Span = Span::seconds(10);

/// The part of an assignment's row that decides what is due.
#[derive(Debug, Clone)]
pub struct Facts {
    pub state: AssignmentState,
    pub baseline: Option<Baseline>,
    /// While settling: until when. While a target works on a call: when to poll. Once ended: until when
    /// the last revocation may still land.
    pub until: Option<Time>,
    /// When it was last looked at.
    pub observed_at: Option<Time>,
    /// When it last ended.
    pub ended_at: Option<Time>,
    /// The live grants that rest on it. Grants that are over are not in here.
    pub claims: Vec<Claim>,
    /// A later part of an ending request is still being taken away, and patience ends then.
    pub after_later_parts: Option<Time>,
}

/// One live grant, as far as this decision needs it.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    pub ends_at: Time,
    pub next_look: Time,
    pub usable: bool,
    /// All earlier parts of its request are usable.
    pub ready: bool,
}

impl Claim {
    pub fn of(grant: &Grant, ready: bool) -> Claim {
        Claim { ends_at: grant.ends_at, next_look: grant.next_look(), usable: grant.usable_at.is_some(), ready }
    }
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing until then. `None`: nothing, ever, unless somebody asks again.
    Wait(Option<Time>),
    /// Look whether the principal holds it already, before the first call.
    Baseline,
    /// Make it true; the call must not take effect after this time.
    Grant { deadline: Time },
    /// Look whether it is there for a grant that has not seen it yet.
    Confirm,
    /// Look whether it still is as it was granted.
    Check,
    /// Ask how far the target is with a call it works on.
    Poll,
    /// Take it away, look until it is gone, cut what is open.
    Revoke,
    /// Take it away once more, look, cut, and write the receipt.
    Settle,
    /// Nothing of ours was done or may be undone: close the row.
    Close,
    /// Begin anew: a grant came while it was ending, or after.
    Reopen,
    /// Look once more at what has ended.
    LateLook,
}

/// What is due for an assignment at `now`.
pub fn due(facts: &Facts, now: Time) -> Due {
    use AssignmentState::{Active, Ended, Granting, Revoking, Settling};
    let next_look = facts.claims.iter().map(|claim| claim.next_look).min();
    let take_away = match facts.after_later_parts {
        Some(patience) if now < patience => Due::Wait(Some(patience)),
        Some(_) | None => Due::Revoke,
    };
    // Nothing is waited for so long: whoever wrote it had a clock that ran ahead.
    let waits = |until: Time| now < until && until - now <= LONGEST_WAIT;
    let unless_working = |otherwise: Due| match facts.until {
        Some(until) if waits(until) => Due::Wait(next_look.into_iter().chain([until]).min()),
        Some(_) => Due::Poll,
        None => otherwise,
    };
    match facts.state {
        Granting if facts.claims.is_empty() => match facts.baseline {
            None | Some(Baseline::Standing) => Due::Close,
            Some(Baseline::Absent) if planted(Bug::NotTakenBack) => Due::Close,
            Some(Baseline::Absent) => take_away,
        },
        Granting => {
            let ready = facts.claims.iter().filter(|claim| claim.ready);
            match (ready.map(|claim| claim.ends_at).max(), facts.baseline) {
                (None, _) => Due::Wait(next_look),
                (Some(_), None | Some(Baseline::Standing)) => Due::Baseline,
                (Some(deadline), Some(Baseline::Absent)) => unless_working(Due::Grant { deadline }),
            }
        }
        Active if facts.claims.is_empty() => match facts.baseline {
            Some(Baseline::Standing) if !planted(Bug::TakesStanding) => Due::Close,
            None | Some(Baseline::Absent | Baseline::Standing) => take_away,
        },
        Active if facts.claims.iter().any(|claim| claim.ready && !claim.usable) => Due::Confirm,
        Active => {
            let check = facts.observed_at.map_or(now, |seen| seen + CHECK_EVERY);
            if check <= now { Due::Check } else { Due::Wait(next_look.into_iter().chain([check]).min()) }
        }
        Revoking => unless_working(take_away),
        Settling => match facts.until {
            Some(until) if waits(until) => Due::Wait(Some(until)),
            Some(_) | None => Due::Settle,
        },
        Ended if !facts.claims.is_empty() => match facts.until {
            Some(until) if waits(until) => Due::Wait(next_look.into_iter().chain([until]).min()),
            Some(_) | None => Due::Reopen,
        },
        Ended => late_look(facts, now),
    }
}

fn late_look(facts: &Facts, now: Time) -> Due {
    let (Some(ended), Some(Baseline::Absent)) = (facts.ended_at, facts.baseline) else {
        return Due::Wait(None);
    };
    let seen = facts.observed_at.unwrap_or(ended).max(ended);
    let next = LATE_LOOKS.iter().map(|after| ended + *after).find(|at| seen < *at);
    match next {
        Some(at) if at <= now => Due::LateLook,
        Some(at) => Due::Wait(Some(at)),
        None => Due::Wait(None),
    }
}

/// The pause before try number `attempts + 1`: 1 s, 2 s, 4 s … 15 s, less up to a quarter by chance.
pub fn pause(attempts: i64, jitter: u64) -> Span {
    let exponent = u32::try_from(attempts.clamp(0, 4)).unwrap_or(4);
    let whole = (1_000i64 << exponent).min(LONGEST_PAUSE.0);
    Span::millis(whole - i64::try_from(jitter % 256).unwrap_or(0) * whole / 1024)
}

/// Is an end that became due at `from` overdue enough to be called stuck?
pub fn stuck(state: AssignmentState, from: Option<Time>, now: Time) -> bool {
    match state {
        AssignmentState::Revoking | AssignmentState::Settling => from.is_some_and(|from| STUCK_AFTER < now - from),
        AssignmentState::Granting | AssignmentState::Active | AssignmentState::Ended => false,
    }
}

#[cfg(test)]
mod tests {
    use super::AssignmentState::{Active, Ended, Granting, Revoking, Settling};
    use super::*;

    const NOW: Time = Time(1_800_000_000_000);
    const MOMENT: Span = Span::millis(1);

    fn facts(state: AssignmentState, baseline: Option<Baseline>, claims: &[Claim]) -> Facts {
        let (until, ended_at, after_later_parts) = (None, None, None);
        Facts { state, baseline, until, observed_at: Some(NOW), ended_at, claims: claims.to_vec(), after_later_parts }
    }

    fn of(state: AssignmentState, claims: &[Claim]) -> Facts {
        facts(state, Some(Baseline::Absent), claims)
    }

    fn until(facts: &Facts, at: Time) -> Facts {
        Facts { until: Some(at), ..facts.clone() }
    }

    /// A claim for so many minutes more.
    fn claim(minutes: i64) -> Claim {
        let ends_at = NOW + Span::minutes(minutes);
        Claim { ends_at, next_look: ends_at, usable: true, ready: true }
    }

    fn waiting(minutes: i64) -> Claim {
        Claim { usable: false, ..claim(minutes) }
    }

    #[test]
    fn with_no_live_claim_nothing_is_ever_given() {
        let times = [None, Some(NOW - Span::days(2)), Some(NOW), Some(NOW + Span::minutes(1))];
        for state in AssignmentState::ALL {
            for baseline in [None, Some(Baseline::Absent), Some(Baseline::Standing)] {
                for (until, observed_at) in times.iter().flat_map(|until| times.iter().map(|seen| (*until, *seen))) {
                    for (ended_at, after_later_parts) in times.iter().flat_map(|it| times.iter().map(|at| (*it, *at))) {
                        let facts = Facts { until, observed_at, ended_at, after_later_parts, ..facts(*state, baseline, &[]) };
                        let due = due(&facts, NOW);
                        let gives = matches!(due, Due::Baseline | Due::Grant { .. } | Due::Confirm | Due::Check | Due::Reopen);
                        assert!(!gives, "{facts:?}: {due:?}");
                        let standing = baseline == Some(Baseline::Standing) && matches!(state, Granting | Active);
                        assert!(!standing || due == Due::Close, "what was there before is not ours: {facts:?}: {due:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_grant_is_called_after_a_look_and_never_reaches_past_the_last_ready_end() {
        let unready = Claim { ready: false, ..waiting(90) };
        assert_eq!(due(&facts(Granting, None, &[waiting(60)]), NOW), Due::Baseline);
        assert_eq!(due(&facts(Granting, Some(Baseline::Standing), &[waiting(60)]), NOW), Due::Baseline);
        let ready = of(Granting, &[waiting(30), waiting(60), unready]);
        assert_eq!(due(&ready, NOW), Due::Grant { deadline: NOW + Span::minutes(60) });
        assert_eq!(due(&of(Granting, &[unready]), NOW), Due::Wait(Some(unready.next_look)));
        // While the target works on it, it is asked, not called.
        let soon = NOW + Span::seconds(2);
        assert_eq!(due(&until(&ready, soon), NOW), Due::Wait(Some(soon)));
        let sooner = of(Granting, &[waiting(5), waiting(60)]);
        assert_eq!(due(&until(&sooner, NOW + Span::minutes(10)), NOW), Due::Wait(Some(NOW + Span::minutes(5))));
        assert_eq!(due(&until(&ready, NOW), NOW), Due::Poll);
    }

    #[test]
    fn a_grant_that_never_came_about_is_taken_back_if_a_call_was_made() {
        assert_eq!(due(&facts(Granting, None, &[]), NOW), Due::Close);
        assert_eq!(due(&of(Granting, &[]), NOW), Due::Revoke);
    }

    #[test]
    fn what_is_in_use_is_confirmed_for_each_claim_and_looked_at_now_and_then() {
        assert_eq!(due(&of(Active, &[claim(60), waiting(30)]), NOW), Due::Confirm);
        let later = Claim { ready: false, ..waiting(30) };
        let check = NOW + CHECK_EVERY;
        assert_eq!(due(&of(Active, &[claim(60), later]), NOW), Due::Wait(Some(check)));
        assert_eq!(due(&of(Active, &[claim(5), claim(60)]), NOW), Due::Wait(Some(NOW + Span::minutes(5))));
        assert_eq!(due(&of(Active, &[claim(60)]), check - MOMENT), Due::Wait(Some(check)));
        assert_eq!(due(&of(Active, &[claim(60)]), check), Due::Check);
        assert_eq!(due(&Facts { observed_at: None, ..of(Active, &[claim(60)]) }, NOW), Due::Check);
        assert_eq!(due(&facts(Active, Some(Baseline::Standing), &[]), NOW), Due::Close);
        for ours in [None, Some(Baseline::Absent)] {
            assert_eq!(due(&facts(Active, ours, &[]), NOW), Due::Revoke);
        }
    }

    #[test]
    fn an_end_waits_for_later_parts_but_not_for_ever() {
        for state in [Granting, Active, Revoking] {
            let waits = Facts { after_later_parts: Some(NOW), ..of(state, &[]) };
            assert_eq!(due(&waits, NOW - MOMENT), Due::Wait(Some(NOW)), "{state:?}");
            assert_eq!(due(&waits, NOW), Due::Revoke, "{state:?}");
        }
    }

    #[test]
    fn a_revocation_goes_on_until_it_has_settled_whatever_is_asked_meanwhile() {
        for claims in [vec![], vec![waiting(60)]] {
            assert_eq!(due(&of(Revoking, &claims), NOW), Due::Revoke);
            assert_eq!(due(&until(&of(Revoking, &claims), NOW), NOW), Due::Poll);
            let polled = until(&of(Revoking, &claims), NOW + MOMENT);
            assert_eq!(due(&polled, NOW), Due::Wait(Some(NOW + MOMENT)));
            let settling = until(&of(Settling, &claims), NOW);
            assert_eq!(due(&settling, NOW - MOMENT), Due::Wait(Some(NOW)));
            assert_eq!(due(&settling, NOW), Due::Settle);
            assert_eq!(due(&of(Settling, &claims), NOW), Due::Settle);
        }
    }

    #[test]
    fn a_new_life_begins_when_nothing_of_the_last_can_land_any_more() {
        let again = of(Ended, &[waiting(60), waiting(1)]);
        assert_eq!(due(&again, NOW), Due::Reopen);
        let soon = NOW + Span::seconds(20);
        assert_eq!(due(&until(&again, soon), NOW), Due::Wait(Some(soon)));
        assert_eq!(due(&until(&again, NOW + Span::minutes(2)), NOW), Due::Wait(Some(NOW + Span::minutes(1))));
        assert_eq!(due(&until(&again, soon), soon), Due::Reopen);
    }

    #[test]
    fn a_clock_that_ran_ahead_when_a_wait_was_written_holds_up_nothing() {
        let (longest, longer) = (NOW + LONGEST_WAIT, NOW + LONGEST_WAIT + MOMENT);
        let cases = [
            (of(Granting, &[waiting(60)]), Due::Poll),
            (of(Revoking, &[]), Due::Poll),
            (of(Settling, &[]), Due::Settle),
            (of(Ended, &[waiting(60)]), Due::Reopen),
        ];
        for (facts, at_once) in cases {
            assert_eq!(due(&until(&facts, longest), NOW), Due::Wait(Some(longest)));
            assert_eq!(due(&until(&facts, longer), NOW), at_once);
        }
    }

    #[test]
    fn what_has_ended_is_looked_at_three_times_more() {
        let ended = Facts { ended_at: Some(NOW), ..of(Ended, &[]) };
        let mut seen = NOW - Span::hours(3); // long before the end
        for after in LATE_LOOKS {
            let facts = Facts { observed_at: Some(seen), ..ended.clone() };
            let at = NOW + after;
            assert_eq!(due(&facts, at - MOMENT), Due::Wait(Some(at)));
            assert_eq!(due(&facts, at), Due::LateLook);
            seen = at;
        }
        assert_eq!(due(&Facts { observed_at: Some(seen), ..ended.clone() }, NOW + Span::days(30)), Due::Wait(None));
        assert_eq!(due(&Facts { observed_at: None, ..ended.clone() }, NOW), Due::Wait(Some(NOW + LATE_LOOKS[0])));
        assert_eq!(due(&Facts { baseline: Some(Baseline::Standing), ..ended }, NOW + Span::days(1)), Due::Wait(None));
    }

    #[test]
    fn tries_come_slower_up_to_a_limit() {
        let whole: Vec<i64> = (-1..7).map(|attempts| pause(attempts, 0).0).collect();
        assert_eq!(whole, [1_000, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
        assert_eq!(pause(0, 255), Span::millis(1_000 - 249));
        assert_eq!(pause(9, 256 + 128), Span::millis(15_000 - 1_875));
    }

    #[test]
    fn an_end_is_stuck_when_it_is_overdue_for_two_minutes() {
        let late = |state, after: Span| stuck(state, Some(NOW), NOW + after);
        for state in [Revoking, Settling] {
            assert!(!late(state, STUCK_AFTER) && late(state, STUCK_AFTER + MOMENT));
            assert!(!stuck(state, None, NOW));
        }
        assert!(![Granting, Active, Ended].iter().any(|state| late(*state, Span::hours(1))));
    }
}
