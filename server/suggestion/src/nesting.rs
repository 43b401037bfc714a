//! The effect of a completion's brackets and quotes on its surroundings.
//!
//! One pass over the text yields everything that the balance rules and the tail need: the brackets
//! it leaves open, the first surplus closer, and the characters that belong to the brackets around
//! it.

use lowkey_document::StringSyntax;
use lowkey_document::lexical::TokenKind;

use crate::lines::{indent_columns, is_punctuation};
use crate::surroundings::{ClosedBy, Opener, Surroundings};

/// Why a closer of the completion is surplus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SurplusCloser {
    /// Its opener is closed by text that stays.
    AlreadyClosed { closer: char },
    /// The innermost open bracket is of another kind.
    WrongKind { closer: char, opener: char },
    /// No bracket is open.
    NothingOpen { closer: char },
}

/// A bracket that the completion opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InnerOpener {
    /// Position, in bytes.
    pub at: usize,
    closer: char,
}

/// A character outside of all brackets that the completion opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OuterChar {
    /// Position, in bytes.
    pub at: usize,
    pub c: char,
    /// Whether it is in the same comment or literal as the cursor.
    pub is_text: bool,
    /// Whether it closes a bracket that no other text closes; such a closer is not part of the
    /// tail.
    pub is_extra: bool,
}

impl OuterChar {
    fn code(at: usize, c: char) -> Self {
        Self { at, c, is_text: false, is_extra: false }
    }
}

