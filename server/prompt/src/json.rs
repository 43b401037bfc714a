//! Vocabularies as stored in a `tokenizer.json` (Hugging Face).
//!
//! Two styles are known: byte-level (GPT-2 and its successors) and `SentencePiece`'s BPE (Llama 2,
//! `CodeLlama`, Mistral, Phi-3, Gemma), distinguished by the model's `byte_fallback`. Only the
//! parts that change tokens are read: the model, the added tokens, the normalizer and the
//! pre-tokenizer. Unsupported options are errors, with two exceptions. Unicode normalisation (NFC)
//! is skipped on purpose, as in llama.cpp, because a prompt must spell the document's own bytes.
//! And no blank is inserted before a text, because prompt parts are fragments.

mod steps;

use crate::TokenId;
use crate::error::{TokenizerError, quoted};
use crate::families;
use crate::gguf::split_merge;
use crate::sentence_piece::{BLANK, Cuts};
use crate::vocabulary::{Entry, Kind, MAX_TOKENS, byte_of};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// The parts of a tokenizer.
pub(crate) struct JsonVocab {
    pub(crate) entries: Vec<Option<Entry<'static>>>,
    pub(crate) merges: Vec<(String, String)>,
    pub(crate) style: Style,
    /// Whether a piece that is a token as a whole is used unmerged.
    pub(crate) whole_pieces: bool,
}

/// How text is split into pieces.
pub(crate) enum Style {
    /// By the patterns of the pre-tokenizer in order; then byte by byte.
    ByteLevel(Vec<String>),
    /// Blanks are written as `▁` and belong to tokens.
    SentencePiece {
        cuts: Cuts,
        /// Added tokens that are text: they are searched for in a text before merging.
        literals: Vec<(String, TokenId)>,
    },
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
#[expect(clippy::struct_excessive_bools, reason = "the file's own flags")]
struct AddedToken {
    id: i64,
    content: String,
    #[serde(default)]
    special: bool,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    #[serde(default)]
    normalized: bool,
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

/// Older files have strings, newer ones pairs.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Merge {
    Pair(String, String),
    Text(String),
}

/// A JSON object as the list of its members, because a map would hide a repeated key.
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
    /// Parses and checks a `tokenizer.json`.
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
        let blanks = file.model.byte_fallback == Value::Bool(true);
        file.model.check_options(blanks)?;
        let whole_pieces = file.model.ignore_merges == Value::Bool(true);
        let style = if blanks {
            let (cuts, prepends) = steps::blanks_of(&file.normalizer, &file.pre_tokenizer)?;
            let literals = file.added_tokens.iter().filter(|token| token.is_literal(prepends));
            let literals = literals.map(|token| (token.content.clone(), token.id));
            let literals = literals.filter_map(|(text, id)| Some((text, id.try_into().ok()?)));
            Style::SentencePiece { cuts, literals: literals.collect() }
        } else {
            steps::check_normalizer(&file.normalizer)?;
            Style::ByteLevel(steps::patterns_of(&file.pre_tokenizer)?)
        };
        let unknown =
            file.model.unk_token.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let kind_of = |text: &str| match byte_of(text).filter(|_| blanks) {
            _ if families::is_sentinel(text) || unknown.as_deref() == Some(text) => Kind::Special,
            Some(byte) => Kind::Byte(byte),
            None => Kind::Merged,
        };
        let entries = entries_of(file.model.vocab.0, file.added_tokens, kind_of, blanks)?;
        let merges = file.model.merges.into_iter().enumerate().map(|(index, merge)| match merge {
            Merge::Pair(left, right) => Ok((left, right)),
            Merge::Text(text) => {
                let (left, right) = split_merge(index, &text)?;
                Ok((left.to_owned(), right.to_owned()))
            }
        });
        Ok(JsonVocab { entries, merges: merges.collect::<Result<_, _>>()?, style, whole_pieces })
    }
}

impl AddedToken {
    /// Whether the token is text that is searched for literally. A token that includes blanks
    /// around it, or that is searched for in changed text (with `prepends`, after a `▁` that is not
    /// in the document), would not spell the text in which it is found. Such tokens are only
    /// decoded.
    fn is_literal(&self, prepends: bool) -> bool {
        let as_it_stands = !(self.single_word || self.lstrip || self.rstrip);
        as_it_stands
            && !(self.normalized && prepends)
            && !self.content.contains(BLANK)
            && Entry::added((&*self.content).into(), self.special).kind == Kind::Literal
    }
}

impl Model {
    /// Rejects options that GPT-2's BPE does not have, or with `blanks` `SentencePiece`'s. Absent,
    /// null, false and "" all mean disabled.
    fn check_options(&self, blanks: bool) -> Result<(), TokenizerError> {
        // If every byte has a token, no token is unknown.
        let unknown = if blanks { &Value::Null } else { &self.unk_token };
        let options = [
            ("dropout", &self.dropout),
            ("unk_token", unknown),
            ("continuing_subword_prefix", &self.continuing_subword_prefix),
            ("end_of_word_suffix", &self.end_of_word_suffix),
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

/// Lays the tokens out by id. With `blanks`, the text of an added token also keeps its normal
/// merges.
fn entries_of(
    vocab: Vec<(String, i64)>,
    added: Vec<AddedToken>,
    kind_of: impl Fn(&str) -> Kind,
    blanks: bool,
) -> Result<Vec<Option<Entry<'static>>>, TokenizerError> {
    let mut entries: Vec<Option<Entry<'static>>> = Vec::new();
    for (text, id) in vocab {
        let kind = kind_of(&text);
        let slot = slot(&mut entries, &text, id)?;
        match slot {
            None => *slot = Some(Entry { text: text.into(), kind }),
            Some(first) => return Err(duplicate_id(id, first, &text)),
        }
    }
    for token in added {
        let slot = slot(&mut entries, &token.content, token.id)?;
        let entry = Entry::added(token.content.into(), token.special);
        match slot {
            // Added tokens are often in the vocabulary as well.
            Some(first) if first.text != entry.text => {
                return Err(duplicate_id(token.id, first, &entry.text));
            }
            Some(first) if blanks && entry.kind == Kind::Literal && first.kind == Kind::Merged => {}
            _ => *slot = Some(entry),
        }
    }
    Ok(entries)
}

/// Returns the slot of `id`; grows the list if needed.
fn slot<'e>(
    entries: &'e mut Vec<Option<Entry<'static>>>,
    text: &str,
    id: i64,
) -> Result<&'e mut Option<Entry<'static>>, TokenizerError> {
    let out_of_range =
        || TokenizerError::IdOutOfRange { what: quoted(text), id, last: MAX_TOKENS - 1 };
    let idx = usize::try_from(id).ok().filter(|&idx| idx < MAX_TOKENS).ok_or_else(out_of_range)?;
    if entries.len() <= idx {
        entries.resize_with(idx + 1, || None);
    }
    entries.get_mut(idx).ok_or_else(out_of_range)
}

fn duplicate_id(id: i64, first: &Entry<'_>, second: &str) -> TokenizerError {
    TokenizerError::DuplicateId {
        id: TokenId::try_from(id).unwrap_or_default(),
        first: quoted(&first.text),
        second: quoted(second),
    }
}
