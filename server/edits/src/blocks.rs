//! Which lines a block may hold together with a line, by indentation.

use crate::searched::Searched;

/// The lowest indentation between a line and each other line.
pub(crate) struct Blocks {
    /// By line: the line's indentation, and the lowest one from the first line to it.
    lines: Vec<(usize, usize)>,
    indent: usize,
}

impl Blocks {
    pub(crate) fn around(searched: &Searched, line: usize) -> Self {
        let indent_of = |number: usize| searched.indent(number).unwrap_or(usize::MAX);
        let indent = indent_of(line);
        let mut lines = vec![(0, 0); searched.n_lines()];
        let mut fill = |numbers: &mut dyn Iterator<Item = usize>| {
            let mut lowest = indent;
            for number in numbers {
                lowest = lowest.min(indent_of(number));
                if let Some(slot) = lines.get_mut(number) {
                    *slot = (indent_of(number), lowest);
                }
            }
        };
        fill(&mut (0..=line).rev());
        fill(&mut (line..searched.n_lines()));
        Self { lines, indent }
    }

    /// Whether no line between is less indented than both lines.
    pub(crate) fn contains(&self, line: usize) -> bool {
        self.lines.get(line).is_some_and(|(indent, lowest)| *lowest >= self.indent.min(*indent))
    }
}

#[cfg(test)]
mod tests {
    use lowkey_document::Document;

    use super::*;
    use crate::tokens::Tokens;

    #[test]
    fn block_ends_at_a_less_indented_line() {
        let text = "def f():\n    a\n\n    if b:\n        c\ndef g():\n    d\n";
        let snapshot = Document::open("file:///a.py", "python", 1, text).snapshot();
        let searched = Searched::new(Tokens::new(text.to_owned(), &snapshot.lexical_state(0)));
        let line = |word: &str| searched.line_number_at(text.find(word).unwrap_or(0));
        let blocks = Blocks::around(&searched, line("a\n"));
        assert!(blocks.contains(line("if b")) && blocks.contains(line("c\n")));
        assert!(!blocks.contains(line("d\n")), "another function");
        assert!(blocks.contains(line("def f")), "the block's own head");
        assert!(blocks.contains(line("def g")), "no line between is less indented than this one");
        assert!(!blocks.contains(99));
    }
}
