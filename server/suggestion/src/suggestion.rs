//! The result of the stage: what to show, or which rule asked for silence, and every verdict on the way.
//!
//! "Why no suggestion" is answered from here; no text of the document stands in a reason.

use std::fmt;

/// One thing that a rule did, in plain words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trimmed {
    /// The rule's name, as in `"suffix overlap"`.
    pub rule: &'static str,
    /// What it found, as in "the end repeats the rest of the line".
    pub why: String,
    /// How many bytes it took away.
    pub removed_bytes: usize,
}

impl fmt::Display for Trimmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, why, removed_bytes } = self;
        match removed_bytes {
            0 => write!(f, "{rule}: {why}"),
            1 => write!(f, "{rule}: {why} (1 byte removed)"),
            n => write!(f, "{rule}: {why} ({n} bytes removed)"),
        }
    }
}

/// What the editor may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The text to insert at the cursor, in place of the replaced tail. Lines end with `\n`.
    pub text: String,
    /// How many bytes right of the cursor `text` takes the place of: the whole replaced tail.
    pub replaces_tail_bytes: usize,
    /// What was done to the model's text, in order.
    pub trims: Vec<Trimmed>,
}

/// Show, or stay silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Show this.
    Show(Suggestion),
    /// Show nothing.
    Silent {
        /// The rule that silenced it.
        rule: &'static str,
        /// What was left of the model's text, for whoever asks why.
        text: String,
        /// What was done to the model's text, in order; the last entry is the rule's own reason.
        trims: Vec<Trimmed>,
    },
}

impl Verdict {
    /// Returns what was done to the model's text, in order.
    pub fn trims(&self) -> &[Trimmed] {
        match self {
            Self::Show(suggestion) => &suggestion.trims,
            Self::Silent { trims, .. } => trims,
        }
    }

    /// Returns the verdicts in plain words, one per line of an explanation.
    pub fn why(&self) -> Vec<String> {
        let mut why: Vec<String> = self.trims().iter().map(ToString::to_string).collect();
        match self {
            Self::Show(suggestion) if suggestion.replaces_tail_bytes > 0 => {
                why.push("closers: what the editor had closed already is kept once".to_owned());
            }
            Self::Show(_) if why.is_empty() => {
                why.push("trims: the model's text stands as it came".to_owned());
            }
            Self::Show(_) => {}
            Self::Silent { rule, .. } => why.push(format!("silent: {rule}")),
        }
        why
    }

    /// Returns the suggestion when there is one.
    pub fn shown(&self) -> Option<&Suggestion> {
        match self {
            Self::Show(suggestion) => Some(suggestion),
            Self::Silent { .. } => None,
        }
    }
}
