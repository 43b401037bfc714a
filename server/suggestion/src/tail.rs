//! Puts back the closers that the answer replaces.
//!
//! An editor that turns `(` into `()` leaves `)` right of the cursor; the answer replaces it.
//! What the completion writes of that tail itself is not written twice, the rest is appended where it belongs.
//! Invariant: the replaced tail survives in the result, character by character and in order
//! (editors draw a suggestion over it only then).

use crate::lines::{indentation, is_closer};
use crate::nesting::Nesting;
use crate::site::Site;

/// Returns the text to insert in place of the replaced tail.
pub(crate) fn join(site: &Site<'_>, text: &str) -> String {
    let tail = site.request.replaced_tail;
    if tail.is_empty() || text.is_empty() {
        return [text, tail].concat();
    }
    let core = tail.trim_end();
    let blanks = tail.get(core.len()..).unwrap_or_default();
    let nesting = Nesting::of(site, text);
    let supplied = supplied_bytes(core, nesting.outer.iter().map(|&(_, c)| c));
    if supplied == core.len() {
        return [text, blanks].concat();
    }
    let own = OwnTail::of(text, &nesting);
    let stem_outer = nesting.outer.iter().filter(|&&(at, _)| at < own.stem.len()).map(|&(_, c)| c);
    let needed = core.get(supplied_bytes(core, stem_outer)..).unwrap_or_default();
    if is_subsequence(own.closers, needed) {
        let (inside, outside) = own.place_punctuation(needed);
        let stem = [own.stem, inside].concat();
        return append(site, &stem, &[needed, outside, blanks].concat());
    }
    let missing = core.get(supplied..).unwrap_or_default();
    append(site, text, &[missing, blanks].concat())
}

/// Says whether the completion leaves closers of the tail to be put back behind it.
pub(crate) fn leaves_closers(site: &Site<'_>, nesting: &Nesting) -> bool {
    let core = site.request.replaced_tail.trim_end();
    let supplied = supplied_bytes(core, nesting.outer.iter().map(|&(_, c)| c));
    core.get(supplied..).is_some_and(|missing| missing.contains([')', ']', '}']))
}

/// The closers and punctuation at the completion's end that belong to brackets opened before the cursor.
struct OwnTail<'t> {
    stem: &'t str,
    closers: &'t str,
    /// `;`, `,` or `:` behind the last closer.
    punctuation: &'t str,
}

impl<'t> OwnTail<'t> {
    fn of(text: &'t str, nesting: &Nesting) -> Self {
        let mut start = text.len();
        for &(at, c) in nesting.outer.iter().rev() {
            let is_part = is_closer(c) || matches!(c, ';' | ',' | ':' | ' ');
            if at + c.len_utf8() != start || !is_part {
                break;
            }
            start = at;
        }
        let (stem, own) = text.split_at_checked(start).unwrap_or((text, ""));
        let closers_end = own.trim_end_matches([';', ',', ':', ' ']).len();
        let (closers, punctuation) = own.split_at_checked(closers_end).unwrap_or((own, ""));
        // A blank before the closers is part of the text.
        let trimmed = closers.trim_start();
        let stem = text.get(..stem.len() + closers.len() - trimmed.len()).unwrap_or(stem);
        Self { stem, closers: trimmed, punctuation: punctuation.trim() }
    }

    /// Returns what of the punctuation belongs before and what behind the needed closers.
    fn place_punctuation(&self, needed: &str) -> (&'t str, &'t str) {
        let last = needed.chars().next_back().unwrap_or(' ');
        match self.punctuation {
            "" => ("", ""),
            // The tail brings its own.
            _ if !is_closer(last) => ("", ""),
            // A list's last comma says nothing before its closer.
            "," if self.closers.is_empty() => ("", ""),
            punctuation if !self.closers.is_empty() || matches!(last, ')' | '}' | '"' | '\'') => {
                ("", punctuation)
            }
            punctuation => (punctuation, ""),
        }
    }
}

/// Appends what is missing; on a line of its own when the completion broke the line right behind the opener.
fn append(site: &Site<'_>, text: &str, missing: &str) -> String {
    let text_is_block = text.starts_with('\n') && missing.starts_with([')', ']', '}']);
    if text_is_block && !text.trim().is_empty() {
        let indentation = indentation(site.request.before);
        return [text.trim_end(), "\n", indentation, missing].concat();
    }
    // `{ x }` is blank on both sides or on neither.
    let is_padded = text.starts_with(' ') && !text.ends_with(' ') && !text.contains('\n');
    let blank = if is_padded && missing.starts_with('}') { " " } else { "" };
    [text, blank, missing].concat()
}

/// Returns how many leading bytes of `tail` occur in `supply`, in order.
fn supplied_bytes(tail: &str, supply: impl Iterator<Item = char>) -> usize {
    let mut rest = tail.chars();
    for c in supply {
        let mut ahead = rest.clone();
        match ahead.next() {
            None => break,
            Some(wanted) if wanted == c => rest = ahead,
            Some(_) => {}
        }
    }
    tail.len() - rest.as_str().len()
}

/// Says whether the characters of `part` that are not blank occur in `whole`, in order.
fn is_subsequence(part: &str, whole: &str) -> bool {
    let mut whole = whole.chars();
    part.chars().filter(|c| !c.is_whitespace()).all(|wanted| whole.any(|c| c == wanted))
}
