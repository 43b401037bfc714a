//! The words and marks of a text's code, without comments and without the content of literals.

use lowkey_document::Language;
use lowkey_document::lexical::{Scanner, TokenKind as Visited};

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    /// One character that belongs to no word.
    Mark,
    /// A whole literal, including code inside it.
    Literal,
    /// A placeholder for a finished block in braces.
    Body,
}

/// A token of code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'t> {
    pub(super) text: &'t str,
    pub(super) kind: Kind,
    /// Start, in bytes.
    pub(super) start: usize,
    pub(super) line: u32,
    /// Bytes from the line's start.
    pub(super) column: usize,
    /// Whether no other token is before it on its line.
    pub(super) is_first: bool,
}

impl Token<'_> {
    pub(super) fn end(&self) -> usize {
        self.start.saturating_add(self.text.len())
    }

    /// Whether this is the mark.
    pub(super) fn is(&self, mark: &str) -> bool {
        self.kind == Kind::Mark && self.text == mark
    }

    pub(super) fn is_word(&self) -> bool {
        self.kind == Kind::Word
    }

    pub(super) fn is_any(&self, marks: &str) -> bool {
        self.kind == Kind::Mark && marks.contains(self.text)
    }
}

/// Returns the tokens of a text. `in_words` are marks that belong to words in this language, such
/// as `$`.
pub(super) fn tokens<'t>(
    text: &'t str,
    language: &'static Language,
    in_words: &str,
) -> Vec<Token<'t>> {
    let mut reader =
        Reader { text, tokens: Vec::new(), word: None, literal: None, lines: Lines::default() };
    let mut scanner = Scanner::new(language);
    scanner.scan(text, |visited| {
        let is_code = visited.depth == 0
            && matches!(visited.kind, Visited::Code | Visited::Open { .. } | Visited::Close);
        if is_code
            && (visited.c.is_alphanumeric() || visited.c == '_' || in_words.contains(visited.c))
        {
            reader.word.get_or_insert(visited.at);
            return;
        }
        reader.end_word(visited.at);
        let end = visited.at.saturating_add(visited.len);
        match visited.kind {
            Visited::LiteralStart(_) if visited.depth == 1 => reader.literal = Some(visited.at),
            Visited::LiteralEnd(_) | Visited::BrokenLiteral if visited.depth == 0 => {
                if let Some(start) = reader.literal.take() {
                    reader.push(Kind::Literal, start, end);
                }
            }
            // A longer delimiter, such as `<?php`, is no part of a statement.
            _ if is_code && !visited.c.is_whitespace() && visited.len == visited.c.len_utf8() => {
                reader.literal = None;
                reader.push(Kind::Mark, visited.at, end);
            }
            _ => {}
        }
    });
    reader.end_word(text.len());
    reader.tokens
}

struct Reader<'t> {
    text: &'t str,
    tokens: Vec<Token<'t>>,
    word: Option<usize>,
    literal: Option<usize>,
    lines: Lines,
}

/// The line of the last token.
#[derive(Default)]
struct Lines {
    line: u32,
    start: usize,
    seen: usize,
    /// Whether the line has a token.
    is_used: bool,
}

impl Reader<'_> {
    fn end_word(&mut self, end: usize) {
        if let Some(start) = self.word.take() {
            self.push(Kind::Word, start, end);
        }
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        let Some(text) = self.text.get(start..end) else { return };
        let lines = &mut self.lines;
        let passed = self.text.get(lines.seen..start).unwrap_or_default();
        if let Some(last) = passed.rfind('\n') {
            lines.line += passed.bytes().filter(|&byte| byte == b'\n').count() as u32;
            lines.start = lines.seen + last + 1;
            lines.is_used = false;
        }
        lines.seen = start;
        self.tokens.push(Token {
            text,
            kind,
            start,
            line: lines.line,
            column: start.saturating_sub(lines.start),
            is_first: !lines.is_used,
        });
        lines.is_used = true;
    }
}