/// The effect of a completion on its surroundings.
#[derive(Debug, Default)]
pub(crate) struct Nesting {
    /// The first surplus closer, with its position.
    pub surplus: Option<(usize, SurplusCloser)>,
    /// Brackets that the completion opens and does not close, outermost first.
    pub open: Vec<InnerOpener>,
    /// The start and the syntax of a literal that the completion opens and does not end, or whose
    /// line ended first.
    pub open_literal: Option<(usize, &'static StringSyntax)>,
    /// The position where the completion ends a literal that text after the cursor already ends.
    pub literal_ended_twice: Option<usize>,
    /// Closers, quotes, punctuation and blanks that belong to brackets opened before the cursor.
    pub outer: Vec<OuterChar>,
    /// Closers whose brackets are closed by text that stays.
    closed_twice: Vec<(usize, char)>,
}

impl Nesting {
    /// Reads `text` as inserted at the cursor.
    pub(crate) fn of(surroundings: &Surroundings<'_>, text: &str) -> Self {
        let mut this = Self::default();
        let mut around: Vec<Opener> = surroundings.openers.clone();
        // Brackets of prose in the same comment or literal as the cursor.
        let mut prose: Vec<char> = Vec::new();
        // Literals that the completion opens, outermost first, and those that are open around the
        // cursor.
        let mut inner: Vec<(usize, &'static StringSyntax)> = Vec::new();
        let mut literals = surroundings.literals.clone();
        let mut broken_literal = None;
        let mut angles = 0_usize;
        let mut previous = ' ';
        // The lowest depth so far: text at this depth belongs to brackets that were open at the
        // cursor.
        let (mut depth, mut floor) = (surroundings.depth, surroundings.depth);
        let has_angle_tail = surroundings.request.replaced_tail.contains('>');
        surroundings.scan(text, |token| {
            let (at, c) = (token.at, token.c);
            let is_outside = depth.max(token.depth) <= floor;
            depth = token.depth;
            floor = floor.min(depth);
            match token.kind {
                TokenKind::LiteralEnd(_) if inner.pop().is_none() => {
                    if literals.pop().is_some_and(|literal| literal.ends_after) {
                        this.literal_ended_twice.get_or_insert(at);
                    }
                    let delimiter = text.get(at..at + token.len).unwrap_or_default();
                    let outer = |(i, c)| OuterChar::code(at + i, c);
                    this.outer.extend(delimiter.char_indices().map(outer));
                }
                TokenKind::Text if is_outside && inner.is_empty() => match closer_of(c) {
                    Some(closer) => prose.push(closer),
                    None if prose.last() == Some(&c) => {
                        prose.pop();
                    }
                    None if prose.is_empty() && this.is_outer() => {
                        this.outer.push(OuterChar { is_text: true, ..OuterChar::code(at, c) });
                    }
                    None => {}
                },
                TokenKind::LiteralStart(literal) => inner.push((at, literal)),
                TokenKind::LiteralEnd(_) | TokenKind::Text => {}
                TokenKind::BrokenLiteral => {
                    let n_left = literals.iter().filter(|literal| literal.depth < depth).count();
                    if n_left < literals.len() {
                        literals.truncate(n_left);
                    } else {
                        broken_literal = broken_literal.or(inner.first().copied());
                    }
                    inner.clear();
                }
                TokenKind::Open { closer } => this.open.push(InnerOpener { at, closer }),
                TokenKind::Close => this.close(surroundings, text, at, c, &mut around),
                TokenKind::Code => {
                    if has_angle_tail && this.is_outer() {
                        match c {
                            '<' => angles += 1,
                            '>' if matches!(previous, '-' | '=') => {}
                            '>' if angles > 0 => angles -= 1,
                            '>' => this.outer.push(OuterChar::code(at, c)),
                            _ => {}
                        }
                    }
                    if this.is_outer() && (is_punctuation(c) || c.is_whitespace()) {
                        this.outer.push(OuterChar::code(at, c));
                    }
                }
            }
            previous = c;
        });
        this.open_literal = broken_literal.or(inner.first().copied());
        this.cancel_reopened();
        this
    }

    /// Whether every bracket that the completion opened is closed.
    fn is_outer(&self) -> bool {
        self.open.is_empty()
    }

    fn close(
        &mut self,
        surroundings: &Surroundings<'_>,
        text: &str,
        at: usize,
        c: char,
        around: &mut Vec<Opener>,
    ) {
        let is_strict = surroundings.has_paired_brackets();
        if let Some(inner) = self.open.last().copied() {
            if inner.closer == c {
                self.open.pop();
            } else if is_strict {
                let opener = opener_of(inner.closer);
                self.surplus.get_or_insert((at, SurplusCloser::WrongKind { closer: c, opener }));
            }
            return;
        }
        let mut is_extra = false;
        let surplus = match around.last().copied() {
            Some(opener) if opener.closer != c => {
                is_strict.then_some(SurplusCloser::WrongKind { closer: c, opener: opener.bracket })
            }
            Some(opener) => {
                is_extra = opener.closed != ClosedBy::Nothing
                    && use_unclosed_opener(around, c, opener.closed);
                around.pop();
                let is_free = opener.closed != ClosedBy::LaterText || is_extra;
                (!is_free).then_some(SurplusCloser::AlreadyClosed { closer: c })
            }
            None => {
                // More brackets may be open above the visible lines; the visible lines below may
                // close them.
                let indent = line_indent(surroundings, text, at);
                let is_closed = surroundings.unmatched_closers.iter().any(|&(closer, of_line)| {
                    closer == c && of_line.is_none_or(|of_line| of_line == indent)
                });
                let is_known = !surroundings.request.is_cut_above() || is_closed;
                (is_strict && is_known).then_some(SurplusCloser::NothingOpen { closer: c })
            }
        };
        self.outer.push(OuterChar { is_extra, ..OuterChar::code(at, c) });
        match surplus {
            Some(SurplusCloser::AlreadyClosed { closer }) => self.closed_twice.push((at, closer)),
            Some(surplus) => {
                self.surplus.get_or_insert((at, surplus));
            }
            None => {}
        }
    }

    /// Cancels early closers against brackets that are opened again: `} else {` leaves the brackets
    /// around it unchanged, and so does `", "` inside a literal.
    fn cancel_reopened(&mut self) {
        let closed_twice = std::mem::take(&mut self.closed_twice);
        let mut uncancelled = None;
        for (at, closer) in closed_twice {
            match self.open.iter().position(|open| open.closer == closer && open.at > at) {
                Some(idx) => {
                    self.open.remove(idx);
                }
                None => {
                    uncancelled =
                        uncancelled.or(Some((at, SurplusCloser::AlreadyClosed { closer })));
                }
            }
        }
        self.surplus = match (self.surplus, uncancelled) {
            (Some(one), Some(other)) => Some(if one.0 <= other.0 { one } else { other }),
            (one, other) => one.or(other),
        };
        if self.literal_ended_twice.is_some() && self.open_literal.is_some() {
            self.literal_ended_twice = None;
            self.open_literal = None;
        }
    }
}

/// Returns the indentation of the line that contains `at`.
fn line_indent(surroundings: &Surroundings<'_>, text: &str, at: usize) -> usize {
    match text.get(..at).and_then(|before| before.rfind('\n')) {
        Some(end) => indent_columns(text.get(end + 1..).unwrap_or_default()),
        None if surroundings.request.before.is_empty() => indent_columns(text),
        None => indent_columns(surroundings.request.before),
    }
}

/// Takes the place of an unclosed bracket further out. If `f(g(x)` lacks one closer, the completion
/// may close `g(`, and the closer that follows then closes `f(`.
fn use_unclosed_opener(around: &mut [Opener], closer: char, closed: ClosedBy) -> bool {
    let free = around
        .iter_mut()
        .rev()
        .take_while(|opener| opener.closer == closer)
        .find(|opener| opener.closed == ClosedBy::Nothing);
    match free {
        Some(opener) => {
            opener.closed = closed;
            true
        }
        None => false,
    }
}

/// Returns the closer for a bracket of prose.
fn closer_of(c: char) -> Option<char> {
    match c {
        '(' => Some(')'),
        '[' => Some(']'),
        '{' => Some('}'),
        _ => None,
    }
}

/// Returns the opener for a closing bracket.
fn opener_of(closer: char) -> char {
    match closer {
        ')' => '(',
        ']' => '[',
        '}' => '{',
        other => other,
    }
}
