//! Separates code from comments and literals, character by character.
//!
//! This is not a grammar: the scanner knows only the language table. The open constructs form a
//! stack, because literals contain code (`"${f("x")}"`), that code contains literals, and a file of
//! one language can embed another.
//!
//! The scanner recovers from a wrong guess. A literal that cannot contain a line end ends with the
//! line. A quote directly after a word opens a multi-line literal only if the line contains its
//! closer.
//!
//! Invariant: every character of the text is visited once, in order.

mod blocks;
mod code;
mod here_doc;
mod last_token;
mod lines;
mod literal;
mod markup;
#[cfg(test)]
mod tests;

pub(crate) use lines::Checkpoints;

use crate::language::{Interpolation, Language, StringSyntax};
use here_doc::HereDocTerminator;
use last_token::{LastToken, is_word};

/// The kind of text at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    Code,
    Comment,
    /// A literal, or a here document.
    Literal,
}

/// The kind of a visited character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// An opening bracket in code, with its closer; also the bracket that opens code inside a
    /// literal.
    Open { closer: char },
    /// A closing bracket in code.
    Close,
    /// The opener of a literal.
    LiteralStart(&'static StringSyntax),
    /// The closer of a literal.
    LiteralEnd(&'static StringSyntax),
    /// A line end inside a literal that cannot contain one.
    BrokenLiteral,
    /// Any other character of code.
    Code,
    /// A character of a comment or a literal.
    Text,
}

/// A visited character or delimiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Start, in bytes of the scanned text.
    pub at: usize,
    /// Length in bytes.
    pub len: usize,
    /// The first character; for a delimiter that opens code inside a literal, the bracket.
    pub c: char,
    pub kind: TokenKind,
    /// Number of open constructs after it: see [`Scanner::depth`].
    pub depth: usize,
}

/// An open construct.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Frame {
    /// A comment that ends with the line.
    LineComment,
    /// A comment with its own closer: its index in the language table, and the number of open
    /// levels.
    BlockComment { idx: usize, n_open: usize },
    /// A literal; `name` is the name in its delimiter, if there is one. `n_open` counts nested
    /// brackets of its own kind, or is 1 inside a class of a regular expression.
    Literal { syntax: &'static StringSyntax, name: Option<Box<str>>, closer: char, n_open: usize },
    /// Code inside a literal or an element; `n_open` counts the open brackets of its kind inside.
    Code { interpolation: &'static Interpolation, n_open: usize },
    /// A here document.
    HereDoc(HereDocTerminator),
    /// The more deeply indented lines after a `|` of YAML, which are text.
    YamlBlock { columns: usize },
    /// The text around the code of a template.
    TemplateText,
    /// An embedded part in another language, up to `close`.
    Embedded { language: &'static Language, close: &'static str },
    /// Inside the angle brackets of a tag.
    Tag { is_closing: bool, ends_itself: bool, embeds: Option<usize> },
    /// The text of an element.
    Children,
}

/// The scanner's state between two pieces of text. Pieces may be split anywhere except inside a
/// delimiter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanner {
    language: &'static Language,
    frames: Vec<Frame>,
    previous: char,
    last: LastToken,
    pending: Vec<HereDocTerminator>,
    /// Whether only blanks have been read so far.
    at_start: bool,
}

/// The part of the current piece that is not scanned yet.
#[derive(Debug, Clone, Copy)]
struct Rest<'t> {
    text: &'t str,
    /// The part of the current line that has been read, as far as it is in this piece.
    line: &'t str,
    c: char,
    /// Whether a line end follows the piece.
    is_line: bool,
}

impl<'t> Rest<'t> {
    /// Returns the rest of the line; `None` if the piece ends before the line does.
    fn to_line_end(self) -> Option<&'t str> {
        match self.text.find('\n') {
            Some(end) => self.text.get(..end),
            None => self.is_line.then_some(self.text),
        }
    }

    /// Returns the rest of the line, as far as it is in this piece.
    fn line_rest(self) -> &'t str {
        self.to_line_end().unwrap_or(self.text)
    }

    /// Returns the length of the first character.
    fn one(self) -> usize {
        self.c.len_utf8()
    }
}

