//! Vocabularies as `tokenizer.json` (Hugging Face) holds them.
//!
//! Only what changes tokens is read: the model, the added tokens, the normalizer and the pre-tokenizer. Everything
//! that we would have to do and do not is an error, with one exception: Unicode normalisation (NFC) is left out on
//! purpose, as llama.cpp does, because a prompt must spell the document's own bytes.

use crate::TokenId;
use crate::error::{TokenizerError, quoted};
use crate::families;
use crate::gguf::split_merge;
use crate::pre_tokenizer::{GPT_2, SINGLE_DIGITS};
use crate::vocabulary::{Entry, Kind, MAX_TOKENS};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// What a tokenizer is built from.
pub(crate) struct JsonVocab {
    pub(crate) entries: Vec<Option<Entry>>,
    pub(crate) merges: Vec<(String, String)>,
    /// The patterns of the pre-tokenizer, in the order in which they are applied.
    pub(crate) patterns: Vec<String>,
    /// Whether a piece that is a token as a whole is taken unmerged.
    pub(crate) whole_pieces: bool,
}

#[derive(serde::Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    model: Model,
}

#[derive(serde::Deserialize)]
struct AddedToken {
    id: i64,
    content: String,
    #[serde(default)]
    special: bool,
}

#[derive(serde::Deserialize)]
struct Model {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    dropout: Value,
    #[serde(default)]
    unk_token: Value,
    #[serde(default)]
    continuing_subword_prefix: Value,
    #[serde(default)]
    end_of_word_suffix: Value,
    #[serde(default)]
    byte_fallback: Value,
    #[serde(default)]
    ignore_merges: Value,
    vocab: Pairs,
    #[serde(default)]
    merges: Vec<Merge>,
}

/// Merges were strings once, and are pairs now.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Merge {
    Pair(String, String),
    Text(String),
}

/// A JSON object as the list of its members: a map would hide a key that stands twice.
struct Pairs(Vec<(String, i64)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Pairs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of token ids by token")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl JsonVocab {
    /// Reads and checks a `tokenizer.json`.
    pub(crate) fn read(bytes: &[u8]) -> Result<JsonVocab, TokenizerError> {
        let file: File = serde_json::from_slice(bytes).map_err(|e| TokenizerError::Json {
            reason: e.to_string().chars().take(200).collect(),
        })?;
        if file.model.kind != "BPE" {
            return Err(TokenizerError::UnknownModel {
                found: quoted(&file.model.kind),
                supported: "BPE".to_owned(),
            });
        }
        file.model.refuse_options()?;
        refuse_normalizer(&file.normalizer)?;
        let patterns = patterns_of(&file.pre_tokenizer)?;
        let whole_pieces = file.model.ignore_merges == Value::Bool(true);
        let entries = entries_of(file.model.vocab.0, file.added_tokens)?;
        let merges = file.model.merges.into_iter().enumerate().map(|(index, merge)| match merge {
            Merge::Pair(left, right) => Ok((left, right)),
            Merge::Text(text) => split_merge(index, &text),
        });
        Ok(JsonVocab { entries, merges: merges.collect::<Result<_, _>>()?, patterns, whole_pieces })
    }
}

impl Model {
    /// Refuses what byte-level BPE of the GPT-2 kind does not have. Absent, null, false and "" all mean off.
    fn refuse_options(&self) -> Result<(), TokenizerError> {
        let options = [
            ("dropout", &self.dropout),
            ("unk_token", &self.unk_token),
            ("continuing_subword_prefix", &self.continuing_subword_prefix),
            ("end_of_word_suffix", &self.end_of_word_suffix),
            ("byte_fallback", &self.byte_fallback),
        ];
        for (name, value) in options {
            let off = matches!(value, Value::Null | Value::Bool(false))
                || value.as_str() == Some("")
                || value.as_f64() == Some(0.0);
            if !off {
                return Err(TokenizerError::UnsupportedOption {
                    what: quoted(&format!("model.{name} = {value}")),
                });
            }
        }
        Ok(())
    }
}

fn refuse_normalizer(normalizer: &Value) -> Result<(), TokenizerError> {
    match normalizer.get("type").and_then(Value::as_str) {
        Some("NFC") => Ok(()),
        None if normalizer.is_null() => Ok(()),
        kind => {
            let what = format!("normalizer {}", quoted(kind.unwrap_or("without a type")));
            Err(TokenizerError::UnsupportedOption { what })
        }
    }
}

/// Returns the patterns of a sequence of steps that split, the last of which is `ByteLevel`; a single `ByteLevel` is a
/// sequence of one.
fn patterns_of(pre_tokenizer: &Value) -> Result<Vec<String>, TokenizerError> {
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

/// Says whether a step's member is this text.
fn is(step: &Value, key: &str, wanted: &str) -> bool {
    step.get(key).and_then(Value::as_str) == Some(wanted)
}

/// Lays the tokens out by id.
fn entries_of(
    vocab: Vec<(String, i64)>,
    added: Vec<AddedToken>,
) -> Result<Vec<Option<Entry>>, TokenizerError> {
    let mut entries: Vec<Option<Entry>> = Vec::new();
    for (text, id) in vocab {
        let kind = if families::is_sentinel(&text) { Kind::Special } else { Kind::Merged };
        let slot = slot(&mut entries, &text, id)?;
        match slot {
            None => *slot = Some(Entry { text, kind }),
            Some(first) => return Err(duplicate_id(id, first, &text)),
        }
    }
    for token in added {
        let slot = slot(&mut entries, &token.content, token.id)?;
        match slot {
            // Added tokens are often listed in the vocabulary as well.
            Some(first) if first.text != token.content => {
                return Err(duplicate_id(token.id, first, &token.content));
            }
            _ => *slot = Some(Entry::added(token.content, token.special)),
        }
    }
    Ok(entries)
}

/// Returns the place of `id`, making room for it.
fn slot<'e>(
    entries: &'e mut Vec<Option<Entry>>,
    text: &str,
    id: i64,
) -> Result<&'e mut Option<Entry>, TokenizerError> {
    let out_of_range =
        || TokenizerError::IdOutOfRange { what: quoted(text), id, last: MAX_TOKENS - 1 };
    let idx = usize::try_from(id).ok().filter(|&idx| idx < MAX_TOKENS).ok_or_else(out_of_range)?;
    if entries.len() <= idx {
        entries.resize_with(idx + 1, || None);
    }
    entries.get_mut(idx).ok_or_else(out_of_range)
}

fn duplicate_id(id: i64, first: &Entry, second: &str) -> TokenizerError {
    TokenizerError::DuplicateId {
        id: TokenId::try_from(id).unwrap_or_default(),
        first: quoted(&first.text),
        second: quoted(second),
    }
}
