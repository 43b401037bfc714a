//! Drops the line that was unfinished when time or tokens ran out, or shortens it to whole parts.
//!
//! Runs once, before the trims, and only on text that did not end by itself, because the text alone
//! does not show whether a line is finished. Half a line of code is wrong. In prose, whole
//! sentences or words are kept, and in data, whole elements, because such lines are long and
//! dropping them would waste the computation.

use lowkey_document::Markup;
use lowkey_document::lexical::{TextKind, TokenKind};

use super::Cut;
use crate::lines::is_word;
use crate::surroundings::Surroundings;

pub(super) const NAME: &str = "half line";

/// Minimum number of characters of prose to keep.
const MIN_PROSE_CHARS: usize = 8;

pub(super) fn cut(surroundings: &Surroundings<'_>, text: &str) -> Option<Cut> {
    let start = match text.rfind('\n') {
        Some(end) if end + 1 == text.len() => return None,
        Some(end) => end + 1,
        None => 0,
    };
    let line = text.get(start..)?;
    match good_end(surroundings, text, line) {
        Some((end, part)) => {
            let why = format!("the line was not finished in time; it ends after a {part}");
            Some(Cut::at(start + end, why))
        }
        None if start > 0 => Some(Cut::at(start, "the last line was not finished in time")),
        None => Some(Cut::at(0, "the line was not finished in time")),
    }
}

/// Returns where an unfinished line may end, and the kind of part it ends after; `None` in code.
fn good_end(
    surroundings: &Surroundings<'_>,
    text: &str,
    line: &str,
) -> Option<(usize, &'static str)> {
    let start = text.len() - line.len();
    let (mut last, mut comma, mut outer_comma) = (None, None, None);
    let mut open = Vec::new();
    let (mut has_names, mut in_word) = (false, false);
    surroundings.scan(text, |token| {
        last = Some(token.kind);
        has_names |= token.kind == TokenKind::Code && !in_word && token.c.is_alphabetic();
        in_word = token.kind == TokenKind::Code && is_word(token.c);
        match token.kind {
            TokenKind::Code if token.c == ',' => {
                comma = token.at.checked_sub(start);
                if open.is_empty() {
                    outer_comma = comma;
                }
            }
            TokenKind::Open { closer } => open.push(closer),
            TokenKind::Close => {
                open.pop();
            }
            _ => {}
        }
    });
    let is_text = last == Some(TokenKind::Text);
    let is_prose_or_data = surroundings.request.language.is_prose_or_data;
    // A brace above the line is a block as often as a list.
    let around =
        surroundings.openers.last().filter(|opener| opener.on_line || opener.closer == ']');
    let closer = open.last().copied().or_else(|| around.map(|opener| opener.closer));
    let in_list = closer.is_some_and(|closer| matches!(closer, ']' | '}'))
        || repeats_element(line)
        || !has_names;
    let is_row = !has_names && outer_comma.is_some() && surroundings.text_kind == TextKind::Code;
    let is_data = matches!(surroundings.request.language.id, "json" | "jsonc" | "csv");
    if is_data || is_row || (!is_text && in_list) {
        // The comma is dropped, because it would announce another element.
        return outer_comma.or(comma).filter(|&end| end > 0).map(|end| (end, "whole element"));
    }
    if !is_text && !is_prose_or_data {
        return None;
    }
    // A tag that is not closed is not whole.
    let is_markup = surroundings.request.language.markup == Markup::Tags && !is_text;
    let line = match line.rfind('<') {
        Some(tag) if is_markup && !line.get(tag..).unwrap_or_default().contains('>') => {
            line.get(..tag).unwrap_or_default()
        }
        _ => line,
    };
    let is_enough = |end: &usize| {
        line.get(..*end).is_some_and(|kept| kept.trim().chars().count() >= MIN_PROSE_CHARS)
    };
    sentence_end(line)
        .filter(is_enough)
        .map(|end| (end, "sentence"))
        .or_else(|| word_end(line).filter(is_enough).map(|end| (end, "word")))
}

/// Whether the last three whole elements of a list are equal, as in a tuple of `f32`.
fn repeats_element(line: &str) -> bool {
    let elements: Vec<&str> = line.split(',').map(str::trim).rev().skip(1).take(3).collect();
    elements.len() == 3 && elements.iter().all(|element| Some(element) == elements.first())
}

/// Returns the end of the last whole sentence.
fn sentence_end(line: &str) -> Option<usize> {
    let mut end = None;
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|&(_, next)| next);
        let ends = match c {
            '.' | '!' | '?' => next.is_some_and(char::is_whitespace),
            '。' | '！' | '？' => true,
            _ => false,
        };
        if ends {
            end = Some(at + c.len_utf8());
        }
    }
    end
}

/// Returns the end of the last whole word: before the last blank, or, in a script without blanks,
/// before the last character.
fn word_end(line: &str) -> Option<usize> {
    let blank = line.trim_end().rfind(char::is_whitespace);
    let has_blanks =
        line.chars().filter(|c| c.is_whitespace()).count() * 20 >= line.chars().count();
    if has_blanks {
        return blank.map(|at| line.get(..at).unwrap_or_default().trim_end().len());
    }
    let (at, _) = line.char_indices().next_back()?;
    // A word of an alphabet is not split.
    let is_alphabet = |c: char| c.is_ascii_alphanumeric();
    let is_cut = line.get(..at).is_some_and(|kept| kept.ends_with(is_alphabet));
    (!is_cut).then_some(at)
}
