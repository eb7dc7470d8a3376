//! Points in time and lengths of time, in whole milliseconds.
//!
//! Nothing here reads a clock: `now` is always handed in (see [`Clock`]), which is what lets the
//! same code run under a simulated one. chrono appears only here, where people read and write dates.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

/// A length of time in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub i64);

/// Where the time comes from. The one real clock is in `app`; tests bring their own.
pub trait Clock: Send + Sync {
    fn now(&self) -> Time;
}

impl Time {
    /// Whole seconds since 1970, as Slack's `<!date>` and `x-slack-request-timestamp` want them.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Reads a day, `2026-01-31`: its first moment in UTC.
    pub fn of_day(text: &str) -> Option<Time> {
        text.trim().parse::<chrono::NaiveDate>().ok().map(first_moment)
    }

    /// Reads a `Date` header (RFC 9110, section 5.6.7).
    pub fn of_http_date(text: &str) -> Option<Time> {
        chrono::DateTime::parse_from_rfc2822(text.trim()).ok().map(|at| Time(at.timestamp_millis()))
    }

    /// Reads what people type: `2026-12-24T09:00:00Z` with any offset, or a day, `2026-12-24` or
    /// `12/24/2026`, which is its first moment in UTC. Of the years 1970 to 9999.
    pub fn parse(text: &str) -> Result<Time, BadTime> {
        let text = text.trim();
        let american = || chrono::NaiveDate::parse_from_str(text, "%m/%d/%Y").ok().map(first_moment);
        let exact = || chrono::DateTime::parse_from_rfc3339(text).ok().map(|at| Time(at.timestamp_millis()));
        let found = Time::of_day(text).or_else(american).or_else(exact);
        found.filter(|at| (0..YEAR_10000).contains(&at.0)).ok_or(BadTime)
    }

    /// As people type it, so that [`Time::parse`] reads it back: a day, where that says it all.
    pub fn typed(self) -> String {
        let day = self.0.rem_euclid(Span::days(1).0) == 0;
        match chrono::DateTime::from_timestamp_millis(self.0) {
            Some(at) if day => at.format("%Y-%m-%d").to_string(),
            Some(at) => at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
            None => self.to_string(),
        }
    }
}

/// The first moment that four digits cannot say the year of.
const YEAR_10000: i64 = 253_402_300_800_000;

fn first_moment(day: chrono::NaiveDate) -> Time {
    Time(day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis())
}

/// Why a typed date was not taken. The text is shown to people as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write 2026-12-24 or 2026-12-24T09:00:00Z")]
pub struct BadTime;

impl Span {
    pub const ZERO: Span = Span(0);

    pub const fn millis(n: i64) -> Span {
        Span(n)
    }
    pub const fn seconds(n: i64) -> Span {
        Span(n * 1000)
    }
    pub const fn minutes(n: i64) -> Span {
        Span(n * 60_000)
    }
    pub const fn hours(n: i64) -> Span {
        Span(n * 3_600_000)
    }
    pub const fn days(n: i64) -> Span {
        Span(n * 86_400_000)
    }

    /// The whole minutes in it. Limits are counted in these: what a read-back took is no minute.
    pub fn whole_minutes(self) -> Span {
        Span(self.0.div_euclid(60_000) * 60_000)
    }

    /// For handing to tokio; a negative span waits not at all.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.0).unwrap_or(0))
    }

    /// Reads what people type: `90m`, `2h`, `1h30m`, `10 minutes`, `1 week`, `an hour`.
    ///
    /// Units are minutes, hours, days and weeks. Months are refused, because nobody agrees on
    /// their length.
    pub fn parse(text: &str) -> Result<Span, BadSpan> {
        let bad = || BadSpan::NotADuration(text.trim().to_owned());
        let lower = text.trim().to_lowercase();
        let mut rest = lower.as_str();
        let mut total: i64 = 0;
        let mut pieces = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let count: i64 = if digits > 0 {
                rest[..digits].parse().map_err(|_| BadSpan::TooLong)?
            } else if let Some(after) = rest.strip_prefix("an ").or(rest.strip_prefix("a ")) {
                rest = after;
                1
            } else {
                return Err(bad());
            };
            rest = rest[digits.min(rest.len())..].trim_start();
            let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
            let unit = match &rest[..letters] {
                "m" | "min" | "mins" | "minute" | "minutes" => Span::minutes(1),
                "h" | "hr" | "hrs" | "hour" | "hours" => Span::hours(1),
                "d" | "day" | "days" => Span::days(1),
                "w" | "wk" | "week" | "weeks" => Span::days(7),
                "mo" | "month" | "months" | "y" | "year" | "years" => return Err(BadSpan::Months),
                _ => return Err(bad()),
            };
            total = count
                .checked_mul(unit.0)
                .and_then(|piece| total.checked_add(piece))
                .filter(|total| *total <= Span::days(36_500).0)
                .ok_or(BadSpan::TooLong)?;
            rest = rest[letters..].trim_start_matches([' ', ',']);
            rest = rest.strip_prefix("and ").unwrap_or(rest);
            pieces += 1;
        }
        if pieces == 0 {
            return Err(bad());
        }
        if total == 0 {
            return Err(BadSpan::Zero);
        }
        Ok(Span(total))
    }
}

