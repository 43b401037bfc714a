//! Ends decoding as soon as no useful text can follow.
//!
//! The engine passes the whole text so far after each token; each call reads only the new part.
//! Invariants: the verdict does not depend on how the text was split into tokens. It never changes
//! once given. The number of bytes to keep is a character boundary.

use lowkey_document::Scope;
use serde::{Deserialize, Serialize};

use crate::following_line::FollowingLine;
use crate::lines::{indent_columns, is_deeper_than_both, is_word, repeats};
use crate::repetition::{LineLoop, PeriodLoop};
use crate::request::Request;
use crate::scope::{ScopeEffect, ScopeEnd};
use crate::surroundings::Surroundings;

/// Why a completion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The model ended it.
    Eos,
    /// The line ended, and one line was requested.
    Newline,
    /// The block ended.
    Scope,
    /// The text reached the text that follows the cursor.
    Suffix,
    /// The text repeated itself.
    Repetition,
    /// The time budget was used up.
    Deadline,
    /// The limit of tokens or lines was reached.
    Limit,
    /// A newer request replaced this one.
    Cancelled,
}

impl StopReason {
    /// Returns the name used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eos => "eos",
            Self::Newline => "newline",
            Self::Scope => "scope",
            Self::Suffix => "suffix",
            Self::Repetition => "repetition",
            Self::Deadline => "deadline",
            Self::Limit => "limit",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Watches one completion grow. Owns its data, so that it can move to the engine's thread.
#[derive(Debug, Clone)]
pub struct StopRules {
    before: String,
    next_line: Option<String>,
    following: FollowingLine,
    scope_by: Scope,
    block_ends: &'static [&'static str],
    takes_lines: bool,
    is_in_pattern: bool,
    max_lines: usize,
    scope: ScopeEnd,
    state: State,
}

/// The state after the text so far.
#[derive(Debug, Clone)]
struct State {
    n_seen: usize,
    previous: char,
    /// Start of the current line, in bytes.
    line_start: usize,
    /// End of the previous line, without its line end.
    previous_end: usize,
    n_lines: usize,
    head: LineHead,
    scope: ScopeEnd,
    periods: PeriodLoop,
    lines: LineLoop,
    verdict: Option<(StopReason, usize)>,
}

/// The first word or mark of the current line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineHead {
    /// Only blanks so far.
    Blank,
    /// Starts at this byte, and may grow.
    Starts(usize),
    /// Passed to the scope rule.
    Checked,
}

impl State {
    fn new(scope: &ScopeEnd) -> Self {
        Self {
            n_seen: 0,
            previous: ' ',
            line_start: 0,
            previous_end: 0,
            n_lines: 0,
            head: LineHead::Blank,
            scope: scope.clone(),
            periods: PeriodLoop::new(),
            lines: LineLoop::default(),
            verdict: None,
        }
    }
}

impl StopRules {
    /// Reads the surroundings of a request.
    pub fn new(request: &Request<'_>) -> Self {
        Self::at(&Surroundings::new(request))
    }

    pub(crate) fn at(surroundings: &Surroundings<'_>) -> Self {
        let request = &surroundings.request;
        let scope = ScopeEnd::new(surroundings);
        Self {
            before: request.before.to_owned(),
            next_line: request.next_line().map(str::to_owned),
            following: FollowingLine::new(request),
            scope_by: request.language.scope,
            block_ends: request.language.block_ends,
            takes_lines: request.takes_lines(),
            is_in_pattern: request.is_in_pattern(),
            max_lines: request.max_lines,
            state: State::new(&scope),
            scope,
        }
    }

    /// Takes the whole text so far. Returns the reason to stop and how many bytes to keep. A text
    /// that is shorter than the last one is read from its start.
    pub fn push(&mut self, text_so_far: &str) -> Option<(StopReason, usize)> {
        if text_so_far.get(..self.state.n_seen).is_none() {
            self.state = State::new(&self.scope);
        }
        if self.state.verdict.is_none() {
            let new = text_so_far.get(self.state.n_seen..).unwrap_or_default();
            let start = self.state.n_seen;
            self.state.verdict =
                new.char_indices().find_map(|(at, c)| self.character(text_so_far, start + at, c));
            self.state.n_seen = text_so_far.len();
        }
        self.state.verdict
    }

    fn character(&mut self, text: &str, at: usize, c: char) -> Option<(StopReason, usize)> {
        let previous = std::mem::replace(&mut self.state.previous, c);
        let mut bytes = [0; 4];
        for &byte in c.encode_utf8(&mut bytes).as_bytes() {
            if let Some(start) = self.state.periods.push(byte) {
                // If a line loops, its beginning is dropped as well.
                let before = text.get(..text.floor_char_boundary(start)).unwrap_or_default();
                let keep = before.rfind(['\n', '\r']).unwrap_or(0);
                return Some((StopReason::Repetition, keep));
            }
        }
        if c == '\n' && previous == '\r' && self.state.line_start == at {
            self.state.line_start = at + 1;
            return None;
        }
        if c == '\n' || c == '\r' {
            return self.line_end(text, at);
        }
        if c == '`' && self.is_stray_fence(text, at + 1) {
            return Some((StopReason::Eos, self.state.previous_end));
        }
        self.line_head(text, at, Some(c))
    }

