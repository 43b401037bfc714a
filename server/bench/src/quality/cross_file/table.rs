//! The result as text and as JSON: shares with their standard errors, and differences from the
//! rows without context, hole by hole.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::Serialize;
use serde_json::Value;

use super::row::Row;
use crate::figures::{mean, percentile};

/// The variant that others are compared with.
const BASELINE: &str = "none";

/// Whether a hole's line and its names match without context.
pub(super) type Baseline = BTreeMap<String, (bool, bool)>;

/// A mean with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Estimate {
    pub(super) mean: f64,
    pub(super) error: f64,
}

impl Estimate {
    fn of(values: &[f64]) -> Estimate {
        let n = values.len() as f64;
        let mean = mean(values);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let error = if n > 1.0 { (squares / (n - 1.0) / n).sqrt() } else { 0.0 };
        Estimate { mean, error }
    }

    fn points(self, sign: &str) -> String {
        let Estimate { mean, error } = self;
        let mean = mean * 100.0;
        match sign {
            "+" => format!("{mean:+.1} ± {:.1}", error * 100.0),
            _ => format!("{mean:.1} ± {:.1}", error * 100.0),
        }
    }
}

/// The rows of one variant in one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Summary {
    pub(super) variant: String,
    /// `all`, or a value of `visible`, a kind or a language.
    pub(super) group: String,
    pub(super) holes: usize,
    pub(super) exact: Estimate,
    pub(super) identifier: Estimate,
    /// Holes that the baseline has too.
    pub(super) compared: usize,
    pub(super) exact_difference: Estimate,
    pub(super) identifier_difference: Estimate,
    pub(super) similarity: f64,
    pub(super) silent: f64,
    pub(super) prompt_tokens: f64,
    pub(super) prefilled_tokens: f64,
    pub(super) ms_p50: f64,
}

impl Summary {
    fn of(variant: &str, group: &str, rows: &[&Row], baseline: &Baseline) -> Summary {
        let all = |of: &dyn Fn(&Row) -> f64| rows.iter().map(|row| of(row)).collect::<Vec<_>>();
        let number = |is: bool| f64::from(u8::from(is));
        let compared: Vec<(&Row, &(bool, bool))> =
            rows.iter().filter_map(|row| Some((*row, baseline.get(&row.hole)?))).collect();
        let difference = |of: &dyn Fn(&Row, &(bool, bool)) -> f64| {
            Estimate::of(&compared.iter().map(|(row, before)| of(row, before)).collect::<Vec<_>>())
        };
        Summary {
            variant: variant.to_owned(),
            group: group.to_owned(),
            holes: rows.len(),
            exact: Estimate::of(&all(&|row| number(row.exact))),
            identifier: Estimate::of(&all(&|row| number(row.identifier))),
            compared: compared.len(),
            exact_difference: difference(&|row, before| number(row.exact) - number(before.0)),
            identifier_difference: difference(&|row, before| {
                number(row.identifier) - number(before.1)
            }),
            similarity: mean(&all(&|row| row.similarity)),
            silent: mean(&all(&|row| number(row.silent.is_some()))),
            prompt_tokens: mean(&all(&|row| row.tokens.prompt as f64)),
            prefilled_tokens: mean(&all(&|row| row.tokens.prefilled as f64)),
            ms_p50: percentile(&all(&|row| row.ms.total), 0.5),
        }
    }
}

/// Returns the rows without context.
pub(super) fn baseline_of(rows: &[Row]) -> Baseline {
    let bare = rows.iter().filter(|row| row.variant == BASELINE);
    bare.map(|row| (row.hole.clone(), (row.exact, row.identifier))).collect()
}

/// Reads the rows without context from a file of `--out`, or from the output of `--json`.
pub(super) fn baseline(path: &Path) -> anyhow::Result<Baseline> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the rows in {}", path.display()))?;
    let wrong = || format!("{} has a line that is not a row of --cross-file", path.display());
    let mut rows = Vec::new();
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).with_context(wrong)?;
        let is_row = value.get("lowkey_quality").is_none() && value.get("summary").is_none();
        if is_row {
            rows.push(serde_json::from_value::<Row>(value).with_context(wrong)?);
        }
    }
    let baseline = baseline_of(&rows);
    if baseline.is_empty() {
        bail!("{} has no rows without context; make some with --context none", path.display());
    }
    Ok(baseline)
}

/// Returns a summary of each variant: all rows, then groups of them.
pub(super) fn summary(rows: &[Row], baseline: &Baseline) -> Vec<Summary> {
    let mut variants: Vec<&str> = Vec::new();
    for row in rows {
        if !variants.contains(&row.variant.as_str()) {
            variants.push(&row.variant);
        }
    }
    let by: [&dyn Fn(&Row) -> String; 4] = [
        &|_| "all".to_owned(),
        &|row| row.visible.clone(),
        &|row| row.kind.name().to_owned(),
        &|row| row.language.clone(),
    ];
    let mut summaries = Vec::new();
    for group in by {
        let mut names: Vec<String> = rows.iter().map(group).collect();
        names.sort();
        names.dedup();
        for name in names {
            for &variant in &variants {
                let of_group = |row: &&Row| row.variant == variant && group(row) == name;
                let rows: Vec<&Row> = rows.iter().filter(of_group).collect();
                summaries.push(Summary::of(variant, &name, &rows, baseline));
            }
        }
    }
    summaries
}

