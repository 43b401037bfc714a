//! Whether a suggestion may span lines although the user did not ask for that: where a block begins, while one that
//! does is being typed or taken in parts, and behind one that was just accepted.

use lowkey_suggestion::MAX_SURROUNDING_LINES;

use crate::settings::{Multiline, Settings};
use crate::{Ask, Completer, Trigger, lock};

/// Lines of a block at most for who has not asked: of what the model writes below the fifth, next to nothing is right
/// (`server/suggestion/README.md`).
const BLOCK_LINES: usize = 5;

/// Lines at most behind an accepted suggestion that opens no block: the end of its own, and the next ones.
const BEHIND_ACCEPTED_LINES: usize = 4;

/// How many lines an answer may span, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lines {
    /// At most so many; with 1 only the cursor's own.
    pub(crate) most: usize,
    /// The reason in words, where they are several.
    pub(crate) why: &'static str,
}

impl Lines {
    fn several(most: usize, why: &'static str) -> Option<Self> {
        (most > 1).then_some(Self { most, why })
    }
}

impl Completer {
    /// Says how many lines an answer may span; `None` where it is the cursor's line alone.
    pub(crate) fn lines(&self, ask: &Ask, settings: &Settings) -> Option<Lines> {
        let most = settings.max_lines;
        match (ask.multiline, settings.multiline, ask.trigger) {
            (Some(true), ..) => Lines::several(most, "the client asks for them"),
            (Some(false), ..) | (None, Multiline::Never, Trigger::Automatic) => None,
            (None, Multiline::Always, _) => Lines::several(most, "the setting multiline says so"),
            (None, _, Trigger::Invoked) => Lines::several(most, "you asked by a key"),
            (None, Multiline::Auto, Trigger::Automatic) => self.by_place(ask, most),
        }
    }

    /// Decides by what stands around the cursor and by what became of the suggestion before.
    fn by_place(&self, ask: &Ask, most: usize) -> Option<Lines> {
        let snapshot = &ask.snapshot;
        let cursor = snapshot.cursor(ask.cursor);
        if !cursor.after.trim().is_empty() {
            return None;
        }
        let (is_followed, is_behind_accepted) = {
            let following = lock(&self.following);
            let follow = following.get(snapshot.uri().as_str());
            follow.map_or((false, false), |follow| {
                let is_followed = follow.spans_lines(snapshot, ask.cursor);
                (is_followed, follow.is_behind_accepted(snapshot, ask.cursor))
            })
        };
        let is_behind_accepted = is_behind_accepted || ask.has_accepted;
        if is_followed {
            // Otherwise the lines below would go away with the first key.
            return Lines::several(most, "the suggestion that you follow has several");
        }
        let most = most.min(BLOCK_LINES);
        let opens_block = |idx: usize, line: &str| snapshot.lexical_state(idx).opens_block(line);
        if is_behind_accepted {
            let opens = opens_block(cursor.line, &cursor.before);
            let most = if opens { most } else { most.min(BEHIND_ACCEPTED_LINES) };
            return Lines::several(most, "a suggestion was accepted here");
        }
        let above = cursor.line.checked_sub(1).filter(|_| cursor.before.trim().is_empty())?;
        let opener = Some(snapshot.line(above)).filter(|line| opens_block(above, line));
        let below = (cursor.line + 1..snapshot.n_lines()).take(MAX_SURROUNDING_LINES);
        let below: Vec<String> = below.map(|idx| snapshot.line(idx)).collect();
        let begins = begins_block(opener.as_deref(), &cursor.before, &below);
        begins.then(|| Lines::several(most, "a block begins here")).flatten()
    }
}

/// How far a line is indented, in bytes of blanks.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Says whether a blank line of the cursor begins an empty block.
///
/// `opener` is the line above where it opens a block, by a bracket, a word or a mark of its language
/// ([`Scanner::opens_block`](lowkey_document::lexical::Scanner::opens_block)). What follows below is not in the block:
/// nothing, or a line that is indented no deeper than the opener.
pub(crate) fn begins_block(opener: Option<&str>, cursor_line: &str, next: &[String]) -> bool {
    let below = next.iter().find(|line| !line.trim().is_empty());
    let is_empty = |opener: &str| below.is_none_or(|line| indent(line) <= indent(opener));
    cursor_line.trim().is_empty() && opener.is_some_and(is_empty)
}

#[cfg(test)]
mod tests {
    use super::begins_block;

    fn check(above: &str, line: &str, below: &[&str]) -> bool {
        let below: Vec<String> = below.iter().map(|l| (*l).to_owned()).collect();
        begins_block(Some(above), line, &below)
    }

    #[test]
    fn an_empty_block_begins_under_its_opener() {
        assert!(check("fn f() {", "    ", &["}"]));
        assert!(check("def f():", "", &[]));
        assert!(check("    if x:", "        ", &["", "    y = 1"]));
    }

    #[test]
    fn a_block_that_holds_lines_already_does_not_begin() {
        assert!(!check("fn f() {", "    ", &["    let x = 1;", "}"]));
    }

    #[test]
    fn other_lines_begin_no_block() {
        assert!(!check("fn f() {", "    let", &["}"]));
        assert!(!begins_block(None, "", &[]));
    }
}
