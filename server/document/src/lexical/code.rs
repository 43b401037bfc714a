//! One step through code: comments and literals begin, brackets nest, lines end.

use super::{Frame, LastToken, Rest, Scanner, TokenKind, is_word};
use crate::language::{Delimiter, Language, Markup, StringSyntax};

/// Maximum length of a character literal: `'\u{10FFFF}'` is the longest.
const MAX_CHARACTER_LITERAL_CHARS: usize = 12;

/// Maximum length of a name in a delimiter.
const MAX_NAME_BYTES: usize = 64;

impl Scanner {
    pub(super) fn step_in_code(&mut self, rest: Rest<'_>) -> (TokenKind, usize) {
        let (c, one) = (rest.c, rest.one());
        if c == '\n' {
            return self.line_end_in_code(rest);
        }
        // Most characters take this path: blanks, and all letters of a word except the first.
        if matches!(c, ' ' | '\t') || (is_word(c) && is_word(self.previous)) {
            return (TokenKind::Code, one);
        }
        if let Some(step) = self.end_of_interpolation(rest) {
            return step;
        }
        let language = self.current();
        if language.code_escape == Some(c) && (c == '\\' || c == '`' || !is_word(self.previous)) {
            let escaped = rest.text.get(one..).and_then(|more| more.chars().next());
            let len = escaped.filter(|&c| c != '\n').map_or(one, |next| one + next.len_utf8());
            return (TokenKind::Code, len);
        }
        if let Some(len) = self.comment_at(rest, language) {
            return (TokenKind::Text, len.max(one));
        }
        if let Some((end, _)) = self.language.template_marks
            && rest.text.starts_with(end)
        {
            self.frames.push(Frame::TemplateText);
            return (TokenKind::Code, end.len().max(one));
        }
        if let Some(len) = self.here_doc_at(rest, language) {
            return (TokenKind::Code, len);
        }
        if language.markup != Markup::Tags
            && let Some((frame, syntax, len)) = self.literal_at(rest, language)
        {
            self.frames.push(frame);
            return (TokenKind::LiteralStart(syntax), len.max(one));
        }
        if let Some(len) = self.markup_at(rest, language) {
            return (TokenKind::Code, len);
        }
        self.bracket(rest, language)
    }

    fn bracket(&mut self, rest: Rest<'_>, language: &Language) -> (TokenKind, usize) {
        let (c, one) = (rest.c, rest.one());
        for &(open, close) in language.brackets {
            if c != open && c != close {
                continue;
            }
            if let Some(Frame::Code { interpolation, n_open }) = self.frames.last_mut()
                && interpolation.close.starts_with(close)
            {
                *n_open = if c == open { *n_open + 1 } else { n_open.saturating_sub(1) };
            }
            let kind = if c == open { TokenKind::Open { closer: close } } else { TokenKind::Close };
            return (kind, one);
        }
        (TokenKind::Code, one)
    }

    /// Ends the code inside a literal at its closer, or at the closer of the literal if no closer
    /// of the code follows.
    fn end_of_interpolation(&mut self, rest: Rest<'_>) -> Option<(TokenKind, usize)> {
        let Some(Frame::Code { interpolation, n_open }) = self.frames.last() else { return None };
        let interpolation = *interpolation;
        if *n_open == 0 && rest.text.starts_with(interpolation.close) {
            self.frames.pop();
            return Some((TokenKind::Close, interpolation.close.len()));
        }
        let below = self.frames.len().checked_sub(2)?;
        let Some(Frame::Literal { syntax, .. }) = self.frames.get(below) else { return None };
        let syntax = *syntax;
        let more = rest.to_line_end()?.strip_prefix(syntax.close)?;
        let is_end = !more.contains(syntax.close) && !more.contains(interpolation.close);
        is_end.then(|| {
            self.frames.truncate(below);
            (TokenKind::LiteralEnd(syntax), syntax.close.len())
        })
    }

    pub(super) fn line_end_in_code(&mut self, rest: Rest<'_>) -> (TokenKind, usize) {
        let is_broken = self.break_line();
        self.line_end(rest);
        (if is_broken { TokenKind::BrokenLiteral } else { TokenKind::Code }, 1)
    }

