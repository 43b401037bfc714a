//! Decides whether to show a suggestion: compares the probability that it is right with the
//! threshold that the user has chosen.
//!
//! The gate is a logistic model of a dozen features ([`Evidence`]), fitted by
//! `server/training/gate.py` on holes in packages that the model was not trained on. Each family of
//! models has a readable file of coefficients. The suggestions that the user accepted or rejected
//! lately shift the odds ([`RecentAnswers`]).
//! Invariants: the gate is total and does not allocate, and the same evidence gives the same
//! verdict on every machine. Typing the suggested text never lowers the probability, so ghost text
//! does not disappear while the user types it.

use std::fmt;
use std::sync::LazyLock;

mod coefficients;
mod evidence;
mod recent;

use coefficients::Coefficients;
pub use evidence::{Confidence, Evidence, PositionClass, SuffixClass};
pub use recent::RecentAnswers;

/// How likely a suggestion must be before lowkey shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum SuggestionThreshold {
    /// Suggestions that are more likely right than wrong, or nearly so.
    Quiet,
    /// Suggestions that save more typing than it costs to read them.
    #[default]
    Normal,
    /// Suggestions that may help.
    Eager,
    /// Every suggestion that is right in form: the gate is off.
    Always,
}

impl SuggestionThreshold {
    /// Returns the value as it is written in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Normal => "normal",
            Self::Eager => "eager",
            Self::Always => "always",
        }
    }
}

/// The gate of one family of models.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gate {
    family: &'static str,
    coefficients: Coefficients,
}

/// The gate's verdict and the figures that led to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// Estimated probability that every line is as the user would write it, in 0..=1.
    pub probability: f32,
    /// The suggestion is shown from this probability on.
    pub threshold: f32,
    /// The change of the log-odds from the user's recent answers.
    pub shift: f32,
    pub evidence: Evidence,
    /// The model family of the coefficients, or `default`.
    pub family: &'static str,
    pub suggestion_threshold: SuggestionThreshold,
}

/// The rule's name in reports.
pub const GATE: &str = "gate";

/// The families that have their own coefficients: the start of the model's name, in lower case with
/// dashes, and the file.
const FAMILIES: &[(&str, &str)] = &[
    ("lowkey-embedded", include_str!("gate/lowkey-embedded.toml")),
    ("qwen2.5-coder", include_str!("gate/qwen2.5-coder.toml")),
];

/// Coefficients for all other models.
const DEFAULT: &str = include_str!("gate/default.toml");

static GATES: LazyLock<Vec<Gate>> = LazyLock::new(|| {
    let own = FAMILIES.iter().map(|&(family, file)| Gate::read(family, file));
    own.chain([Gate::read("default", DEFAULT)]).collect()
});

impl Gate {
    /// Returns the gate for a model of this name, or the default gate for an unknown family.
    pub fn of_model(name: &str) -> Self {
        // Model files spell the same name in different ways: `Qwen2.5 Coder 0.5B`,
        // `qwen2.5-coder-0.5b`. Servers put an organization or a folder before it.
        let name = name.rsplit('/').next().unwrap_or_default();
        let name = name.to_lowercase().replace([' ', '_'], "-");
        let of_family = |gate: &&Self| gate.family == "default" || name.starts_with(gate.family);
        GATES.iter().find(of_family).copied().unwrap_or_else(|| Self::read("default", DEFAULT))
    }

    /// Reads a file that is compiled in. Without coefficients a gate shows everything.
    fn read(family: &'static str, file: &str) -> Self {
        let coefficients = Coefficients::read(file);
        debug_assert!(coefficients.is_ok(), "{family}: {coefficients:?}");
        Self { family, coefficients: coefficients.unwrap_or_default() }
    }

    /// Judges a suggestion; `recent` holds the user's answers to earlier ones.
    pub fn judge(
        &self,
        evidence: Evidence,
        recent: &RecentAnswers,
        suggestion_threshold: SuggestionThreshold,
    ) -> Judgement {
        let shift = recent.shift(self.coefficients.recent_strength);
        let log_odds = self.coefficients.log_odds(&evidence) + shift;
        let threshold = match suggestion_threshold {
            SuggestionThreshold::Quiet => self.coefficients.quiet,
            SuggestionThreshold::Normal => self.coefficients.normal,
            SuggestionThreshold::Eager => self.coefficients.eager,
            SuggestionThreshold::Always => 0.0,
        };
        let probability = 1.0 / (1.0 + (-log_odds).exp());
        Judgement {
            probability,
            threshold,
            shift,
            evidence,
            family: self.family,
            suggestion_threshold,
        }
    }
}

impl Judgement {
    pub fn shows(&self) -> bool {
        self.probability >= self.threshold
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Evidence { confidence, position, suffix, chars, lines, agreed_chars } = self.evidence;
        let Confidence { mean, min, first, tokens } = confidence;
        write!(
            f,
            "{:.1} % likely to be right, {} from {:.1} % on ({}); log-probabilities: mean {mean:.2}, lowest {min:.2}, \
             first {first:.2}, of {tokens} tokens; {chars} characters in {lines} line{} after {}, before {}",
            self.probability * 100.0,
            if self.shows() { "shown" } else { "silent: shown only" },
            self.threshold * 100.0,
            self.suggestion_threshold.name(),
            if lines == 1 { "" } else { "s" },
            position.words(),
            suffix.words(),
        )?;
        if agreed_chars > 0 {
            write!(f, "; {agreed_chars} of them typed since")?;
        }
        if self.shift.abs() >= 0.005 {
            write!(
                f,
                "; your recent answers move the odds by a factor of {:.2}",
                self.shift.exp()
            )?;
        }
        write!(f, "; coefficients: {}", self.family)
    }
}

#[cfg(test)]
mod tests;
