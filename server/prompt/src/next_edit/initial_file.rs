//! The file as it was when it was opened: whole, or the part around the cursor of a long file.

use std::borrow::Cow;

use super::lines::line_count;

/// Longer files are not whole in a prompt.
const MAX_WHOLE_LINES: usize = 800;
/// Lines of the part of a longer file: the authors', and shorter ones for a slow machine.
const PART_LINES: [usize; 3] = [300, 150, 76];

/// Returns the part of the file for a cursor that is after `before_cursor` in the text of now. It
/// has about `max_bytes` at most.
///
/// The authors take the line with the same number of characters before it in the file at open.
pub(super) fn part<'t>(at_open: &'t str, before_cursor: &str, max_bytes: usize) -> Cow<'t, str> {
    let n_lines = line_count(at_open);
    if n_lines <= MAX_WHOLE_LINES && at_open.len() <= max_bytes {
        return Cow::Borrowed(at_open);
    }
    // By the file's mean, so that the length does not change while the cursor moves.
    let fits = |lines: usize| (at_open.len() / n_lines.max(1)).saturating_mul(lines) <= max_bytes;
    let part_lines = PART_LINES.into_iter().find(|lines| fits(*lines)).unwrap_or(PART_LINES[2]);
    if n_lines <= part_lines {
        return Cow::Borrowed(at_open);
    }
    let n_chars = before_cursor.chars().count();
    let mut before = at_open.chars();
    let line = before.by_ref().take(n_chars).filter(|&c| c == '\n').count();
    let line = if before.as_str().is_empty() { n_lines - 1 } else { line };
    let start = start(line, part_lines);
    let lines: Vec<&str> = at_open.lines().skip(start).take(part_lines).collect();
    Cow::Owned(lines.join("\n"))
}

/// Returns the first line of the part whose middle is nearest to `line`. A part begins at a multiple
/// of half its length, so that it changes rarely while the cursor moves; of two multiples the even
/// one is taken.
fn start(line: usize, part_lines: usize) -> usize {
    let stride = part_lines / 2;
    let Some(ideal_start) = line.checked_sub(stride) else { return 0 };
    let (whole, rest) = (ideal_start / stride, ideal_start % stride);
    let up = match (rest * 2).cmp(&stride) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => whole % 2,
        std::cmp::Ordering::Greater => 1,
    };
    (whole + up) * stride
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_take_the_even_stride() {
        let starts = [0, 149, 150, 224, 225, 226, 374, 375, 376, 525].map(|at| start(at, 300));
        assert_eq!(starts, [0, 0, 0, 0, 0, 150, 150, 300, 300, 300]);
    }

    #[test]
    fn part_ends_with_the_file() {
        let text = (0..1000).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
        let all = part(&text, &text, usize::MAX);
        assert_eq!((all.lines().next(), all.lines().last()), (Some("900"), Some("999")));
        assert_eq!(part(&text, "", usize::MAX).lines().count(), 300);
    }

    #[test]
    fn part_follows_the_byte_limit() {
        let lines: Vec<String> = (100..900).map(|n| format!("{n}\n")).collect();
        let text = lines.concat();
        let n_lines = |max_bytes| part(&text, &text, max_bytes).lines().count();
        assert_eq!(
            [3200, 3199, 1200, 1199, 600, 599, 0].map(n_lines),
            [800, 200, 200, 50, 50, 40, 40]
        );
    }
}
