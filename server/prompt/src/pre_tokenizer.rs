//! Pre-tokenizers: the rules that split text into pieces before any merging.
//!
//! No token spans two pieces, so a piece's end is a place where text can be cut and healed. A rule is a row of
//! `PRE_TOKENIZERS`: its GGUF name and its pattern, which is also what `tokenizer.json` must carry.
//! Invariant: the pieces of a text, in order, are the whole text, whatever the regex engine does.

use crate::error::{TokenizerError, quoted};
use tokenizers::utils::SysRegex;

/// One known splitting rule.
struct PreTokenizer {
    /// The name in `tokenizer.ggml.pre`.
    name: &'static str,
    /// The pattern; every match is a piece.
    pattern: &'static str,
}

static PRE_TOKENIZERS: &[PreTokenizer] = &[PreTokenizer {
    name: "qwen2",
    // Digits one by one; a run of blank lines is one piece; the last blank before a word belongs to the word.
    pattern: r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}];

/// What is taken as one piece when the regex engine gives up (it counts its backtracking steps and stops at a limit).
const GIVEN_UP_BYTES: usize = 1 << 16;

/// Splits text by one rule.
pub(crate) struct Splitter {
    regex: SysRegex,
}

impl Splitter {
    /// Finds the rule with this GGUF name.
    pub(crate) fn by_name(name: &str) -> Result<Splitter, TokenizerError> {
        Splitter::find(name, |known| known.name == name)
    }

    /// Finds the rule with this pattern, as `tokenizer.json` writes it.
    pub(crate) fn by_pattern(pattern: &str) -> Result<Splitter, TokenizerError> {
        Splitter::find(pattern, |known| known.pattern == pattern)
    }

    fn find(
        found: &str,
        wanted: impl Fn(&PreTokenizer) -> bool,
    ) -> Result<Splitter, TokenizerError> {
        let known = PRE_TOKENIZERS.iter().find(|known| wanted(known)).ok_or_else(|| {
            let names: Vec<&str> = PRE_TOKENIZERS.iter().map(|known| known.name).collect();
            TokenizerError::UnknownPreTokenizer {
                found: quoted(found),
                supported: names.join(", "),
            }
        })?;
        let regex = SysRegex::new(known.pattern)
            .map_err(|e| TokenizerError::Library { reason: e.to_string() })?;
        Ok(Splitter { regex })
    }

    /// Calls `visit` with each piece, in order.
    pub(crate) fn each_piece<'t>(&self, text: &'t str, mut visit: impl FnMut(&'t str)) {
        let mut rest = text;
        while !rest.is_empty() {
            let mut done = 0;
            for (start, end) in self.regex.find_iter(rest) {
                // The patterns match everywhere; a gap is still visited, so that no text can be lost.
                for piece in [rest.get(done..start), rest.get(start..end)].into_iter().flatten() {
                    if !piece.is_empty() {
                        visit(piece);
                    }
                }
                done = end;
            }
            rest = rest.get(done..).unwrap_or_default();
            let given_up = rest.len().min(GIVEN_UP_BYTES);
            let (piece, after) = rest.split_at(rest.ceil_char_boundary(given_up));
            if !piece.is_empty() {
                visit(piece);
            }
            rest = after;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops where it fails")]
    use super::*;

    fn pieces(text: &str) -> Vec<&str> {
        let mut pieces = Vec::new();
        Splitter::by_name("qwen2").unwrap().each_piece(text, |piece| pieces.push(piece));
        pieces
    }

    #[test]
    fn blank_line_runs_are_one_piece() {
        assert_eq!(pieces("x\n\n\n    y"), ["x", "\n\n\n", "   ", " y"]);
        assert_eq!(pieces("x  \n \n  y"), ["x", "  \n \n", " ", " y"]);
        assert_eq!(pieces("{\n\n}"), ["{\n\n", "}"]);
    }

    #[test]
    fn words_digits_and_contractions_split_as_in_qwen2() {
        assert_eq!(
            pieces("let x1 = it's 42;"),
            ["let", " x", "1", " =", " it", "'s", " ", "4", "2", ";"]
        );
        assert_eq!(pieces("    "), ["    "]);
    }

    #[test]
    fn text_beyond_the_backtracking_limit_is_split_and_none_is_lost() {
        let text = format!("{}x", " ".repeat(1_200_000));
        let pieces = pieces(&text);
        // Within the limit there would be two: all blanks but one, and the letter with the last.
        assert!(pieces.len() > 2);
        assert_eq!(pieces.concat(), text);
    }

    #[test]
    fn an_unknown_rule_is_refused_with_the_names_of_the_known() {
        let error = Splitter::by_name("tekken").err().unwrap();
        assert_eq!(
            error.to_string(),
            "reading the tokenizer: pre-tokenizer \"tekken\" is not supported; supported: qwen2"
        );
    }
}