/// Why a typed duration was not taken. The texts are shown to people as they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSpan {
    #[error("\"{0}\" is not a duration; type a number and a unit, like 30m, 2h, 1 day or 1 week")]
    NotADuration(String),
    #[error("months and years differ in length; type days or weeks instead, like 30d or 4w")]
    Months,
    #[error("a duration must be longer than nothing; type something like 30m or 2h")]
    Zero,
    #[error("that is too long; type a shorter duration, like 8h or 2 weeks")]
    TooLong,
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Time {
    type Output = Time;
    fn sub(self, span: Span) -> Time {
        Time(self.0.saturating_sub(span.0))
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Span;
    fn sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

impl Sub for Time {
    type Output = Span;
    fn sub(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

/// The one way a length of time is written for people: `45 minutes`, `1 hour 30 minutes`, `2 days`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1000;
        let units = [("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];
        let mut left = seconds;
        let mut written = 0;
        for (name, size) in units {
            let n = left / size;
            left %= size;
            if n > 0 {
                let space = if written > 0 { " " } else { "" };
                write!(f, "{space}{n} {name}{}", if n == 1 { "" } else { "s" })?;
                written += 1;
                if written == 2 {
                    break;
                }
            }
        }
        if written == 0 { write!(f, "{} ms", self.0) } else { Ok(()) }
    }
}

/// UTC, to the second, for logs and the audit trail; surfaces show the reader's own zone instead.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match chrono::DateTime::from_timestamp_millis(self.0) {
            Some(at) => write!(f, "{}", at.format("%Y-%m-%d %H:%M:%S UTC")),
            None => write!(f, "{} ms", self.0),
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_type_durations_in_many_ways() {
        for (text, minutes) in [
            ("90m", 90),
            ("2h", 120),
            ("1h30m", 90),
            ("1 hour and 30 minutes", 90),
            ("10 Minutes", 10),
            ("an hour", 60),
            ("1 week", 7 * 1440),
            ("2 days, 1 hour", 2 * 1440 + 60),
        ] {
            assert_eq!(Span::parse(text), Ok(Span::minutes(minutes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_advice() {
        for text in ["", "soon", "5", "1 month", "0m", "99999999999999999999h", "9999999w", "-1h", "1h x"] {
            let why = Span::parse(text).expect_err(text).to_string();
            assert!(why.contains("like"), "{text}: {why}");
        }
    }

    #[test]
    fn people_type_dates_in_a_few_ways() {
        for (text, is) in [
            ("2026-12-24", "2026-12-24 00:00:00 UTC"),
            (" 12/24/2026 ", "2026-12-24 00:00:00 UTC"),
            ("2026-12-24T09:00:00Z", "2026-12-24 09:00:00 UTC"),
            ("2026-12-24T09:00:00+02:00", "2026-12-24 07:00:00 UTC"),
            ("2026-12-24t09:00:00.5-05:30", "2026-12-24 14:30:00 UTC"),
            ("1970-01-01", "1970-01-01 00:00:00 UTC"),
            ("9999-12-31", "9999-12-31 00:00:00 UTC"),
            ("02/29/2028", "2028-02-29 00:00:00 UTC"),
        ] {
            let at = Time::parse(text).unwrap_or_else(|bad| panic!("{text}: {bad}"));
            assert_eq!(at.to_string(), is, "{text}");
            assert_eq!(Time::parse(&at.typed()), Ok(at), "{text} is written {}", at.typed());
        }
        assert_eq!(Time::parse("12/24/2026").map(Time::typed), Ok("2026-12-24".to_owned()));
        assert_eq!(Time::parse("2026-12-24T09:00:00+02:00").map(Time::typed), Ok("2026-12-24T07:00:00Z".to_owned()));
    }

    #[test]
    fn a_date_that_does_not_exist_is_none() {
        for text in [
            "",
            "tomorrow",
            "2026",
            "2026-02-29",
            "2026-13-01",
            "24/12/2026",
            "12/24/26",
            "2026-12-24T25:00:00Z",
            "2026-12-24T09:00:00",
            "+12026-12-24",
            "1969-12-31",
            "-2026-01-01",
            "2026-12-24Z",
            "2026-12-24 x",
        ] {
            assert_eq!(Time::parse(text), Err(BadTime), "{text}");
        }
    }

    #[test]
    fn a_span_reads_back_as_it_is_written() {
        for span in [Span::minutes(45), Span::minutes(90), Span::days(9), Span::hours(1)] {
            assert_eq!(Span::parse(&span.to_string()), Ok(span));
        }
        assert_eq!(Span::minutes(90).to_string(), "1 hour 30 minutes");
    }

    #[test]
    fn a_day_is_read_as_its_first_moment_and_a_time_is_written_to_the_second() {
        let day = Time::of_day(" 2026-01-31 ").expect("a day");
        assert_eq!(day, Time(1_769_817_600_000));
        assert_eq!((day + Span::millis(61_999)).to_string(), "2026-01-31 00:01:01 UTC");
        assert_eq!(format!("{day:?}"), day.to_string(), "so that a failed test says when");
        assert_eq!(format!("{:?}", Span::minutes(90)), "1 hour 30 minutes");
        for wrong in ["", "today", "2026-02-30", "31.01.2026"] {
            assert_eq!(Time::of_day(wrong), None, "{wrong}");
        }
    }
}
