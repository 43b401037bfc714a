//! One row per hole, and what all rows come to.
//!
//! The names are a promise (design, interfaces): fields are added, never renamed. A row holds no text of the
//! repository unless it is asked for.

use lowkey_completer::report::{Ms, Tokens};
use lowkey_suggestion::{Confidence, PositionClass, SuffixClass};
use serde::{Deserialize, Serialize};

use super::hole::Kind;
use super::refined::Refined;
use super::score::Score;
use crate::figures::{mean, percentile};

/// One hole, asked and scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    /// Its number in the plan, from 0.
    pub(super) hole: usize,
    pub(super) path: String,
    pub(super) language: String,
    pub(super) kind: Kind,
    /// Line of the cursor, 0-based.
    pub(super) line: usize,
    /// Column of the cursor in UTF-16 units, 0-based.
    pub(super) column: u32,
    /// Names the file's text and the hole, so that a resumed run knows its own.
    pub(super) digest: String,
    #[serde(flatten)]
    pub(super) score: Score,
    /// The faults that the model's text would have had without the trims; `null` when it wrote nothing.
    #[serde(default)]
    pub(super) untrimmed: Option<Untrimmed>,
    /// Whether the file still parses; `null` where nothing can tell.
    pub(super) parses: Option<bool>,
    /// Whether the command of `--run` succeeds with the hole filled; `null` without one and where nothing was shown.
    #[serde(default)]
    pub(super) run: Option<bool>,
    /// The rule that silenced the suggestion; `null` when it is shown.
    pub(super) silent: Option<String>,
    /// Why decoding ended.
    pub(super) stop: Option<String>,
    /// The trims that changed the model's text, in order.
    #[serde(default)]
    pub(super) trims: Vec<String>,
    /// How sure the model was: the input of a gate.
    pub(super) log_probs: Option<Confidence>,
    /// The gate's estimate that it is right.
    #[serde(default)]
    pub(super) probability: Option<f32>,
    /// The class of the text before the cursor on its line: `blank`, `word`, `space`, `opener` or `punctuation`.
    pub(super) position: PositionClass,
    /// The class of the text after it: `nothing`, `closers` or `text`.
    pub(super) suffix: SuffixClass,
    /// Characters that the suggestion inserts.
    pub(super) chars: usize,
    /// How many of them, from the cursor on, stood there before the hole was made.
    #[serde(default)]
    pub(super) agreed_chars: usize,
    /// Lines that the suggestion spans.
    #[serde(default)]
    pub(super) lines: usize,
    pub(super) tokens: Tokens,
    pub(super) ms: Ms,
    /// The answer with the remote server's part; only with `--refined`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refined: Option<Refined>,
    /// Only with `--texts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) texts: Option<Texts>,
}

/// What trims are for, without them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
pub(super) struct Untrimmed {
    pub(super) exact_match: bool,
    pub(super) closers_doubled: bool,
    pub(super) next_line_repeated: bool,
    pub(super) indent_wrong: bool,
}

impl From<Score> for Untrimmed {
    fn from(score: Score) -> Self {
        let Score { exact_match, closers_doubled, next_line_repeated, indent_wrong, .. } = score;
        Self { exact_match, closers_doubled, next_line_repeated, indent_wrong }
    }
}

/// The lines that a hole touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Texts {
    pub(super) truth: String,
    /// With the suggestion inserted; as they are in the hole where nothing is shown.
    pub(super) shown: String,
    /// The text after the cursor on its line: with it another program can be asked about the same hole.
    #[serde(default, alias = "behind")]
    pub(super) after_cursor: String,
}

/// What rows come to; shares of all holes, but for the two counts and where the name says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Summary {
    pub(super) holes: usize,
    pub(super) exact_match: f64,
    pub(super) first_line_match: f64,
    /// The mean; 0 where nothing is shown.
    pub(super) edit_similarity: f64,
    /// A count.
    pub(super) closers_doubled: usize,
    /// A count.
    pub(super) next_line_repeated: usize,
    pub(super) indent_wrong: f64,
    pub(super) parses: Option<f64>,
    pub(super) silent: f64,
    pub(super) ms_p50: f64,
    pub(super) ms_p95: f64,
    /// Exact matches among the suggestions that are shown.
    pub(super) exact_match_of_shown: f64,
    /// Holes with which the command of `--run` succeeds.
    pub(super) run_pass: Option<f64>,
    /// Means per hole.
    pub(super) prompt_tokens: f64,
    pub(super) decoded_tokens: f64,
    /// The same of the model's text without the trims: counts.
    pub(super) untrimmed: Faults,
    /// Characters of suggestions that match exactly: those that the user need not type.
    pub(super) right_chars: usize,
}

/// Counts of what trims are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(super) struct Faults {
    /// Holes in which the model wrote something.
    pub(super) written: usize,
    pub(super) exact_match: usize,
    pub(super) closers_doubled: usize,
    pub(super) next_line_repeated: usize,
    pub(super) indent_wrong: usize,
}

impl Faults {
    fn of(rows: &[&Row]) -> Self {
        let written: Vec<Untrimmed> = rows.iter().filter_map(|row| row.untrimmed).collect();
        let count = |is: fn(&Untrimmed) -> bool| written.iter().filter(|one| is(one)).count();
        Self {
            written: written.len(),
            exact_match: count(|one| one.exact_match),
            closers_doubled: count(|one| one.closers_doubled),
            next_line_repeated: count(|one| one.next_line_repeated),
            indent_wrong: count(|one| one.indent_wrong),
        }
    }
}

