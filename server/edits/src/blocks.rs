//! Which lines are in the same block as a line, by indentation.

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
