//! The tokens of a model, by id: their raw bytes, and which of them are special.
//!
//! Both sources (GGUF and `tokenizer.json`) are converted to a list of entries, and all faults of a
//! vocabulary are detected here. A special token has no bytes: no text is encoded to it or decoded
//! from it.
//! Invariant: every byte that occurs in UTF-8 text has its own token or, in unused planes, a
//! stand-in, so every text can be encoded.

use crate::TokenId;
use crate::byte_level;
use crate::byte_pairs::BytePairs;
use crate::error::{TokenizerError, quoted};
use crate::sentence_piece::{BLANK, PieceRules, SentencePiece};
use ahash::AHashMap;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use tokenizers::models::bpe::{BPE, Vocab};

/// More tokens than any model has; limits the allocation that a file can cause.
pub(crate) const MAX_TOKENS: usize = 1 << 20;

/// The meaning of a token's text in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text in the byte-level alphabet; takes part in merging.
    Merged,
    /// Literal text, added to the vocabulary by hand; decoded, never encoded.
    Literal,
    /// One byte, written as `<0x0A>`, which spells a part of a character without a token.
    Byte(u8),
    /// A sentinel or control token.
    Special,
}

/// One token as in the file.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'t> {
    pub(crate) text: Cow<'t, str>,
    pub(crate) kind: Kind,
}

impl<'t> Entry<'t> {
    /// An entry that was added to the vocabulary by hand: special if it is marked so or looks like
    /// markup.
    pub(crate) fn added(text: Cow<'t, str>, marked_special: bool) -> Entry<'t> {
        let markup = text.len() > 2
            && [("<", ">"), ("[", "]")]
                .iter()
                .any(|(open, close)| text.starts_with(open) && text.ends_with(close))
            && !is_html(&text);
        let kind = if marked_special || markup { Kind::Special } else { Kind::Literal };
        Entry { text, kind }
    }
}

/// Whether a text is a tag that is a token in Gemma's vocabularies and text in documents. Such tags
/// are special only if the file marks them. `<s>` is not among them: it is the beginning of text in
/// other vocabularies, and some files do not mark it.
fn is_html(text: &str) -> bool {
    let name = text.trim_start_matches('<').trim_start_matches('/').trim_end_matches('>');
    HTML.contains(&name)
}

/// The names of such tags.
static HTML: &[&str] = &[
    "table",
    "caption",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    "th",
    "td",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "strong",
    "em",
    "b",
    "i",
    "u",
    "sub",
    "sup",
    "code",
];

/// Returns the byte of a token such as `<0x0A>`.
pub(crate) fn byte_of(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    u8::from_str_radix(digits, 16).ok()
}

/// Bytes from this one on begin characters of planes without code and with hardly any text (U+40000
/// and above). Only these may be missing in a vocabulary, as in Refact's.
const FIRST_RARE_BYTE: u8 = 0xf1;

/// The bytes of every token, in one block.
pub(crate) struct Vocabulary {
    bytes: Vec<u8>,
    /// `ends[i]` is the end of token `i` in `bytes`; its start is the previous token's end.
    ends: Vec<usize>,
    special: HashMap<String, TokenId>,
    /// The token of each single byte.
    byte_tokens: Vec<Option<TokenId>>,
    /// Bytes that occur in text and have no token.
    missing_bytes: Vec<u8>,
}

impl Vocabulary {
    /// Checks `entries` (by id; `None` is an unused id) and `merges` (in order of rank). With
    /// `whole_pieces`, a piece that is a token is used unmerged.
    pub(crate) fn build<'m>(
        entries: &[Option<Entry<'_>>],
        merges: impl ExactSizeIterator<Item = (&'m str, &'m str)>,
        whole_pieces: bool,
    ) -> Result<(Vocabulary, BytePairs), TokenizerError> {
        let mut takes_part = vec![false; entries.len()];
        let (vocabulary, ids) = Vocabulary::of(entries, |vocabulary, id, entry| {
            if let Some(slot) = takes_part.get_mut(id as usize) {
                *slot = vocabulary.add(id, entry);
            }
        })?;
        let is_merged = |id: TokenId| takes_part.get(id as usize) == Some(&true);
        let mut pairs = BytePairs::with_capacity(merges.len());
        let mut joined = String::new();
        // Most vocabularies list the merged tokens in the order of the merges.
        let mut guess = 0;
        for (index, (left, right)) in merges.enumerate() {
            let id_of = |text: &str| {
                let missing = || TokenizerError::MergeWithoutToken { index, token: quoted(text) };
                ids.get(text).copied().filter(|&id| is_merged(id)).ok_or_else(missing)
            };
            let pair = (id_of(left)?, id_of(right)?);
            let is_guess = entries.get(guess as usize).is_some_and(|entry| {
                let text = entry.as_ref().and_then(|entry| entry.text.strip_prefix(left));
                text == Some(right) && is_merged(guess)
            });
            let made = if is_guess {
                guess
            } else {
                joined.clear();
                joined.push_str(left);
                joined.push_str(right);
                id_of(&joined)?
            };
            guess = made.saturating_add(1);
            pairs.add(pair, made);
        }
        if whole_pieces {
            let ids = (0..).zip(&takes_part).filter(|(_, takes_part)| **takes_part);
            pairs.use_whole_pieces(ids.map(|(id, _)| (vocabulary.token_bytes(id), id)));
        }
        Ok((vocabulary, pairs))
    }

