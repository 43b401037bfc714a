//! A user who knows the final text: which part of a suggestion is worth a key, and what rejecting one costs.
//!
//! A suggestion may be taken whole, up to a line's end, or word by word, each for one key, as editors offer it. Only what
//! the trace types next is taken. A suggestion that the next key disagrees with costs one key: it had to be read over.

/// A suggestion, or a piece of one, of fewer characters is not worth a key.
const MIN_ACCEPTED_CHARS: usize = 2;

/// What the user does with a suggestion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Takes `bytes` of it, which the trace types in `steps`, for `keys`.
    Accept { bytes: usize, steps: usize, keys: usize },
    /// Types on as it says, or goes elsewhere.
    Continue,
    /// Types something else.
    Reject,
}

/// Decides about the suggestion `ghost` where the trace goes on with `upcoming_text`, whose steps end at the bytes `ends`.
pub fn decide(ghost: &str, upcoming_text: &str, ends: &[usize]) -> Action {
    let n_agreed = ghost.bytes().zip(upcoming_text.bytes()).take_while(|(a, b)| a == b).count();
    let typed_next = ends.first().copied().unwrap_or_default();
    if typed_next == 0 {
        return Action::Continue;
    }
    if n_agreed < typed_next.min(ghost.len()) {
        return Action::Reject;
    }
    // Pieces in the order of the text: a whole suggestion or whole lines for one key, then words.
    let mut best = Action::Continue;
    let mut max_saved = 0;
    let mut consider = |bytes: usize, keys: usize| {
        let Some(steps) = ends.iter().position(|&end| end == bytes).map(|at| at + 1) else {
            return;
        };
        if steps > keys + max_saved {
            max_saved = steps - keys;
            best = Action::Accept { bytes, steps, keys };
        }
    };
    if n_agreed == ghost.len() && ghost.chars().count() >= MIN_ACCEPTED_CHARS {
        consider(ghost.len(), 1);
    }
    let (mut accepted_bytes, mut keys) = (0, 0);
    while let Some(line) =
        piece(ghost, accepted_bytes, n_agreed, |rest| rest.find('\n').map(|at| at.max(1)))
    {
        (accepted_bytes, keys) = (line, keys + 1);
        consider(accepted_bytes, keys);
    }
    while let Some(word) = piece(ghost, accepted_bytes, n_agreed, |rest| Some(word_end(rest))) {
        (accepted_bytes, keys) = (word, keys + 1);
        consider(accepted_bytes, keys);
    }
    best
}

/// The byte at which the next piece of `ghost` after `accepted_bytes` ends, if all of it is among the `n_agreed` bytes.
fn piece(
    ghost: &str,
    accepted_bytes: usize,
    n_agreed: usize,
    end: impl Fn(&str) -> Option<usize>,
) -> Option<usize> {
    let rest = ghost.get(accepted_bytes..).filter(|rest| !rest.is_empty())?;
    let end = accepted_bytes + end(rest)?;
    (end <= n_agreed).then_some(end)
}

/// Where the first word of a text ends, with the blanks before it; a run of marks counts as one.
fn word_end(text: &str) -> usize {
    let blanks = text.len() - text.trim_start().len();
    let rest = text.get(blanks..).unwrap_or_default();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let begins_word = rest.starts_with(is_word);
    let ends = |c: char| c.is_whitespace() || is_word(c) != begins_word;
    blanks + rest.find(ends).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each character of `upcoming_text` is one step.
    fn decide_by_character(ghost: &str, upcoming_text: &str) -> Action {
        let ends: Vec<usize> =
            upcoming_text.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
        decide(ghost, upcoming_text, &ends)
    }

    #[test]
    fn what_matches_is_taken_whole_for_one_key() {
        assert_eq!(
            decide_by_character("foo(bar)", "foo(bar);"),
            Action::Accept { bytes: 8, steps: 8, keys: 1 }
        );
        assert_eq!(
            decide_by_character("a\nb", "a\nb\nc"),
            Action::Accept { bytes: 3, steps: 3, keys: 1 }
        );
    }

    #[test]
    fn a_right_beginning_is_taken_by_line_or_word() {
        assert_eq!(
            decide("let x\nfoo", "let x\nbar"),
            Action::Accept { bytes: 5, steps: 5, keys: 1 }
        );
        assert_eq!(
            decide("foo_bar(x)", "foo_bar[y"),
            Action::Accept { bytes: 7, steps: 7, keys: 1 }
        );
        assert_eq!(
            decide("self.name", "self.next"),
            Action::Accept { bytes: 4, steps: 4, keys: 1 }
        );
    }

    #[test]
    fn short_pieces_are_typed() {
        assert_eq!(decide_by_character(");", ");"), Action::Accept { bytes: 2, steps: 2, keys: 1 });
        assert_eq!(decide_by_character(")", ")"), Action::Continue);
        assert_eq!(decide_by_character("x+y", "x-z"), Action::Continue);
    }

    #[test]
    fn what_the_next_key_contradicts_is_rejected() {
        assert_eq!(decide_by_character("foo", "bar"), Action::Reject);
        assert_eq!(decide_by_character("foo", ""), Action::Continue);
    }

    #[test]
    fn steps_of_several_characters_are_taken_whole_or_not() {
        // The trace pastes `oo(` in one step: the word `foo` ends inside it.
        assert_eq!(decide("foo x", "foo(", &[1, 4]), Action::Continue);
    }
}
