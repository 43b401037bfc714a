//! Whether a suggestion may span lines although nobody asked for that: where a block begins.

/// How far a line is indented, in bytes of blanks.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Whether the cursor stands on a blank line that begins an empty block.
///
/// The line above opens the block (it ends with an opening bracket or a colon), and what
/// follows below is not inside it: either nothing, or a line that is indented no deeper
/// than the opener. `previous` are the lines above, nearest last; `next` those below.
pub(super) fn begins_block(previous: &[String], cursor_line: &str, next: &[String]) -> bool {
    let Some(opener) = previous.last() else { return false };
    let opens = opener.trim_end().ends_with(['{', ':', '(', '[']);
    let below = next.iter().find(|line| !line.trim().is_empty());
    opens
        && cursor_line.trim().is_empty()
        && below.is_none_or(|line| indent(line) <= indent(opener))
}

#[cfg(test)]
mod tests {
    use super::begins_block;

    fn check(above: &str, line: &str, below: &[&str]) -> bool {
        let below: Vec<String> = below.iter().map(|l| (*l).to_owned()).collect();
        begins_block(&[above.to_owned()], line, &below)
    }

    #[test]
    fn an_empty_block_begins_under_its_opener() {
        assert!(check("fn f() {", "    ", &["}"]));
        assert!(check("def f():", "", &[]));
        assert!(check("    if x:", "        ", &["", "    y = 1"]));
    }

    #[test]
    fn a_block_that_holds_lines_already_does_not_begin() {
        assert!(!check("fn f() {", "    ", &["    let x = 1;", "}"]));
    }

    #[test]
    fn other_lines_begin_no_block() {
        assert!(!check("let x = 1;", "", &[]));
        assert!(!check("fn f() {", "    let", &["}"]));
        assert!(!begins_block(&[], "", &[]));
    }
}
