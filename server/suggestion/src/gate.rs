//! Show, or stay silent: how likely a suggestion is right, held against how talkative the user wants lowkey to be.
//!
//! A logistic model of a dozen features ([`Evidence`]), fitted on holes in packages that the model was not trained on
//! (`server/training/gate.py`); its coefficients stand in a readable file for each family of models.
//! What the user took or refused lately shifts the odds ([`Recent`]).
//! Invariants: total, without allocation, and the same evidence gives the same verdict on every machine. Typing what is
//! suggested never lowers the probability, so ghost text does not go away under the user's hands.

use std::fmt;
use std::sync::LazyLock;

mod coefficients;
mod evidence;
mod recent;

use coefficients::Coefficients;
pub use evidence::{Confidence, Evidence, PositionClass, SuffixClass};
pub use recent::Recent;

/// How sure lowkey must be before it shows something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Talkative {
    /// Only what is more likely right than wrong, or nearly so.
    Quiet,
    /// What saves more typing than reading it costs.
    #[default]
    Normal,
    /// What may help.
    Eager,
    /// Everything that is right in form: the gate is off.
    Always,
}

impl Talkative {
    /// The value as the setting names it.
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

/// What the gate says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// Estimated probability that every line is as the user would write it.
    pub probability: f32,
    /// From where on it is shown.
    pub threshold: f32,
    /// How the user's recent answers moved the log-odds.
    pub shift: f32,
    /// The evidence.
    pub evidence: Evidence,
    /// Whose coefficients these are.
    pub family: &'static str,
    /// How talkative lowkey is to be.
    pub talkative: Talkative,
}

/// The name of the rule in reports.
pub const GATE: &str = "gate";

/// The families with coefficients of their own: how the model's name begins, in lower case with dashes, and the file.
const FAMILIES: &[(&str, &str)] = &[
    ("lowkey-embedded", include_str!("gate/lowkey-embedded.toml")),
    ("qwen2.5-coder", include_str!("gate/qwen2.5-coder.toml")),
];

/// For every other model.
const DEFAULT: &str = include_str!("gate/default.toml");

static GATES: LazyLock<Vec<Gate>> = LazyLock::new(|| {
    let own = FAMILIES.iter().map(|&(family, file)| Gate::read(family, file));
    own.chain([Gate::read("default", DEFAULT)]).collect()
});

impl Gate {
    /// Returns the gate for a model of this name; one of an unknown family gets the default.
    pub fn of_model(name: &str) -> Self {
        // Files write one name in many ways: `Qwen2.5 Coder 0.5B`, `qwen2.5-coder-0.5b`.
        let name = name.to_lowercase().replace([' ', '_'], "-");
        let of_family = |gate: &&Self| gate.family == "default" || name.starts_with(gate.family);
        GATES.iter().find(of_family).copied().unwrap_or_else(|| Self::read("default", DEFAULT))
    }

    fn read(family: &'static str, file: &str) -> Self {
        Self { family, coefficients: Coefficients::read(file) }
    }

    /// Judges a suggestion; `recent` is what the user did with those before.
    pub fn judge(&self, evidence: Evidence, recent: &Recent, talkative: Talkative) -> Judgement {
        let shift = recent.shift(self.coefficients.recent_strength);
        let log_odds = self.coefficients.log_odds(&evidence) + shift;
        let threshold = match talkative {
            Talkative::Quiet => self.coefficients.quiet,
            Talkative::Normal => self.coefficients.normal,
            Talkative::Eager => self.coefficients.eager,
            Talkative::Always => 0.0,
        };
        let probability = 1.0 / (1.0 + (-log_odds).exp());
        Judgement { probability, threshold, shift, evidence, family: self.family, talkative }
    }
}

impl Judgement {
    /// Whether to show it.
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
            "{:.1} % likely to be right, {} from {:.1} % on ({}); log-probabilities: mean {mean:.2}, least {min:.2}, \
             first {first:.2}, of {tokens} tokens; {chars} characters in {lines} line{} behind {}, before {}",
            self.probability * 100.0,
            if self.shows() { "shown" } else { "silent but" },
            self.threshold * 100.0,
            self.talkative.name(),
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
