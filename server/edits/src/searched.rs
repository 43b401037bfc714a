//! A text that is searched for places: its tokens by their text, its lines and its brackets.

use std::collections::HashMap;
use std::ops::Range;

use lowkey_document::lexical::TextKind;

use crate::rewrite::{Rewrite, defines};
use crate::tokens::Tokens;

/// A text that is searched: its tokens by their text.
pub(crate) struct Searched {
    pub(crate) tokens: Tokens,
    /// A number for each token's text.
    ids: Vec<u32>,
    pub(crate) by_text: HashMap<String, u32>,
    /// The tokens with each text, in order.
    positions: Vec<Vec<u32>>,
    /// The line of each token, and the tokens of each line without its line ends.
    line_numbers: Vec<u32>,
    lines: Vec<Range<usize>>,
    /// The innermost bracket that is open before each token.
    openers: Vec<Option<u32>>,
}

impl Searched {
    pub(crate) fn new(tokens: Tokens) -> Self {
        let n = tokens.all.len();
        let mut by_text: HashMap<String, u32> = HashMap::new();
        let mut positions: Vec<Vec<u32>> = Vec::new();
        let mut ids = Vec::with_capacity(n);
        let mut line_numbers = Vec::with_capacity(n);
        let mut lines: Vec<Range<usize>> = Vec::new();
        let mut start = 0;
        let mut openers = Vec::with_capacity(n);
        let mut open: Vec<u32> = Vec::new();
        for idx in 0..n {
            let text = tokens.str(idx);
            let known = by_text.get(text).copied();
            let id = known.unwrap_or(positions.len() as u32);
            if known.is_none() {
                by_text.insert(text.to_owned(), id);
                positions.push(Vec::new());
            }
            if let Some(of_text) = positions.get_mut(id as usize) {
                of_text.push(idx as u32);
            }
            ids.push(id);
            line_numbers.push(lines.len() as u32);
            if text == "\n" {
                lines.push(start..idx);
                start = idx + 1;
            }
            openers.push(open.last().copied());
            match text {
                _ if tokens.kind(idx) != TextKind::Code => {}
                "(" | "[" | "{" => open.push(idx as u32),
                ")" | "]" | "}" => {
                    open.pop();
                }
                _ => {}
            }
        }
        lines.push(start..n);
        Self { tokens, ids, by_text, positions, line_numbers, lines, openers }
    }

    /// Returns the number of tokens.
    pub(crate) fn n_tokens(&self) -> usize {
        self.ids.len()
    }

    /// Returns how often a token occurs.
    pub(crate) fn n_uses(&self, text: &str) -> usize {
        self.positions(self.id(text)).len()
    }

    /// Returns the number of a token's text; one that no token has for a text that is not there.
    pub(crate) fn id(&self, text: &str) -> u32 {
        self.by_text.get(text).copied().unwrap_or(u32::MAX)
    }

    pub(crate) fn id_at(&self, idx: usize) -> u32 {
        self.ids.get(idx).copied().unwrap_or(u32::MAX)
    }

    /// Whether a token is there and has this text.
    pub(crate) fn is(&self, idx: usize, id: u32) -> bool {
        self.ids.get(idx) == Some(&id)
    }

    /// Returns the tokens that have a text, in order.
    pub(crate) fn positions(&self, id: u32) -> &[u32] {
        self.positions.get(id as usize).map_or(&[], Vec::as_slice)
    }

    /// Returns the number of the line of a token. Line 0 is empty; the first line of the text is 1.
    pub(crate) fn line_number(&self, idx: usize) -> usize {
        self.line_numbers.get(idx).map_or(self.lines.len(), |line| *line as usize)
    }

    /// Returns the number of the line of a byte, 1 for the first one.
    pub(crate) fn line_number_at(&self, byte: usize) -> usize {
        self.lines.partition_point(|line| self.tokens.end(line.end) < byte).max(1)
    }

