//! Detects loops: a short piece of text repeated many times, or a repeated block of lines.
//!
//! The detectors read the text as it grows; the cost depends only on the new text.
//! Intentional repetition is allowed up to a length: rulers, indentation, elements of lists (`f32,
//! f32`, `%s, %s`, `&nbsp;&nbsp;`), rows of numbers, and lines that close one block after another.

use crate::lines::{indent_columns, is_element, is_numbers, is_trivial};

/// Longest period that is searched for, in bytes. Longer loops span lines and are found as lines.
const MAX_PERIOD_BYTES: usize = 40;

/// Up to this many equal lines of data are allowed.
const MAX_DATA_LINES: usize = 8;

/// Longest block of lines that is searched for.
const MAX_BLOCK_LINES: usize = 5;

/// Detects a short piece of text that repeats.
#[derive(Debug, Clone)]
pub(crate) struct PeriodLoop {
    /// The last bytes, newest at the end.
    recent: Vec<u8>,
    /// For each period, how many of the last bytes equal the byte one period earlier.
    runs: [usize; MAX_PERIOD_BYTES],
    n_bytes: usize,
}

impl PeriodLoop {
    pub(crate) fn new() -> Self {
        Self { recent: Vec::new(), runs: [0; MAX_PERIOD_BYTES], n_bytes: 0 }
    }

