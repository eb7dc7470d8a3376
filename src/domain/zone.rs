//! Time zones: what day and what time of day it is for somebody.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Offset, TimeZone, Timelike};

use super::time::Time;
use super::words;

/// A zone of the IANA time zone database, like `Europe/Berlin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(chrono_tz::Tz);

words! {
    Day {
        Monday = "mon",
        Tuesday = "tue",
        Wednesday = "wed",
        Thursday = "thu",
        Friday = "fri",
        Saturday = "sat",
        Sunday = "sun",
    }
}

/// A moment as a clock on the wall shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    pub day: Day,
    /// Minutes since midnight.
    pub minute: u16,
}

impl Zone {
    pub const UTC: Zone = Zone(chrono_tz::Tz::UTC);

    /// By its name in the database, in any case.
    pub fn parse(name: &str) -> Option<Zone> {
        let name = name.trim();
        let known = || chrono_tz::TZ_VARIANTS.iter().copied().find(|zone| zone.name().eq_ignore_ascii_case(name));
        chrono_tz::Tz::from_str(name).ok().or_else(known).map(Zone)
    }

    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// What the wall shows at this time; the first of January 1970 for a time that no calendar holds.
    pub fn local(self, at: Time) -> Local {
        let utc = chrono::DateTime::from_timestamp_millis(at.0).unwrap_or_default().naive_utc();
        let local = utc + self.0.offset_from_utc_datetime(&utc).fix();
        let day = usize::try_from(local.weekday().num_days_from_monday()).unwrap_or(0);
        let minute = local.hour() * 60 + local.minute();
        Local { day: Day::ALL.get(day).copied().unwrap_or(Day::Monday), minute: u16::try_from(minute).unwrap_or(0) }
    }
}

impl Day {
    /// `mon`, `Monday`.
    pub fn read(word: &str) -> Option<Day> {
        let lower = word.trim().to_lowercase();
        Day::ALL.iter().copied().find(|day| lower == day.as_str() || lower == day.name().to_lowercase())
    }

    pub fn name(self) -> &'static str {
        match self {
            Day::Monday => "Monday",
            Day::Tuesday => "Tuesday",
            Day::Wednesday => "Wednesday",
            Day::Thursday => "Thursday",
            Day::Friday => "Friday",
            Day::Saturday => "Saturday",
            Day::Sunday => "Sunday",
        }
    }

    /// The day before.
    pub fn before(self) -> Day {
        let at = Day::ALL.iter().position(|day| *day == self).unwrap_or(0);
        Day::ALL.get((at + 6) % 7).copied().unwrap_or(self)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_shows_another_day_elsewhere_and_summer_is_an_hour_ahead() {
        let winter = Time(1_800_000_000_000); // 2027-01-15 08:00 UTC, a Friday
        let zone = |name| Zone::parse(name).expect("a zone");
        assert_eq!(Zone::UTC.local(winter), Local { day: Day::Friday, minute: 8 * 60 });
        assert_eq!(zone("Europe/Berlin").local(winter), Local { day: Day::Friday, minute: 9 * 60 });
        assert_eq!(zone("pacific/honolulu").local(winter), Local { day: Day::Thursday, minute: 22 * 60 });
        let summer = Time(1_815_552_000_000); // 2027-07-14 08:00 UTC
        assert_eq!(zone("Europe/Berlin").local(summer), Local { day: Day::Wednesday, minute: 10 * 60 });
        assert_eq!(zone("Asia/Kathmandu").local(summer).minute, 13 * 60 + 45);
        assert_eq!(Zone::parse("Europe/Bärlin"), None);
        assert_eq!((Zone::UTC.local(Time(i64::MAX)).day, Day::Monday.before()), (Day::Thursday, Day::Sunday));
        assert_eq!((Day::read("Monday"), Day::read("SUN"), Day::read("someday")), (Some(Day::Monday), Some(Day::Sunday), None));
    }
}
