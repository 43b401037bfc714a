//! Finds the places in a text to which a rewrite applies.

use std::ops::Range;

use lowkey_document::lexical::TextKind;

use crate::rewrite::{CONTEXT, Origin, Part, Piece, Rewrite, defines, imports};
use crate::searched::Searched;
use crate::source_line::{MAX_COMPARED, begins_definition};

mod inside;

/// Places of one rewrite; more are not looked at.
const MAX_PLACES: usize = 400;
/// Tokens that a variable before a closing bracket may match.
const MAX_VARIABLE_TOKENS: usize = 16;
/// Brackets that may end a variable of several tokens.
const CLOSERS: [&str; 4] = [")", "]", "}", ">"];

/// A place to which a rewrite applies.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about a place")]
pub(crate) struct Place {
    /// The replaced text, in bytes of the searched text.
    pub(crate) range: Range<usize>,
    pub(crate) text: String,
    /// Tokens of context that are equal on each side.
    pub(crate) n_left: usize,
    pub(crate) n_right: usize,
    /// Whether the context is equal up to both ends of the line.
    pub(crate) is_same_line: bool,
    pub(crate) kind: TextKind,
    /// Whether the replaced word is a name where it is defined.
    pub(crate) defines: bool,
    pub(crate) imports: bool,
    /// How alike the line is to the changed one, from 0 to 1: equal tokens.
    pub(crate) similarity: f32,
    /// Whether a call follows.
    pub(crate) is_called: bool,
    /// Whether a dot precedes.
    pub(crate) is_member: bool,
    /// Whether it is below the change, in the same block.
    pub(crate) is_in_scope: bool,
    /// Whether its line begins, or ends, with the same token as the changed one.
    pub(crate) begins_alike: bool,
    pub(crate) ends_alike: bool,
    /// How alike the lines above and below are to those of the changed line, from 0 to 1.
    pub(crate) above_similarity: f32,
    pub(crate) below_similarity: f32,
    /// Whether it and the change are arguments of calls of the same name, or of different names.
    pub(crate) is_same_callee: bool,
    pub(crate) is_other_callee: bool,
    /// The difference of the numbers of tokens before it and before the change, in their lines.
    pub(crate) columns_away: usize,
    /// Bytes by which its line is indented more than the changed one.
    pub(crate) indent: isize,
    pub(crate) n_line_tokens: usize,
    /// Whether its line begins the definition of a function or a type.
    pub(crate) is_definition: bool,
    /// The number of its line in the searched text.
    pub(crate) line: usize,
}

/// A rewrite whose places are searched, with the numbers of its tokens in the searched text.
pub(crate) struct Target<'r> {
    pub(crate) rewrite: &'r Rewrite,
    line: Vec<u32>,
    above: Vec<u32>,
    below: Vec<u32>,
    last: Option<u32>,
    callee: Option<u32>,
}

impl<'r> Target<'r> {
    /// `around` is the token before which the change's line begins in the searched text, if it is
    /// there.
    fn new(searched: &Searched, rewrite: &'r Rewrite, around: Option<usize>) -> Self {
        let ids = |tokens: &[String]| tokens.iter().map(|text| searched.id(text)).collect();
        let source = &rewrite.source;
        Self {
            rewrite,
            line: ids(&source.tokens),
            above: ids(&source.above),
            below: ids(&source.below),
            last: source.last.as_ref().map(|last| searched.id(last)),
            callee: if source.is_in_brackets {
                source.callee.as_ref().map(|callee| searched.id(callee))
            } else {
                // The bracket is above the hunk.
                around.and_then(|line| searched.callee(line))
            },
        }
    }
}

impl Searched {
    /// Returns the places of a rewrite, in order. `hunk_line` is the line of the hunk, if it is in
    /// the text.
    pub(crate) fn places(&self, rewrite: &Rewrite, hunk_line: Option<usize>) -> Vec<Place> {
        let target = Target::new(self, rewrite, hunk_line.map(|line| self.line(line).start));
        match rewrite.origin {
            Origin::Inside => self.inside(&target),
            Origin::LastArgument => self.calls(&target),
            _ if rewrite.pattern.is_empty() => self.insertions(&target),
            _ => self.matches(&target),
        }
    }