    /// Takes one byte. Once a loop is certain, returns its start, in bytes from the first byte
    /// taken.
    pub(crate) fn push(&mut self, byte: u8) -> Option<usize> {
        let mut found = None;
        let n_recent = self.recent.len();
        for (period, run) in (1..).zip(self.runs.iter_mut()) {
            let back = n_recent.checked_sub(period).and_then(|idx| self.recent.get(idx));
            *run = if back == Some(&byte) { *run + 1 } else { 0 };
            if found.is_none() && *run >= period {
                let length = *run + period;
                let unit = n_recent.checked_sub(period).and_then(|at| self.recent.get(at..));
                let unit = String::from_utf8_lossy(unit.unwrap_or_default());
                if length >= min_loop_bytes(&unit, period) {
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

/// Limits for lists on one line, in bytes and in elements.
const LIST_BYTES: usize = 160;
const LIST_ELEMENTS: std::ops::RangeInclusive<usize> = 6..=32;

/// Returns the minimum length in bytes for a repeated piece to count as a loop. `unit` may begin at
/// any point of the repeated piece.
fn min_loop_bytes(unit: &str, period: usize) -> usize {
    let is_any = |of: fn(char) -> bool| unit.contains(of);
    if unit.chars().all(char::is_whitespace) {
        return 200;
    }
    // A piece that begins inside a character has a replacement character at either end.
    let n_chars = unit.chars().filter(|&c| c != char::REPLACEMENT_CHARACTER).count().max(1);
    let char_bytes = period.div_ceil(n_chars);
    let has_letters = is_any(char::is_alphabetic);
    let has_digits = is_any(|c| c.is_ascii_digit());
    let separates = is_any(|c| matches!(c, ',' | ';' | '|' | '&'))
        || (has_digits && is_any(char::is_whitespace));
    if separates && (has_letters || has_digits) {
        let n_elements = (LIST_BYTES / period).clamp(*LIST_ELEMENTS.start(), *LIST_ELEMENTS.end());
        return n_elements * period;
    }
    if has_letters {
        return (4 * period).max(24 * char_bytes.min(2));
    }
    if has_digits {
        return (6 * period).max(60);
    }
    if period <= 2 && is_any(|c| "()[]{}<>".contains(c)) {
        return 12;
    }
    // Rulers fill a line.
    (6 * period).max(110 * char_bytes)
}

/// Detects blocks of lines that repeat.
#[derive(Debug, Clone, Default)]
pub(crate) struct LineLoop {
    lines: Vec<SeenLine>,
}

#[derive(Debug, Clone)]
struct SeenLine {
    text: Box<str>,
    indent: usize,
    end: usize,
    is_trivial: bool,
    /// Whether it is an element of a list or a row of numbers.
    is_data: bool,
}

impl LineLoop {
    /// Takes one complete line, which ends at byte `end`. Once a loop is certain, returns the end
    /// of its first turn.
    pub(crate) fn push(&mut self, line: &str, end: usize) -> Option<usize> {
        let text = line.trim();
        self.lines.push(SeenLine {
            text: text.into(),
            indent: indent_columns(line),
            end,
            is_trivial: is_trivial(text),
            is_data: is_element(text) || is_numbers(text),
        });
        (1..=MAX_BLOCK_LINES).find_map(|n| self.loop_of(n))
    }

    /// Checks whether the last lines repeat one block of `n_lines`.
    fn loop_of(&self, n_lines: usize) -> Option<usize> {
        // Good code often has two equal lines or pairs of lines, but hardly ever two equal blocks.
        let is_data = self.lines.last().is_some_and(|line| line.is_data);
        let n_turns = match n_lines {
            _ if is_data => MAX_DATA_LINES / n_lines + 1,
            1 | 2 => 3,
            _ => 2,
        };
        let start = self.lines.len().checked_sub(n_lines * n_turns)?;
        let turns = self.lines.get(start..)?;
        let (first, _) = turns.split_at_checked(n_lines)?;
        let n_telling = first.iter().filter(|line| !line.is_trivial).count();
        let is_telling = n_telling >= n_lines.min(2);
        let mut above = first;
        let repeats = turns.chunks(n_lines).all(|turn| {
            let of_turn = std::mem::replace(&mut above, turn);
            // Equal lines at decreasing indentation close one block after another.
            let is_same = |(line, above): (&SeenLine, &SeenLine)| {
                line.text == above.text && line.indent >= above.indent
            };
            turn.iter().zip(of_turn).all(is_same)
        });
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
    fn repeated_words_are_a_loop() {
        assert_eq!(period_loop("let a = foo.foo.foo.foo.foo.foo.foo.foo"), Some(8));
        assert_eq!(period_loop(&"ä".repeat(40)), Some(0));
        assert_eq!(period_loop(&"(".repeat(20)), Some(0));
    }

    #[test]
    fn rulers_and_indentation_are_not_loops() {
        assert_eq!(period_loop(&format!("// {}", "-".repeat(90))), None);
        assert_eq!(period_loop(&" ".repeat(80)), None);
        assert_eq!(period_loop("[0, 0, 0, 0, 0, 0, 0, 0]"), None);
        assert_eq!(period_loop("a.b.c.d.e.f.g.h.i.j.k.l.m.n"), None);
    }

    #[test]
    fn list_elements_are_not_loops() {
        for (element, n) in [
            ("f32, ", 8),
            ("null, ", 12),
            ("%s, ", 10),
            ("0x00, ", 8),
            ("0x00,", 16),
            ("&nbsp;", 12),
            ("NULL, ", 6),
            ("NUMERIC(8,2), ", 5),
            ("1fr ", 12),
            ("_, ", 10),
            ("? | ", 12),
        ] {
            assert_eq!(period_loop(&element.repeat(n)), None, "{element}");
            assert_eq!(period_loop(&element.repeat(60)), Some(0), "{element} without end");
        }
        assert!(period_loop(&"the ".repeat(12)).is_some());
    }

    #[test]
    fn rulers_of_any_script_are_not_loops() {
        for mark in ["─", "＝", "═", "━", "・", "-", "#", "=-", "~", "░"] {
            assert_eq!(period_loop(&mark.repeat(70 / mark.chars().count())), None, "{mark}");
            assert!(period_loop(&mark.repeat(300)).is_some(), "{mark} without end");
        }
    }

    #[test]
    fn long_row_of_zeros_is_a_loop() {
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
    fn line_repeated_three_times_is_a_loop() {
        assert_eq!(line_loop("ab();\nab();\nab();"), Some(5));
        assert_eq!(line_loop("ab();\nab();\nac();"), None);
    }

    #[test]
    fn dedenting_block_ends_are_not_a_loop() {
        for end in ["end", "</div>", "})", "done", "fi", "End If"] {
            let closing = format!("      {end}\n    {end}\n  {end}\n{end}\n");
            assert_eq!(line_loop(&closing), None, "{end}");
        }
        assert!(line_loop("  end\n  end\n  end\n").is_some());
        assert!(line_loop("a:\n    if a:\n        if a:\n            if a:\n").is_some());
    }

    #[test]
    fn rows_of_data_are_not_a_loop() {
        assert_eq!(line_loop(&"    0x00, 0xff, 0x00,\n".repeat(8)), None);
        assert_eq!(line_loop(&"  null,\n".repeat(8)), None);
        assert!(line_loop(&"  null,\n".repeat(9)).is_some());
    }

    #[test]
    fn repeated_block_is_a_loop() {
        assert_eq!(line_loop("ab\nac\nad\nab\nac\nad"), Some(8));
        assert_eq!(line_loop("}\n}\n}\n}\n}\n}"), None);
        assert_eq!(line_loop("ab\nac\nab\nac"), None);
    }
}
