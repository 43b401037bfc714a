//! The file as it was when it was opened: whole, or the part around the cursor of a long file.

use std::borrow::Cow;

use super::lines::line_count;

/// Longer files are not whole in a prompt.
const MAX_WHOLE_LINES: usize = 800;
/// Lines of the part of a longer file.
const PART_LINES: usize = 300;
/// A part begins at a multiple of this line, so that it changes rarely while the cursor moves.
const STRIDE_LINES: usize = PART_LINES / 2;

/// Returns the part of the file for a cursor that is after `before_cursor` in the text of now.
///
/// The authors take the line with the same number of characters before it in the file at open.
pub(super) fn part<'t>(at_open: &'t str, before_cursor: &str) -> Cow<'t, str> {
    let n_lines = line_count(at_open);
    if n_lines <= MAX_WHOLE_LINES {
        return Cow::Borrowed(at_open);
    }
    let n_chars = before_cursor.chars().count();
    let mut before = at_open.chars();
    let line = before.by_ref().take(n_chars).filter(|&c| c == '\n').count();
    let line = if before.as_str().is_empty() { n_lines - 1 } else { line };
    let start = stride(line) * STRIDE_LINES;
    let lines: Vec<&str> = at_open.lines().skip(start).take(PART_LINES).collect();
    Cow::Owned(lines.join("\n"))
}

/// Returns the number of the stride whose part has its middle nearest to `line`; of two, the even
/// one.
fn stride(line: usize) -> usize {
    let Some(ideal_start) = line.checked_sub(PART_LINES / 2) else { return 0 };
    let (whole, rest) = (ideal_start / STRIDE_LINES, ideal_start % STRIDE_LINES);
    let up = match (rest * 2).cmp(&STRIDE_LINES) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => whole % 2,
        std::cmp::Ordering::Greater => 1,
    };
    whole + up
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_take_the_even_stride() {
        let strides = [0, 149, 150, 224, 225, 226, 374, 375, 376, 525].map(stride);
        assert_eq!(strides, [0, 0, 0, 0, 0, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn part_ends_with_the_file() {
        let text = (0..1000).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
        let all = part(&text, &text);
        assert_eq!((all.lines().next(), all.lines().last()), (Some("900"), Some("999")));
        assert_eq!(part(&text, "").lines().count(), PART_LINES);
    }
}
