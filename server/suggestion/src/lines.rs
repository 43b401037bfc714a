//! Predicates on the characters of a single line.
//!
//! Stop rules and trims share them, so that both use the same definition of "blank", "trivial" and
//! "the same line".

/// Width of a tab when indentations are compared.
const TAB_COLUMNS: usize = 4;

/// Returns the column of the first character that is not blank; a tab counts as four columns.
pub(crate) fn indent_columns(line: &str) -> usize {
    indentation(line).chars().map(|c| if c == '\t' { TAB_COLUMNS } else { 1 }).sum()
}

/// Returns a line's leading blanks.
pub(crate) fn indentation(line: &str) -> &str {
    let end = line.find(|c: char| c != ' ' && c != '\t').unwrap_or(line.len());
    line.get(..end).unwrap_or_default()
}

/// Whether `c` belongs to a word: a letter, a digit, or `_`.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether `c` is a closing bracket or a quote.
pub(crate) fn is_closer(c: char) -> bool {
    matches!(c, ')' | ']' | '}' | '>' | '"' | '\'' | '`')
}

/// Whether `c` is punctuation that may follow a closer.
pub(crate) fn is_punctuation(c: char) -> bool {
    matches!(c, ';' | ',' | ':' | '.' | '?')
}

/// Whether a line has fewer than two letters or digits, too few to recognise a repetition. Lines
/// such as `}`, `);` and `0,` repeat in good code.
pub(crate) fn is_trivial(line: &str) -> bool {
    line.chars().filter(|c| c.is_alphanumeric()).take(2).count() < 2
}

/// Whether a line holds only numbers; rows of numbers repeat in good code.
pub(crate) fn is_numbers(line: &str) -> bool {
    let mut words = line.split(|c: char| !is_word(c)).filter(|word| !word.is_empty()).peekable();
    words.peek().is_some() && words.all(|word| word.starts_with(|c: char| c.is_ascii_digit()))
}

/// Whether a line is one word and a comma: an element of a list.
pub(crate) fn is_element(line: &str) -> bool {
    let word = line.trim().strip_suffix(',').unwrap_or_default();
    let word = word.trim_matches(['"', '\'', '`']);
    !word.is_empty() && word.chars().all(|c| is_word(c) || matches!(c, '-' | '.' | '%' | '?'))
}

/// Whether `line` begins with a word that ends a block, such as `end` or `fi`; such lines repeat in
/// good code.
pub(crate) fn is_block_end(line: &str, block_ends: &[&str]) -> bool {
    let line = line.trim();
    block_ends.iter().any(|end| {
        line.strip_prefix(end).is_some_and(|rest| {
            // A tag end (`</`) is followed by its name; a word must end here.
            !end.ends_with(is_word) || !rest.starts_with(is_word)
        })
    })
}

/// Whether two lines are equal except for leading and trailing blanks.
pub(crate) fn same_line(a: &str, b: &str) -> bool {
    a.trim() == b.trim()
}

/// Whether `line` repeats the document's line `next`.
/// Lines of brackets never do; ends of blocks are compared with their indentation.
pub(crate) fn repeats(line: &str, next: &str, block_ends: &[&str]) -> bool {
    if is_block_end(line, block_ends) {
        line.trim_end() == next.trim_end()
    } else {
        !is_trivial(line) && !is_numbers(line) && same_line(line, next)
    }
}

/// Whether `line` is deeper than both its neighbours. The body of an `if` may equal the line that
/// follows the `if`.
pub(crate) fn is_deeper_than_both(line: &str, above: &str, next: &str) -> bool {
    let indent = indent_columns(line);
    indent > indent_columns(above) && indent > indent_columns(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indentation_counts_tabs_as_four_columns() {
        assert_eq!(indent_columns("  x"), 2);
        assert_eq!(indent_columns("\t x"), 5);
        assert_eq!(indent_columns("x  "), 0);
        assert_eq!(indent_columns("   "), 3);
    }

    #[test]
    fn block_ends_are_whole_words() {
        assert!(is_block_end("  end", &["end"]));
        assert!(is_block_end("end)", &["end"]));
        assert!(!is_block_end("ending", &["end"]));
        assert!(is_block_end("</div>", &["</"]));
    }

    #[test]
    fn data_lines_are_recognised() {
        assert!(is_numbers("  0x00, 1.5, -3,") && !is_numbers("f(0)") && !is_numbers("},"));
        assert!(is_element("  null,") && is_element("'%s',") && !is_element("f(),"));
        assert!(!is_element(",") && !is_element("a b,"));
    }

    #[test]
    fn brackets_and_single_digits_are_trivial() {
        assert!(is_trivial("    });"));
        assert!(is_trivial("0,"));
        assert!(!is_trivial("ok"));
    }
}