/// Draws the table of all summaries.
pub(super) fn table(rows: &[Row], baseline: &Baseline, heading: &str) -> String {
    let mut table = format!("{heading}\n\n");
    let _ = writeln!(
        table,
        "{:<34}{:>6}{:>14}{:>14}{:>15}{:>15}{:>9}{:>8}{:>9}{:>9}{:>9}",
        "",
        "holes",
        "exact %",
        "name %",
        "exact, diff",
        "name, diff",
        "similar",
        "silent",
        "prompt",
        "computed",
        "p50 ms"
    );
    for s in summary(rows, baseline) {
        let difference = |estimate: Estimate| {
            let is_known = s.variant != BASELINE && s.compared > 0;
            if is_known { estimate.points("+") } else { String::new() }
        };
        let _ = writeln!(
            table,
            "{:<34}{:>6}{:>14}{:>14}{:>15}{:>15}{:>9.3}{:>8}{:>9.1}{:>9.1}{:>9.1}",
            format!("{}: {}", s.group, s.variant),
            s.holes,
            s.exact.points(""),
            s.identifier.points(""),
            difference(s.exact_difference),
            difference(s.identifier_difference),
            s.similarity,
            format!("{:.1} %", s.silent * 100.0),
            s.prompt_tokens,
            s.prefilled_tokens,
            s.ms_p50,
        );
    }
    table.push_str(
        "\nname: the suggestion has the names that other files define; diff: in points, compared with no context, hole by \
         hole; ± is one standard error.\nprompt, computed: tokens; a variant reuses those of the variant before it.\n",
    );
    table
}

#[cfg(test)]
mod tests {
    use lowkey_completer::report::{Ms, Tokens};

    use super::super::super::hole::Kind;
    use super::*;

    fn row(hole: &str, variant: &str, exact: bool) -> Row {
        Row {
            hole: hole.to_owned(),
            digest: "0".to_owned(),
            package: "shapes".to_owned(),
            language: "rust".to_owned(),
            kind: Kind::Rest,
            visible: "strict".to_owned(),
            variant: variant.to_owned(),
            exact,
            identifier: true,
            similarity: 1.0,
            silent: None,
            stop: None,
            snippets: 1,
            tokens: Tokens { prompt: 100, ..Tokens::default() },
            ms: Ms { total: 10.0, ..Ms::default() },
            texts: None,
        }
    }

    fn rows() -> Vec<Row> {
        let answers =
            [("a", true, true), ("b", false, true), ("c", false, false), ("d", false, true)];
        let rows = answers
            .map(|(hole, bare, with)| [row(hole, "none", bare), row(hole, "oracle before", with)]);
        rows.concat()
    }

    #[test]
    fn differences_are_paired() {
        let rows = rows();
        let summaries = summary(&rows, &baseline_of(&rows));
        let names: Vec<String> =
            summaries.iter().map(|s| format!("{} {}", s.group, s.variant)).collect();
        assert_eq!(names[..3], ["all none", "all oracle before", "strict none"]);
        assert_eq!(summaries.len(), 8);
        let with = &summaries[1];
        assert_eq!((with.holes, with.compared, with.exact.mean), (4, 4, 0.75));
        // Differences 0, 1, 0, 1: the variance is 1/3.
        assert_eq!(with.exact_difference.mean, 0.5);
        assert!((with.exact_difference.error - (1.0_f64 / 12.0).sqrt()).abs() < 1e-12);
        assert_eq!(with.identifier_difference, Estimate { mean: 0.0, error: 0.0 });
        let text = table(&rows, &baseline_of(&rows), "four");
        assert!(text.contains("75.0 ± 25.0") && text.contains("+50.0 ± 28.9"), "{text}");
    }

    #[test]
    fn rows_of_a_file_are_a_baseline() {
        let folder = lowkey_test_support::TestFolder::new("baseline");
        let path = folder.join("rows.jsonl");
        let lines: Vec<String> =
            rows().iter().map(|row| serde_json::to_string(row).unwrap()).collect();
        let file = format!(
            "{{\"anchor\":\"line\",\"lowkey_quality\":1}}\n{}\n{{\"summary\":[]}}\n",
            lines.join("\n")
        );
        std::fs::write(&path, file).unwrap();
        assert_eq!(baseline(&path).unwrap(), baseline_of(&rows()));
        std::fs::write(&path, &lines[1]).unwrap();
        assert!(baseline(&path).unwrap_err().to_string().contains("--context none"));
        std::fs::write(&path, "{}\n").unwrap();
        assert!(baseline(&path).unwrap_err().to_string().contains("not a row"));
    }
}
