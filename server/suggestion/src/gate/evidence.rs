//! What the gate goes by: how sure the model was, and where the suggestion stands.
//!
//! Everything is counted from the place where the text was decoded, also when the user has typed on since: then only
//! `agreed_chars` changes.

use serde::{Deserialize, Serialize};

/// Natural-log probabilities of decoded tokens, healed ones included, the end token not.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq)]
pub struct Confidence {
    /// The mean of all.
    pub mean: f32,
    /// The least probable token's.
    pub min: f32,
    /// The first token's.
    pub first: f32,
    /// How many tokens there are.
    #[serde(default)]
    pub tokens: usize,
}

impl Confidence {
    /// Sums up a decoding; `None` of no tokens.
    pub fn of(log_probs: &[f32]) -> Option<Self> {
        let first = *log_probs.first()?;
        let mean = log_probs.iter().sum::<f32>() / log_probs.len() as f32;
        let min = log_probs.iter().copied().fold(first, f32::min);
        Some(Self { mean, min, first, tokens: log_probs.len() })
    }
}

/// What stands before the cursor on its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PositionClass {
    /// Nothing but blanks.
    Blank,
    /// A word that may go on.
    Word,
    /// A blank behind something.
    Space,
    /// An opening bracket or quote.
    Opener,
    /// Any other character.
    Punctuation,
}

impl PositionClass {
    /// Classifies the text before the cursor.
    pub fn of(before: &str) -> Self {
        match before.chars().next_back() {
            _ if before.trim().is_empty() => Self::Blank,
            Some(c) if c.is_alphanumeric() || c == '_' => Self::Word,
            Some(c) if c.is_whitespace() => Self::Space,
            Some('(' | '[' | '{' | '<' | '"' | '\'' | '`') => Self::Opener,
            _ => Self::Punctuation,
        }
    }

    /// Says it to a reader, behind "behind".
    pub fn words(self) -> &'static str {
        match self {
            Self::Blank => "indentation",
            Self::Word => "a word",
            Self::Space => "a blank",
            Self::Opener => "an opening bracket or quote",
            Self::Punctuation => "punctuation",
        }
    }
}

/// What stands behind the cursor on its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SuffixClass {
    /// Nothing but blanks.
    Nothing,
    /// No letters or digits.
    Closers,
    /// Text.
    Text,
}

impl SuffixClass {
    /// Classifies the text behind the cursor.
    pub fn of(after: &str) -> Self {
        if after.trim().is_empty() {
            Self::Nothing
        } else if after.contains(char::is_alphanumeric) {
            Self::Text
        } else {
            Self::Closers
        }
    }

    /// Says it to a reader, behind "before".
    pub fn words(self) -> &'static str {
        match self {
            Self::Nothing => "the line's end",
            Self::Closers => "closers",
            Self::Text => "text",
        }
    }
}

/// Everything about one suggestion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// How sure the model was.
    pub confidence: Confidence,
    /// What stood before it.
    pub position: PositionClass,
    /// What stands behind it.
    pub suffix: SuffixClass,
    /// Its characters, those that were typed since included.
    pub chars: usize,
    /// Its lines.
    pub lines: usize,
    /// Characters that the user has typed since it was decoded, all as it says.
    pub agreed_chars: usize,
}

/// Log-probabilities below this are all the same: not at all.
const LEAST: f32 = -20.0;
/// The same of a whole text.
const LEAST_SUM: f32 = -60.0;

/// A feature's name in the files of coefficients, and its value.
pub(super) type Feature = (&'static str, fn(&Evidence) -> f32);

/// Every feature. A word, and nothing behind the cursor, are what the classes are compared with.
pub(super) const FEATURES: [Feature; 14] = [
    ("mean_log_prob", |e| bounded(e.confidence.mean, LEAST)),
    ("min_log_prob", |e| bounded(e.confidence.min, LEAST)),
    ("first_log_prob", |e| bounded(e.confidence.first, LEAST)),
    ("sum_log_prob", |e| bounded(sum(e), LEAST_SUM)),
    ("all_prob", |e| bounded(sum(e), LEAST_SUM).exp()),
    ("log_chars", |e| (1.0 + e.chars as f32).ln()),
    ("log_lines", |e| (e.lines.max(1) as f32).ln()),
    ("log_agreed_chars", |e| (1.0 + e.agreed_chars as f32).ln()),
    ("behind_blank", |e| is(e.position == PositionClass::Blank)),
    ("behind_space", |e| is(e.position == PositionClass::Space)),
    ("behind_opener", |e| is(e.position == PositionClass::Opener)),
    ("behind_punctuation", |e| is(e.position == PositionClass::Punctuation)),
    ("before_closers", |e| is(e.suffix == SuffixClass::Closers)),
    ("before_text", |e| is(e.suffix == SuffixClass::Text)),
];

fn sum(evidence: &Evidence) -> f32 {
    evidence.confidence.mean * evidence.confidence.tokens as f32
}

/// A log-probability as the model takes it; what is no number says nothing good.
fn bounded(log_prob: f32, least: f32) -> f32 {
    if log_prob.is_nan() { least } else { log_prob.clamp(least, 0.0) }
}

fn is(yes: bool) -> f32 {
    f32::from(u8::from(yes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_classes() {
        use PositionClass::{Blank, Opener, Punctuation, Space, Word};
        let classes = ["    ", "", "a.b", "x = ", "f(", "a."].map(PositionClass::of);
        assert_eq!(classes, [Blank, Blank, Word, Space, Opener, Punctuation]);
        let classes = ["  ", ");", " + b"].map(SuffixClass::of);
        assert_eq!(classes, [SuffixClass::Nothing, SuffixClass::Closers, SuffixClass::Text]);
    }

    #[test]
    fn a_decoding_is_summed_up() {
        let confidence = Confidence::of(&[-0.5, -2.0, -0.5]).expect("three tokens");
        assert_eq!((confidence.mean, confidence.min, confidence.first), (-1.0, -2.0, -0.5));
        assert_eq!((confidence.tokens, Confidence::of(&[])), (3, None));
    }
}