    /// Passes a line's first word or mark to the scope rule once it is complete.
    fn line_head(
        &mut self,
        text: &str,
        at: usize,
        next: Option<char>,
    ) -> Option<(StopReason, usize)> {
        if self.state.n_lines == 0 {
            return None;
        }
        let start = match (self.state.head, next) {
            (LineHead::Checked, _) | (LineHead::Blank, None) => return None,
            (LineHead::Blank, Some(c)) if c.is_whitespace() => return None,
            (LineHead::Blank, Some(c)) => {
                self.state.head = LineHead::Starts(at);
                // A bracket is complete by itself; a word and a tag's `<` need the next characters.
                if is_word(c) || c == '<' {
                    return None;
                }
                at
            }
            (LineHead::Starts(start), Some(c))
                if is_word(c)
                    && text.get(start..at).is_some_and(|word| word.ends_with(is_word)) =>
            {
                return None;
            }
            (LineHead::Starts(start), _) => start,
        };
        let rest = text.get(start..).unwrap_or_default();
        let end = match next {
            Some(c) if !rest.starts_with(is_word) => at + c.len_utf8(),
            _ => at,
        };
        let head = text.get(start..end).unwrap_or_default();
        self.state.head = LineHead::Checked;
        let indent = indent_columns(text.get(self.state.line_start..).unwrap_or_default());
        match self.state.scope.push_head(head, indent) {
            ScopeEffect::EndedBefore => Some((StopReason::Scope, self.state.previous_end)),
            ScopeEffect::Continues | ScopeEffect::EndsWith => None,
        }
    }

    /// Whether the line that ends at byte `end` so far is a Markdown fence in code.
    fn is_stray_fence(&self, text: &str, end: usize) -> bool {
        let line = text.get(self.state.line_start..end).unwrap_or_default();
        let begins_line = self.state.n_lines > 0 || self.before.trim().is_empty();
        begins_line && self.following.is_stray_fence(line) && self.state.scope.is_in_code()
    }

    fn line_end(&mut self, text: &str, at: usize) -> Option<(StopReason, usize)> {
        if let Some(stop) = self.line_head(text, at, None) {
            return Some(stop);
        }
        let line = text.get(self.state.line_start..at).unwrap_or_default();
        let verdict = match self.state.n_lines {
            0 => self.first_line_end(line, at),
            _ => self.later_line_end(text, line, at),
        };
        self.state.n_lines += 1;
        if verdict.is_none() && self.state.n_lines >= self.max_lines {
            return Some((StopReason::Limit, at));
        }
        self.state.previous_end = at;
        self.state.line_start = at + 1;
        self.state.head = LineHead::Blank;
        verdict
    }

    fn first_line_end(&mut self, line: &str, at: usize) -> Option<(StopReason, usize)> {
        let whole = [self.before.as_str(), line].concat();
        // If the whole line was there before the completion, the rule does not apply.
        let adds = !line.trim().is_empty() && !self.is_in_pattern;
        if adds && self.repeats_next_line(&whole) {
            return Some((StopReason::Suffix, 0));
        }
        if self.leaves_block(line) {
            return Some((StopReason::Scope, 0));
        }
        if !self.takes_lines {
            return Some((StopReason::Newline, at));
        }
        self.state.scope.push_first_line(&self.before, line);
        self.state.lines.push(&whole, at);
        None
    }

    /// Whether the first line, on a blank line, leaves the block that continues below the cursor.
    fn leaves_block(&self, line: &str) -> bool {
        self.before.is_empty()
            && self.state.scope.is_in_code()
            && self.following.leaves_block(line, self.scope_by)
    }

    /// Returns the verdict on a finished text, whose last line has no line end.
    pub(crate) fn end(&mut self, text: &str) -> Option<(StopReason, usize)> {
        let verdict = self.push(text);
        let last = text.get(self.state.line_start..).unwrap_or_default();
        match verdict {
            None if self.state.n_lines == 0 && self.leaves_block(last) => {
                Some((StopReason::Scope, 0))
            }
            None if self.state.n_lines > 0
                && !self.is_body(text, last)
                && self.nearly_repeats_next_line(last) =>
            {
                Some((StopReason::Suffix, self.state.previous_end))
            }
            verdict => verdict,
        }
    }

    fn later_line_end(&mut self, text: &str, line: &str, at: usize) -> Option<(StopReason, usize)> {
        if self.meets_next_line(text, line) {
            return Some((StopReason::Suffix, self.state.previous_end));
        }
        if let Some(keep) = self.state.lines.push(line, at) {
            return Some((StopReason::Repetition, keep));
        }
        match self.state.scope.push_line(line) {
            ScopeEffect::Continues => None,
            ScopeEffect::EndedBefore => Some((StopReason::Scope, self.state.previous_end)),
            ScopeEffect::EndsWith => Some((StopReason::Scope, at)),
        }
    }

    /// Whether a line after the first equals the next line of the file, exactly or nearly.
    fn meets_next_line(&self, text: &str, line: &str) -> bool {
        (self.repeats_next_line(line) || self.nearly_repeats_next_line(line))
            && !self.is_body(text, line)
    }

    /// Whether `line`, the last line of the text, is the body of the line above it and not a copy
    /// of the next line.
    fn is_body(&self, text: &str, line: &str) -> bool {
        let above = text.get(..self.state.previous_end).unwrap_or_default();
        let above = match above.rsplit_once(['\n', '\r']) {
            Some((_, line)) => line.to_owned(),
            None => [self.before.as_str(), above].concat(),
        };
        let is_deeper = |next: &str| is_deeper_than_both(line, &above, next);
        self.next_line.as_deref().is_some_and(is_deeper)
    }

    /// Whether a line differs from the next line of the file in one word. Equal lines have their
    /// own rule.
    fn nearly_repeats_next_line(&self, line: &str) -> bool {
        let is_near = |next: &str| self.following.is_near_copy(line, next);
        self.next_line.as_deref().is_some_and(is_near) && !self.repeats_next_line(line)
    }

    fn repeats_next_line(&self, line: &str) -> bool {
        self.next_line.as_deref().is_some_and(|next| repeats(line, next, self.block_ends))
    }
}

#[cfg(test)]
mod tests;
