//! Decides whether look-ahead is useful at present.
//!
//! A user who writes a function goes where lowkey looked ahead. A user who renames by hand jumps
//! away each time, and the look-ahead is wasted. Several misses in a row make further tries rarer,
//! and one hit resets that.
//!
//! Invariant: after any number of misses, another try follows after at most [`MAX_SKIPPED`]
//! occasions.

use lowkey_suggestion::MemoryKey;

/// Misses in a row without effect: they may be chance.
const ALLOWED_MISSES: u32 = 2;
/// Maximum number of occasions that are skipped before the next try.
const MAX_SKIPPED: u32 = 4;

/// One document's history.
#[derive(Debug, Default)]
pub(crate) struct LookAheadBackoff {
    /// The last place, until the user gets there.
    expected: Option<MemoryKey>,
    misses_in_a_row: u32,
    /// Occasions left to skip.
    to_skip: u32,
}

impl LookAheadBackoff {
    /// Whether to use this occasion.
    pub(crate) fn should_look_ahead(&mut self) -> bool {
        if self.to_skip == 0 {
            return true;
        }
        self.to_skip -= 1;
        false
    }

    /// Records a look-ahead; the one before was a miss if the user never got there.
    pub(crate) fn record_look_ahead(&mut self, place: MemoryKey) {
        if self.expected.as_ref().is_some_and(|missed| *missed != place) {
            self.misses_in_a_row += 1;
            let doubled = 1_u32.checked_shl(self.misses_in_a_row.saturating_sub(ALLOWED_MISSES));
            self.to_skip = (doubled.unwrap_or(MAX_SKIPPED) - 1).min(MAX_SKIPPED);
        }
        self.expected = Some(place);
    }

    /// Records a request at a place.
    pub(crate) fn record_request(&mut self, place: &MemoryKey) {
        if self.expected.as_ref() == Some(place) {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> MemoryKey {
        MemoryKey::new("file:///a.rs", &[name])
    }

    /// Returns how many of `n` occasions are used if the user never goes where lowkey looked ahead.
    fn tries(look_ahead: &mut LookAheadBackoff, n: u32) -> usize {
        (0..n)
            .filter(|at| {
                let worth = look_ahead.should_look_ahead();
                if worth {
                    look_ahead.record_look_ahead(place(&format!("miss {at}")));
                }
                worth
            })
            .count()
    }

    #[test]
    fn misses_make_tries_rare() {
        let mut look_ahead = LookAheadBackoff::default();
        assert_eq!(tries(&mut look_ahead, 4), 4);
        assert_eq!(tries(&mut look_ahead, 1), 0, "the third miss lets one occasion pass");
        let often = tries(&mut look_ahead, 1000);
        assert!((1000 / 5..=1000 / 4).contains(&often), "{often} tries in 1000 occasions");
    }

    #[test]
    fn hit_resets_the_backoff() {
        let mut look_ahead = LookAheadBackoff::default();
        tries(&mut look_ahead, 100);
        while !look_ahead.should_look_ahead() {}
        look_ahead.record_look_ahead(place("there"));
        look_ahead.record_request(&place("elsewhere"));
        look_ahead.record_request(&place("there"));
        assert_eq!(tries(&mut look_ahead, 2), 2);
    }
}
