//! One step through a literal: escapes, code inside, and the end.

use super::{Frame, Rest, Scanner, TokenKind};
use crate::language::{Delimiter, Escape, StringSyntax};

impl Scanner {
    pub(super) fn step_in_literal(&mut self, rest: Rest<'_>) -> (TokenKind, usize) {
        let (c, one) = (rest.c, rest.one());
        let Some(Frame::Literal { syntax, name, closer, n_open }) = self.frames.last_mut() else {
            return (TokenKind::Text, one);
        };
        let syntax: &'static StringSyntax = syntax;
        // In Swift the escape and the code inside begin with the same character.
        let has_code = syntax.interpolations.iter().find(|code| {
            rest.text.starts_with(code.open) && (code.open.starts_with('\\') || !code.doubled)
        });
        let escaped = escaped_bytes(syntax, *closer, rest);
        if let Some(code) = has_code
            && (escaped.is_none() || code.open.starts_with('\\'))
        {
            // In PHP's `{$x}` the mark is part of the code.
            let n_open = code.open.len();
            return self.enter_code(code, n_open);
        }
        if let Some(len) = escaped {
            return (TokenKind::Text, len.max(one));
        }
        let doubled = syntax
            .interpolations
            .iter()
            .find(|code| code.doubled && rest.text.starts_with(code.open));
        if let Some(code) = doubled {
            let more = rest.text.get(code.open.len()..).unwrap_or_default();
            if more.starts_with(code.open) {
                return (TokenKind::Text, 2 * code.open.len());
            }
            return self.enter_code(code, code.open.len());
        }
        let end = match syntax.delimiter {
            Delimiter::Fixed => rest.text.starts_with(syntax.close).then_some(syntax.close.len()),
            Delimiter::Named(_, before_close) => {
                let name = name.as_deref().unwrap_or_default();
                let more = rest.text.strip_prefix(before_close);
                let more = more.and_then(|more| more.strip_prefix(name));
                more.is_some_and(|more| more.starts_with(syntax.close))
                    .then(|| before_close.len() + name.len() + syntax.close.len())
            }
            Delimiter::Chosen(_) => {
                let opener = opener_of(*closer);
                if opener != *closer && c == opener {
                    *n_open += 1;
                    return (TokenKind::Text, one);
                }
                let ends = c == *closer && *n_open == 0;
                if c == *closer && !ends {
                    *n_open -= 1;
                }
                ends.then_some(one)
            }
            Delimiter::Slash => {
                match c {
                    '[' => *n_open = 1,
                    ']' => *n_open = 0,
                    _ => {}
                }
                (c == '/' && *n_open == 0).then_some(one)
            }
        };
        if let Some(len) = end {
            self.frames.pop();
            return (TokenKind::LiteralEnd(syntax), len.max(one));
        }
        if c == '\n' && !syntax.multiline {
            return self.line_end_in_code(rest);
        }
        (TokenKind::Text, one)
    }

    fn enter_code(
        &mut self,
        code: &'static crate::language::Interpolation,
        len: usize,
    ) -> (TokenKind, usize) {
        self.frames.push(Frame::Code { interpolation: code, n_open: 0 });
        self.last = super::LastToken::Mark('{');
        (TokenKind::Open { closer: code.close.chars().next().unwrap_or('}') }, len)
    }
}

/// Returns the length of the escape sequence that begins here. It never contains a line end.
fn escaped_bytes(syntax: &StringSyntax, closer: char, rest: Rest<'_>) -> Option<usize> {
    let (c, one) = (rest.c, rest.one());
    let next = rest.text.get(one..).and_then(|more| more.chars().next());
    let pair = || next.filter(|&next| next != '\n').map_or(one, |next| one + next.len_utf8());
    let more = || rest.text.strip_prefix(syntax.close);
    let is_doubled = || more().is_some_and(|more| more.starts_with(syntax.close));
    match syntax.escape {
        Escape::Backslash if c == '\\' => {
            // `%q\a\` uses the usual escape character as its delimiter.
            (closer != '\\').then(pair)
        }
        Escape::Backtick if c == '`' => Some(pair()),
        Escape::Doubled | Escape::DoubledOrBackslash if is_doubled() => {
            Some(2 * syntax.close.len())
        }
        Escape::DoubledOrBackslash if c == '\\' => {
            let after = rest.text.get(one..)?;
            if after.starts_with('\\') {
                return Some(pair());
            }
            // A backslash before the last quote of a literal is text (`'C:\'`); before further text
            // it escapes the quote.
            let following = after.strip_prefix(syntax.close)?.chars().next()?;
            let ends =
                following.is_whitespace() || matches!(following, ',' | ')' | ';' | ':' | '|');
            (!ends).then(pair)
        }
        Escape::Followed if more().is_some_and(|more| more.starts_with(['$', '\'', '\\'])) => {
            Some(syntax.close.len() + 1)
        }
        _ => None,
    }
}

/// Returns the opener of a literal that `closer` ends.
fn opener_of(closer: char) -> char {
    match closer {
        ')' => '(',
        ']' => '[',
        '}' => '{',
        '>' => '<',
        other => other,
    }
}