    /// Ends the outermost literal that cannot contain a line end, with its code and everything that
    /// is open in it.
    pub(super) fn break_line(&mut self) -> bool {
        let broken = self.frames.iter().position(|frame| match frame {
            Frame::Literal { syntax, .. } => !syntax.multiline,
            _ => false,
        });
        if let Some(depth) = broken {
            self.frames.truncate(depth);
        }
        broken.is_some()
    }

    /// Begins the constructs that start at a line end.
    pub(super) fn line_end(&mut self, rest: Rest<'_>) {
        if self.language.has_plain_values && self.frames.is_empty() {
            let head = rest.line.split(" #").next().unwrap_or_default().trim_end();
            let head = head.trim_end_matches(['-', '+', '0', '1', '2', '4', '8']);
            let before = head.strip_suffix(['|', '>']).unwrap_or_default();
            if before.ends_with([' ', ':', '-']) {
                let columns = before.len() - before.trim_start_matches(' ').len();
                self.frames.push(Frame::YamlBlock { columns });
            }
        }
        let documents = self.pending.drain(..).rev().map(Frame::HereDoc);
        self.frames.extend(documents);
    }

    /// Begins a comment; returns the length of its opener.
    fn comment_at(&mut self, rest: Rest<'_>, language: &Language) -> Option<usize> {
        // Block comments first: in Lua, their opener `--[[` begins with that of a line comment.
        let at_line_start = self.previous == '\n';
        let block = language.block_comments.iter().enumerate().find(|(_, comment)| {
            (at_line_start || !comment.at_line_start) && rest.text.starts_with(comment.open)
        });
        if let Some((idx, comment)) = block {
            self.frames.push(Frame::BlockComment { idx, n_open: 1 });
            return Some(comment.open.len());
        }
        if (language.comment_after_blank && !self.previous.is_whitespace())
            || !self.may_hold_line_comment()
        {
            return None;
        }
        let open = language.line_comments.iter().find(|open| rest.text.starts_with(**open))?;
        // `#[` begins an attribute in PHP.
        if language.template_marks.is_some() && rest.text.starts_with("#[") {
            return None;
        }
        self.frames.push(Frame::LineComment);
        Some(open.len())
    }

    /// Whether a line comment may begin: not in code that must end on its line, and not where `#`
    /// is a format specifier.
    fn may_hold_line_comment(&self) -> bool {
        let [.., below, Frame::Code { interpolation, .. }] = self.frames.as_slice() else {
            return true;
        };
        match below {
            Frame::Literal { syntax, .. } => {
                syntax.multiline && !interpolation.doubled && interpolation.quotes.is_empty()
            }
            _ => true,
        }
    }

    /// Returns the literal that begins here, and the length of its opener.
    pub(super) fn literal_at(
        &self,
        rest: Rest<'_>,
        language: &'static Language,
    ) -> Option<(Frame, &'static StringSyntax, usize)> {
        if !self.may_hold_literal(language, rest.c) {
            return None;
        }
        language.strings.iter().find_map(|syntax| {
            let (frame, len) = self.opening(rest, language, syntax)?;
            Some((frame, syntax, len))
        })
    }

    /// Whether a literal may begin here.
    fn may_hold_literal(&self, language: &Language, c: char) -> bool {
        if language.has_plain_values {
            let begins_value = matches!(
                self.last,
                LastToken::Mark(':' | '-' | '[' | '{' | ',' | '?' | '!' | '\n' | '&')
            );
            return begins_value && !is_word(self.previous);
        }
        match self.frames.last() {
            Some(Frame::Code { interpolation, .. }) => {
                interpolation.quotes.is_empty()
                    || interpolation.quotes.contains(c)
                    || !matches!(c, '"' | '\'' | '`')
            }
            _ => true,
        }
    }

