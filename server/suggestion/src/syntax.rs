//! Tells code from comments and literals, character by character.
//!
//! Not a grammar: the language table's delimiters are all it knows, which is enough to count brackets.
//! Where the table cannot know (a regular expression in JavaScript), a wrong guess ends with the line,
//! except inside literals that may hold line ends.
//! Invariant: every character of the text is visited once, in order.

use lowkey_document::{Escape, Language, StringSyntax};

use crate::lines::is_word;

/// What kind of text a point stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Code.
    Code,
    /// A comment that ends with the line.
    LineComment,
    /// A comment with an end of its own: its index in the table, and how many are open.
    BlockComment { idx: usize, depth: usize },
    /// A literal: its index in the table.
    Literal { idx: usize },
}

/// What a visited character is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An opening bracket in code, with what closes it.
    Open { closer: char },
    /// A closing bracket in code.
    Close,
    /// The opener of a literal.
    Enter(&'static StringSyntax),
    /// The closer of a literal.
    Leave(&'static StringSyntax),
    /// A line end inside a literal that cannot hold one.
    Broken,
    /// Any other character of code.
    Code,
    /// A character of a comment or a literal.
    Text,
}

/// A visited character or delimiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    /// Where it starts, in bytes of the scanned text.
    pub at: usize,
    /// How long it is, in bytes.
    pub len: usize,
    /// Its first character.
    pub c: char,
    /// What it is.
    pub kind: Kind,
}

/// How far a character literal is looked through for its end: `'\u{10FFFF}'` is the longest.
const MAX_CHARACTER_LITERAL_CHARS: usize = 12;

/// The state between two pieces of text, which must be cut at line starts:
/// a delimiter that two pieces share would be missed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scanner {
    language: &'static Language,
    place: Place,
    previous: char,
    in_tag: bool,
}

impl Scanner {
    /// Starts in code, at a line start.
    pub(crate) fn new(language: &'static Language) -> Self {
        Self { language, place: Place::Code, previous: '\n', in_tag: false }
    }