    /// Returns the number of lines, with line 0 and an empty one at the end.
    pub(crate) fn n_lines(&self) -> usize {
        self.lines.len()
    }

    /// Returns the tokens of a line; none for a line that is not there.
    pub(crate) fn line(&self, number: usize) -> Range<usize> {
        self.lines.get(number).cloned().unwrap_or(0..0)
    }

    /// Returns the columns, in bytes, before the first token of a line; `None` for an empty line.
    pub(crate) fn indent(&self, number: usize) -> Option<usize> {
        let line = self.line(number);
        let before = line.start.checked_sub(1).filter(|_| !line.is_empty())?;
        let line_end = self.tokens.start(before);
        let starts = if before == 0 { line_end } else { line_end + 1 };
        Some(self.tokens.start(line.start).saturating_sub(starts))
    }

    /// Returns the innermost bracket that is open before a token.
    pub(crate) fn opener(&self, idx: usize) -> Option<usize> {
        self.openers.get(idx).copied().flatten().map(|opener| opener as usize)
    }

    /// Returns the word before the innermost bracket that is open before a token.
    pub(crate) fn callee(&self, idx: usize) -> Option<u32> {
        let word = self.opener(idx)?.checked_sub(1)?;
        self.tokens.is_word(word).then(|| self.id_at(word))
    }

    /// Returns the number of times that a word is defined.
    pub(crate) fn n_definitions(&self, word: &str) -> usize {
        let is_definition = |idx: usize| {
            self.tokens.kind(idx) == TextKind::Code && defines(&self.tokens, idx..idx + 1)
        };
        self.positions(self.id(word)).iter().filter(|idx| is_definition(**idx as usize)).count()
    }

    /// Returns how often the new text has the neighbours of the change already.
    pub(crate) fn n_done(&self, rewrite: &Rewrite) -> usize {
        let ids: Vec<u32> = rewrite.new_tokens.iter().map(|text| self.id(text)).collect();
        let neighbours = [rewrite.left.first(), rewrite.right.first()];
        let [Some(left), Some(right)] = neighbours.map(|text| text.map(|text| self.id(text)))
        else {
            return 0;
        };
        let fits = |start: &usize| {
            let start = *start;
            ids.iter().enumerate().all(|(n, id)| self.is(start + n, *id))
                && start.checked_sub(1).is_some_and(|before| self.is(before, left))
                && self.is(start + ids.len(), right)
        };
        // The rarest token is looked for.
        let rarest = ids.iter().enumerate().min_by_key(|(_, id)| self.positions(**id).len());
        let Some((offset, id)) = rarest else { return 0 };
        let starts = self.positions(*id).iter().map(|at| (*at as usize).checked_sub(offset));
        starts.flatten().filter(fits).count()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use lowkey_document::Document;

    use super::*;

    pub(crate) fn searched(text: &str) -> Searched {
        let snapshot = Document::open("file:///a.py", "python", 1, text).snapshot();
        Searched::new(Tokens::new(text.to_owned(), &snapshot.lexical_state(0)))
    }

    #[test]
    fn lines_and_brackets_are_known() {
        let searched = searched("f(a,\n    [b])\n\nc)");
        let at = |text: &str| searched.positions(searched.id(text))[0] as usize;
        assert_eq!(searched.opener(at("b")), Some(at("[")));
        assert_eq!(searched.opener(at("a")), Some(at("(")));
        assert_eq!(searched.opener(at("c")), None);
        let line = searched.line_number(at("b"));
        assert_eq!(line, searched.line_number_at(9));
        assert_eq!(searched.line(line), at("[")..at("]") + 2);
        assert_eq!(searched.indent(line), Some(4));
        assert_eq!(searched.indent(line + 1), None, "an empty line");
        assert_eq!(searched.n_uses("missing"), 0);
        assert!(searched.line(99).is_empty() && searched.opener(99).is_none());
    }
}
