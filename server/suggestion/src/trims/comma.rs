//! Cuts a comma after the last element if the language allows none, and detects a missing comma.
//!
//! The text that follows comes from the document: the closers that the answer replaces, the rest of
//! the line, or the next line.

use lowkey_document::Commas;
use lowkey_document::lexical::{TextKind, TokenKind};

use super::Cut;
use crate::lines::{indent_columns, is_word};
use crate::nesting::Nesting;
use crate::surroundings::Surroundings;
use crate::tail;

pub(super) const NAME: &str = "comma";

pub(super) fn cut(surroundings: &Surroundings<'_>, text: &str) -> Option<Cut> {
    let Commas::NotBefore(marks) = surroundings.request.language.commas else { return None };
    let end = text.trim_end();
    if !end.ends_with(',') || last_kind(surroundings, end) != Some(TokenKind::Code) {
        return None;
    }
    let follows = text_after(surroundings, end)?;
    let is_last = marks.iter().any(|mark| begins_with(follows, mark));
    is_last.then(|| Cut::at(end.len() - 1, "no comma is allowed after the last element"))
}

/// Returns the text without commas before its own closing brackets, if the language allows none
/// there.
pub(super) fn without_last_commas(surroundings: &Surroundings<'_>, text: &str) -> Option<String> {
    let Commas::NotBefore(marks) = surroundings.request.language.commas else { return None };
    let mut commas = Vec::new();
    let mut last = None;
    surroundings.scan(text, |token| match token.kind {
        TokenKind::Code if token.c == ',' => last = Some(token.at),
        TokenKind::Code if token.c.is_whitespace() => {}
        TokenKind::Close if marks.iter().any(|mark| mark.starts_with(token.c)) => {
            commas.extend(last.take());
        }
        // Text is a comment, which is ignored; a literal is entered before its text.
        TokenKind::Text => {}
        _ => last = None,
    });
    if commas.is_empty() {
        return None;
    }
    let kept = text.char_indices().filter(|(at, _)| !commas.contains(at));
    Some(kept.map(|(_, c)| c).collect())
}

/// Whether a comma must follow `shown`, which replaces the tail: `shown` is an element between
/// others, or the last one in a language that puts a comma there, too.
pub(super) fn is_missing(surroundings: &Surroundings<'_>, text: &str, shown: &str) -> bool {
    let request = &surroundings.request;
    let language = request.language;
    let is_element =
        shown.ends_with(|c| is_word(c) || matches!(c, '"' | '\'' | '`' | ')' | ']' | '}'));
    // A block as the arm of a `match` needs no comma.
    if !is_element || !request.after.trim().is_empty() || shown.contains("=> {") {
        return false;
    }
    let Some(n_closed) = surroundings
        .openers
        .len()
        .checked_sub(surroundings.n_open_above)
        .filter(|_| surroundings.n_open_above > 0)
    else {
        return false;
    };
    let [first, .., last] =
        [request.before, text, text].map(|line| line.rsplit('\n').next().unwrap_or_default());
    let line = if text.contains('\n') || first.is_empty() { last } else { first };
    let indent = indent_columns(line);
    let is_sibling = |line: &&str| indent_columns(line) == indent && !line.trim().is_empty();
    let follows_element = request
        .lines_above()
        .next_back()
        .filter(is_sibling)
        .is_some_and(|line| line.trim_end().ends_with(','));
    let whole = [request.before, shown].concat();
    if is_attribute(language.id, whole.rsplit('\n').next().unwrap_or_default().trim()) {
        return false;
    }
    let is_strict = language.id == "json";
    if (!follows_element && !is_strict) || surroundings.text_kind == TextKind::Comment {
        return false;
    }
    let nesting = Nesting::of(surroundings, shown);
    let is_whole = nesting.open.is_empty()
        && nesting.open_literal.is_none()
        && nesting.outer.iter().filter(|outer| matches!(outer.c, ')' | ']' | '}')).count()
            == n_closed
        && last_kind(surroundings, text).is_none_or(|kind| kind != TokenKind::Text);
    if !is_whole {
        return false;
    }
    let Some(next) = request.lines_below().next().filter(|line| !line.trim().is_empty()) else {
        return false;
    };
    let head = next.trim_start();
    if language.commas == Commas::BeforeCloser
        && follows_element
        && head.starts_with([')', ']', '}'])
    {
        return indent_columns(next) < indent;
    }
    if !is_sibling(&next) || head.starts_with([')', ']', '}', ',']) {
        return false;
    }
    let after_next = request.lines_below().nth(1).unwrap_or_default().trim_start();
    let precedes_element =
        next.trim_end().ends_with(',') || after_next.starts_with([')', ']', '}']);
    let is_comment = language.line_comments.iter().any(|open| head.starts_with(open));
    is_strict || (follows_element && precedes_element && !is_comment)
}

/// Whether a line annotates the next element and is no element itself: `#[…]` in Rust, `[…]` in C#.
fn is_attribute(language: &str, line: &str) -> bool {
    match language {
        "rust" => line.starts_with("#["),
        "csharp" => line.starts_with('[') && line.ends_with(']'),
        _ => false,
    }
}

/// Returns the kind of the last character that is not blank.
fn last_kind(surroundings: &Surroundings<'_>, text: &str) -> Option<TokenKind> {
    let mut kind = None;
    surroundings.scan(text.trim_end(), |token| kind = Some(token.kind));
    kind
}

/// Returns the text after `text`: the remaining part of the replaced tail, or the text that stays.
fn text_after<'a>(surroundings: &Surroundings<'a>, text: &str) -> Option<&'a str> {
    let request = &surroundings.request;
    let tail = tail::missing_tail(surroundings, &Nesting::of(surroundings, text)).trim();
    if !tail.is_empty() {
        return Some(tail);
    }
    let after = request.after.trim();
    if !after.is_empty() {
        return Some(after);
    }
    let is_comment = |line: &str| {
        request.language.line_comments.iter().any(|open| line.trim_start().starts_with(open))
    };
    request.lines_below().find(|line| !line.trim().is_empty() && !is_comment(line)).map(str::trim)
}

fn begins_with(text: &str, mark: &str) -> bool {
    text.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark))
        && !(mark.ends_with(is_word)
            && text.get(mark.len()..).is_some_and(|t| t.starts_with(is_word)))
}
