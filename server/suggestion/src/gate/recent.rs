//! What the user did with the suggestions of late, as a shift of the log-odds.
//!
//! The gate said how many of them would be taken; if fewer were, it was too sure for this user and this text, and its
//! odds are lowered by the ratio, and the other way round. A few answers say little: `strength` of them are added to
//! both sides. `server/training/gate.py` finds the strength by going through packages as a user would.

/// How much one further answer takes from the weight of those before it: half of it in about 34.
const FORGETS: f32 = 0.98;
/// Odds move by no more than this factor, down or up, as logarithms: one mood must not silence lowkey for good.
const MOST_DOWN: f32 = -1.5;
const MOST_UP: f32 = 0.7;

/// Answers of late, older ones counting less.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Recent {
    expected: f32,
    taken: f32,
}

impl Recent {
    /// Notes that a suggestion of this probability was taken, or refused.
    pub fn note(&mut self, probability: f32, is_taken: bool) {
        let probability = if probability.is_nan() { 0.0 } else { probability.clamp(0.0, 1.0) };
        self.expected = self.expected * FORGETS + probability;
        self.taken = self.taken * FORGETS + f32::from(u8::from(is_taken));
    }

    /// Returns what to add to the log-odds; 0 while nothing is known.
    pub fn shift(&self, strength: f32) -> f32 {
        let strength = strength.max(0.1);
        let ratio = (self.taken + strength) / (self.expected + strength);
        ratio.ln().clamp(MOST_DOWN, MOST_UP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_lower_the_odds_and_acceptance_brings_them_back() {
        let mut recent = Recent::default();
        assert_eq!(recent.shift(2.0), 0.0);
        let mut last = 0.0;
        for _ in 0..10 {
            recent.note(0.3, false);
            assert!(recent.shift(2.0) < last);
            last = recent.shift(2.0);
        }
        for _ in 0..10 {
            recent.note(0.3, true);
            assert!(recent.shift(2.0) > last);
            last = recent.shift(2.0);
        }
        assert!(last > 0.0);
    }

    #[test]
    fn no_number_of_refusals_silences_for_good() {
        let mut recent = Recent::default();
        for _ in 0..10_000 {
            recent.note(1.0, false);
        }
        assert_eq!(recent.shift(1.0), MOST_DOWN);
        for _ in 0..100 {
            recent.note(f32::NAN, true);
        }
        assert_eq!(recent.shift(0.0), MOST_UP);
    }

    #[test]
    fn what_was_expected_shifts_nothing() {
        let mut recent = Recent::default();
        for answer in 0..200 {
            recent.note(0.25, answer % 4 == 0);
        }
        assert!(recent.shift(4.0).abs() < 0.1);
    }
}
