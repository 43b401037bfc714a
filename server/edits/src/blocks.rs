//! Which lines a block may hold together with a line, by indentation.

use crate::searched::Searched;

/// The lines that a block may hold together with a line.
pub(crate) struct Blocks {
    /// By line: whether no line between is less indented than both lines.
    lines: Vec<bool>,
}

impl Blocks {
    pub(crate) fn around(searched: &Searched, line: usize) -> Self {
        let indent_of = |number: usize| searched.indent(number).unwrap_or(usize::MAX);
        let indent = indent_of(line);
        let mut lines = vec![false; searched.n_lines()];
        let mut fill = |numbers: &mut dyn Iterator<Item = usize>| {
            let mut lowest = indent;
            for number in numbers {
                lowest = lowest.min(indent_of(number));
                if let Some(slot) = lines.get_mut(number) {
                    *slot = lowest >= indent.min(indent_of(number));
                }
            }
        };
        fill(&mut (0..=line).rev());
        fill(&mut (line..searched.n_lines()));
        Self { lines }
    }

    /// Whether no line between is less indented than both lines.
    pub(crate) fn contains(&self, line: usize) -> bool {
        self.lines.get(line).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::searched::tests::searched;

    #[test]
    fn block_ends_at_a_less_indented_line() {
        let text = "def f():\n    a\n\n    if b:\n        c\ndef g():\n    d\n";
        let searched = searched(text);
        let line = |word: &str| searched.line_number_at(text.find(word).unwrap_or(0));
        let blocks = Blocks::around(&searched, line("a\n"));
        assert!(blocks.contains(line("if b")) && blocks.contains(line("c\n")));
        assert!(!blocks.contains(line("d\n")), "another function");
        assert!(blocks.contains(line("def f")), "the block's own head");
        assert!(blocks.contains(line("def g")), "no line between is less indented than this one");
        assert!(!blocks.contains(99));
    }
}
