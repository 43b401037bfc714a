//! The result as text: a table of kinds and languages, and an explanation of its columns.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::refined::RefinedSummary;
use super::row::{Row, Summary};

/// Draws the table of all rows, of each kind and of each language.
pub(super) fn table(rows: &[Row], heading: &str) -> String {
    let mut table = format!("{heading}\n\n");
    let _ = writeln!(
        table,
        "{:<18}{:>6}{:>8}{:>8}{:>8}{:>8}{:>9}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}",
        "",
        "holes",
        "exact",
        "1st",
        "similar",
        "silent",
        "of shown",
        "closers",
        "repeats",
        "indent",
        "tokens",
        "p50 ms",
        "p95 ms"
    );
    for (name, summary) in groups(rows) {
        let s = summary;
        let share = |value: f64| format!("{:.1} %", value * 100.0);
        let _ = writeln!(
            table,
            "{name:<18}{:>6}{:>8}{:>8}{:>8.3}{:>8}{:>9}{:>8}{:>8}{:>8}{:>8.1}{:>8.1}{:>8.1}",
            s.holes,
            share(s.exact_match),
            share(s.first_line_match),
            s.edit_similarity,
            share(s.silent),
            share(s.exact_match_of_shown),
            s.closers_doubled,
            s.next_line_repeated,
            share(s.indent_wrong),
            s.decoded_tokens,
            s.ms_p50,
            s.ms_p95,
        );
    }
    let all = Summary::of(&rows.iter().collect::<Vec<_>>());
    if let Some(passes) = all.run_pass {
        let _ = writeln!(
            table,
            "\nthe command succeeds with {:.1} % of the holes filled",
            passes * 100.0
        );
    }
    if let Some(parses) = all.parses {
        let _ = writeln!(table, "\n{:.1} % of the files judged still parse", parses * 100.0);
    }
    let before = all.untrimmed;
    let _ = writeln!(
        table,
        "\nwithout the trims, of {} holes with any text: {} exact, {} with closers doubled, {} with the next line \
         repeated, {} indented wrongly",
        before.written,
        before.exact_match,
        before.closers_doubled,
        before.next_line_repeated,
        before.indent_wrong,
    );
    table.push_str(&RefinedSummary::of(rows).map_or_else(String::new, |refined| refined.lines()));
    table.push_str(&verdicts(rows));
    table.push_str(
        "\nexact: all lines equal the original, except for spaces at their ends; 1st: the first line; of shown: exact among \
         shown suggestions.\nclosers: brackets or quotes doubled; repeats: the next line is repeated; tokens: decoded.\n",
    );
    table
}

/// Lists how often each stop rule ended the decoding and each trim changed its text, and the
/// outcome of these holes.
fn verdicts(rows: &[Row]) -> String {
    let mut found: BTreeMap<(&str, &str), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        if let Some(stop) = &row.stop {
            found.entry(("ended by", stop)).or_default().push(row);
        }
        // Several changes by one trim count once per hole.
        for rule in row.trims.iter().map(String::as_str).collect::<BTreeSet<_>>() {
            found.entry(("trimmed by", rule)).or_default().push(row);
        }
    }
    let mut lines = format!("\n{:<28}{:>6}{:>8}{:>8}\n", "", "holes", "exact", "silent");
    for ((what, rule), rows) in found {
        let count = |wanted: fn(&&&Row) -> bool| rows.iter().filter(wanted).count();
        let exact = count(|row| row.score.exact_match);
        let silent = count(|row| row.silent.is_some());
        let name = format!("{what} {rule}");
        let _ = writeln!(lines, "{name:<28}{:>6}{exact:>8}{silent:>8}", rows.len());
    }
    lines
}

/// Groups the rows: all, then by kind, then by language.
pub(super) fn groups(rows: &[Row]) -> Vec<(String, Summary)> {
    let of = |wanted: &dyn Fn(&Row) -> bool| {
        Summary::of(&rows.iter().filter(|row| wanted(row)).collect::<Vec<_>>())
    };
    let mut groups = vec![("all".to_owned(), of(&|_| true))];
    groups.extend(by_kind(rows).into_iter().map(|(name, s)| (format!("kind {name}"), s)));
    groups.extend(by_language(rows));
    groups
}

/// Returns the summary of each kind.
pub(super) fn by_kind(rows: &[Row]) -> Vec<(String, Summary)> {
    grouped(rows, |row| row.kind.name().to_owned())
}

/// Returns the summary of each language.
pub(super) fn by_language(rows: &[Row]) -> Vec<(String, Summary)> {
    grouped(rows, |row| row.language.clone())
}

fn grouped(rows: &[Row], name: impl Fn(&Row) -> String) -> Vec<(String, Summary)> {
    let mut names: Vec<String> = rows.iter().map(&name).collect();
    names.sort();
    names.dedup();
    let of = |wanted: String| {
        let rows: Vec<&Row> = rows.iter().filter(|row| name(row) == wanted).collect();
        (wanted, Summary::of(&rows))
    };
    names.into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::super::hole::Kind;
    use super::super::row::tests::row;
    use super::super::score::Score;
    use super::*;

    #[test]
    fn kinds_and_languages_have_lines() {
        let go = Row { language: "go".into(), kind: Kind::Rest, ..row(1, 3.0) };
        let rows = [row(0, 1.0), go];
        let names: Vec<String> = groups(&rows).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["all", "kind line", "kind rest", "go", "rust"]);
        let table = table(&rows, "2 holes");
        assert!(table.starts_with("2 holes\n") && table.contains("100.0 %"), "{table}");
        assert!(!table.contains("the command"));
    }

    #[test]
    fn each_verdict_counts_a_hole_once() {
        let trims = ["doubled closer", "quote balance", "doubled closer"].map(str::to_owned);
        let trimmed = Row { trims: trims.to_vec(), ..row(0, 1.0) };
        let silent = Row {
            score: Score::default(),
            silent: Some("too little".into()),
            stop: Some("suffix".into()),
            trims: vec!["doubled closer".into()],
            ..row(1, 1.0)
        };
        let verdicts = verdicts(&[trimmed, silent]);
        let columns: Vec<Vec<&str>> =
            verdicts.lines().skip(2).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            columns,
            [
                vec!["ended", "by", "eos", "1", "1", "0"],
                vec!["ended", "by", "suffix", "1", "0", "1"],
                vec!["trimmed", "by", "doubled", "closer", "2", "1", "1"],
                vec!["trimmed", "by", "quote", "balance", "1", "1", "0"],
            ]
        );
    }
}
