//! The coefficients of one gate, read from a TOML file.
//!
//! Files are compiled into the program, and a test reads each of them. A missing, unknown or
//! repeated name is an error, and so is a value that is not a finite number: a typing error must
//! not read as 0.

use std::collections::BTreeMap;

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
    /// Reads a file; the error names the entry.
    pub(super) fn read(file: &str) -> Result<Self, String> {
        let mut values: BTreeMap<String, f32> =
            toml::from_str(file).map_err(|error| error.message().to_owned())?;
        let mut take = |name: &str| {
            let value = values.remove(name).ok_or_else(|| format!("{name} is missing"))?;
            value.is_finite().then_some(value).ok_or_else(|| format!("{name} is not finite"))
        };
        let mut weights = [0.0; FEATURES.len()];
        for (weight, (name, _)) in weights.iter_mut().zip(FEATURES) {
            *weight = take(name)?;
        }
        let read = Self {
            intercept: take("intercept")?,
            weights,
            recent_strength: take("recent_strength")?,
            quiet: take("quiet")?,
            normal: take("normal")?,
            eager: take("eager")?,
        };
        match values.first_key_value() {
            None => Ok(read),
            Some((name, _)) => Err(format!("{name} is no coefficient")),
        }
    }

    /// Returns the log-odds that the suggestion is right.
    pub(super) fn log_odds(&self, evidence: &Evidence) -> f32 {
        let terms =
            self.weights.iter().zip(FEATURES).map(|(weight, (_, of))| weight * of(evidence));
        self.intercept + terms.sum::<f32>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DEFAULT, FAMILIES};
    use super::*;

    const NAMES: [&str; 5] = ["intercept", "recent_strength", "quiet", "normal", "eager"];

    /// Returns each coefficient's name and value.
    fn values(read: &Coefficients) -> Vec<(&'static str, f32)> {
        let features = FEATURES.iter().map(|(name, _)| *name).zip(read.weights);
        let Coefficients { intercept, recent_strength, quiet, normal, eager, .. } = *read;
        let others = NAMES.into_iter().zip([intercept, recent_strength, quiet, normal, eager]);
        features.chain(others).collect()
    }

    /// The number in the file is the number in the program, to the bit: TOML's floats are `f64`.
    #[test]
    fn files_are_read_exactly() {
        for (family, file) in FAMILIES.iter().copied().chain([("default", DEFAULT)]) {
            let read = Coefficients::read(file).unwrap_or_else(|e| panic!("{family}: {e}"));
            for (name, value) in values(&read) {
                let written =
                    file.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
                let written: f32 =
                    written.and_then(|number| number.parse().ok()).expect("a number");
                assert_eq!(value.to_bits(), written.to_bits(), "{family}: {name}");
            }
            let Coefficients { quiet, normal, eager, recent_strength, .. } = read;
            assert!(1.0 > quiet && quiet > normal && normal > eager && eager > 0.0, "{family}");
            assert!(recent_strength > 0.0, "{family}");
        }
    }

    #[test]
    fn wrong_files_are_refused() {
        let changed = |from: &str, to: &str| {
            assert!(DEFAULT.contains(from), "{from:?}");
            Coefficients::read(&DEFAULT.replacen(from, to, 1))
        };
        assert!(changed("quiet = 0.30", "quiet = 0.4 # why").is_ok());
        for (from, to, error) in [
            ("log_lines = ", "log_line = ", "log_lines is missing"),
            ("quiet = 0.30", "quiet = 0.30\nquite = 0.30", "quite is no coefficient"),
            ("quiet = 0.30", "quiet = nan", "quiet is not finite"),
            ("quiet = 0.30", "quiet = 1e39", "quiet is not finite"),
            ("quiet = 0.30", "quiet = 0.30\nquiet = 0.30", "duplicate key"),
            ("quiet = 0.30", "quiet = \"0.30\"", "invalid type"),
            ("quiet = 0.30", "quiet 0.30", "expected"),
        ] {
            let found = changed(from, to).expect_err(to);
            assert!(found.contains(error), "{to:?}: {found}");
        }
    }
}