    /// Returns the number of equal tokens of context before and after some tokens, and whether both
    /// reach the ends of the line.
    fn context(&self, rewrite: &Rewrite, found: &Range<usize>) -> (usize, usize, bool) {
        let equal = |idx: Option<usize>, text: &String| {
            idx.is_some_and(|idx| self.tokens.str(idx) == text.as_str())
        };
        let left = rewrite.left.iter().enumerate();
        let n_left =
            left.take_while(|(n, text)| equal(found.start.checked_sub(n + 1), text)).count();
        let right = rewrite.right.iter().enumerate();
        let n_right = right.take_while(|(n, text)| equal(Some(found.end + n), text)).count();
        let reaches = |context: &[String], n: usize| {
            n == CONTEXT || context.get(..n).unwrap_or_default().iter().any(|text| text == "\n")
        };
        let is_same_line = reaches(&rewrite.left, n_left) && reaches(&rewrite.right, n_right);
        (n_left, n_right, is_same_line)
    }

    fn place(
        &self,
        target: &Target<'_>,
        found: &Range<usize>,
        range: Range<usize>,
        text: String,
    ) -> Place {
        let source = &target.rewrite.source;
        let (n_left, n_right, is_same_line) = self.context(target.rewrite, found);
        let tokens = &self.tokens;
        let line_number = self.line_number(found.start);
        let line = self.line(line_number);
        let is = |id: Option<&u32>, idx: Option<usize>| {
            id.is_some_and(|id| idx.is_some_and(|idx| self.is(idx, *id)))
        };
        let callee = self.callee(found.start);
        let around = |number: Option<usize>, line: &[u32]| {
            number.map_or(0.0, |number| self.similarity(line, self.line(number)))
        };
        let column = found.start.saturating_sub(line.start);
        let indent = self.indent(line_number).unwrap_or(0);
        Place {
            range,
            text,
            n_left,
            n_right,
            is_same_line,
            kind: tokens.kind(found.start),
            defines: defines(tokens, found.clone()),
            imports: imports(tokens, line.clone()),
            similarity: self.similarity(&target.line, line.clone()),
            above_similarity: around(line_number.checked_sub(1), &target.above),
            below_similarity: around(Some(line_number + 1), &target.below),
            is_called: tokens.str(found.end) == "(",
            is_member: found.start > 0 && tokens.str(found.start - 1) == ".",
            is_in_scope: false,
            begins_alike: is(target.line.first(), Some(line.start)),
            ends_alike: is(target.last.as_ref(), line.end.checked_sub(1)),
            is_same_callee: callee.is_some() && callee == target.callee,
            is_other_callee: callee.is_some() && target.callee.is_some() && callee != target.callee,
            columns_away: column.abs_diff(source.column),
            indent: indent as isize - source.indent as isize,
            n_line_tokens: line.len(),
            is_definition: begins_definition(line.map(|idx| tokens.str(idx))),
            line: line_number,
        }
    }

    /// Returns the share of tokens that a line and the changed line have in common.
    fn similarity(&self, changed: &[u32], line: Range<usize>) -> f32 {
        let line = line.start..line.end.min(line.start + MAX_COMPARED);
        let n = changed.len() + line.len();
        let mut rest = changed.to_vec();
        let mut n_equal = 0;
        for idx in line {
            if let Some(at) = rest.iter().position(|id| self.is(idx, *id)) {
                rest.swap_remove(at);
                n_equal += 2;
            }
        }
        n_equal as f32 / n.max(1) as f32
    }