impl Scanner {
    /// Creates the state at a document's first character.
    pub fn new(language: &'static Language) -> Self {
        Self {
            language,
            frames: Vec::new(),
            previous: '\n',
            last: LastToken::Mark('\n'),
            pending: Vec::new(),
            at_start: true,
        }
    }

    /// Returns the kind of text of the next character.
    pub fn text_kind(&self) -> TextKind {
        match self.frames.last() {
            Some(Frame::LineComment | Frame::BlockComment { .. }) => TextKind::Comment,
            Some(Frame::Literal { .. } | Frame::HereDoc(_) | Frame::YamlBlock { .. }) => {
                TextKind::Literal
            }
            _ => TextKind::Code,
        }
    }

    /// Returns the number of open comments, literals, code inside them, elements and embedded
    /// parts. Brackets do not count.
    pub fn depth(&self) -> usize {
        self.frames.len()
    }

    /// Returns the innermost literal that contains the next character, directly or in its code.
    pub fn literal(&self) -> Option<&'static StringSyntax> {
        self.literals().last().map(|(_, syntax)| syntax)
    }

    /// Returns the open literals, outermost first, each with the depth at which it was opened.
    pub fn literals(&self) -> impl Iterator<Item = (usize, &'static StringSyntax)> + '_ {
        self.frames.iter().enumerate().filter_map(|(depth, frame)| match frame {
            Frame::Literal { syntax, .. } => Some((depth, *syntax)),
            _ => None,
        })
    }

    /// Whether a here document begins on the next line.
    pub fn has_pending_here_doc(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether `line` ends the innermost here document, or the first one that begins on the next
    /// line.
    pub fn ends_here_doc(&self, line: &str) -> bool {
        let innermost = match self.frames.last() {
            Some(Frame::HereDoc(document)) => Some(document),
            _ => self.pending.first(),
        };
        innermost.is_some_and(|document| document.end_of(line).is_some())
    }

    /// Visits every character of `text`; a later call continues after it.
    pub fn scan(&mut self, text: &str, visit: impl FnMut(Token)) {
        self.scan_piece(text, false, visit);
    }

    /// Visits a whole line, passed without its line end, and then the line end.
    pub fn scan_line(&mut self, line: &str, mut visit: impl FnMut(Token)) {
        self.scan_piece(line, true, &mut visit);
        let (kind, len) = self.step(Rest { text: "\n", line, c: '\n', is_line: true });
        visit(Token { at: line.len(), len, c: '\n', kind, depth: self.frames.len() });
        self.read("\n", kind);
    }

    fn scan_piece(&mut self, text: &str, is_line: bool, mut visit: impl FnMut(Token)) {
        let (mut at, mut line_start) = (0, 0);
        while let Some(rest) = text.get(at..) {
            let Some(c) = rest.chars().next() else { return };
            let line = text.get(line_start..at).unwrap_or_default();
            let (kind, len) = self.step(Rest { text: rest, line, c, is_line });
            let read = rest.get(..len).unwrap_or(rest);
            let bracket = match kind {
                // For `${`: the bracket, not the mark before it.
                TokenKind::Open { .. } => read.chars().next_back().unwrap_or(c),
                _ => c,
            };
            visit(Token { at, len, c: bracket, kind, depth: self.frames.len() });
            self.read(read, kind);
            at += len.max(1);
            if read.ends_with('\n') {
                line_start = at;
            }
        }
    }

    /// Records the text that was read.
    fn read(&mut self, read: &str, kind: TokenKind) {
        let c = read.chars().next_back().unwrap_or(' ');
        match kind {
            TokenKind::Text => {}
            TokenKind::LiteralEnd(_) => self.last = LastToken::Mark('"'),
            _ if c == '\n' && self.language.has_plain_values => self.last = LastToken::Mark('\n'),
            _ if c.is_whitespace() => {}
            // `!Sub "…"`: a tag belongs to the value after it.
            _ if self.language.has_plain_values
                && self.last == LastToken::Mark('!')
                && !self.previous.is_whitespace() => {}
            _ if is_word(c) => self.last = self.last.push(c, is_word(self.previous)),
            _ => self.last = LastToken::Mark(c),
        }
        self.previous = c;
    }

    /// Reads one character or delimiter. Returns its kind and its length, which is at least the
    /// length of the character.
    fn step(&mut self, rest: Rest<'_>) -> (TokenKind, usize) {
        if self.at_start && !rest.c.is_whitespace() {
            self.at_start = false;
            if self.language.template_marks.is_some() && rest.c == '<' {
                self.frames.push(Frame::TemplateText);
            }
        }
        if let Some(step) = self.leave_embedded(rest) {
            return step;
        }
        let one = rest.one();
        match self.frames.last_mut() {
            Some(Frame::LineComment) => {
                if rest.c == '\n' {
                    self.frames.pop();
                    if self.line_end_in_code(rest).0 == TokenKind::BrokenLiteral {
                        return (TokenKind::BrokenLiteral, one);
                    }
                } else if self
                    .language
                    .template_marks
                    .is_some_and(|(end, _)| rest.text.starts_with(end))
                {
                    self.frames.pop();
                    return self.step_in_code(rest);
                }
                (TokenKind::Text, one)
            }
            Some(Frame::BlockComment { .. }) => self.step_in_comment(rest),
            Some(Frame::Literal { .. }) => self.step_in_literal(rest),
            Some(Frame::HereDoc(document)) => {
                if self.previous == '\n'
                    && let Some(len) = document.end_of(rest.line_rest())
                {
                    self.frames.pop();
                    return (TokenKind::Text, len.max(one));
                }
                (TokenKind::Text, one)
            }
            Some(Frame::YamlBlock { columns }) => {
                let line = rest.line_rest();
                let blanks = line.len() - line.trim_start_matches(' ').len();
                if self.previous == '\n' && !line.trim().is_empty() && blanks <= *columns {
                    self.frames.pop();
                    return self.step(rest);
                }
                (TokenKind::Text, one)
            }
            Some(Frame::TemplateText) => {
                let marks = self.language.template_marks.map_or(&[][..], |(_, marks)| marks);
                match marks.iter().find(|mark| rest.text.starts_with(**mark)) {
                    Some(mark) => {
                        self.frames.pop();
                        (TokenKind::Code, mark.len().max(one))
                    }
                    None => (TokenKind::Code, one),
                }
            }
            Some(Frame::Tag { .. }) => self.step_in_tag(rest),
            Some(Frame::Children) => self.step_in_children(rest),
            Some(Frame::Code { .. } | Frame::Embedded { .. }) | None => self.step_in_code(rest),
        }
    }

    fn step_in_comment(&mut self, rest: Rest<'_>) -> (TokenKind, usize) {
        let comments = self.current().block_comments;
        let one = rest.one();
        let Some(Frame::BlockComment { idx, n_open }) = self.frames.last_mut() else {
            return (TokenKind::Text, one);
        };
        let Some(comment) = comments.get(*idx) else {
            self.frames.pop();
            return (TokenKind::Text, one);
        };
        let may_end = !comment.at_line_start || self.previous == '\n';
        if may_end && rest.text.starts_with(comment.close) {
            *n_open -= 1;
            if *n_open == 0 {
                self.frames.pop();
            }
            return (TokenKind::Text, comment.close.len().max(one));
        }
        if comment.nests && rest.text.starts_with(comment.open) {
            *n_open += 1;
            return (TokenKind::Text, comment.open.len().max(one));
        }
        (TokenKind::Text, one)
    }

    /// Returns the language of the innermost embedded part.
    fn current(&self) -> &'static Language {
        self.frames
            .iter()
            .rev()
            .find_map(|frame| match frame {
                Frame::Embedded { language, .. } => Some(*language),
                _ => None,
            })
            .unwrap_or(self.language)
    }

    /// Whether an operand is expected: after an operator, not after a value.
    fn expects_operand(&self, language: &Language) -> bool {
        match self.last {
            LastToken::Mark(c) => !matches!(c, ')' | ']' | '}' | '"' | '\'' | '`'),
            LastToken::Word(..) => language.operators.contains(&self.last.word()),
        }
    }
}
