//! The steps before merging in a `tokenizer.json`: those of the normalizer and the pre-tokenizer.
//!
//! Each style has a known set of steps. Every other step is rejected by name, because tokens would
//! differ from those in the model's training.

use crate::error::{TokenizerError, quoted};
use crate::pre_tokenizer::{GPT_2, SINGLE_DIGITS};
use crate::sentence_piece::Cuts;
use serde_json::Value;

/// Rejects a normalizer that changes text.
pub(super) fn check_normalizer(normalizer: &Value) -> Result<(), TokenizerError> {
    match normalizer.get("type").and_then(Value::as_str) {
        Some("NFC") => Ok(()),
        None if normalizer.is_null() => Ok(()),
        kind => {
            let what = format!("normalizer {}", quoted(kind.unwrap_or("without a type")));
            Err(TokenizerError::UnsupportedOption { what })
        }
    }
}

/// Returns the patterns of a sequence of splitting steps, the last of which is `ByteLevel`; a
/// single `ByteLevel` is a sequence of one.
pub(super) fn patterns_of(pre_tokenizer: &Value) -> Result<Vec<String>, TokenizerError> {
    let unknown = || TokenizerError::UnknownPreTokenizer {
        found: quoted(&pre_tokenizer.to_string()),
        supported:
            "Sequence[Split(Regex, Isolated) or Digits(individual)…, ByteLevel(no prefix space)]"
                .to_owned(),
    };
    let alone = std::slice::from_ref(pre_tokenizer);
    let steps = pre_tokenizer.get("pretokenizers").and_then(Value::as_array);
    let steps = steps.map_or(alone, Vec::as_slice);
    let (byte_level, splits) = steps.split_last().ok_or_else(unknown)?;
    let flag = |step: &Value, key: &str, default: bool| {
        step.get(key).and_then(Value::as_bool).unwrap_or(default)
    };
    if !is(byte_level, "type", "ByteLevel") || flag(byte_level, "add_prefix_space", true) {
        return Err(unknown());
    }
    let mut patterns = Vec::new();
    for step in splits {
        let splits_off = is(step, "type", "Split")
            && is(step, "behavior", "Isolated")
            && !flag(step, "invert", false);
        let pattern =
            step.get("pattern").and_then(|pattern| pattern.get("Regex")).and_then(Value::as_str);
        match pattern {
            Some(pattern) if splits_off => patterns.push(pattern.to_owned()),
            _ if is(step, "type", "Digits") && flag(step, "individual_digits", false) => {
                patterns.push(SINGLE_DIGITS.to_owned());
            }
            _ => return Err(unknown()),
        }
    }
    if flag(byte_level, "use_regex", true) {
        patterns.push(GPT_2.to_owned());
    }
    Ok(patterns)
}

/// Reads the steps of the `SentencePiece` style: how it splits text, and whether its normalizer
/// inserts a `▁` before every text (which the fragments of a prompt do not get).
pub(super) fn blanks_of(
    normalizer: &Value,
    pre_tokenizer: &Value,
) -> Result<(Cuts, bool), TokenizerError> {
    let refused = |part: &str, step: &Value| TokenizerError::UnsupportedStep {
        step: quoted(&format!("{part} {step}")),
    };
    let (mut replaces, mut prepends) = (false, false);
    for step in steps_of(normalizer, "normalizers") {
        let blank_to_blank = step.get("content").and_then(Value::as_str) == Some(BLANK_MARK)
            && step.pointer("/pattern/String").and_then(Value::as_str) == Some(" ");
        if is(step, "type", "Replace") && blank_to_blank {
            replaces = true;
        } else if is(step, "type", "Prepend") && is(step, "prepend", BLANK_MARK) {
            prepends = true;
        } else if !is(step, "type", "NFC") {
            return Err(refused("normalizer", step));
        }
    }
    let mut cuts = Cuts::Nowhere;
    for step in steps_of(pre_tokenizer, "pretokenizers") {
        if is(step, "type", "Metaspace") && is(step, "replacement", BLANK_MARK) {
            let split = step.get("split").and_then(Value::as_bool).unwrap_or(true);
            replaces = true;
            cuts = if split { Cuts::BeforeBlanks } else { cuts };
        } else if !(replaces && is_split_at_blanks(step)) {
            return Err(refused("pre_tokenizer", step));
        }
    }
    if replaces { Ok((cuts, prepends)) } else { Err(refused("normalizer", normalizer)) }
}

/// The blank in these vocabularies.
const BLANK_MARK: &str = "▁";

/// Gemma's split at blanks, which has no effect because all blanks have been replaced before it.
fn is_split_at_blanks(step: &Value) -> bool {
    is(step, "type", "Split")
        && step.pointer("/pattern/String").and_then(Value::as_str) == Some(" ")
        && !step.get("invert").and_then(Value::as_bool).unwrap_or(false)
}

/// Returns the steps of a sequence; a single step is a sequence of one, and null an empty one.
fn steps_of<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    match value.get(key).and_then(Value::as_array) {
        Some(steps) => steps,
        None if value.is_null() => &[],
        None => std::slice::from_ref(value),
    }
}

/// Whether a step's member is this text.
fn is(step: &Value, key: &str, wanted: &str) -> bool {
    step.get(key).and_then(Value::as_str) == Some(wanted)
}
