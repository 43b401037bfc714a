//! Whether looking ahead has paid off lately.
//!
//! Who writes a function goes where lowkey looked; who renames by hand jumps away each
//! time, and what was computed ahead is wasted. So misses in a row make the next tries
//! rarer, and one hit makes them common again.
//!
//! Invariant: however many misses, a try comes again after [`LONGEST_REST`] occasions.

use lowkey_suggestion::MemoryKey;

/// Misses in a row that cost nothing: they may be chance.
const FREE_MISSES: u32 = 2;
/// Occasions let pass at most before the next try.
const LONGEST_REST: u32 = 4;

/// One document's record.
#[derive(Debug, Default)]
pub(crate) struct Foresight {
    /// The place looked at last, until the user gets there.
    expected: Option<MemoryKey>,
    misses_in_a_row: u32,
    /// Occasions still to let pass.
    rest: u32,
}

impl Foresight {
    /// Says whether to take this occasion.
    pub(crate) fn is_worth_a_try(&mut self) -> bool {
        if self.rest == 0 {
            return true;
        }
        self.rest -= 1;
        false
    }

    /// Notes that a place was looked at; the one before was missed if the user never got there.
    pub(crate) fn looked_at(&mut self, place: MemoryKey) {
        if self.expected.as_ref().is_some_and(|missed| *missed != place) {
            self.misses_in_a_row += 1;
            let doubled = 1_u32.checked_shl(self.misses_in_a_row.saturating_sub(FREE_MISSES));
            self.rest = (doubled.unwrap_or(LONGEST_REST) - 1).min(LONGEST_REST);
        }
        self.expected = Some(place);
    }

    /// Notes that the user asks at a place.
    pub(crate) fn reached(&mut self, place: &MemoryKey) {
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

    /// How many of `n` occasions are taken by somebody who never goes where was looked.
    fn tries(foresight: &mut Foresight, n: u32) -> usize {
        (0..n)
            .filter(|at| {
                let worth = foresight.is_worth_a_try();
                if worth {
                    foresight.looked_at(place(&format!("miss {at}")));
                }
                worth
            })
            .count()
    }

    #[test]
    fn misses_in_a_row_make_tries_rare_and_never_end_them() {
        let mut foresight = Foresight::default();
        assert_eq!(tries(&mut foresight, 4), 4);
        assert_eq!(tries(&mut foresight, 1), 0, "the third miss lets one occasion pass");
        let often = tries(&mut foresight, 1000);
        assert!((1000 / 5..=1000 / 4).contains(&often), "{often} tries in 1000 occasions");
    }

    #[test]
    fn a_hit_makes_the_next_occasions_count_again() {
        let mut foresight = Foresight::default();
        tries(&mut foresight, 100);
        while !foresight.is_worth_a_try() {}
        foresight.looked_at(place("there"));
        foresight.reached(&place("elsewhere"));
        foresight.reached(&place("there"));
        assert_eq!(tries(&mut foresight, 2), 2);
    }
}