    /// Returns where the scanner stands.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Returns the literal that the scanner stands in.
    pub(crate) fn literal(&self) -> Option<&'static StringSyntax> {
        match self.place {
            Place::Literal { idx } => self.language.strings.get(idx),
            _ => None,
        }
    }

    /// Visits every character of `text` and goes on from its end.
    pub(crate) fn scan(&mut self, text: &str, mut visit: impl FnMut(Token)) {
        let mut at = 0;
        while let Some(rest) = text.get(at..) {
            let Some(c) = rest.chars().next() else { return };
            let (kind, len) = self.step(rest, c);
            visit(Token { at, len, c, kind });
            self.previous = rest.get(..len).and_then(|read| read.chars().next_back()).unwrap_or(c);
            at += len;
        }
    }

    /// Reads one character or delimiter; the length is at least that of `c`.
    fn step(&mut self, rest: &str, c: char) -> (Kind, usize) {
        let one = c.len_utf8();
        match self.place {
            Place::Code => self.step_in_code(rest, c),
            Place::LineComment => {
                if c == '\n' {
                    self.place = Place::Code;
                }
                (Kind::Text, one)
            }
            Place::BlockComment { idx, depth } => {
                let Some(comment) = self.language.block_comments.get(idx) else {
                    self.place = Place::Code;
                    return (Kind::Text, one);
                };
                if rest.starts_with(comment.close) {
                    self.place = match depth {
                        0 | 1 => Place::Code,
                        _ => Place::BlockComment { idx, depth: depth - 1 },
                    };
                    return (Kind::Text, comment.close.len().max(one));
                }
                if comment.nests && rest.starts_with(comment.open) {
                    self.place = Place::BlockComment { idx, depth: depth + 1 };
                    return (Kind::Text, comment.open.len().max(one));
                }
                (Kind::Text, one)
            }
            Place::Literal { idx } => {
                let Some(literal) = self.language.strings.get(idx) else {
                    self.place = Place::Code;
                    return (Kind::Text, one);
                };
                self.step_in_literal(literal, rest, c)
            }
        }
    }

    fn step_in_literal(
        &mut self,
        literal: &'static StringSyntax,
        rest: &str,
        c: char,
    ) -> (Kind, usize) {
        let one = c.len_utf8();
        let escapes = match literal.escape {
            Escape::Backslash => c == '\\',
            Escape::Backtick => c == '`',
            Escape::Doubled => {
                rest.strip_prefix(literal.close).is_some_and(|more| more.starts_with(literal.close))
            }
            Escape::None => false,
        };
        if escapes {
            // What is escaped is skipped, but a line end must stay visible.
            let escaped = rest.get(one..).and_then(|more| more.chars().next());
            let len =
                escaped.filter(|&next| next != '\n').map_or(one, |next| one + next.len_utf8());
            return (Kind::Text, len);
        }
        if rest.starts_with(literal.close) {
            self.place = Place::Code;
            return (Kind::Leave(literal), literal.close.len().max(one));
        }
        if c == '\n' && !literal.multiline {
            self.place = Place::Code;
            return (Kind::Broken, one);
        }
        (Kind::Text, one)
    }

    fn step_in_code(&mut self, rest: &str, c: char) -> (Kind, usize) {
        let one = c.len_utf8();
        // Block comments first: in Lua the opener `--[[` begins like a line comment.
        let block = self.language.block_comments.iter().enumerate();
        if let Some((idx, comment)) = block.into_iter().find(|(_, b)| rest.starts_with(b.open)) {
            self.place = Place::BlockComment { idx, depth: 1 };
            return (Kind::Text, comment.open.len().max(one));
        }
        let line_comment = self.language.line_comments.iter().find(|open| rest.starts_with(**open));
        if let Some(open) = line_comment
            && self.may_start_comment(open)
        {
            self.place = Place::LineComment;
            return (Kind::Text, open.len().max(one));
        }
        if let Some((idx, literal)) = self.literal_at(rest) {
            self.place = Place::Literal { idx };
            return (Kind::Enter(literal), literal.open.len().max(one));
        }
        if self.is_markup() {
            match c {
                '<' => {
                    let next = rest.chars().nth(1);
                    self.in_tag |= next.is_some_and(|next| next.is_alphabetic() || next == '/');
                }
                '>' => self.in_tag = false,
                _ => {}
            }
        }
        for &(open, close) in self.language.brackets {
            if c == open {
                return (Kind::Open { closer: close }, one);
            }
            if c == close {
                return (Kind::Close, one);
            }
        }
        (Kind::Code, one)
    }

    fn is_markup(&self) -> bool {
        self.language.block_ends.contains(&"</")
    }

    /// In shell and YAML `#` starts a comment only behind a blank: `${#list}`, `a#b`.
    fn may_start_comment(&self, open: &str) -> bool {
        let needs_blank = open == "#" && matches!(self.language.id, "shellscript" | "yaml");
        !needs_blank || self.previous.is_whitespace()
    }

    fn literal_at(&self, rest: &str) -> Option<(usize, &'static StringSyntax)> {
        let idx = self.language.strings.iter().position(|literal| {
            rest.starts_with(literal.open)
                && (!literal.one_character || is_character_literal(rest, literal))
        })?;
        let literal = self.language.strings.get(idx)?;
        // In a tag's attributes a quote is a quote; in the text between tags, and inside the words of YAML,
        // it is an apostrophe. A letter before a raw opener (`r"`) belongs to an identifier that ends in it.
        let is_text = (self.is_markup() && !self.in_tag)
            || (self.language.id == "yaml" && is_word(self.previous))
            || (literal.open.starts_with(is_word) && is_word(self.previous));
        (!is_text).then_some((idx, literal))
    }
}

/// Says whether `rest` begins with a whole literal of one, possibly escaped, character.
fn is_character_literal(rest: &str, literal: &StringSyntax) -> bool {
    let Some(inside) = rest.strip_prefix(literal.open) else { return false };
    let mut chars = inside.chars();
    match chars.next() {
        None | Some('\n') => false,
        Some('\\') => {
            chars.next();
            let rest = chars.as_str();
            let end = rest.find(literal.close);
            end.is_some_and(|end| {
                rest.get(..end).is_some_and(|escape| {
                    escape.chars().count() <= MAX_CHARACTER_LITERAL_CHARS && !escape.contains('\n')
                })
            })
        }
        Some(c) if literal.close.starts_with(c) => false,
        Some(_) => chars.as_str().starts_with(literal.close),
    }
}