    fn opening(
        &self,
        rest: Rest<'_>,
        language: &Language,
        syntax: &'static StringSyntax,
    ) -> Option<(Frame, usize)> {
        let n_prefix = match syntax.prefixes {
            [] => 0,
            prefixes => {
                let n = rest.text.find(|c: char| !c.is_ascii_alphanumeric())?;
                let word = rest.text.get(..n)?;
                let is_one = prefixes.iter().any(|prefix| prefix.eq_ignore_ascii_case(word));
                // `$s{x}` is an element of a hash.
                let is_name = is_word(self.previous) || matches!(self.previous, '$' | '@' | '%');
                (is_one && !is_name).then_some(n)?
            }
        };
        let opener = rest.text.get(n_prefix..)?;
        let inside = opener.strip_prefix(syntax.open)?;
        let is_after_word = n_prefix == 0 && is_word(self.previous);
        if syntax.after_word && !is_after_word {
            return None;
        }
        if syntax.one_character {
            // Primes and digit separators: `x'`, `1'000`.
            let is_prefix = matches!(self.last.word(), "L" | "u" | "U" | "u8" | "b");
            let opens = (!is_after_word || is_prefix) && is_character_literal(inside, syntax);
            return opens.then(|| (frame(syntax), syntax.open.len()));
        }
        let line = rest.to_line_end().and_then(|line| line.get(n_prefix + syntax.open.len()..));
        let n_open = n_prefix + syntax.open.len();
        match syntax.delimiter {
            Delimiter::Fixed => {
                let is_quote = matches!(syntax.open, "\"" | "'" | "`");
                // `don't`: a multi-line literal that begins directly after a word must end on the
                // same line.
                let is_apostrophe = is_after_word
                    && !syntax.after_word
                    && is_quote
                    && syntax.multiline
                    && line.is_some_and(|line| !line.contains(syntax.close));
                (!is_apostrophe).then(|| (frame(syntax), n_open))
            }
            Delimiter::Named(after_open, _) => {
                let end =
                    inside.find(|c: char| !is_word(c)).filter(|&end| end <= MAX_NAME_BYTES)?;
                let (name, more) = inside.split_at_checked(end)?;
                let is_number = name.starts_with(|c: char| c.is_ascii_digit());
                if is_after_word || is_number || !more.starts_with(after_open) {
                    return None;
                }
                let named =
                    Frame::Literal { syntax, name: Some(name.into()), closer: ' ', n_open: 0 };
                Some((named, n_open + name.len() + after_open.len()))
            }
            Delimiter::Chosen(delimiters) => {
                let delimiter = inside.chars().next().filter(|&c| delimiters.contains(c))?;
                // `a %w` computes a remainder, and in `q => 1` the `q` is a key.
                if is_after_word || (n_prefix > 0 && delimiter == '=') {
                    return None;
                }
                let closer = counterpart(delimiter);
                let chosen = Frame::Literal { syntax, name: None, closer, n_open: 0 };
                Some((chosen, n_open + delimiter.len_utf8()))
            }
            Delimiter::Slash => {
                let ends = line.is_none_or(has_slash_end);
                let begins =
                    !inside.starts_with(['/', '*', ' ', '=']) || self.expects_operand(language);
                // `puts /a/`: a blank before the slash and none after it.
                let is_argument = language.scope == crate::Scope::Indent
                    && self.previous == ' '
                    && line.is_some()
                    && !inside.starts_with([' ', '=']);
                let opens = ends && begins && (self.expects_operand(language) || is_argument);
                (opens && !inside.starts_with(['/', '*'])).then(|| (frame(syntax), n_open))
            }
        }
    }
}

fn frame(syntax: &'static StringSyntax) -> Frame {
    Frame::Literal { syntax, name: None, closer: ' ', n_open: 0 }
}

/// Returns the closer for a literal's chosen delimiter.
fn counterpart(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        '{' => '}',
        '<' => '>',
        other => other,
    }
}

/// Whether a regular expression that begins with `line` ends on it.
fn has_slash_end(line: &str) -> bool {
    let mut in_class = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '/' if !in_class => return true,
            _ => {}
        }
    }
    false
}

/// Whether `inside` begins with one, possibly escaped, character followed by the closer.
fn is_character_literal(inside: &str, literal: &StringSyntax) -> bool {
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
