//! How fast Slack may be called: so many calls of a method a minute, and about one message a second
//! into a channel.
//!
//! It never sleeps and reads no clock: it says how long to wait, and the caller comes back. What it
//! allows is counted as done.

use std::collections::HashMap;

use crate::domain::time::{Span, Time};

use super::method::{CHAT_POST_MESSAGE, Method};

/// One message a second into a channel, after a few at once.
const CHANNEL_PAUSE: Span = Span::seconds(1);
const CHANNEL_BURST: i64 = 4;

/// Above this many channels, those that may be posted to at once are forgotten.
const REMEMBERED: usize = 1_000;

#[derive(Debug, Default)]
pub struct Pace {
    methods: HashMap<&'static str, Time>,
    channels: HashMap<String, Time>,
}

/// The steady pause between two calls, and how many may come at once.
#[derive(Clone, Copy)]
struct Rate {
    pause: Span,
    burst: i64,
}

impl Rate {
    fn of(method: &Method) -> Rate {
        Rate { pause: Span::millis(60_000 / method.per_minute.max(1)), burst: method.burst.max(1) }
    }

    /// How far `next` (when the call after all those made would be on time) may lie ahead of now.
    fn ahead(self) -> Span {
        Span(self.pause.0 * (self.burst - 1))
    }

    fn wait(self, next: Option<Time>, now: Time) -> Option<Span> {
        let early = next? - (now + self.ahead());
        (early > Span::ZERO).then_some(early)
    }

    fn after(self, next: Option<Time>, now: Time) -> Time {
        next.unwrap_or(now).max(now) + self.pause
    }
}

const CHANNEL: Rate = Rate { pause: CHANNEL_PAUSE, burst: CHANNEL_BURST };

impl Pace {
    /// May this call be made now? `None`: yes, and it is counted. Otherwise: how long to wait.
    pub fn ask(&mut self, method: &Method, channel: Option<&str>, now: Time) -> Option<Span> {
        let rate = Rate::of(method);
        let channel = channel.filter(|_| *method == CHAT_POST_MESSAGE);
        let next = self.methods.get(method.name).copied();
        let next_there = channel.and_then(|channel| self.channels.get(channel)).copied();
        let wait = rate.wait(next, now).max(CHANNEL.wait(next_there, now));
        if wait.is_some() {
            return wait;
        }
        self.methods.insert(method.name, rate.after(next, now));
        if let Some(channel) = channel {
            if self.channels.len() >= REMEMBERED {
                self.channels.retain(|_, next| now < *next);
            }
            self.channels.insert(channel.to_owned(), CHANNEL.after(next_there, now));
        }
        None
    }

    /// Slack said to wait: nothing of this method until then.
    pub fn hold(&mut self, method: &Method, until: Time) {
        let next = until + Rate::of(method).ahead();
        let known = self.methods.entry(method.name).or_insert(next);
        *known = (*known).max(next);
    }
}

#[cfg(test)]
mod tests {
    use super::super::method::{CHAT_UPDATE, USERGROUPS_USERS_LIST, VIEWS_OPEN};
    use super::*;

    const START: Time = Time(1_800_000_000_000);

    /// How many of `count` calls go through when one is tried every `step`.
    fn through(method: &Method, channel: Option<&str>, count: i64, step: Span) -> i64 {
        let mut pace = Pace::default();
        (0..count).filter(|n| pace.ask(method, channel, START + Span(step.0 * n)).is_none()).count() as i64
    }

    #[test]
    fn a_few_messages_at_once_then_one_a_second_into_one_channel() {
        let mut pace = Pace::default();
        for _ in 0..CHANNEL_BURST {
            assert_eq!(pace.ask(&CHAT_POST_MESSAGE, Some("C1"), START), None);
        }
        assert_eq!(pace.ask(&CHAT_POST_MESSAGE, Some("C1"), START), Some(Span::seconds(1)));
        assert_eq!(pace.ask(&CHAT_POST_MESSAGE, Some("C2"), START), None, "another channel is not held up");
        assert_eq!(pace.ask(&CHAT_POST_MESSAGE, Some("C1"), START + Span::seconds(1)), None);
        assert_eq!(pace.ask(&CHAT_POST_MESSAGE, Some("C1"), START + Span::seconds(1)), Some(Span::seconds(1)));
    }

    #[test]
    fn a_minute_never_holds_more_than_the_tier_and_the_burst() {
        assert_eq!(through(&USERGROUPS_USERS_LIST, None, 600, Span::millis(100)), 20 + 19);
        assert!(through(&CHAT_UPDATE, None, 600, Span::millis(100)) <= 50 + 20);
        assert_eq!(through(&CHAT_UPDATE, None, 50, Span::millis(1_200)), 50, "a steady call is never held up");
    }

    #[test]
    fn waiting_as_long_as_told_is_enough() {
        let mut pace = Pace::default();
        let mut now = START;
        for _ in 0..200 {
            if let Some(wait) = pace.ask(&CHAT_POST_MESSAGE, Some("C1"), now) {
                now = now + wait;
                assert_eq!(pace.ask(&CHAT_POST_MESSAGE, Some("C1"), now), None);
            }
        }
    }

    #[test]
    fn what_slack_says_is_held_to_for_that_method_alone() {
        let mut pace = Pace::default();
        pace.hold(&CHAT_UPDATE, START + Span::seconds(30));
        assert_eq!(pace.ask(&CHAT_UPDATE, None, START), Some(Span::seconds(30)));
        assert_eq!(pace.ask(&CHAT_POST_MESSAGE, Some("C1"), START), None);
        assert_eq!(pace.ask(&CHAT_UPDATE, None, START + Span::seconds(30)), None);
        assert!(pace.ask(&CHAT_UPDATE, None, START + Span::seconds(30)).is_some(), "no burst right after");
    }

    #[test]
    fn what_a_person_waits_for_is_held_up_by_slack_alone() {
        assert_eq!(through(&VIEWS_OPEN, None, 1_000, Span::ZERO), 1_000);
        let mut pace = Pace::default();
        pace.hold(&VIEWS_OPEN, START + Span::seconds(1));
        assert_eq!(pace.ask(&VIEWS_OPEN, None, START), Some(Span::seconds(1)));
        assert_eq!(pace.ask(&VIEWS_OPEN, None, START + Span::seconds(1)), None);
    }

    #[test]
    fn channels_that_are_at_rest_are_forgotten() {
        let mut pace = Pace::default();
        for n in 0..10_000 {
            pace.ask(&CHAT_POST_MESSAGE, Some(&format!("C{n}")), START + Span::seconds(n));
        }
        assert!(pace.channels.len() <= REMEMBERED);
    }
}