    /// Checks the entries of a vocabulary that merges by score.
    pub(crate) fn build_pieces(
        entries: &[Option<Entry<'_>>],
        scores: Vec<f32>,
    ) -> Result<(Vocabulary, SentencePiece), TokenizerError> {
        let mut ids = HashMap::with_capacity(entries.len());
        let (vocabulary, _) = Vocabulary::of(entries, |vocabulary, id, entry| {
            if let Some(text) = vocabulary.add_with_blanks(id, entry) {
                ids.insert(text, id);
            }
        })?;
        let literal = |(id, entry): (TokenId, &Option<Entry<'_>>)| {
            let entry = entry.as_ref().filter(|entry| entry.kind == Kind::Literal)?;
            Some((entry.text.replace(BLANK, " "), id))
        };
        let literals = (0..).zip(entries).filter_map(literal).collect();
        Ok((vocabulary, SentencePiece::by_scores(ids, scores, literals)))
    }

    /// Checks the entries of a vocabulary with blanks in its tokens that merges by rank.
    pub(crate) fn build_ranked_pieces(
        entries: &[Option<Entry<'_>>],
        mut merges: Vec<(String, String)>,
        rules: PieceRules,
    ) -> Result<(Vocabulary, SentencePiece), TokenizerError> {
        let mut merged = Vocab::default();
        let mut texts = HashMap::with_capacity(entries.len());
        let mut apart = HashSet::new();
        let (vocabulary, _) = Vocabulary::of(entries, |vocabulary, id, entry| {
            match (vocabulary.add_with_blanks(id, entry), entry.kind) {
                (Some(text), _) => {
                    texts.insert(text, id);
                    merged.insert(entry.text.to_string(), id);
                }
                (None, kind) => {
                    apart.insert(entry.text.to_string());
                    if let Kind::Byte(byte) = kind {
                        // The form in which the library looks it up.
                        merged.insert(format!("<{byte:#04X}>"), id);
                    }
                }
            }
        })?;
        // No text may merge to a sentinel, or to a byte token that the text does not contain.
        merges.retain(|(left, right)| {
            ![left, right, &format!("{left}{right}")].iter().any(|text| apart.contains(*text))
        });
        let repeated = repeated_merges(|text| merged.get(text).copied(), &merges)?;
        let bpe = BPE::builder()
            .vocab_and_merges(merged, without(merges, &repeated))
            .byte_fallback(true)
            .build()
            .map_err(|e| TokenizerError::Library { reason: e.to_string() })?;
        Ok((vocabulary, SentencePiece::by_ranks(bpe, texts, rules)))
    }

    /// Adds one entry; returns the text of an ordinary one, with plain blanks.
    fn add_with_blanks(&mut self, id: TokenId, entry: &Entry<'_>) -> Option<String> {
        let text = entry.text.replace(BLANK, " ");
        match entry.kind {
            Kind::Merged => {
                self.bytes.extend(text.as_bytes());
                return Some(text);
            }
            Kind::Literal => self.bytes.extend(text.as_bytes()),
            Kind::Special | Kind::Byte(_) => {
                self.add(id, entry);
            }
        }
        None
    }

    /// Checks entries and lays each out with `add`; also returns their ids by text.
    fn of<'e>(
        entries: &'e [Option<Entry<'_>>],
        mut add: impl FnMut(&mut Vocabulary, TokenId, &'e Entry<'_>),
    ) -> Result<(Vocabulary, AHashMap<&'e str, TokenId>), TokenizerError> {
        if entries.iter().all(Option::is_none) {
            return Err(TokenizerError::EmptyVocabulary);
        }
        if entries.len() > MAX_TOKENS {
            return Err(TokenizerError::TooManyTokens { found: entries.len(), limit: MAX_TOKENS });
        }
        let mut vocabulary = Vocabulary {
            bytes: Vec::new(),
            ends: Vec::with_capacity(entries.len()),
            special: HashMap::new(),
            byte_tokens: vec![None; 256],
            missing_bytes: Vec::new(),
        };
        let mut by_text: AHashMap<&str, TokenId> = AHashMap::with_capacity(entries.len());
        for (id, entry) in (0..).zip(entries) {
            if let Some(entry) = entry {
                if let Some(first) = by_text.insert(&entry.text, id) {
                    return Err(TokenizerError::DuplicateToken {
                        text: quoted(&entry.text),
                        first,
                        second: id,
                    });
                }
                add(&mut vocabulary, id, entry);
            }
            vocabulary.ends.push(vocabulary.bytes.len());
        }
        for byte in 0..=u8::MAX {
            if !byte_level::occurs_in_text(byte) || vocabulary.byte_token(byte).is_some() {
                continue;
            }
            if byte < FIRST_RARE_BYTE {
                return Err(TokenizerError::MissingByte { byte });
            }
            vocabulary.missing_bytes.push(byte);
        }
        Ok((vocabulary, by_text))
    }

