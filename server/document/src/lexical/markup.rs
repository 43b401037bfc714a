//! Tags, elements and embedded parts in another language.

use super::{Frame, Rest, Scanner, TokenKind};
use crate::language::{Interpolation, Language, Markup};

/// Code inside an element.
const BRACES: Interpolation = Interpolation { open: "{", close: "}", doubled: false, quotes: "" };
static ELEMENT_CODE: Interpolation = BRACES;

impl Scanner {
    /// Ends the innermost embedded part at its closer, regardless of constructs that are open in
    /// it.
    pub(super) fn leave_embedded(&mut self, rest: Rest<'_>) -> Option<(TokenKind, usize)> {
        if !matches!(rest.c, '<' | '%') {
            return None;
        }
        let depth = self.frames.iter().rposition(|frame| match frame {
            Frame::Embedded { close, .. } => starts_with(rest.text, close),
            _ => false,
        })?;
        self.frames.truncate(depth);
        // The scanner then reads a closing tag as a tag.
        (rest.c != '<').then_some((TokenKind::Code, 2))
    }

    /// Begins a tag, an element or an embedded part. Returns the length of the text read.
    pub(super) fn markup_at(&mut self, rest: Rest<'_>, language: &Language) -> Option<usize> {
        if rest.c != '<' {
            return None;
        }
        let next = rest.text.chars().nth(1);
        let begins_name = next.is_some_and(char::is_alphabetic);
        match language.markup {
            Markup::None => None,
            Markup::Tags => {
                let embedded = language
                    .embedded
                    .iter()
                    .position(|embedded| starts_with(rest.text, embedded.open));
                if let Some(idx) = embedded
                    && let Some(embedded) = language.embedded.get(idx)
                    && !begins_name
                {
                    self.embed(language, idx);
                    return Some(embedded.open.len());
                }
                if !begins_name && !matches!(next, Some('/' | '!')) {
                    return None;
                }
                self.frames.push(Frame::Tag {
                    is_closing: next == Some('/'),
                    ends_itself: false,
                    embeds: embedded,
                });
                Some(1)
            }
            Markup::Elements => {
                let is_element = self.expects_operand(language)
                    && (next == Some('>') || (begins_name && !is_generic(rest.text)));
                if !is_element {
                    return None;
                }
                self.push_tag(false);
                Some(1)
            }
        }
    }

    fn push_tag(&mut self, is_closing: bool) {
        self.frames.push(Frame::Tag { is_closing, ends_itself: false, embeds: None });
    }

    fn embed(&mut self, language: &Language, idx: usize) {
        if let Some(embedded) = language.embedded.get(idx) {
            let language = Language::by_id(embedded.language);
            self.frames.push(Frame::Embedded { language, close: embedded.close });
            self.last = super::LastToken::Mark('\n');
        }
    }

    pub(super) fn step_in_tag(&mut self, rest: Rest<'_>) -> (TokenKind, usize) {
        let language = self.current();
        let (c, one) = (rest.c, rest.one());
        let is_element = language.markup == Markup::Elements;
        if matches!(c, '"' | '\'') {
            // A quote opens a value only after `=`; otherwise it is an apostrophe in text that
            // resembles a tag.
            let markup = if is_element { Language::by_id("html") } else { language };
            if let Some((frame, syntax, len)) = self.literal_at(rest, markup) {
                self.frames.push(frame);
                return (TokenKind::LiteralStart(syntax), len.max(one));
            }
        }
        if is_element && c == '{' {
            self.frames.push(Frame::Code { interpolation: &ELEMENT_CODE, n_open: 0 });
            self.last = super::LastToken::Mark('{');
            return (TokenKind::Open { closer: '}' }, one);
        }
        if !is_element && c == '<' {
            // The text before was not a tag, or an embedded part begins in it.
            if let Some(len) = self.markup_at(rest, language) {
                return (TokenKind::Code, len);
            }
        }
        let Some(Frame::Tag { is_closing, ends_itself, embeds }) = self.frames.last_mut() else {
            return (TokenKind::Code, one);
        };
        match c {
            '/' => *ends_itself = true,
            '>' if is_element && self.previous == '=' => {}
            '>' => {
                let (is_closing, ends_itself, embeds) = (*is_closing, *ends_itself, *embeds);
                self.frames.pop();
                self.end_tag(language, is_closing, ends_itself, embeds);
            }
            _ if c.is_whitespace() => {}
            _ => *ends_itself = false,
        }
        if !is_element {
            return Self::tag_bracket(rest, language);
        }
        (TokenKind::Code, one)
    }

    /// Brackets inside a tag count like brackets in text.
    fn tag_bracket(rest: Rest<'_>, language: &Language) -> (TokenKind, usize) {
        let (c, one) = (rest.c, rest.one());
        let kind = language.brackets.iter().find_map(|&(open, close)| {
            if c == open {
                Some(TokenKind::Open { closer: close })
            } else {
                (c == close).then_some(TokenKind::Close)
            }
        });
        (kind.unwrap_or(TokenKind::Code), one)
    }

    fn end_tag(
        &mut self,
        language: &Language,
        is_closing: bool,
        ends_itself: bool,
        embeds: Option<usize>,
    ) {
        if language.markup == Markup::Elements {
            if is_closing {
                if self.frames.last() == Some(&Frame::Children) {
                    self.frames.pop();
                }
            } else if !ends_itself {
                self.frames.push(Frame::Children);
            }
        } else if let Some(idx) = embeds.filter(|_| !is_closing && !ends_itself) {
            self.embed(language, idx);
        }
    }

    pub(super) fn step_in_children(&mut self, rest: Rest<'_>) -> (TokenKind, usize) {
        let one = rest.one();
        match rest.c {
            '{' => {
                self.frames.push(Frame::Code { interpolation: &ELEMENT_CODE, n_open: 0 });
                self.last = super::LastToken::Mark('{');
                (TokenKind::Open { closer: '}' }, one)
            }
            // The text of an element contains no brace: the element was never closed.
            '}' => {
                let code = self.frames.iter().rposition(|f| matches!(f, Frame::Code { .. }));
                match code {
                    Some(depth) => {
                        self.frames.truncate(depth);
                        (TokenKind::Close, one)
                    }
                    None => (TokenKind::Code, one),
                }
            }
            '<' => {
                let next = rest.text.chars().nth(1);
                if next.is_some_and(|c| c.is_alphabetic() || c == '/' || c == '>') {
                    self.push_tag(next == Some('/'));
                }
                (TokenKind::Code, one)
            }
            _ => (TokenKind::Code, one),
        }
    }
}

/// Whether `<T,>` or `<T extends U>` begins an arrow function's parameters.
fn is_generic(rest: &str) -> bool {
    let name = rest.get(1..).unwrap_or_default();
    let after = name.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    after.starts_with(',') || after.trim_start().starts_with("extends ")
}

fn starts_with(text: &str, beginning: &str) -> bool {
    text.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}
