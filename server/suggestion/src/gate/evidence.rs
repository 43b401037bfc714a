//! The gate's features: the model's confidence and the position of the suggestion.
//!
//! All features are computed at the place where the text was decoded, even if the user has typed on
//! since. Only `agreed_chars` changes as the user types.

use serde::{Deserialize, Serialize};

/// Natural-log probabilities of the decoded tokens, including healed ones and excluding the end
/// token.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq)]
pub struct Confidence {
    pub mean: f32,
    /// The lowest log-probability of all tokens.
    pub min: f32,
    /// The log-probability of the first token.
    pub first: f32,
    /// The number of tokens.
    #[serde(default)]
    pub tokens: usize,
}

impl Confidence {
    /// Summarizes the log-probabilities of a decoding; `None` if there are no tokens.
    pub fn of(log_probs: &[f32]) -> Option<Self> {
        let first = *log_probs.first()?;
        let mean = log_probs.iter().sum::<f32>() / log_probs.len() as f32;
        let min = log_probs.iter().copied().fold(first, f32::min);
        Some(Self { mean, min, first, tokens: log_probs.len() })
    }
}

/// Class of the text before the cursor on its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PositionClass {
    /// Only blanks.
    Blank,
    /// A letter, a digit or `_`: the word may continue.
    Word,
    /// A blank after other text.
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

    /// Describes the class, to follow the word "after".
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

/// Class of the text after the cursor on its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SuffixClass {
    /// Only blanks.
    Nothing,
    /// Marks without letters or digits.
    Closers,
    /// Text with letters or digits.
    Text,
}

impl SuffixClass {
    /// Classifies the text after the cursor.
    pub fn of(after: &str) -> Self {
        if after.trim().is_empty() {
            Self::Nothing
        } else if after.contains(char::is_alphanumeric) {
            Self::Text
        } else {
            Self::Closers
        }
    }

    /// Describes the class, to follow the word "before".
    pub fn words(self) -> &'static str {
        match self {
            Self::Nothing => "the line's end",
            Self::Closers => "closers",
            Self::Text => "text",
        }
    }
}

/// The features of one suggestion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    pub confidence: Confidence,
    /// The text before the suggestion.
    pub position: PositionClass,
    /// The text after the suggestion.
    pub suffix: SuffixClass,
    /// Number of characters, including those typed since decoding.
    pub chars: usize,
    /// Number of lines.
    pub lines: usize,
    /// Number of characters that the user has typed since decoding, all of them as suggested.
    pub agreed_chars: usize,
}

/// Lower bound for log-probabilities; smaller values carry no more information.
const MIN_LOG_PROB: f32 = -20.0;
/// The same bound for the sum over a text.
const MIN_LOG_PROB_SUM: f32 = -60.0;

/// A feature's name in the files of coefficients, and its value.
pub(super) type Feature = (&'static str, fn(&Evidence) -> f32);

/// The features, in order. The classes are compared with the baseline: a word before the cursor and
/// nothing after it.
pub(super) const FEATURES: [Feature; 14] = [
    ("mean_log_prob", |e| bounded(e.confidence.mean, MIN_LOG_PROB)),
    ("min_log_prob", |e| bounded(e.confidence.min, MIN_LOG_PROB)),
    ("first_log_prob", |e| bounded(e.confidence.first, MIN_LOG_PROB)),
    ("sum_log_prob", |e| bounded(sum(e), MIN_LOG_PROB_SUM)),
    ("all_prob", |e| bounded(sum(e), MIN_LOG_PROB_SUM).exp()),
    ("log_chars", |e| (1.0 + e.chars as f32).ln()),
    ("log_lines", |e| (e.lines.max(1) as f32).ln()),
    ("log_agreed_chars", |e| (1.0 + e.agreed_chars as f32).ln()),
    ("position_blank", |e| is(e.position == PositionClass::Blank)),
    ("position_space", |e| is(e.position == PositionClass::Space)),
    ("position_opener", |e| is(e.position == PositionClass::Opener)),
    ("position_punctuation", |e| is(e.position == PositionClass::Punctuation)),
    ("before_closers", |e| is(e.suffix == SuffixClass::Closers)),
    ("before_text", |e| is(e.suffix == SuffixClass::Text)),
];

fn sum(evidence: &Evidence) -> f32 {
    evidence.confidence.mean * evidence.confidence.tokens as f32
}

/// Clamps a log-probability to the range that the gate was fitted on; NaN counts as the lowest
/// value.
fn bounded(log_prob: f32, min: f32) -> f32 {
    if log_prob.is_nan() { min } else { log_prob.clamp(min, 0.0) }
}

fn is(yes: bool) -> f32 {
    f32::from(u8::from(yes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_classified() {
        use PositionClass::{Blank, Opener, Punctuation, Space, Word};
        let classes = ["    ", "", "a.b", "x = ", "f(", "a."].map(PositionClass::of);
        assert_eq!(classes, [Blank, Blank, Word, Space, Opener, Punctuation]);
        let classes = ["  ", ");", " + b"].map(SuffixClass::of);
        assert_eq!(classes, [SuffixClass::Nothing, SuffixClass::Closers, SuffixClass::Text]);
    }

    #[test]
    fn confidence_summarizes_log_probs() {
        let confidence = Confidence::of(&[-0.5, -2.0, -0.5]).expect("three tokens");
        assert_eq!((confidence.mean, confidence.min, confidence.first), (-1.0, -2.0, -0.5));
        assert_eq!((confidence.tokens, Confidence::of(&[])), (3, None));
    }
}
