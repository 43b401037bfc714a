//! Pre-tokenizers: the rules that split text into pieces before merging.
//!
//! No token spans two pieces, so text can be cut and healed at a piece's end. A rule is a row of
//! `PRE_TOKENIZERS`: its GGUF names and its patterns, which must equal those in a `tokenizer.json`.
//! If there are several patterns, each splits the pieces of the one before.
//! Invariant: the pieces of a text, in order, are the whole text, even if the regex engine gives
//! up.

use crate::error::{TokenizerError, quoted};
use tokenizers::utils::SysRegex;

struct PreTokenizer {
    /// The names in `tokenizer.ggml.pre`.
    names: &'static [&'static str],
    /// The patterns in order; every match and every gap is a piece.
    patterns: &'static [&'static str],
    /// Whether a piece that is a token as a whole is used unmerged.
    whole_pieces: bool,
}

/// The pattern of GPT-2, and of a `ByteLevel` step of a `tokenizer.json` that splits.
pub(crate) const GPT_2: &str =
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// Single digits: a `Digits` step of a `tokenizer.json`.
pub(crate) const SINGLE_DIGITS: &str = r"\p{N}";

/// Names and patterns from llama.cpp's table of pre-tokenizers (`src/llama-vocab.cpp`).
static PRE_TOKENIZERS: &[PreTokenizer] = &[
    PreTokenizer {
        names: &["qwen2", "deepseek-r1-qwen", "stablelm2", "megrez"],
        // Single digits; a run of blank lines is one piece; the last blank before a word belongs to
        // the word.
        patterns: &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
        whole_pieces: false,
    },
    PreTokenizer {
        names: &["llama-bpe", "llama3", "llama-v3", "falcon3"],
        patterns: &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
        whole_pieces: true,
    },
    PreTokenizer {
        names: &["starcoder", "refact", "command-r", "smollm", "codeshell"],
        patterns: &[SINGLE_DIGITS, GPT_2],
        whole_pieces: false,
    },
    PreTokenizer { names: &["gpt-2", "phi-2", "mellum"], patterns: &[GPT_2], whole_pieces: false },
    PreTokenizer {
        names: &["deepseek-coder"],
        patterns: &["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", SINGLE_DIGITS],
        whole_pieces: false,
    },
];

/// Size of a piece when the regex engine gives up (it counts its backtracking steps and has a
/// limit).
const FALLBACK_PIECE_BYTES: usize = 1 << 16;

/// Splits text by one rule.
pub(crate) struct Splitter {
    stages: Vec<SysRegex>,
    pub(crate) whole_pieces: bool,
}

impl Splitter {
    /// Finds the rule with this GGUF name.
    pub(crate) fn by_name(name: &str) -> Result<Splitter, TokenizerError> {
        Splitter::find(name, |known| known.names.contains(&name))
    }

    /// Finds the rule with these patterns, in the form of `tokenizer.json`.
    pub(crate) fn by_patterns(patterns: &[String]) -> Result<Splitter, TokenizerError> {
        Splitter::find(&patterns.join(" then "), |known| known.patterns == patterns)
    }

    fn find(
        found: &str,
        wanted: impl Fn(&PreTokenizer) -> bool,
    ) -> Result<Splitter, TokenizerError> {
        let known = PRE_TOKENIZERS.iter().find(|known| wanted(known)).ok_or_else(|| {
            let names: Vec<&str> =
                PRE_TOKENIZERS.iter().flat_map(|known| known.names).copied().collect();
            TokenizerError::UnknownPreTokenizer {
                found: quoted(found),
                supported: names.join(", "),
            }
        })?;
        let compiled = known.patterns.iter().map(|pattern| SysRegex::new(pattern));
        let stages = compiled
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| TokenizerError::Library { reason: e.to_string() })?;
        Ok(Splitter { stages, whole_pieces: known.whole_pieces })
    }

    /// Calls `visit` with each piece, in order.
    pub(crate) fn each_piece<'t>(&self, text: &'t str, mut visit: impl FnMut(&'t str)) {
        split(&self.stages, text, &mut visit);
    }
}

/// Splits `text` by the first stage, and every resulting piece by the later stages.
fn split<'t>(stages: &[SysRegex], text: &'t str, visit: &mut dyn FnMut(&'t str)) {
    let Some((regex, later)) = stages.split_first() else {
        if !text.is_empty() {
            visit(text);
        }
        return;
    };
    let mut rest = text;
    while !rest.is_empty() {
        let mut done = 0;
        for (start, end) in regex.find_iter(rest) {
            // A gap between matches is a piece, too.
            for piece in [rest.get(done..start), rest.get(start..end)].into_iter().flatten() {
                split(later, piece, visit);
            }
            done = end;
        }
        rest = rest.get(done..).unwrap_or_default();
        let given_up = rest.len().min(FALLBACK_PIECE_BYTES);
        let (piece, after) = rest.split_at(rest.ceil_char_boundary(given_up));
        split(later, piece, visit);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops where it fails")]
    use super::*;

    fn pieces(text: &str) -> Vec<&str> {
        pieces_by("qwen2", text)
    }

    fn pieces_by<'t>(name: &str, text: &'t str) -> Vec<&'t str> {
        let mut pieces = Vec::new();
        Splitter::by_name(name).unwrap().each_piece(text, |piece| pieces.push(piece));
        pieces
    }

    #[test]
    fn stages_split_in_order() {
        let text = "let x12 = f(7);\n  ok";
        assert_eq!(
            pieces_by("starcoder", text),
            ["let", " x", "1", "2", " =", " f", "(", "7", ");", "\n ", " ok"]
        );
        assert_eq!(
            pieces_by("deepseek-coder", text),
            ["let", " x", "1", "2", " =", " f", "(", "7", ");", "\n", " ", " ok"]
        );
        assert_eq!(pieces_by("llama-bpe", "a 12345\n\n b"), ["a", " ", "123", "45", "\n\n", " b"]);
        assert_eq!(pieces_by("gpt-2", "x12 's\n\n  b"), ["x", "12", " '", "s", "\n\n ", " b"]);
    }

    #[test]
    fn blank_line_runs_are_one_piece() {
        assert_eq!(pieces("x\n\n\n    y"), ["x", "\n\n\n", "   ", " y"]);
        assert_eq!(pieces("x  \n \n  y"), ["x", "  \n \n", " ", " y"]);
        assert_eq!(pieces("{\n\n}"), ["{\n\n", "}"]);
    }

    #[test]
    fn qwen2_splitting() {
        assert_eq!(
            pieces("let x1 = it's 42;"),
            ["let", " x", "1", " =", " it", "'s", " ", "4", "2", ";"]
        );
        assert_eq!(pieces("    "), ["    "]);
    }

    #[test]
    fn backtracking_limit_loses_no_text() {
        let text = format!("{}x", " ".repeat(1_200_000));
        let pieces = pieces(&text);
        // Below the limit there would be two pieces: all blanks except one, and the letter with the
        // last blank.
        assert!(pieces.len() > 2);
        assert_eq!(pieces.concat(), text);
    }

    #[test]
    fn unknown_rule_lists_known_names() {
        let error = Splitter::by_name("tekken").err().unwrap();
        assert_eq!(
            error.to_string(),
            "reading the tokenizer: pre-tokenizer \"tekken\" is not supported; supported: qwen2, \
             deepseek-r1-qwen, stablelm2, megrez, llama-bpe, llama3, llama-v3, falcon3, starcoder, refact, \
             command-r, smollm, codeshell, gpt-2, phi-2, mellum, deepseek-coder"
        );
    }
}
