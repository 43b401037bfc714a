//! What a language model is asked about an unsure proposal, and what its answer is worth.
//!
//! The model compares the place's line with and without the change, after the lines before it. The
//! recent edit is in that text, or it is put before it. The lines after the place count, too: an
//! old name in them is improbable after the new one.

use lowkey_document::{ByteOffset, Snapshot};

use crate::history::EditHistory;
use crate::likelihood::sigmoid;
use crate::propose::Proposal;

/// Lines and bytes before the place.
const LINES_BEFORE: usize = 25;
const BYTES_BEFORE: usize = 900;
/// The same around an edit that is elsewhere.
const LINES_BEFORE_EDIT: usize = 4;
const BYTES_BEFORE_EDIT: usize = 300;
const LINES_AFTER_EDIT: usize = 3;
/// Lines after the place, and characters of each that count.
const LINES_AFTER: usize = 2;
const MAX_CHARS_AFTER: usize = 120;
/// Bytes of a line that is judged.
const MAX_LINE_BYTES: usize = 400;
/// A difference of log-probabilities beyond this counts as this.
const MAX_DIFFERENCE: f32 = 15.0;

/// The texts that a model compares: the first with the change, the second without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub prefix: String,
    pub texts: [String; 2],
    /// Bytes of each text that are the line itself, with its end.
    line_bytes: [usize; 2],
}

/// What a model's answer says about a proposal; `server/training/edits_judge.py` names the facts.
pub type JudgementFacts = [f32; 8];

/// The weights of the facts, for answers of Qwen2.5-Coder-0.5B. `server/training/edits_judge.py` fits
/// them to unsure proposals of the development half.
const WEIGHTS: JudgementFacts = [0.5386, 0.7449, 0.0435, 0.0550, 0.0525, 0.1379, 0.0829, -0.0137];

/// Returns the probability that a place needs the change.
pub fn judged_probability(facts: &JudgementFacts) -> f32 {
    sigmoid(facts.iter().zip(&WEIGHTS).map(|(fact, weight)| fact * weight).sum())
}

/// The log-probability of a text's line and of the lines after it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Score {
    line: f32,
    n_tokens: f32,
    after: f32,
}

impl Question {
    /// Builds the question about a proposal; `None` for lines that are too long.
    pub fn new(history: &EditHistory, snapshot: &Snapshot, proposal: &Proposal) -> Option<Self> {
        let first = snapshot.line_of(proposal.range.start);
        let start = snapshot.line_start(first);
        let end = snapshot.line_end(snapshot.line_of(proposal.range.end));
        let old = snapshot.slice(start..end);
        let [left, right] =
            [start..proposal.range.start, proposal.range.end..end].map(|part| snapshot.slice(part));
        let new = format!("{left}{}{right}", proposal.text);
        if old.len().max(new.len()) > MAX_LINE_BYTES {
            return None;
        }
        let shown = start_of_lines(snapshot, first, LINES_BEFORE, BYTES_BEFORE);
        let mut prefix = snapshot.slice(snapshot.line_start(shown)..start);
        let edit = history.hunks().next()?;
        let is_here = edit.uri() == snapshot.uri();
        let edited = snapshot.line_of(ByteOffset(edit.lines().start));
        if !is_here {
            prefix = format!("{}\n\n{prefix}", edit.new_lines());
        } else if !(shown..first).contains(&edited) {
            let before = start_of_lines(snapshot, edited, LINES_BEFORE_EDIT, BYTES_BEFORE_EDIT);
            let lines = edit.lines();
            let edit_text =
                snapshot.slice(snapshot.line_start(before)..ByteOffset(lines.end.max(lines.start)));
            let last = snapshot.line_of(ByteOffset(lines.end));
            let after = lines_after(snapshot, last, LINES_AFTER_EDIT);
            prefix = format!("{edit_text}\n{after}\n\n{prefix}");
        }
        if prefix.trim().is_empty() {
            return None;
        }
        let after = lines_after(snapshot, snapshot.line_of(proposal.range.end), LINES_AFTER);
        let texts = [&new, &old].map(|line| format!("{line}\n{after}"));
        Some(Self { prefix, texts, line_bytes: [new.len() + 1, old.len() + 1] })
    }

