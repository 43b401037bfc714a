//! What an editor would show after accepting, held against what stood there.
//!
//! Compared are the lines that the hole touches, from the first one's start: what was typed before the cursor, what
//! was inserted, and what stays after it. Blanks at line ends never count. A suggestion that is not shown matches
//! nothing and has no faults.

use lowkey_document::Language;
use lowkey_suggestion::{MarkKind, marks};
use serde::{Deserialize, Serialize};

use super::hole::Hole;

/// Texts are compared by this many characters at most: the cost is the product of both lengths.
const MAX_COMPARED_CHARS: usize = 4000;

/// How good a shown suggestion is.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
pub(super) struct Score {
    /// Every line as it stood in the file.
    pub(super) exact_match: bool,
    /// The first line as it stood in the file.
    pub(super) first_line_match: bool,
    /// 1 less the share of characters that differ (Levenshtein, of the longer text), from the cursor on.
    pub(super) edit_similarity: f64,
    /// A closing bracket or quote more than the file has there.
    pub(super) closers_doubled: bool,
    /// The line below the hole is in the suggestion too.
    pub(super) next_line_repeated: bool,
    /// The first line of a hole that begins a line is indented unlike the file's, or blanks are not of its kind.
    pub(super) indent_wrong: bool,
}

/// Scores `shown`: the lines that the hole touches, with the suggestion inserted.
pub(super) fn score(language: &'static Language, text: &str, hole: &Hole, shown: &str) -> Score {
    let truth = hole.truth(text);
    let (shown_lines, true_lines) = (trimmed_lines(shown), trimmed_lines(truth));
    let begins_line = truth.get(..hole.n_before).is_none_or(|before| before.trim().is_empty());
    let from = if begins_line { 0 } else { hole.n_before };
    let above = text.get(..hole.start).unwrap_or_default();
    let below = text.get(hole.end..).unwrap_or_default();
    Score {
        exact_match: shown_lines == true_lines,
        first_line_match: shown_lines.first() == true_lines.first(),
        edit_similarity: similarity(
            shown.get(from..).unwrap_or_default().trim(),
            truth.get(from..).unwrap_or_default().trim(),
        ),
        closers_doubled: exceeds(
            unbalanced(language, above, shown),
            unbalanced(language, above, truth),
        ),
        next_line_repeated: repeats_next(&shown_lines, &true_lines, below),
        indent_wrong: begins_line && indents_differently(&shown_lines, &true_lines)
            || mixes_blanks(&shown_lines, text),
    }
}

/// How many characters of `shown`, from the cursor on, are those that stood there.
pub(super) fn agreed_chars(hole: &Hole, text: &str, shown: &str) -> usize {
    let [shown, truth] = [shown, hole.truth(text)]
        .map(|lines| lines.get(hole.n_before..).unwrap_or_default().trim_end().chars());
    shown.zip(truth).take_while(|(shown, truth)| shown == truth).count()
}

fn trimmed_lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).collect()
}

/// Closers whose opener is elsewhere, by kind, and literals that are not ended.
type Unbalanced = [usize; 5];

fn unbalanced(language: &'static Language, above: &str, lines: &str) -> Unbalanced {
    let text = format!("{above}{lines}\n");
    let mut open = Vec::new();
    let mut found = Unbalanced::default();
    for mark in marks(language, &text).into_iter().filter(|mark| mark.at >= above.len()) {
        let kind = match text.get(mark.at..mark.at + mark.len) {
            Some(")") => 0,
            Some("]") => 1,
            Some("}") => 2,
            Some(">") => 3,
            _ => 4,
        };
        match mark.kind {
            MarkKind::Open(closer) => open.push(closer),
            MarkKind::BrokenLiteral => found[4] += 1,
            MarkKind::Close if open.pop().is_none() && kind < 4 => found[kind] += 1,
            MarkKind::Close => {}
        }
    }
    found[4] += open.iter().filter(|closer| !matches!(**closer, ")" | "]" | "}" | ">")).count();
    found
}

fn exceeds(shown: Unbalanced, truth: Unbalanced) -> bool {
    shown.iter().zip(truth).any(|(shown, truth)| *shown > truth)
}

/// Whether the next line of the file, if it has more than one letter or digit, is in the suggestion and not in the
/// truth.
fn repeats_next(shown: &[&str], truth: &[&str], below: &str) -> bool {
    let mut lines_below = below.lines().skip(1).map(str::trim);
    let Some(next) = lines_below.find(|line| !line.is_empty()) else { return false };
    let has_content = next.chars().filter(|c| c.is_alphanumeric()).count() > 1;
    let holds = |lines: &[&str]| lines.iter().any(|line| line.trim() == next);
    has_content && holds(shown) && !holds(truth)
}

fn indentation(line: &str) -> &str {
    line.get(..line.len() - line.trim_start().len()).unwrap_or_default()
}

