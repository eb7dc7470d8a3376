//! How often a method may be called: Slack's tiers, and one post a second in a channel.
//!
//! Counts by the handed-in time only. It must never wait; it answers how long to wait.

use std::collections::HashMap;

use crate::domain::time::{Span, Time};

/// Posts into one channel that may come at once before one a second holds.
const CHANNEL_BURST: f64 = 4.0;
/// Calls of any method that may come at once: an app opens its ten connections when it starts.
const AT_ONCE: f64 = 10.0;
/// Posts a minute into the whole workspace.
const POSTS_A_MINUTE: f64 = 300.0;

/// A bucket that holds `size` calls and gains `rate` of them a second.
struct Bucket {
    left: f64,
    at: Time,
}

#[derive(Default)]
pub(super) struct Pace(HashMap<String, Bucket>);

/// Every method with its calls a minute: Slack's tiers are 1, 20, 50 and 100. `auth.test` and
/// `chat.postMessage` are special, and generous.
pub(super) const PACES: &[(&str, f64)] = &[
    ("apps.connections.open", 1.0),
    ("auth.test", 600.0),
    ("chat.delete", 50.0),
    ("chat.deleteScheduledMessage", 50.0),
    ("chat.getPermalink", 100.0),
    ("chat.postEphemeral", 100.0),
    ("chat.postMessage", POSTS_A_MINUTE),
    ("chat.scheduleMessage", 50.0),
    ("chat.update", 50.0),
    ("conversations.info", 50.0),
    ("conversations.list", 20.0),
    ("conversations.members", 100.0),
    ("conversations.open", 50.0),
    ("team.info", 50.0),
    ("usergroups.list", 20.0),
    ("usergroups.users.list", 20.0),
    ("users.info", 100.0),
    ("users.list", 20.0),
    ("users.lookupByEmail", 50.0),
    ("views.open", 100.0),
    ("views.publish", 100.0),
    ("views.push", 100.0),
    ("views.update", 100.0),
];

fn a_minute(method: &str) -> f64 {
    PACES.iter().find(|(name, _)| *name == method).map_or(100.0, |(_, minute)| *minute)
}

impl Pace {
    /// Takes one call, or answers after how many seconds to come again.
    pub fn take(&mut self, method: &str, channel: Option<&str>, now: Time) -> Result<(), u64> {
        let minute = a_minute(method);
        self.bucket(method, minute.max(AT_ONCE), minute / 60.0, now)?;
        match (method, channel) {
            ("chat.postMessage", Some(channel)) => self.bucket(&format!("{method} {channel}"), CHANNEL_BURST, 1.0, now),
            _ => Ok(()),
        }
    }

    /// A response URL takes one use a second, with the same small burst.
    pub fn respond(&mut self, id: &str, now: Time) -> Result<(), u64> {
        self.bucket(&format!("response {id}"), CHANNEL_BURST, 1.0, now)
    }

    fn bucket(&mut self, key: &str, size: f64, rate: f64, now: Time) -> Result<(), u64> {
        let bucket = self.0.entry(key.to_owned()).or_insert(Bucket { left: size, at: now });
        let passed = (now - bucket.at).max(Span::ZERO).0 as f64 / 1000.0;
        bucket.left = (bucket.left + passed * rate).min(size);
        bucket.at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        Err(((1.0 - bucket.left) / rate).ceil().max(1.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_takes_a_small_burst_and_then_one_post_a_second() {
        let mut pace = Pace::default();
        let post = |pace: &mut Pace, channel: &str, at: i64| pace.take("chat.postMessage", Some(channel), Time(at));
        for _ in 0..4 {
            assert_eq!(post(&mut pace, "C1", 0), Ok(()));
        }
        assert_eq!(post(&mut pace, "C1", 0), Err(1));
        assert_eq!(post(&mut pace, "C2", 0), Ok(()), "another channel goes on");
        assert_eq!(post(&mut pace, "C1", 1000), Ok(()));
    }

    #[test]
    fn every_method_takes_what_it_may_and_refuses_one_more_until_its_time_has_come() {
        for (method, minute) in PACES {
            let mut pace = Pace::default();
            // Each post goes to another channel, whose own pace is a case above.
            let mut take = |n: usize, at: i64| pace.take(method, Some(&format!("C{n}")), Time(at));
            let most = minute.max(AT_ONCE) as usize;
            assert!((0..most).all(|n| take(n, 0).is_ok()), "{method} takes {most} at once");
            let wait = (60.0 / minute).ceil() as u64;
            assert_eq!(take(most, 0), Err(wait), "{method}");
            assert_eq!(take(most, wait as i64 * 1000), Ok(()), "{method} after {wait} seconds");
            let other = if *method == "views.open" { "views.push" } else { "views.open" };
            assert_eq!(pace.take(other, None, Time(0)), Ok(()), "others go on");
        }
    }

    #[test]
    fn a_response_url_takes_a_small_burst_and_then_one_use_a_second() {
        let mut pace = Pace::default();
        assert!((0..4).all(|_| pace.respond("r1", Time(0)).is_ok()));
        assert_eq!((pace.respond("r1", Time(0)), pace.respond("r2", Time(0))), (Err(1), Ok(())));
    }
}
