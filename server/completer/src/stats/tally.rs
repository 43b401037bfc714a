//! The counters, and one line of the file.
//!
//! There are only counts: no text, no path, no name of a document. A line with unknown fields is
//! still read, so that servers of different versions can use one file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::day::Day;

/// Upper bounds of the answer time classes in milliseconds; one more class is for longer times.
pub const MS_BOUNDS: [u32; 13] = [1, 2, 5, 10, 20, 50, 100, 150, 200, 300, 500, 1000, 2000];

/// Longer names are cut.
const MAX_NAME_CHARS: usize = 48;

/// Counts of one day, language and model, or their sums.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Answered requests, without superseded ones.
    #[serde(skip_serializing_if = "is_zero")]
    pub requests: u64,
    /// Shown suggestions; one that stays while the user types it counts once.
    #[serde(skip_serializing_if = "is_zero")]
    pub shown: u64,
    /// Accepted whole.
    #[serde(skip_serializing_if = "is_zero")]
    pub accepted: u64,
    /// Accepted in part: by word or by line, and not whole in the end.
    #[serde(skip_serializing_if = "is_zero")]
    pub partly_accepted: u64,
    /// Typed to the end by hand.
    #[serde(skip_serializing_if = "is_zero")]
    pub typed: u64,
    /// Accepted suggestions that were checked after 30 seconds.
    #[serde(skip_serializing_if = "is_zero")]
    pub judged: u64,
    /// Checked suggestions that were unchanged after 30 seconds.
    #[serde(skip_serializing_if = "is_zero")]
    pub retained: u64,
    /// Characters shown.
    #[serde(skip_serializing_if = "is_zero")]
    pub shown_chars: u64,
    /// Characters accepted, in whole or in part.
    #[serde(skip_serializing_if = "is_zero")]
    pub accepted_chars: u64,
    /// Characters of accepted suggestions that were retained.
    #[serde(skip_serializing_if = "is_zero")]
    pub retained_chars: u64,
    /// Requests without a suggestion, by the rule that suppressed it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub silent: BTreeMap<String, u64>,
    /// Number of answers per time class: up to each of [`MS_BOUNDS`], and longer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ms: Vec<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Tally {
    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.requests, other.requests),
            (&mut self.shown, other.shown),
            (&mut self.accepted, other.accepted),
            (&mut self.partly_accepted, other.partly_accepted),
            (&mut self.typed, other.typed),
            (&mut self.judged, other.judged),
            (&mut self.retained, other.retained),
            (&mut self.shown_chars, other.shown_chars),
            (&mut self.accepted_chars, other.accepted_chars),
            (&mut self.retained_chars, other.retained_chars),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        for (rule, n) in &other.silent {
            self.silence(rule, *n);
        }
        for (class, n) in other.ms.iter().enumerate().take(MS_BOUNDS.len() + 1) {
            self.record_time_class(class, *n);
        }
    }

    /// Counts requests that a rule suppressed.
    pub fn silence(&mut self, rule: &str, n: u64) {
        let count = self.silent.entry(name(rule)).or_default();
        *count = count.saturating_add(n);
    }

    /// Counts an answer in its time class.
    pub fn record_time(&mut self, ms: f64) {
        let class = MS_BOUNDS.iter().position(|&bound| ms <= f64::from(bound));
        self.record_time_class(class.unwrap_or(MS_BOUNDS.len()), 1);
    }

    fn record_time_class(&mut self, class: usize, n: u64) {
        self.ms.resize(MS_BOUNDS.len() + 1, 0);
        if let Some(count) = self.ms.get_mut(class) {
            *count = count.saturating_add(n);
        }
    }

    /// Returns the bound that `share` of the answers did not exceed; `None` without answers, or if
    /// it exceeds all bounds.
    pub fn ms_below(&self, share: f64) -> Option<u32> {
        let all: u64 = self.ms.iter().fold(0, |sum, n| sum.saturating_add(*n));
        let wanted = (all as f64 * share).ceil() as u64;
        let mut sum = 0_u64;
        let class = self.ms.iter().position(|n| {
            sum = sum.saturating_add(*n);
            all > 0 && sum >= wanted
        })?;
        MS_BOUNDS.get(class).copied()
    }
}

/// One line of the file: the counts of a day, a language and a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatsEntry {
    /// The version of the format.
    pub lowkey_stats: u32,
    /// The day, in UTC.
    pub day: Day,
    /// The language id, as the editor names it.
    pub language: String,
    /// The model's name.
    pub model: String,
    #[serde(flatten)]
    pub tally: Tally,
}

/// The version of the format.
pub const FORMAT: u32 = 1;

impl StatsEntry {
    /// Builds an entry; names are cut.
    pub fn new(day: Day, language: &str, model: &str, tally: Tally) -> Self {
        let [language, model] = [language, model].map(name);
        Self { lowkey_stats: FORMAT, day, language, model, tally }
    }
}

/// Returns a name without special characters, cut to its maximum length.
pub(super) fn name(text: &str) -> String {
    let plain = |c: &char| c.is_alphanumeric() || " -_.+#:".contains(*c);
    let name: String = text.chars().filter(plain).take(MAX_NAME_CHARS).collect();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_saturate() {
        let mut tally = Tally { shown: u64::MAX - 1, accepted: 2, ..Tally::default() };
        tally.silence("gate", 3);
        tally.record_time(7.0);
        let mut other = Tally { shown: 5, accepted: 1, ..Tally::default() };
        other.silence("gate", 1);
        other.silence("too little", 1);
        other.record_time(1e9);
        tally.add(&other);
        assert_eq!((tally.shown, tally.accepted), (u64::MAX, 3));
        assert_eq!((tally.silent["gate"], tally.silent["too little"]), (4, 1));
        assert_eq!(tally.ms.iter().sum::<u64>(), 2);
    }

    #[test]
    fn times_fall_into_classes() {
        let mut tally = Tally::default();
        assert_eq!(tally.ms_below(0.5), None);
        for ms in [0.2, 3.0, 90.0, 100.0] {
            tally.record_time(ms);
        }
        assert_eq!((tally.ms_below(0.25), tally.ms_below(0.5)), (Some(1), Some(5)));
        assert_eq!(tally.ms_below(0.95), Some(100));
        tally.record_time(f64::NAN);
        assert_eq!(tally.ms_below(1.0), None);
    }

    #[test]
    fn entry_is_one_line_and_round_trips() {
        let mut tally = Tally { requests: 4, shown: 1, ..Tally::default() };
        tally.silence("gate", 3);
        let entry = StatsEntry::new(Day::default(), "rust", "a model", tally);
        let line = serde_json::to_string(&entry).unwrap();
        assert!(!line.contains('\n') && !line.contains("accepted"), "{line}");
        assert_eq!(serde_json::from_str::<StatsEntry>(&line).unwrap(), entry);
        // A line of a newer version, with an unknown field.
        let newer = line.replace("\"requests\"", "\"colour\":7,\"requests\"");
        assert_eq!(serde_json::from_str::<StatsEntry>(&newer).unwrap(), entry);
    }

    #[test]
    fn names_are_labels() {
        assert_eq!(name("c++"), "c++");
        assert_eq!(name("<script>\n\"x\""), "scriptx");
        assert_eq!(name("\u{1b}[2J"), "2J");
        assert_eq!(name(""), "unknown");
        assert_eq!(name(&"a".repeat(1000)).len(), MAX_NAME_CHARS);
    }
}
