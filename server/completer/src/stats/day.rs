//! Calendar days in UTC, for statistics.
//!
//! Any clock gives a valid day: a time before 1970 is 1970-01-01, and a time after the year 9999 is
//! its last day.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

const SECONDS: u64 = 24 * 60 * 60;
/// 9999-12-31, counted from 1970-01-01.
const LAST: u32 = 2_932_896;

/// A day, as days since 1970-01-01; written as `2026-11-22`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Day(u32);

impl Day {
    /// Returns the day of a time.
    pub fn of(time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self(u32::try_from(seconds / SECONDS).unwrap_or(LAST).min(LAST))
    }

    /// Returns today.
    pub fn today() -> Self {
        Self::of(SystemTime::now())
    }

    /// Returns the day that is this many days before.
    #[must_use]
    pub fn before(self, days: u32) -> Self {
        Self(self.0.saturating_sub(days))
    }

    /// Returns the next day.
    #[must_use]
    pub fn next(self) -> Self {
        Self((self.0 + 1).min(LAST))
    }

    /// Returns year, month and day of the month, by Howard Hinnant's `civil_from_days`, for years
    /// from 1970 on.
    fn parts(self) -> (u32, u32, u32) {
        // Years begin in March here, so that a leap day is the last day of a year.
        let days = self.0 + 719_468;
        let era = days / 146_097;
        let of_era = days % 146_097;
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        (year_of_era + era * 400 + u32::from(month <= 2), month, day)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}")
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
        let mut numbers = text.split('-').map(|number| number.parse::<u32>().ok());
        let parts = (numbers.next().flatten(), numbers.next().flatten(), numbers.next().flatten());
        let (Some(year), Some(month), Some(day)) = parts else {
            return Err(format!("{text:?} is not a date; write it like 2026-11-22"));
        };
        let is_in_range = (1970..=9999).contains(&year) && (1..=12).contains(&month);
        if !is_in_range || !(1..=31).contains(&day) {
            return Err(format!("{text:?} is not a date from 1970 to 9999"));
        }
        // The inverse of `parts`.
        let shifted = year - u32::from(month <= 2);
        let march_month = if month > 2 { month - 3 } else { month + 9 };
        let of_year = (153 * march_month + 2) / 5 + day - 1;
        let of_era = shifted % 400 * 365 + shifted % 400 / 4 - shifted % 400 / 100 + of_year;
        let days = (shifted / 400 * 146_097 + of_era).saturating_sub(719_468);
        let read = Self(days.min(LAST));
        // This rejects dates such as the 31st of February.
        if read.to_string() == text { Ok(read) } else { Err(format!("{text:?} is not a date")) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn days_match_the_calendar() {
        for (days, text) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_779, "2026-11-22"),
            (LAST, "9999-12-31"),
        ] {
            assert_eq!(Day(days).to_string(), text);
            assert_eq!(Day::try_from(text.to_owned()), Ok(Day(days)));
        }
        for wrong in ["", "2026", "2026-02-30", "2026-13-01", "1969-12-31", "2026-1-1", "a-b-c"] {
            assert!(Day::try_from(wrong.to_owned()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn days_round_trip() {
        let mut day = Day(0);
        for _ in 0..146_097 {
            assert_eq!(Day::try_from(day.to_string()), Ok(day));
            day = day.next();
        }
    }

    #[test]
    fn any_clock_gives_a_day() {
        assert_eq!(Day::of(UNIX_EPOCH - Duration::from_secs(1)), Day(0));
        let far = UNIX_EPOCH.checked_add(Duration::from_secs(u64::MAX / 4)).unwrap();
        assert_eq!(Day::of(far), Day(LAST));
        assert_eq!(Day(3).before(5), Day(0));
        assert_eq!(Day(LAST).next(), Day(LAST));
    }
}
