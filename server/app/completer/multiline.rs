//! Whether a suggestion may span lines although the user did not ask for that: where a block begins.

/// How far a line is indented, in bytes of blanks.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Says whether a blank line of the cursor begins an empty block.
///
/// `opener` is the line above where it opens a block, by a bracket, a word or a mark of its language
/// ([`Scanner::opens_block`](lowkey_document::lexical::Scanner::opens_block)). What follows below is not in the block:
/// nothing, or a line that is indented no deeper than the opener.
pub(super) fn begins_block(opener: Option<&str>, cursor_line: &str, next: &[String]) -> bool {
    let below = next.iter().find(|line| !line.trim().is_empty());
    let is_empty = |opener: &str| below.is_none_or(|line| indent(line) <= indent(opener));
    cursor_line.trim().is_empty() && opener.is_some_and(is_empty)
}

#[cfg(test)]
mod tests {
    use super::begins_block;

    fn check(above: &str, line: &str, below: &[&str]) -> bool {
        let below: Vec<String> = below.iter().map(|l| (*l).to_owned()).collect();
        begins_block(Some(above), line, &below)
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
        assert!(!check("fn f() {", "    let", &["}"]));
        assert!(!begins_block(None, "", &[]));
    }
}