impl Summary {
    pub(super) fn of(rows: &[&Row]) -> Self {
        let n = rows.len();
        let count = |is: fn(&Row) -> bool| rows.iter().filter(|row| is(row)).count();
        let share = |is: fn(&Row) -> bool| rounded(count(is) as f64 / n.max(1) as f64);
        let all = |of: fn(&Row) -> f64| rows.iter().map(|row| of(row)).collect::<Vec<_>>();
        let known = |of: fn(&Row) -> Option<bool>| {
            let known = rows.iter().filter_map(|row| of(row)).collect::<Vec<_>>();
            let yes = known.iter().filter(|yes| **yes).count();
            (!known.is_empty()).then_some((yes, known.len()))
        };
        let ms = all(|row| row.ms.total);
        let n_shown = count(|row| row.silent.is_none());
        Self {
            holes: n,
            exact_match: share(|row| row.score.exact_match),
            first_line_match: share(|row| row.score.first_line_match),
            edit_similarity: rounded(mean(&all(|row| row.score.edit_similarity))),
            closers_doubled: count(|row| row.score.closers_doubled),
            next_line_repeated: count(|row| row.score.next_line_repeated),
            indent_wrong: share(|row| row.score.indent_wrong),
            parses: known(|row| row.parses).map(|(yes, of)| rounded(yes as f64 / of as f64)),
            silent: share(|row| row.silent.is_some()),
            ms_p50: percentile(&ms, 0.5),
            ms_p95: percentile(&ms, 0.95),
            exact_match_of_shown: rounded(
                count(|row| row.score.exact_match) as f64 / n_shown.max(1) as f64,
            ),
            run_pass: known(|row| row.run).map(|(yes, _)| rounded(yes as f64 / n.max(1) as f64)),
            prompt_tokens: rounded(mean(&all(|row| row.tokens.prompt as f64))),
            decoded_tokens: rounded(mean(&all(|row| row.tokens.decoded as f64))),
            untrimmed: Faults::of(rows),
            right_chars: rows.iter().filter(|row| row.score.exact_match).map(|row| row.chars).sum(),
        }
    }
}

/// Four digits after the point: more are noise for thousands of holes.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A shown row that matches, taking `ms` milliseconds.
    pub(in super::super) fn row(hole: usize, ms: f64) -> Row {
        Row {
            hole,
            path: "src/a.rs".into(),
            language: "rust".into(),
            kind: Kind::Line,
            line: 3,
            column: 4,
            digest: "0".into(),
            score: Score {
                exact_match: true,
                first_line_match: true,
                edit_similarity: 1.0,
                ..Score::default()
            },
            untrimmed: None,
            parses: None,
            run: None,
            silent: None,
            stop: Some("eos".into()),
            log_probs: Confidence::of(&[-0.5, -0.25]),
            probability: None,
            position: PositionClass::Blank,
            suffix: SuffixClass::Nothing,
            chars: 9,
            agreed_chars: 9,
            lines: 1,
            tokens: Tokens { prompt: 100, decoded: 6, ..Tokens::default() },
            ms: Ms { total: ms, ..Ms::default() },
            trims: Vec::new(),
            refined: None,
            texts: None,
        }
    }

    #[test]
    fn a_summary_has_shares_and_two_counts() {
        let silent =
            Row { score: Score::default(), silent: Some("too little".into()), ..row(1, 30.0) };
        let faulty = Row {
            score: Score {
                exact_match: false,
                first_line_match: true,
                edit_similarity: 0.5,
                closers_doubled: true,
                next_line_repeated: true,
                indent_wrong: true,
            },
            run: Some(false),
            ..row(2, 20.0)
        };
        let untrimmed = Untrimmed {
            exact_match: false,
            closers_doubled: true,
            next_line_repeated: false,
            indent_wrong: true,
        };
        let faulty = Row { untrimmed: Some(untrimmed), ..faulty };
        let passed = Row { run: Some(true), ..row(0, 10.0) };
        let summary = Summary::of(&[&passed, &silent, &faulty, &row(3, 40.0)]);
        assert_eq!((summary.holes, summary.exact_match, summary.silent), (4, 0.5, 0.25));
        assert_eq!((summary.closers_doubled, summary.next_line_repeated), (1, 1));
        assert_eq!((summary.indent_wrong, summary.edit_similarity), (0.25, 0.625));
        assert_eq!((summary.parses, summary.run_pass), (None, Some(0.25)));
        assert_eq!((summary.ms_p50, summary.ms_p95), (20.0, 40.0));
        assert_eq!(summary.exact_match_of_shown, 0.6667);
        let faults =
            Faults { written: 1, closers_doubled: 1, indent_wrong: 1, ..Faults::default() };
        assert_eq!((summary.untrimmed, summary.right_chars), (faults, 18));
        assert_eq!(Summary::of(&[]).exact_match, 0.0);
    }

    #[test]
    fn a_row_reads_back_and_holds_no_text() {
        let written = serde_json::to_string(&row(0, 1.5)).unwrap();
        assert!(!written.contains("texts"), "{written}");
        assert_eq!(serde_json::from_str::<Row>(&written).unwrap(), row(0, 1.5));
    }
}
