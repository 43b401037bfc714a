//! Finds loops: a short piece of text over and over, or the same lines again.
//!
//! Fed as the text grows, at a cost that depends on what is new only.
//! What people write repeatedly on purpose is left alone up to a length: rulers, indentation, rows of zeros.

use crate::lines::is_trivial;

/// The longest piece that is looked for, in bytes; longer loops span lines and are found as lines.
const MAX_PERIOD_BYTES: usize = 40;

/// The longest block of lines that is looked for.
const MAX_BLOCK_LINES: usize = 5;

/// Finds a short piece of text that repeats.
#[derive(Debug, Clone)]
pub(crate) struct PeriodLoop {
    /// The last bytes, newest at the end.
    recent: Vec<u8>,
    /// For each period, how many of the last bytes equal the byte one period before them.
    runs: [usize; MAX_PERIOD_BYTES],
    n_bytes: usize,
}

impl PeriodLoop {
    pub(crate) fn new() -> Self {
        Self { recent: Vec::new(), runs: [0; MAX_PERIOD_BYTES], n_bytes: 0 }
    }

    /// Takes one byte; returns where the loop began once one is certain, in bytes from the first byte taken.
    pub(crate) fn push(&mut self, byte: u8) -> Option<usize> {
        let mut found = None;
        let n_recent = self.recent.len();
        for (period, run) in (1..).zip(self.runs.iter_mut()) {
            let back = n_recent.checked_sub(period).and_then(|idx| self.recent.get(idx));
            *run = if back == Some(&byte) { *run + 1 } else { 0 };
            if found.is_none() && *run >= period {
                let length = *run + period;
                let unit_start = (n_recent + 1).checked_sub(period);
                let unit = unit_start.and_then(|start| self.recent.get(start..));
                if length >= min_loop_bytes(unit.unwrap_or_default(), byte, period) {
                    found = (self.n_bytes + 1).checked_sub(length);
                }
            }
        }
        self.recent.push(byte);
        if self.recent.len() > 4 * MAX_PERIOD_BYTES {
            self.recent.drain(..3 * MAX_PERIOD_BYTES);
        }
        self.n_bytes += 1;
        found
    }
}

/// Returns from which length on a repeated piece is a loop. The piece is `unit` and then `last`.
fn min_loop_bytes(unit: &[u8], last: u8, period: usize) -> usize {
    let mut bytes = unit.iter().copied().chain([last]);
    let is_any = |of: fn(u8) -> bool| unit.iter().any(|&byte| of(byte)) || of(last);
    if bytes.all(|byte| byte.is_ascii_whitespace()) {
        return 200;
    }
    if is_any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii()) {
        return (4 * period).max(24);
    }
    if is_any(|byte| byte.is_ascii_digit()) {
        return (6 * period).max(60);
    }
    if period <= 2 && is_any(|byte| b"()[]{}<>".contains(&byte)) {
        return 12;
    }
    // Rulers fill a line.
    (6 * period).max(110)
}

/// Finds blocks of lines that repeat.
#[derive(Debug, Clone, Default)]
pub(crate) struct LineLoop {
    lines: Vec<SeenLine>,
}

#[derive(Debug, Clone)]
struct SeenLine {
    text: Box<str>,
    end: usize,
    is_trivial: bool,
}

impl LineLoop {
    /// Takes one complete line, which ends at byte `end`; returns where the first turn of a loop ends
    /// once one is certain.
    pub(crate) fn push(&mut self, line: &str, end: usize) -> Option<usize> {
        let text = line.trim();
        self.lines.push(SeenLine { text: text.into(), end, is_trivial: is_trivial(text) });
        (1..=MAX_BLOCK_LINES).find_map(|n| self.loop_of(n))
    }

    /// Looks whether the last lines are turns of one block of `n_lines`.
    fn loop_of(&self, n_lines: usize) -> Option<usize> {
        // Two equal lines or pairs of lines are common in good code; two equal blocks are not.
        let n_turns = if n_lines <= 2 { 3 } else { 2 };
        let start = self.lines.len().checked_sub(n_lines * n_turns)?;
        let turns = self.lines.get(start..)?;
        let (first, _) = turns.split_at_checked(n_lines)?;
        let n_telling = first.iter().filter(|line| !line.is_trivial).count();
        let is_telling = n_telling >= n_lines.min(2);
        let repeats = turns
            .chunks(n_lines)
            .all(|turn| turn.iter().zip(first).all(|(line, first)| line.text == first.text));
        (is_telling && repeats).then(|| first.last().map(|line| line.end)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period_loop(text: &str) -> Option<usize> {
        let mut detector = PeriodLoop::new();
        text.bytes().find_map(|byte| detector.push(byte))
    }

    #[test]
    fn words_over_and_over_are_a_loop_from_their_first_turn() {
        assert_eq!(period_loop("let a = foo.foo.foo.foo.foo.foo.foo.foo"), Some(8));
        assert_eq!(period_loop(&"ä".repeat(40)), Some(0));
        assert_eq!(period_loop(&"(".repeat(20)), Some(0));
    }

    #[test]
    fn rulers_indentation_and_rows_of_zeros_are_none() {
        assert_eq!(period_loop(&format!("// {}", "-".repeat(90))), None);
        assert_eq!(period_loop(&" ".repeat(80)), None);
        assert_eq!(period_loop("[0, 0, 0, 0, 0, 0, 0, 0]"), None);
        assert_eq!(period_loop("a.b.c.d.e.f.g.h.i.j.k.l.m.n"), None);
    }

    #[test]
    fn a_long_row_of_zeros_is_a_loop() {
        assert_eq!(period_loop(&"0, ".repeat(40)), Some(0));
    }

    fn line_loop(text: &str) -> Option<usize> {
        let mut detector = LineLoop::default();
        let mut end = 0;
        text.lines().find_map(|line| {
            let line_end = end + line.len();
            end = line_end + 1;
            detector.push(line, line_end)
        })
    }

    #[test]
    fn one_line_thrice_is_a_loop() {
        assert_eq!(line_loop("ab();\nab();\nab();"), Some(5));
        assert_eq!(line_loop("ab();\nab();\nac();"), None);
    }

    #[test]
    fn a_block_twice_is_a_loop_and_brackets_are_not() {
        assert_eq!(line_loop("ab\nac\nad\nab\nac\nad"), Some(8));
        assert_eq!(line_loop("}\n}\n}\n}\n}\n}"), None);
        assert_eq!(line_loop("ab\nac\nab\nac"), None);
    }
}
