//! The results as text and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::mined::MinedRow;
use super::run_scenario::ScenarioRow;
use crate::figures::{mean, percentile};

/// A share with its number of cases.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Share {
    n: usize,
    of: usize,
}

impl Share {
    fn of<'r, T: 'r>(rows: impl IntoIterator<Item = &'r T>, is: impl Fn(&T) -> bool) -> Self {
        let mut share = Self { n: 0, of: 0 };
        for row in rows {
            share.of += 1;
            share.n += usize::from(is(row));
        }
        share
    }

    fn value(self) -> f64 {
        self.n as f64 / self.of.max(1) as f64
    }

    /// Returns the standard error of the share.
    fn error(self) -> f64 {
        let p = self.value();
        (p * (1.0 - p) / self.of.max(1) as f64).sqrt()
    }

    fn text(self) -> String {
        if self.of == 0 {
            return "-".to_owned();
        }
        format!("{:.1} ± {:.1} %", self.value() * 100.0, self.error() * 100.0)
    }

    fn json(self) -> Value {
        json!({"n": self.n, "of": self.of, "share": self.value(), "error": self.error()})
    }
}

/// The shares of one kind of histories.
struct KindShares {
    n: usize,
    /// Of the shown proposals, those that the next release has.
    precision: Share,
    /// Of all histories, those with a right proposal.
    recall: Share,
    /// Of the histories in which nothing follows, those without a proposal.
    quiet: Share,
}

impl KindShares {
    fn of(rows: &[&MinedRow]) -> Self {
        let rows = rows.iter().copied();
        // A right proposal shows that something does follow.
        let nothing_follows = rows.clone().filter(|row| !row.right);
        Self {
            n: rows.len(),
            precision: Share::of(rows.clone().filter(|row| row.shown), |row| row.right),
            recall: Share::of(rows, |row| row.right),
            quiet: Share::of(nothing_follows, |row| !row.shown),
        }
    }
}

const KINDS: [(&str, bool); 6] = [
    ("repeated", true),
    ("third", true),
    ("single", false),
    ("inserted", false),
    ("elsewhere", true),
    ("elsewhere-single", false),
];

fn groups(rows: &[MinedRow]) -> Vec<(&'static str, bool, KindShares)> {
    let group = |(kind, follows): (&'static str, bool)| {
        let of_kind: Vec<&MinedRow> = rows.iter().filter(|row| row.kind == kind).collect();
        (kind, follows, KindShares::of(&of_kind))
    };
    let mut groups: Vec<_> = KINDS.into_iter().map(group).collect();
    let nothing: Vec<&MinedRow> =
        rows.iter().filter(|row| matches!(&*row.kind, "single" | "inserted")).collect();
    groups.push(("nothing follows", false, KindShares::of(&nothing)));
    groups
}

/// Draws the table of mined histories.
pub(super) fn mined(rows: &[MinedRow]) -> String {
    let mut table = String::new();
    let _ =
        writeln!(table, "{:<16}{:>6}{:>16}{:>16}{:>16}", "", "n", "precision", "recall", "quiet");
    for (kind, follows, shares) in groups(rows) {
        let dash = || "-".to_owned();
        let _ = writeln!(
            table,
            "{kind:<16}{:>6}{:>16}{:>16}{:>16}",
            shares.n,
            if follows { shares.precision.text() } else { dash() },
            if follows { shares.recall.text() } else { dash() },
            if follows { dash() } else { shares.quiet.text() },
        );
    }
    let ms: Vec<f64> = rows.iter().map(|row| row.ms).collect();
    let packages: BTreeMap<&str, usize> = rows.iter().fold(BTreeMap::new(), |mut count, row| {
        *count.entry(row.package.as_str()).or_default() += 1;
        count
    });
    let _ = writeln!(
        table,
        "\n{} packages; a proposal takes {:.1} ms (p50), {:.1} ms (p95), {:.1} ms (max)",
        packages.len(),
        percentile(&ms, 0.5),
        percentile(&ms, 0.95),
        percentile(&ms, 1.0),
    );
    let judged: Vec<(f64, usize)> = rows.iter().filter_map(|row| row.judged).collect();
    if !judged.is_empty() {
        let ms: Vec<f64> = judged.iter().map(|(ms, _)| *ms).collect();
        let tokens: Vec<f64> = judged.iter().map(|(_, n)| *n as f64).collect();
        let _ = writeln!(
            table,
            "{} judgements; one takes {:.0} ms (p50), {:.0} ms (p95) and {:.0} tokens (p50)",
            judged.len(),
            percentile(&ms, 0.5),
            percentile(&ms, 0.95),
            percentile(&tokens, 0.5),
        );
    }
    table.push_str(
        "precision: shown proposals that the next release has; recall: histories with a right proposal; quiet: histories \
         without a right proposal in which none was shown.\n",
    );
    table
}