    /// Places with the replaced tokens.
    fn matches(&self, target: &Target<'_>) -> Vec<Place> {
        let rewrite = target.rewrite;
        let ids: Vec<Option<u32>> = rewrite
            .pattern
            .iter()
            .map(|piece| match piece {
                Piece::Token(text) => Some(self.id(text)),
                Piece::Variable(_) => None,
            })
            .collect();
        if ids.contains(&Some(u32::MAX)) {
            return Vec::new();
        }
        let mut places = Vec::new();
        let removes =
            matches!(rewrite.replacement.as_slice(), [Part::Text(text)] if text.trim().is_empty());
        // The first token that is no variable is looked for: a variable before it is one word,
        // unless a closing bracket follows.
        let anchor = ids.iter().position(Option::is_some).unwrap_or(0);
        let id = ids.get(anchor).copied().flatten().unwrap_or(u32::MAX);
        let is_closer = CLOSERS.iter().any(|closer| self.id(closer) == id);
        let starts: Vec<usize> = if anchor > 0 && is_closer {
            (0..self.n_tokens()).collect()
        } else {
            let starts = self.positions(id).iter().map(|at| (*at as usize).checked_sub(anchor));
            starts.flatten().collect()
        };
        for start in starts {
            if places.len() == MAX_PLACES {
                break;
            }
            let mut values: Vec<Range<usize>> = Vec::new();
            let Some(end) = self.match_at(rewrite, &ids, start, &mut values) else { continue };
            let found = start..end;
            let kinds_fit = if rewrite.origin == Origin::General {
                rewrite.kinds.first() == Some(&self.tokens.kind(start))
            } else {
                found.clone().zip(&rewrite.kinds).all(|(idx, kind)| self.tokens.kind(idx) == *kind)
            };
            if !kinds_fit {
                continue;
            }
            let mut text = String::new();
            for part in &rewrite.replacement {
                match part {
                    Part::Text(part) => text += part,
                    Part::Variable(number) => {
                        text += self.tokens.span(values.get(*number).cloned().unwrap_or_default());
                    }
                }
            }
            let range = if removes {
                self.tokens.end(start.saturating_sub(1))..self.tokens.start(end)
            } else {
                self.tokens.start(start)..self.tokens.end(end - 1)
            };
            // A word that is replaced by nothing is removed with the blanks on one side only where
            // the neighbours are in the same line.
            let text = self.indented(rewrite, range.start, text);
            places.push(self.place(target, &found, range, text));
        }
        places
    }

    /// Returns the end of the match that starts at a token.
    fn match_at(
        &self,
        rewrite: &Rewrite,
        ids: &[Option<u32>],
        start: usize,
        values: &mut Vec<Range<usize>>,
    ) -> Option<usize> {
        let mut at = start;
        for (idx, piece) in rewrite.pattern.iter().enumerate() {
            match (piece, ids.get(idx).copied().flatten()) {
                (_, Some(id)) => {
                    if !self.is(at, id) {
                        return None;
                    }
                    at += 1;
                }
                (Piece::Variable(number), None) => {
                    let next = ids.get(idx + 1).copied().flatten();
                    let end = self.variable_end(at, next)?;
                    match values.get(*number) {
                        Some(value)
                            if self.tokens.span(value.clone()) != self.tokens.span(at..end) =>
                        {
                            return None;
                        }
                        Some(_) => {}
                        None => {
                            values.resize(*number, 0..0);
                            values.push(at..end);
                        }
                    }
                    at = end;
                }
                (Piece::Token(_), None) => return None,
            }
        }
        Some(at)
    }

    /// Returns the end of a variable's value: one word, or everything up to the closing bracket
    /// that follows the variable.
    fn variable_end(&self, start: usize, next: Option<u32>) -> Option<usize> {
        let next_is = |idx: usize| next.is_none_or(|id| self.is(idx, id));
        if self.tokens.is_word(start) && next_is(start + 1) {
            return Some(start + 1);
        }
        let closer = CLOSERS.into_iter().find(|closer| next == Some(self.id(closer)))?;
        let mut n_open = 0_usize;
        for idx in start..start + MAX_VARIABLE_TOKENS {
            match self.tokens.str(idx) {
                text if text == closer && n_open == 0 => return (idx > start).then_some(idx),
                "(" | "[" | "{" => n_open += 1,
                "<" if closer == ">" => n_open += 1,
                ")" | "]" | "}" => n_open = n_open.checked_sub(1)?,
                ">" if closer == ">" => n_open = n_open.checked_sub(1)?,
                "\n" | "" => return None,
                _ => {}
            }
        }
        None
    }

