//! A user who knows the final text: which part of a suggestion is worth a key, and what rejecting one costs.
//!
//! A suggestion may be taken whole, up to a line's end, or word by word, each for one key, as editors offer it. Only what
//! the trace types next is taken. A suggestion that the next key disagrees with costs one key: it had to be read over.

/// A suggestion, or a piece of one, of fewer characters is not worth a key.
const WORTH_ACCEPTING_CHARS: usize = 2;

/// What the user does with a suggestion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Takes `bytes` of it, which the trace types in `steps`, for `keys`.
    Take { bytes: usize, steps: usize, keys: usize },
    /// Types on as it says, or goes elsewhere.
    GoOn,
    /// Types something else.
    Reject,
}

/// Decides about the suggestion `ghost` where the trace goes on with `coming`, whose steps end at the bytes `ends`.
pub fn choose(ghost: &str, coming: &str, ends: &[usize]) -> Choice {
    let agreed = ghost.bytes().zip(coming.bytes()).take_while(|(a, b)| a == b).count();
    let typed_next = ends.first().copied().unwrap_or_default();
    if typed_next == 0 {
        return Choice::GoOn;
    }
    if agreed < typed_next.min(ghost.len()) {
        return Choice::Reject;
    }
    // Pieces in the order of the text: a whole suggestion or whole lines for one key, then words.
    let mut best = Choice::GoOn;
    let mut most_saved = 0;
    let mut consider = |bytes: usize, keys: usize| {
        let Some(steps) = ends.iter().position(|&end| end == bytes).map(|at| at + 1) else {
            return;
        };
        if steps > keys + most_saved {
            most_saved = steps - keys;
            best = Choice::Take { bytes, steps, keys };
        }
    };
    if agreed == ghost.len() && ghost.chars().count() >= WORTH_ACCEPTING_CHARS {
        consider(ghost.len(), 1);
    }
    let (mut taken, mut keys) = (0, 0);
    while let Some(line) = piece(ghost, taken, agreed, |rest| rest.find('\n').map(|at| at.max(1))) {
        (taken, keys) = (line, keys + 1);
        consider(taken, keys);
    }
    while let Some(word) = piece(ghost, taken, agreed, |rest| Some(word_end(rest))) {
        (taken, keys) = (word, keys + 1);
        consider(taken, keys);
    }
    best
}

/// The byte at which the next piece of `ghost` after `taken` ends, if all of it is among the `agreed` bytes.
fn piece(
    ghost: &str,
    taken: usize,
    agreed: usize,
    end: impl Fn(&str) -> Option<usize>,
) -> Option<usize> {
    let rest = ghost.get(taken..).filter(|rest| !rest.is_empty())?;
    let end = taken + end(rest)?;
    (end <= agreed).then_some(end)
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

    /// Each character of `coming` is one step.
    fn decide(ghost: &str, coming: &str) -> Choice {
        let ends: Vec<usize> = coming.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
        choose(ghost, coming, &ends)
    }

    #[test]
    fn what_matches_is_taken_whole_for_one_key() {
        assert_eq!(decide("foo(bar)", "foo(bar);"), Choice::Take { bytes: 8, steps: 8, keys: 1 });
        assert_eq!(decide("a\nb", "a\nb\nc"), Choice::Take { bytes: 3, steps: 3, keys: 1 });
    }

    #[test]
    fn a_right_beginning_is_taken_by_line_or_word() {
        assert_eq!(
            decide("let x\nfoo", "let x\nbar"),
            Choice::Take { bytes: 5, steps: 5, keys: 1 }
        );
        assert_eq!(decide("foo_bar(x)", "foo_bar[y"), Choice::Take { bytes: 7, steps: 7, keys: 1 });
        assert_eq!(decide("self.name", "self.next"), Choice::Take { bytes: 4, steps: 4, keys: 1 });
    }

    #[test]
    fn short_pieces_are_typed() {
        assert_eq!(decide(");", ");"), Choice::Take { bytes: 2, steps: 2, keys: 1 });
        assert_eq!(decide(")", ")"), Choice::GoOn);
        assert_eq!(decide("x+y", "x-z"), Choice::GoOn);
    }

    #[test]
    fn what_the_next_key_contradicts_is_rejected() {
        assert_eq!(decide("foo", "bar"), Choice::Reject);
        assert_eq!(decide("foo", ""), Choice::GoOn);
    }

    #[test]
    fn steps_of_several_characters_are_taken_whole_or_not() {
        // The trace pastes `oo(` in one step: the word `foo` ends inside it.
        assert_eq!(choose("foo x", "foo(", &[1, 4]), Choice::GoOn);
    }
}