/// Whether the first line is indented unlike the truth, although both are inside of the same block.
fn indents_differently(shown: &[&str], truth: &[&str]) -> bool {
    let (Some(shown), Some(truth)) = (shown.first(), truth.first()) else { return false };
    let closes = |line: &str| line.trim_start().starts_with(['}', ')', ']']);
    indentation(shown) != indentation(truth) && closes(shown) == closes(truth)
}

/// Whether a line is indented with tabs in a file that has none, or with blanks in one that has only tabs.
fn mixes_blanks(shown: &[&str], text: &str) -> bool {
    let has = |c: char| text.lines().any(|line| line.starts_with(c));
    let unknown = |c: char, other: char| {
        !has(c) && has(other) && shown.iter().any(|line| line.starts_with(c))
    };
    unknown('\t', ' ') || unknown(' ', '\t')
}

/// 1 for equal texts, 0 for texts without a character in common.
fn similarity(a: &str, b: &str) -> f64 {
    let chars = |text: &str| text.chars().take(MAX_COMPARED_CHARS).collect::<Vec<_>>();
    let (a, b) = (chars(a), chars(b));
    let longer = a.len().max(b.len()).max(1) as f64;
    1.0 - distance(&a, &b) as f64 / longer
}

/// Levenshtein's distance, row by row.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (idx, a) in a.iter().enumerate() {
        let mut left = idx + 1;
        let mut diagonal = idx;
        for (above, b) in row.iter_mut().skip(1).zip(b) {
            let changed = diagonal + usize::from(a != b);
            diagonal = *above;
            left = changed.min(left + 1).min(*above + 1);
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = idx + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::hole::{Kind, candidates};
    use super::super::repository::Source;
    use super::*;

    /// Scores `shown` for the nth hole of a kind in a text.
    fn of(language: &str, text: &str, (kind, nth): (Kind, usize), shown: &str) -> Score {
        let language = Language::by_id(language);
        let source =
            Source { label: "a".into(), path: PathBuf::from("/a"), language, text: text.into() };
        score(language, text, &candidates(&source, kind, 1)[nth], shown)
    }

    const CODE: &str = "fn a() {\n    let x = f(b);\n    g(x);\n}\n";

    #[test]
    fn the_truth_is_perfect_whatever_blanks_end_it() {
        let shown = "    let x = f(b);  ";
        let perfect = Score {
            exact_match: true,
            first_line_match: true,
            edit_similarity: 1.0,
            ..Score::default()
        };
        assert_eq!(of("rust", CODE, (Kind::Line, 1), shown), perfect);
        assert_eq!(of("rust", CODE, (Kind::Midline, 0), shown), perfect);
    }

    #[test]
    fn a_first_line_may_match_alone() {
        let score = of("rust", CODE, (Kind::Block, 0), "    let x = f(b);\n    h(x);");
        assert!(score.first_line_match && !score.exact_match);
        assert!(score.edit_similarity > 0.9 && score.edit_similarity < 1.0);
    }

    #[test]
    fn a_closer_too_many_is_seen_in_code_only() {
        let doubled = |shown| of("rust", CODE, (Kind::Line, 1), shown).closers_doubled;
        assert!(doubled("    let x = f(b));"));
        assert!(doubled("    let x = f(\"b\"\");"));
        assert!(!doubled("    let x = f(\")\");"));
        assert!(!doubled("    let x = f(;"));
        // One that closes an opener above the hole: the line below closes it already.
        assert!(of("rust", CODE, (Kind::Block, 0), "    g(x);\n}").closers_doubled);
    }

    #[test]
    fn the_next_line_is_not_to_stand_twice() {
        let repeated = |shown| of("rust", CODE, (Kind::Line, 1), shown).next_line_repeated;
        assert!(repeated("    g(x);"));
        assert!(repeated("    let x = f(b);\n    g(x);"));
        assert!(!repeated("    let x = f(b);"));
        let twice = "a1();\na1();\n";
        assert!(!of("rust", twice, (Kind::Line, 0), "a1();").next_line_repeated);
    }

    #[test]
    fn indentation_is_held_against_the_file() {
        let wrong = |shown| of("rust", CODE, (Kind::Line, 1), shown).indent_wrong;
        assert!(wrong("let x = f(b);"));
        assert!(wrong("\tlet x = f(b);"));
        assert!(!wrong("    other();"));
        assert!(!wrong("}"), "a closer of the block is indented as it must be");
        assert!(of("rust", CODE, (Kind::Rest, 1), "    let x = f(|| {\n\tb").indent_wrong);
    }

    #[test]
    fn similarity_counts_what_must_be_typed() {
        assert_eq!(similarity("abc", "abc"), 1.0);
        assert_eq!(similarity("abc", "xyz"), 0.0);
        assert_eq!(similarity("kitten", "sitting"), 1.0 - 3.0 / 7.0);
        assert_eq!(similarity("", "ab"), 0.0);
        assert_eq!(similarity("", ""), 1.0);
    }
}