    /// Places between the same neighbours.
    fn insertions(&self, target: &Target<'_>) -> Vec<Place> {
        let rewrite = target.rewrite;
        let [Part::Text(text)] = rewrite.replacement.as_slice() else { return Vec::new() };
        let (Some(left), Some(right)) = (rewrite.left.first(), rewrite.right.first()) else {
            return Vec::new();
        };
        let (left_id, right_id) = (self.id(left), self.id(right));
        let mut places = Vec::new();
        let after = self.positions(left_id).iter().map(|at| *at as usize + 1);
        let mut all: Vec<usize> =
            after.chain(self.positions(right_id).iter().map(|at| *at as usize)).collect();
        all.sort_unstable();
        all.dedup();
        for at in all.into_iter().filter(|at| (1..self.n_tokens()).contains(at)) {
            if places.len() == MAX_PLACES {
                break;
            }
            let (is_left, is_right) = (self.is(at - 1, left_id), self.is(at, right_id));
            let (n_left, n_right, _) = self.context(rewrite, &(at..at));
            let is_anchored = (is_left && is_right) || n_left >= 3 || n_right >= 3;
            let kinds = [self.tokens.kind(at - 1), self.tokens.kind(at)];
            let has_word = (0..n_left).any(|n| self.tokens.is_word(at - 1 - n))
                || (0..n_right).any(|n| self.tokens.is_word(at + n));
            if !is_anchored || !has_word || kinds != *rewrite.kinds || self.has_already(at, text) {
                continue;
            }
            // A line's indentation is not part of the change.
            let start = if self.tokens.is_line_end(at - 1) {
                self.tokens.start(at)
            } else {
                self.tokens.end(at - 1)
            };
            let text = self.indented(rewrite, start, text.clone());
            places.push(self.place(target, &(at..at), start..self.tokens.start(at), text));
        }
        places
    }

    /// Whether the inserted text is there already, before or after a place.
    fn has_already(&self, at: usize, text: &str) -> bool {
        let text: String = text.split_whitespace().collect();
        let n = text.chars().count();
        let after: String = (at..at + n.min(60)).map(|idx| self.tokens.str(idx)).collect();
        let before = (at.saturating_sub(n.min(60))..at).map(|idx| self.tokens.str(idx));
        after.replace('\n', "").starts_with(&text)
            || before.collect::<String>().replace('\n', "").ends_with(&text)
    }

    /// Calls of the same name, before their closing bracket.
    fn calls(&self, target: &Target<'_>) -> Vec<Place> {
        let rewrite = target.rewrite;
        let [Part::Text(text)] = rewrite.replacement.as_slice() else { return Vec::new() };
        let Some(callee) = &rewrite.callee else { return Vec::new() };
        let callee = self.id(callee);
        let argument = text.trim_start_matches(',').trim();
        let mut places = Vec::new();
        for name in self.positions(callee).iter().map(|at| *at as usize) {
            if self.tokens.str(name + 1) != "(" || self.tokens.kind(name) != TextKind::Code {
                continue;
            }
            let closer = (name + 2..name + 200)
                .find(|&idx| self.tokens.str(idx) == ")" && self.opener(idx) == Some(name + 1));
            let Some(closer) = closer.filter(|&closer| closer > name + 2) else { continue };
            let arguments = self.tokens.span(name + 2..closer);
            if places.len() == MAX_PLACES
                || arguments.contains('\n')
                || arguments.contains(argument)
            {
                continue;
            }
            let at = self.tokens.end(closer - 1);
            places.push(self.place(target, &(closer..closer), at..at, text.trim_end().to_owned()));
        }
        places
    }

    /// Gives the lines after the first one the indentation of the place.
    fn indented(&self, rewrite: &Rewrite, at: usize, text: String) -> String {
        if !text.contains('\n') {
            return text;
        }
        let line = self.tokens.text.get(..at).unwrap_or_default().rsplit('\n').next();
        let indent: String =
            line.unwrap_or_default().chars().take_while(|c| c.is_whitespace()).collect();
        let mut lines = text.split('\n');
        let mut indented = lines.next().unwrap_or_default().to_owned();
        for line in lines {
            indented.push('\n');
            match line.strip_prefix(rewrite.indent.as_str()) {
                Some(rest) if !line.is_empty() => indented.extend([indent.as_str(), rest]),
                _ => indented.push_str(line),
            }
        }
        indented
    }
}
