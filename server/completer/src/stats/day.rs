//! Calendar days in UTC, for statistics.
//!
//! Any clock gives a valid day: a time before 1970 is 1970-01-01, and a time after the year 9999 is
//! its last day.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use time::{Date, Duration, Month, UtcDateTime};

/// The first day: 1970-01-01.
const FIRST: Date = UtcDateTime::UNIX_EPOCH.date();

/// A day from 1970 to 9999; written as `2026-11-22`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Day(Date);

impl Day {
    /// Returns the day of a time.
    pub fn of(time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let since = Duration::seconds(i64::try_from(seconds).unwrap_or(i64::MAX));
        Self(FIRST.saturating_add(since))
    }

    /// Returns today.
    pub fn today() -> Self {
        Self::of(SystemTime::now())
    }

    /// Returns the day that is this many days before.
    #[must_use]
    pub fn before(self, days: u32) -> Self {
        Self(self.0.saturating_sub(Duration::days(days.into())).max(FIRST))
    }

    /// Returns the next day.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.next_day().unwrap_or(self.0))
    }
}

impl Default for Day {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let date = || {
            let (year, rest) = text.split_once('-')?;
            let (month, day) = rest.split_once('-')?;
            let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
            Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
        };
        // A date has one spelling: `2026-1-1` and `+2026-01-01` are refused.
        date()
            .filter(|date| *date >= FIRST && date.to_string() == text)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a date from 1970 to 9999, like 2026-11-22"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SPAN: Duration = Duration::from_hours(24);

    #[test]
    fn days_match_the_calendar() {
        for (days, text) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_779, "2026-11-22"),
            (2_932_896, "9999-12-31"),
        ] {
            let day = Day::of(UNIX_EPOCH + SPAN * days + SPAN.mul_f64(0.99));
            assert_eq!(day.to_string(), text);
            assert_eq!(Day::try_from(text.to_owned()), Ok(day));
        }
        for wrong in [
            "",
            "2026",
            "2026-02-30",
            "2026-13-01",
            "1969-12-31",
            "10000-01-01",
            "2026-1-1",
            "+2026-01-01",
            "2026-01-01 ",
            "a-b-c",
        ] {
            assert!(Day::try_from(wrong.to_owned()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn days_round_trip() {
        let mut day = Day::default();
        for _ in 0..146_097 {
            assert_eq!(Day::try_from(day.to_string()), Ok(day));
            day = day.next();
        }
    }

    #[test]
    fn any_clock_gives_a_day() {
        let last = Day::try_from("9999-12-31".to_owned()).unwrap();
        assert_eq!(Day::of(UNIX_EPOCH - Duration::from_secs(1)), Day::default());
        for seconds in [u64::MAX / 4, i64::MAX as u64] {
            let far = UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap();
            assert_eq!(Day::of(far), last);
        }
        assert_eq!(Day::of(UNIX_EPOCH + 3 * SPAN).before(5), Day::default());
        assert_eq!(last.before(u32::MAX), Day::default());
        assert_eq!(Day::of(UNIX_EPOCH + 366 * SPAN).before(2).to_string(), "1970-12-31");
        assert_eq!(last.next(), last);
    }
}
