//! The last word or punctuation mark of code, which decides whether an operand is expected.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastToken {
    Mark(char),
    /// The beginning of a word, up to 12 bytes.
    Word([u8; 12], u8),
}

impl LastToken {
    /// Appends a character of a word.
    pub(super) fn push(self, c: char, continues_word: bool) -> Self {
        let (mut word, mut len) = match self {
            Self::Word(word, len) if continues_word => (word, len),
            _ => ([0; 12], 0),
        };
        // The tables contain only ASCII.
        let byte = u8::try_from(c).ok().filter(u8::is_ascii).unwrap_or(b'?');
        if let Some(place) = word.get_mut(usize::from(len)) {
            *place = byte;
            len += 1;
        }
        Self::Word(word, len)
    }

    /// Returns the word, or "" after a punctuation mark.
    pub(super) fn word(&self) -> &str {
        match self {
            Self::Word(word, len) => {
                let word = word.get(..usize::from(*len)).unwrap_or_default();
                std::str::from_utf8(word).unwrap_or_default()
            }
            Self::Mark(_) => "",
        }
    }
}

/// Whether `c` belongs to a word: a letter, a digit, or `_`.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
