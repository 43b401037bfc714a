//! Lines for C's preprocessor: branches, and macros as definitions.

use super::super::definitions::DefinitionKind;
use super::super::head::{found, is};
use super::super::tokens::Token;
use super::{MAX_BLOCKS, Reader};

impl<'t> Reader<'t, '_> {
    /// Reads a line for the preprocessor. Returns the index after it.
    ///
    /// Each branch of an `#if` begins with the blocks that were open before it.
    pub(super) fn directive(&mut self, tokens: &[Token<'t>], at: usize) -> usize {
        let mut end = at + 1;
        let mut line = tokens.get(at).map_or(0, |token| token.line);
        while let Some(token) = tokens.get(end) {
            let is_continued = token.line == line + 1
                && tokens
                    .get(end.saturating_sub(1))
                    .is_some_and(|last| last.is("\\") && last.line == line);
            if token.line != line && !is_continued {
                break;
            }
            line = token.line;
            end += 1;
        }
        let directive = tokens.get(at..end).unwrap_or_default();
        match directive.get(1).map(|token| token.text) {
            Some("if" | "ifdef" | "ifndef") if self.conditions.len() < MAX_BLOCKS => {
                self.conditions.push(self.blocks.len());
            }
            Some("else" | "elif" | "elifdef" | "elifndef") => {
                if let Some(&n_blocks) = self.conditions.last() {
                    while self.blocks.len() > n_blocks {
                        self.leave();
                    }
                }
            }
            Some("endif") => _ = self.conditions.pop(),
            Some("define") => self.define(directive),
            _ => {}
        }
        end
    }

    /// Leaves a block that another branch opens again.
    fn leave(&mut self) {
        if let Some(block) = self.blocks.pop() {
            self.scope = block.scope;
            self.container = block.container;
            self.head = Vec::new();
            self.n_open = 0;
        }
    }

    fn define(&mut self, directive: &[Token<'t>]) {
        let takes_arguments = directive
            .get(2)
            .zip(directive.get(3))
            .is_some_and(|(name, next)| next.is("(") && name.end() == next.start);
        let kind =
            if takes_arguments { DefinitionKind::Function } else { DefinitionKind::Constant };
        let until = directive.iter().position(|token| token.is("\\")).unwrap_or(directive.len());
        let signature = directive.get(..until).unwrap_or_default();
        if is(directive, 2, "(") {
            return;
        }
        if let Some(found) = found(directive, 2, kind, signature) {
            self.out.add(found, None);
        }
    }
}