/// Returns the summary of mined histories.
pub(super) fn mined_summary(rows: &[MinedRow]) -> Value {
    let ms: Vec<f64> = rows.iter().map(|row| row.ms).collect();
    let mut summary = json!({"ms_p50": percentile(&ms, 0.5), "ms_p95": percentile(&ms, 0.95)});
    for (kind, follows, shares) in groups(rows) {
        let shares = if follows {
            json!({"n": shares.n, "precision": shares.precision.json(), "recall": shares.recall.json()})
        } else {
            json!({"n": shares.n, "quiet": shares.quiet.json()})
        };
        if let Some(summary) = summary.as_object_mut() {
            summary.insert(kind.replace(' ', "_"), shares);
        }
    }
    summary
}

/// Draws the table of scenarios.
pub(super) fn scenarios(rows: &[ScenarioRow]) -> String {
    let mut table = String::new();
    for row in rows {
        let verdict = match (row.is_due, row.shown, row.exact) {
            (_, true, true) => "exact",
            (true, true, false) => "shown",
            (true, false, _) => "missed",
            (false, true, _) => "shown, but nothing follows",
            (false, false, _) => "quiet",
        };
        let _ = writeln!(table, "{:<40}{verdict:>8}{:>8.3}", row.id, row.similarity);
    }
    let due: Vec<&ScenarioRow> = rows.iter().filter(|row| row.is_due).collect();
    let shown = Share::of(due.iter().copied(), |row| row.shown);
    let quiet = Share::of(rows.iter().filter(|row| !row.is_due), |row| !row.shown);
    let exact = Share::of(due.iter().copied(), |row| row.exact);
    let of_shown = Share::of(due.iter().copied().filter(|row| row.shown), |row| row.exact);
    let similar: Vec<f64> = due.iter().map(|row| row.similarity).collect();
    let _ = writeln!(
        table,
        "\nshown when due {} of {}, quiet when due {} of {}, exact {} of {} ({} of the shown), chrF {:.3}",
        shown.n,
        shown.of,
        quiet.n,
        quiet.of,
        exact.n,
        exact.of,
        of_shown.n,
        mean(&similar),
    );
    table.push_str(
        "chrF: character n-grams up to 6 of the lines that differ from the text before, recall weighted by 2; 0 where \
         nothing is shown.\n",
    );
    table
}

/// Returns the summary of scenarios.
pub(super) fn scenario_summary(rows: &[ScenarioRow]) -> Value {
    let due: Vec<&ScenarioRow> = rows.iter().filter(|row| row.is_due).collect();
    let similar: Vec<f64> = due.iter().map(|row| row.similarity).collect();
    json!({
        "shown_when_due": Share::of(due.iter().copied(), |row| row.shown).json(),
        "quiet_when_due": Share::of(rows.iter().filter(|row| !row.is_due), |row| !row.shown).json(),
        "exact": Share::of(due.iter().copied(), |row| row.exact).json(),
        "chrf": mean(&similar),
    })
}
