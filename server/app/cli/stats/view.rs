//! Sums over the requested days.

use std::collections::BTreeMap;

use lowkey_completer::stats::{Counted, Day, StatsEntry, Tally};
use serde::Serialize;

/// Sums over some days.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct View {
    /// The first requested day.
    pub(super) from: Day,
    /// The last day: today, or later if a clock was wrong.
    pub(super) to: Day,
    pub(super) total: Tally,
    pub(super) rates: Rates,
    /// Days with counts, in order.
    pub(super) days: Vec<Part>,
    /// Most shown first.
    pub(super) languages: Vec<Part>,
    /// Most shown first.
    pub(super) models: Vec<Part>,
}

/// The counts of one day, language or model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) rates: Rates,
    pub(super) tally: Tally,
}

/// Shares and times; `null` if nothing was counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Rates {
    /// Share of requests with a shown suggestion.
    pub(super) shown: Option<f64>,
    /// Share of shown suggestions accepted whole.
    pub(super) accepted: Option<f64>,
    /// Share of checked accepted suggestions that were unchanged after 30 seconds.
    pub(super) retained: Option<f64>,
    /// Half of the answers took at most this many milliseconds.
    pub(super) ms_p50: Option<u32>,
    /// 95 of 100 answers took at most this many milliseconds.
    pub(super) ms_p95: Option<u32>,
}

impl Rates {
    fn of(tally: &Tally) -> Self {
        let share = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
        Self {
            shown: share(tally.shown, tally.requests),
            accepted: share(tally.accepted, tally.shown),
            retained: share(tally.retained, tally.judged),
            ms_p50: tally.ms_below(0.5),
            ms_p95: tally.ms_below(0.95),
        }
    }
}

impl View {
    /// Sums up the last `n_days` days, and days after today that a wrong clock counted.
    pub(super) fn of(counted: &Counted, today: Day, n_days: u32) -> Self {
        let from = today.before(n_days.saturating_sub(1));
        let entries: Vec<&StatsEntry> =
            counted.entries.iter().filter(|entry| entry.day >= from).collect();
        let mut total = Tally::default();
        for entry in &entries {
            total.add(&entry.tally);
        }
        let to = entries.iter().map(|entry| entry.day).max().map_or(today, |last| last.max(today));
        let mut languages = parts(&entries, |entry| entry.language.clone());
        let mut models = parts(&entries, |entry| entry.model.clone());
        for parts in [&mut languages, &mut models] {
            parts.sort_by_key(|part| std::cmp::Reverse((part.tally.shown, part.tally.requests)));
        }
        let days = parts(&entries, |entry| entry.day.to_string());
        Self { from, to, rates: Rates::of(&total), total, days, languages, models }
    }

    /// Returns the reasons for silence, most frequent first.
    pub(super) fn silent(&self) -> Vec<(&str, u64)> {
        let mut silent: Vec<(&str, u64)> =
            self.total.silent.iter().map(|(rule, n)| (rule.as_str(), *n)).collect();
        silent.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        silent
    }
}

fn parts(entries: &[&StatsEntry], name: impl Fn(&StatsEntry) -> String) -> Vec<Part> {
    let mut sums: BTreeMap<String, Tally> = BTreeMap::new();
    for entry in entries {
        sums.entry(name(entry)).or_default().add(&entry.tally);
    }
    sums.into_iter().map(|(name, tally)| Part { name, rates: Rates::of(&tally), tally }).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Counts of two languages on two days.
    pub(in super::super) fn counted() -> Counted {
        let mut tally = Tally {
            requests: 100,
            shown: 20,
            accepted: 5,
            judged: 4,
            retained: 3,
            shown_chars: 400,
            accepted_chars: 90,
            ..Tally::default()
        };
        tally.silence("gate", 70);
        tally.silence("too little", 10);
        for ms in [3.0, 30.0, 60.0, 140.0] {
            tally.record_time(ms);
        }
        let day = Day::try_from("2026-11-21".to_owned()).unwrap();
        let small = Tally { requests: 10, shown: 2, ..Tally::default() };
        Counted {
            entries: vec![
                StatsEntry::new(day, "rust", "m", tally.clone()),
                StatsEntry::new(day.next(), "<b>&\"go", "m", small),
                StatsEntry::new(day.before(400), "rust", "m", tally),
            ],
            unreadable: 1,
        }
    }

    pub(in super::super) fn view() -> View {
        View::of(&counted(), Day::try_from("2026-11-22".to_owned()).unwrap(), 30)
    }

    #[test]
    fn only_requested_days_count() {
        let view = view();
        assert_eq!(
            (view.from.to_string(), view.to.to_string()),
            ("2026-10-24".into(), "2026-11-22".into())
        );
        assert_eq!((view.total.requests, view.total.shown, view.days.len()), (110, 22, 2));
        assert_eq!(view.languages[0].name, "rust");
        assert_eq!(view.rates.accepted, Some(5.0 / 22.0));
        assert_eq!(
            (view.rates.retained, view.rates.ms_p50, view.rates.ms_p95),
            (Some(0.75), Some(50), Some(150))
        );
        assert_eq!(view.silent(), [("gate", 70), ("too little", 10)]);
    }

    #[test]
    fn future_days_are_counted() {
        let day = Day::try_from("2026-11-20".to_owned()).unwrap();
        let view = View::of(&counted(), day, 30);
        assert_eq!((view.total.requests, view.to.to_string()), (110, "2026-11-22".into()));
        let empty = View::of(&Counted::default(), day, 1);
        assert_eq!((empty.from, empty.to, empty.rates.accepted), (day, day, None));
    }
}
