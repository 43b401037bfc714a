//! The result of the stage: the text to show or the rule that silenced it, and the verdicts of all
//! rules.
//!
//! Explanations of missing suggestions come from here. Reasons contain no text of the document.

use std::fmt;

/// One change that a rule made, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trimmed {
    /// The rule's name, such as `"suffix overlap"`.
    pub rule: &'static str,
    /// The reason, such as "the end repeats the rest of the line".
    pub why: String,
    /// How many bytes the rule removed.
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

/// The text that the editor may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The text to insert at the cursor, in place of the replaced tail. Lines end with `\n`.
    pub text: String,
    /// How many bytes after the cursor `text` replaces: the whole replaced tail.
    pub replaces_tail_bytes: usize,
    /// The changes to the model's text, in order.
    pub trims: Vec<Trimmed>,
}

/// Whether to show the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrimOutcome {
    Show(Suggestion),
    Silent {
        /// The rule that silenced it.
        rule: &'static str,
        /// The remaining text, for explanations.
        text: String,
        /// The changes to the model's text, in order; the last entry is this rule's reason.
        trims: Vec<Trimmed>,
    },
}

impl TrimOutcome {
    /// Returns the changes to the model's text, in order.
    pub fn trims(&self) -> &[Trimmed] {
        match self {
            Self::Show(suggestion) => &suggestion.trims,
            Self::Silent { trims, .. } => trims,
        }
    }

    /// Returns the verdicts in words, one entry per line of an explanation.
    pub fn why(&self) -> Vec<String> {
        let mut why: Vec<String> = self.trims().iter().map(ToString::to_string).collect();
        match self {
            Self::Show(suggestion) if suggestion.replaces_tail_bytes > 0 => {
                why.push("closers: the closers that the editor inserted are kept once".to_owned());
            }
            Self::Show(_) if why.is_empty() => {
                why.push("trims: none; the model's text is unchanged".to_owned());
            }
            Self::Show(_) => {}
            Self::Silent { rule, .. } => why.push(format!("silent: {rule}")),
        }
        why
    }

    /// Returns the suggestion if there is one.
    pub fn shown(&self) -> Option<&Suggestion> {
        match self {
            Self::Show(suggestion) => Some(suggestion),
            Self::Silent { .. } => None,
        }
    }
}
