//! Puts back the closers that the answer replaces.
//!
//! An editor that turns `(` into `()` leaves `)` after the cursor, and the answer replaces it.
//! Characters of that tail that the completion writes itself are not written twice; the others are
//! inserted where they belong.
//! Invariant: the result contains the replaced tail, character by character and in order. Otherwise
//! editors would not draw the suggestion over it.

use lowkey_document::lexical::TextKind;

use crate::lines::{indentation, is_closer};
use crate::nesting::{Nesting, OuterChar};
use crate::surroundings::Surroundings;

/// Returns the text to insert in place of the replaced tail.
pub(crate) fn join(surroundings: &Surroundings<'_>, text: &str) -> String {
    let tail = surroundings.request.replaced_tail;
    if tail.is_empty() || text.is_empty() {
        return [text, tail].concat();
    }
    let core = tail.trim_end();
    let blanks = tail.get(core.len()..).unwrap_or_default();
    let nesting = Nesting::of(surroundings, text);
    let supplied = supplied_bytes(core, &nesting.outer);
    let missing = core.get(supplied..).unwrap_or_default();
    // The completion may end with a whole literal of the tail, as in `foo(x, "")`.
    let has_literal =
        surroundings.text_kind == TextKind::Code && core.trim_start().starts_with(['"', '\'', '`']);
    if missing.is_empty() || (has_literal && text.ends_with(core)) {
        return [text, blanks].concat();
    }
    if opens_block(text) && missing.starts_with([')', ']', '}']) {
        // The completion breaks the line directly after the opener, so the closer gets its own
        // line, too.
        let indentation = indentation(surroundings.request.before);
        return [text.trim_end(), "\n", indentation, missing, blanks].concat();
    }
    let own = OwnTail::of(text, &nesting);
    let before_own = nesting.outer.iter().take_while(|outer| outer.at < own.stem.len());
    let needed = core.get(supplied_bytes(core, before_own)..).unwrap_or_default();
    let (text, closers) = match own.placed_before(needed) {
        Some(";") => (own.stem, with_semicolon(needed, own.closers)),
        Some(punctuation) => (own.stem, [needed, punctuation].concat()),
        None => (text, missing.to_owned()),
    };
    // `{ x }` has blanks on both sides or on neither.
    let opens = surroundings.request.before.ends_with('{') && text.starts_with(' ');
    let is_padded = opens && !text.ends_with(' ') && !text.contains('\n');
    let blank = if is_padded && closers.starts_with('}') { " " } else { "" };
    [text, blank, &closers, blanks].concat()
}

/// Puts a semicolon after the closers, or before a block's end that follows the closers that the
/// completion wrote, because the semicolon ends the statement inside the block.
fn with_semicolon(needed: &str, own_closers: &str) -> String {
    let mut own = own_closers.chars().filter(|c| !c.is_whitespace()).peekable();
    let written = needed.char_indices().find_map(|(at, c)| {
        own.next_if_eq(&c);
        own.peek().is_none().then_some(at + c.len_utf8())
    });
    let (inner, outer) = needed.split_at(written.unwrap_or(needed.len()));
    if outer.trim_start().starts_with('}') && !own_closers.is_empty() {
        return [inner, ";", outer].concat();
    }
    [needed, ";"].concat()
}

/// Whether the completion breaks the line at the cursor and continues below.
fn opens_block(text: &str) -> bool {
    text.trim_start_matches([' ', '\t']).starts_with('\n') && !text.trim().is_empty()
}

/// Returns the part of the tail that must be put back after the completion.
pub(crate) fn missing_tail<'a>(surroundings: &Surroundings<'a>, nesting: &Nesting) -> &'a str {
    let core = surroundings.request.replaced_tail.trim_end();
    core.get(supplied_bytes(core, &nesting.outer)..).unwrap_or_default()
}