    /// Adds one entry and returns whether it takes part in merging; the caller sets its end in
    /// `ends`.
    fn add(&mut self, id: TokenId, entry: &Entry<'_>) -> bool {
        match entry.kind {
            Kind::Special => {
                self.special.insert(entry.text.to_string(), id);
            }
            Kind::Merged => {
                let start = self.bytes.len();
                if byte_level::append_bytes(&entry.text, &mut self.bytes) {
                    if let Some(&[byte]) = self.bytes.get(start..)
                        && let Some(slot) = self.byte_tokens.get_mut(usize::from(byte))
                    {
                        *slot = Some(id);
                    }
                    return true;
                }
                // Some vocabularies mark tokens added by hand as ordinary; outside the alphabet
                // they are plain text.
                self.bytes.extend(entry.text.as_bytes());
            }
            Kind::Byte(byte) => {
                if let Some(slot) = self.byte_tokens.get_mut(usize::from(byte)) {
                    *slot = Some(id);
                }
                self.bytes.push(byte);
            }
            Kind::Literal => self.bytes.extend(entry.text.as_bytes()),
        }
        false
    }

    /// Returns the raw bytes of a token; empty for special tokens and for ids that are not in the
    /// vocabulary.
    pub(crate) fn token_bytes(&self, id: TokenId) -> &[u8] {
        let idx = id as usize;
        let end = self.ends.get(idx).copied().unwrap_or(0);
        let start =
            idx.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Returns the number of ids, used or not.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns the id of a special token.
    pub(crate) fn special(&self, text: &str) -> Option<TokenId> {
        self.special.get(text).copied()
    }

    /// Returns all special tokens with their texts, unordered.
    pub(crate) fn specials(&self) -> impl Iterator<Item = (&str, TokenId)> {
        self.special.iter().map(|(text, &id)| (text.as_str(), id))
    }

    /// Returns the tokens that end an answer, sorted: those named by the metadata, and all special
    /// ones.
    pub(crate) fn ends(&self, named: &[Option<TokenId>]) -> Vec<TokenId> {
        let mut ends: Vec<TokenId> = named.iter().copied().flatten().collect();
        ends.extend(self.special.values());
        ends.sort_unstable();
        ends.dedup();
        ends
    }

    /// Replaces bytes without a token by `?`, so that the text's length equals the length of its
    /// tokens' bytes.
    pub(crate) fn with_placeholders<'t>(&self, piece: &'t [u8]) -> Cow<'t, [u8]> {
        let lacks = |byte: &u8| self.missing_bytes.contains(byte);
        if self.missing_bytes.is_empty() || !piece.iter().any(lacks) {
            return Cow::Borrowed(piece);
        }
        piece.iter().map(|byte| if lacks(byte) { b'?' } else { *byte }).collect()
    }

    /// Returns the token of a single byte.
    pub(crate) fn byte_token(&self, byte: u8) -> Option<TokenId> {
        self.byte_tokens.get(usize::from(byte)).copied().flatten()
    }
}

/// Returns which merges repeat an earlier pair, after checking that all their tokens exist.
fn repeated_merges(
    id_of: impl Fn(&str) -> Option<TokenId>,
    merges: &[(String, String)],
) -> Result<HashSet<usize>, TokenizerError> {
    let mut repeated = HashSet::new();
    let mut seen: HashSet<(TokenId, TokenId)> = HashSet::with_capacity(merges.len());
    let mut joined = String::new();
    for (index, (left, right)) in merges.iter().enumerate() {
        let id_of = |token: &str| {
            let missing = || TokenizerError::MergeWithoutToken { index, token: quoted(token) };
            id_of(token).ok_or_else(missing)
        };
        let pair = (id_of(left)?, id_of(right)?);
        joined.clear();
        joined.push_str(left);
        joined.push_str(right);
        id_of(&joined)?;
        if !seen.insert(pair) {
            repeated.insert(index);
        }
    }
    Ok(repeated)
}

/// Removes repeated merges: a pair counts at its first rank, but the library would use its last.
fn without(merges: Vec<(String, String)>, repeated: &HashSet<usize>) -> Vec<(String, String)> {
    let merges = merges.into_iter().enumerate();
    merges.filter(|(index, _)| !repeated.contains(index)).map(|(_, merge)| merge).collect()
}

#[cfg(test)]
mod tests;
