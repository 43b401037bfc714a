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
mod lines;
mod literal;
mod markup;
#[cfg(test)]
mod tests;

pub(crate) use lines::Checkpoints;

use crate::language::{Interpolation, Language, StringSyntax};
use here_doc::Pending;

/// The kind of text at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Code,
    Comment,
    /// A literal, or a here document.
    Literal,
}

/// The kind of a visited character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An opening bracket in code, with its closer; also the bracket that opens code inside a
    /// literal.
    Open { closer: char },
    /// A closing bracket in code.
    Close,
    /// The opener of a literal.
    Enter(&'static StringSyntax),
    /// The closer of a literal.
    Leave(&'static StringSyntax),
    /// A line end inside a literal that cannot contain one.
    Broken,
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
    pub kind: Kind,
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
    HereDoc(Pending),
    /// The more deeply indented lines after a `|` of YAML, which are text.
    Deeper { columns: usize },
    /// The text around the code of a template.
    Outside,
    /// An embedded part in another language, up to `close`.
    Embedded { language: &'static Language, close: &'static str },
    /// Inside the angle brackets of a tag.
    Tag { is_closing: bool, ends_itself: bool, embeds: Option<usize> },
    /// The text of an element.
    Children,
}

/// The last word or punctuation mark of code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Mark(char),
    /// The beginning of a word, up to 12 bytes.
    Word([u8; 12], u8),
}

/// The scanner's state between two pieces of text. Pieces may be split anywhere except inside a
/// delimiter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanner {
    language: &'static Language,
    frames: Vec<Frame>,
    previous: char,
    last: Last,
    pending: Vec<Pending>,
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
            last: Last::Mark('\n'),
            pending: Vec::new(),
            at_start: true,
        }
    }

    /// Returns the kind of text of the next character.
    pub fn place(&self) -> Place {
        match self.frames.last() {
            Some(Frame::LineComment | Frame::BlockComment { .. }) => Place::Comment,
            Some(Frame::Literal { .. } | Frame::HereDoc(_) | Frame::Deeper { .. }) => {
                Place::Literal
            }
            _ => Place::Code,
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
    pub fn has_pending_document(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether `line` ends the innermost here document, or the first one that begins on the next
    /// line.
    pub fn ends_document(&self, line: &str) -> bool {
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
                Kind::Open { .. } => read.chars().next_back().unwrap_or(c),
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
    fn read(&mut self, read: &str, kind: Kind) {
        let c = read.chars().next_back().unwrap_or(' ');
        match kind {
            Kind::Text => {}
            Kind::Leave(_) => self.last = Last::Mark('"'),
            _ if c == '\n' && self.language.has_plain_values => self.last = Last::Mark('\n'),
            _ if c.is_whitespace() => {}
            // `!Sub "…"`: a tag belongs to the value after it.
            _ if self.language.has_plain_values
                && self.last == Last::Mark('!')
                && !self.previous.is_whitespace() => {}
            _ if is_word(c) => self.last = self.last.and(c, is_word(self.previous)),
            _ => self.last = Last::Mark(c),
        }
        self.previous = c;
    }

    /// Reads one character or delimiter. Returns its kind and its length, which is at least the
    /// length of the character.
    fn step(&mut self, rest: Rest<'_>) -> (Kind, usize) {
        if self.at_start && !rest.c.is_whitespace() {
            self.at_start = false;
            if self.language.outside.is_some() && rest.c == '<' {
                self.frames.push(Frame::Outside);
            }
        }
        if let Some(step) = self.leave_island(rest) {
            return step;
        }
        let one = rest.one();
        match self.frames.last_mut() {
            Some(Frame::LineComment) => {
                if rest.c == '\n' {
                    self.frames.pop();
                    if self.line_end_in_code(rest).0 == Kind::Broken {
                        return (Kind::Broken, one);
                    }
                } else if self.language.outside.is_some_and(|(end, _)| rest.text.starts_with(end)) {
                    self.frames.pop();
                    return self.step_in_code(rest);
                }
                (Kind::Text, one)
            }
            Some(Frame::BlockComment { .. }) => self.step_in_comment(rest),
            Some(Frame::Literal { .. }) => self.step_in_literal(rest),
            Some(Frame::HereDoc(document)) => {
                if self.previous == '\n'
                    && let Some(len) = document.end_of(rest.line_rest())
                {
                    self.frames.pop();
                    return (Kind::Text, len.max(one));
                }
                (Kind::Text, one)
            }
            Some(Frame::Deeper { columns }) => {
                let line = rest.line_rest();
                let blanks = line.len() - line.trim_start_matches(' ').len();
                if self.previous == '\n' && !line.trim().is_empty() && blanks <= *columns {
                    self.frames.pop();
                    return self.step(rest);
                }
                (Kind::Text, one)
            }
            Some(Frame::Outside) => {
                let marks = self.language.outside.map_or(&[][..], |(_, marks)| marks);
                match marks.iter().find(|mark| rest.text.starts_with(**mark)) {
                    Some(mark) => {
                        self.frames.pop();
                        (Kind::Code, mark.len().max(one))
                    }
                    None => (Kind::Code, one),
                }
            }
            Some(Frame::Tag { .. }) => self.step_in_tag(rest),
            Some(Frame::Children) => self.step_in_children(rest),
            Some(Frame::Code { .. } | Frame::Embedded { .. }) | None => self.step_in_code(rest),
        }
    }

    fn step_in_comment(&mut self, rest: Rest<'_>) -> (Kind, usize) {
        let comments = self.current().block_comments;
        let one = rest.one();
        let Some(Frame::BlockComment { idx, n_open }) = self.frames.last_mut() else {
            return (Kind::Text, one);
        };
        let Some(comment) = comments.get(*idx) else {
            self.frames.pop();
            return (Kind::Text, one);
        };
        let may_end = !comment.at_line_start || self.previous == '\n';
        if may_end && rest.text.starts_with(comment.close) {
            *n_open -= 1;
            if *n_open == 0 {
                self.frames.pop();
            }
            return (Kind::Text, comment.close.len().max(one));
        }
        if comment.nests && rest.text.starts_with(comment.open) {
            *n_open += 1;
            return (Kind::Text, comment.open.len().max(one));
        }
        (Kind::Text, one)
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
            Last::Mark(c) => !matches!(c, ')' | ']' | '}' | '"' | '\'' | '`'),
            Last::Word(..) => language.operators.contains(&self.last.word()),
        }
    }
}

impl Last {
    /// Appends a character of a word.
    fn and(self, c: char, goes_on: bool) -> Self {
        let (mut word, mut len) = match self {
            Self::Word(word, len) if goes_on => (word, len),
            _ => ([0; 12], 0),
        };
        // The tables contain only ASCII.
        let byte = u8::try_from(c).ok().filter(u8::is_ascii).unwrap_or(b'?');
        if let Some(place) = word.get_mut(usize::from(len)) {
            *place = byte;
            len += 1;
        }
        Self::Word(word, len)
    }

    /// Returns the word, or "" after a punctuation mark.
    fn word(&self) -> &str {
        match self {
            Self::Word(word, len) => {
                let word = word.get(..usize::from(*len)).unwrap_or_default();
                std::str::from_utf8(word).unwrap_or_default()
            }
            Self::Mark(_) => "",
        }
    }
}

/// Whether `c` belongs to a word: a letter, a digit, or `_`.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