/// Returns the position where the completion has written the whole tail, if it continues after
/// that.
pub(crate) fn end_of_tail(surroundings: &Surroundings<'_>, nesting: &Nesting) -> Option<usize> {
    let core = surroundings.request.replaced_tail.trim();
    (1..=nesting.outer.len()).find_map(|n| {
        let supply = nesting.outer.get(..n)?;
        let last = supply.last()?;
        (supplied_bytes(core, supply) == core.len()).then(|| last.at + last.c.len_utf8())
    })
}

/// Whether closers of the tail must be put back after the completion.
pub(crate) fn leaves_closers(surroundings: &Surroundings<'_>, nesting: &Nesting) -> bool {
    let core = surroundings.request.replaced_tail.trim_end();
    let supplied = supplied_bytes(core, &nesting.outer);
    core.get(supplied..).is_some_and(|missing| missing.contains([')', ']', '}']))
}

/// The closers and punctuation at the completion's end that belong to brackets opened before the
/// cursor.
struct OwnTail<'t> {
    stem: &'t str,
    closers: &'t str,
    /// `;`, `,` or `:` after the last closer.
    punctuation: &'t str,
}

impl<'t> OwnTail<'t> {
    fn of(text: &'t str, nesting: &Nesting) -> Self {
        let mut start = text.len();
        for outer in nesting.outer.iter().rev() {
            let is_part = is_closer(outer.c) || is_final(outer.c) || outer.c == ' ';
            if outer.at + outer.c.len_utf8() != start || outer.is_text || !is_part {
                break;
            }
            start = outer.at;
        }
        // Blanks before the closers are part of the text.
        let own = text.get(start..).unwrap_or_default().trim_start();
        let stem = text.get(..text.len() - own.len()).unwrap_or_default();
        let closers = own.trim_end_matches(|c| is_final(c) || c == ' ');
        let punctuation = own.get(closers.len()..).unwrap_or_default().trim();
        Self { stem, closers, punctuation }
    }

    /// Returns the punctuation to put after `needed` if those closers replace this tail; `None` if
    /// this tail must be kept in front of them.
    fn placed_before(&self, needed: &str) -> Option<&'t str> {
        let is_kept_whole = is_subsequence(self.closers, needed);
        let brings_own = needed.ends_with(is_final);
        match self.punctuation {
            _ if !is_kept_whole => None,
            "" => Some(""),
            own if is_subsequence(&[self.closers, own].concat(), needed) => Some(""),
            // `f(g(x);` before `))`: the end of the statement stays at its end.
            own if !self.closers.is_empty() => Some(if brings_own { "" } else { own }),
            // A list's last comma is redundant before its closer.
            "," => Some(""),
            // A statement may end inside a block, not inside a call.
            ";" if needed.starts_with([')', ']', '"', '\'', '`']) => {
                Some(if brings_own { "" } else { ";" })
            }
            ":" if needed.starts_with(')') && !brings_own => Some(":"),
            _ => None,
        }
    }
}

/// Whether `c` ends a statement, an item or a head.
fn is_final(c: char) -> bool {
    matches!(c, ';' | ',' | ':')
}

/// Returns how many leading bytes of `tail` occur in `supply`, in order.
fn supplied_bytes<'o>(tail: &str, supply: impl IntoIterator<Item = &'o OuterChar>) -> usize {
    let mut rest = tail.chars();
    for outer in supply.into_iter().filter(|outer| !outer.is_extra) {
        let mut ahead = rest.clone();
        match ahead.next() {
            None => break,
            Some(wanted) if wanted == outer.c => rest = ahead,
            Some(_) => {}
        }
    }
    // Blanks count only together with the closer after them.
    let supplied = tail.len() - rest.as_str().len();
    tail.get(..supplied).map_or(0, |tail| tail.trim_end().len())
}

/// Whether the characters of `part` that are not blank occur in `whole`, in order.
fn is_subsequence(part: &str, whole: &str) -> bool {
    let mut whole = whole.chars();
    part.chars().filter(|c| !c.is_whitespace()).all(|wanted| whole.any(|c| c == wanted))
}
