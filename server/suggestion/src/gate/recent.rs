//! Shifts the log-odds by the user's recent answers.
//!
//! The gate predicts how many suggestions the user accepts. If the user accepts fewer, the gate was
//! too confident for this user and this text, and its odds are lowered by the ratio; if the user
//! accepts more, they are raised. A few answers carry little information, so `strength` is added to
//! both counts. `server/training/gate.py` fits the strength by replaying packages as a user would
//! type them.

/// Factor by which each new answer reduces the weight of the earlier ones; the weight halves in
/// about 34 answers.
const DECAY: f32 = 0.98;
/// Bounds of the shift, as logarithms of the factor on the odds. They keep a few rejections from
/// silencing lowkey for good.
const MIN_SHIFT: f32 = -1.5;
const MAX_SHIFT: f32 = 0.7;

/// The user's recent answers; older ones count less.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RecentAnswers {
    expected: f32,
    taken: f32,
}

impl RecentAnswers {
    /// Records that a suggestion of this probability was accepted or rejected.
    pub fn record(&mut self, probability: f32, is_taken: bool) {
        let probability = if probability.is_nan() { 0.0 } else { probability.clamp(0.0, 1.0) };
        self.expected = self.expected * DECAY + probability;
        self.taken = self.taken * DECAY + f32::from(u8::from(is_taken));
    }

    /// Returns the number to add to the log-odds; 0 before the first answer.
    pub fn shift(&self, strength: f32) -> f32 {
        let strength = strength.max(0.1);
        let ratio = (self.taken + strength) / (self.expected + strength);
        ratio.ln().clamp(MIN_SHIFT, MAX_SHIFT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejections_lower_and_accepts_raise_odds() {
        let mut recent = RecentAnswers::default();
        assert_eq!(recent.shift(2.0), 0.0);
        let mut last = 0.0;
        for _ in 0..10 {
            recent.record(0.3, false);
            assert!(recent.shift(2.0) < last);
            last = recent.shift(2.0);
        }
        for _ in 0..10 {
            recent.record(0.3, true);
            assert!(recent.shift(2.0) > last);
            last = recent.shift(2.0);
        }
        assert!(last > 0.0);
    }

    #[test]
    fn shift_is_bounded() {
        let mut recent = RecentAnswers::default();
        for _ in 0..10_000 {
            recent.record(1.0, false);
        }
        assert_eq!(recent.shift(1.0), MIN_SHIFT);
        for _ in 0..100 {
            recent.record(f32::NAN, true);
        }
        assert_eq!(recent.shift(0.0), MAX_SHIFT);
    }

    #[test]
    fn expected_answers_do_not_shift() {
        let mut recent = RecentAnswers::default();
        for answer in 0..200 {
            recent.record(0.25, answer % 4 == 0);
        }
        assert!(recent.shift(4.0).abs() < 0.1);
    }
}