    /// Returns what an answer says. `probability` is the proposal's; `tokens` has the bytes and the
    /// log-probability of each token of both texts.
    pub fn facts(&self, probability: f32, tokens: [&[(usize, f32)]; 2]) -> JudgementFacts {
        let score = |side: usize| {
            let line_bytes = self.line_bytes.get(side).copied().unwrap_or(0);
            Score::new(tokens.get(side).copied().unwrap_or_default(), line_bytes)
        };
        let (new, old) = (score(0), score(1));
        let clipped = |value: f32| value.clamp(-MAX_DIFFERENCE, MAX_DIFFERENCE);
        let mean = |score: Score| clipped(score.line / score.n_tokens.max(1.0));
        [
            1.0,
            (probability / (1.0 - probability).max(1e-6)).max(1e-6).ln(),
            clipped(new.line - old.line),
            clipped(mean(new) - mean(old)),
            clipped(new.after - old.after),
            mean(new),
            mean(old),
            clipped(new.n_tokens - old.n_tokens),
        ]
    }
}

impl Score {
    /// Adds a text's tokens up, of which the line has `line_bytes`.
    fn new(tokens: &[(usize, f32)], line_bytes: usize) -> Self {
        let mut score = Self { line: 0.0, n_tokens: 0.0, after: 0.0 };
        let mut at = 0;
        for &(n_bytes, log_prob) in tokens {
            if at < line_bytes {
                score.line += log_prob;
                score.n_tokens += 1.0;
            } else {
                score.after += log_prob;
            }
            at += n_bytes;
        }
        score
    }
}

/// Returns the first of the lines before a line that are shown.
fn start_of_lines(snapshot: &Snapshot, line: usize, n_lines: usize, n_bytes: usize) -> usize {
    let mut left = n_bytes;
    let mut first = line;
    while first > 0 && line - first < n_lines {
        let length = snapshot.line(first - 1).len();
        if length > left {
            break;
        }
        left -= length;
        first -= 1;
    }
    first
}

/// Returns the lines after a line.
fn lines_after(snapshot: &Snapshot, line: usize, n_lines: usize) -> String {
    let last = (line + 1 + n_lines).min(snapshot.n_lines());
    let lines = (line + 1..last).map(|line| {
        snapshot.line(line).trim_end_matches(['\r', '\n']).chars().take(MAX_CHARS_AFTER).collect()
    });
    lines.collect::<Vec<String>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lowkey_document::Document;

    use super::*;

    fn question(text: &str, old: &str, new: &str, place: &str) -> Question {
        let document = Document::open("file:///a.py", "python", 1, text);
        let before = document.snapshot();
        let mut history = EditHistory::default();
        history.opened(&before);
        let at = text.find(old).unwrap();
        let after = before.with_edit(ByteOffset(at)..ByteOffset(at + old.len()), new);
        history.changed(&after, Duration::ZERO);
        let at = after.text().find(place).unwrap();
        let range = ByteOffset(at)..ByteOffset(at + place.len());
        let proposal = Proposal { range, text: new.to_owned(), probability: 0.5 };
        Question::new(&history, &after, &proposal).unwrap()
    }

    #[test]
    fn question_shows_the_edit_before_the_place() {
        let near = question("size = 1\nprint(old)\nend\n", "size", "width", "old");
        assert_eq!(near.prefix, "width = 1\n");
        assert_eq!(near.texts, ["print(width)\nend\n", "print(old)\nend\n"]);
        let far = format!("print(old)\n{}size = 1\nend\n", "x = 0\n".repeat(40));
        let far = question(&far.replace("print(old)", "a\nprint(old)"), "size", "width", "old");
        assert!(far.prefix.contains("width = 1\nend"), "{}", far.prefix);
        assert!(far.prefix.ends_with("\na\n"), "{}", far.prefix);
    }

    #[test]
    fn probable_change_gains_and_improbable_change_loses() {
        let question = question("size = 1\nprint(old)\nend\n", "size", "width", "old");
        let (likely, unlikely) = ([(13, -2.0), (4, -1.0)], [(11, -60.0), (2, -0.5), (4, -9.0)]);
        let judged = |tokens| judged_probability(&question.facts(0.5, tokens));
        let gains = judged([&likely, &unlikely]);
        let loses = judged([&unlikely, &likely]);
        assert!(gains > 0.6 && loses < 0.1, "{gains} {loses}");
        assert!(question.facts(1.0, [&[], &[]]).iter().all(|fact| fact.is_finite()));
    }
}
