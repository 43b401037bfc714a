//! The coefficients of one gate, read from a file of lines `name = number`.
//!
//! The file is compiled into the program and checked by a test. If an entry cannot be read all the
//! same, it counts as 0. The threshold is then 0 as well, so a gate without coefficients shows
//! everything.

use super::evidence::{Evidence, FEATURES};

/// The coefficients of one gate.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Coefficients {
    intercept: f32,
    weights: [f32; FEATURES.len()],
    /// Weight of the prior before recent answers count, in suggestions; see [`super::RecentAnswers`].
    pub(super) recent_strength: f32,
    /// Thresholds: a suggestion is shown from this probability on.
    pub(super) quiet: f32,
    pub(super) normal: f32,
    pub(super) eager: f32,
}

impl Coefficients {
    pub(super) fn read(file: &str) -> Self {
        let mut read = Self::default();
        for (name, value) in entries(file) {
            if let Some(place) = read.place(name) {
                *place = value;
            }
        }
        read
    }

    fn place(&mut self, name: &str) -> Option<&mut f32> {
        match name {
            "intercept" => Some(&mut self.intercept),
            "recent_strength" => Some(&mut self.recent_strength),
            "quiet" => Some(&mut self.quiet),
            "normal" => Some(&mut self.normal),
            "eager" => Some(&mut self.eager),
            _ => {
                let idx = FEATURES.iter().position(|(feature, _)| *feature == name)?;
                self.weights.get_mut(idx)
            }
        }
    }

    /// Returns the log-odds that the suggestion is right.
    pub(super) fn log_odds(&self, evidence: &Evidence) -> f32 {
        let terms =
            self.weights.iter().zip(FEATURES).map(|(weight, (_, of))| weight * of(evidence));
        self.intercept + terms.sum::<f32>()
    }
}

/// Returns the lines `name = number` of a file; skips comments and malformed lines.
fn entries(file: &str) -> impl Iterator<Item = (&str, f32)> {
    file.lines().filter_map(|line| {
        let (name, value) = line.split('#').next()?.split_once('=')?;
        let value = value.trim().parse().ok().filter(|value: &f32| value.is_finite())?;
        Some((name.trim(), value))
    })
}

#[cfg(test)]
mod tests {
    use super::super::{DEFAULT, FAMILIES};
    use super::*;

    #[test]
    fn files_have_each_coefficient_once() {
        let files = FAMILIES.iter().copied().chain([("default", DEFAULT)]);
        for (family, file) in files {
            let mut said: Vec<&str> = entries(file).map(|(name, _)| name).collect();
            said.sort_unstable();
            let rest = ["intercept", "recent_strength", "quiet", "normal", "eager"];
            let mut wanted: Vec<&str> =
                FEATURES.iter().map(|(name, _)| *name).chain(rest).collect();
            wanted.sort_unstable();
            assert_eq!(said, wanted, "{family}");
            let Coefficients { quiet, normal, eager, recent_strength, .. } =
                Coefficients::read(file);
            assert!(1.0 > quiet && quiet > normal && normal > eager && eager > 0.0, "{family}");
            assert!(recent_strength > 0.0, "{family}");
        }
    }

    #[test]
    fn malformed_entries_are_ignored() {
        let read = Coefficients::read("# a = 1\nintercept = 2 # two\nquiet = NaN\nx\n=\nother = 3");
        assert_eq!(read, Coefficients { intercept: 2.0, ..Coefficients::default() });
    }
}
