//! Keeps decoded middles, so that typing a suggestion, backspace and partial accepts cost no
//! inference.
//!
//! A middle is the whole text after the anchor: the text that the user had typed, then the decoded
//! text. It is stored under a key made from the fixed parts of its prompt. When the user types on
//! the line, every stored middle that begins with the typed text is an answer.
//! Invariants: the typed text and the rest of the answer together equal a stored middle, byte for
//! byte. The number of entries and their bytes stay within the budget.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::gate::Confidence;

/// The document and the fixed parts of the prompt under which a middle was decoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MemoryKey {
    uri: Arc<str>,
    digest: [u64; 2],
}

impl MemoryKey {
    /// Makes a key from a document and the parts of its prompt that do not change while the user
    /// types on the cursor's line: the windows above the anchor and below the cursor's line, and
    /// the other context in the prompt.
    pub fn new(uri: &str, fixed_parts: &[&str]) -> Self {
        // Two hashes make a collision negligible; a single 64-bit hash would not.
        let digest = [0_u8, 1].map(|seed| {
            let mut hasher = DefaultHasher::new();
            seed.hash(&mut hasher);
            fixed_parts.hash(&mut hasher);
            hasher.finish()
        });
        Self { uri: uri.into(), digest }
    }

    /// Returns the document's URI.
    pub fn uri(&self) -> &str {
        &self.uri
    }
}

/// A middle to store.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Middle<'a> {
    /// The whole text after the anchor.
    pub text: &'a str,
    /// How many bytes of `text` the user had typed when the rest was decoded.
    pub typed_bytes: usize,
    /// Whether decoding ended by itself; if not, it can continue after `text`.
    pub is_finished: bool,
    /// The model's confidence; `None` if no token was decoded.
    pub confidence: Option<Confidence>,
}

/// The memory's answer for the typed text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemoryHit<'m> {
    /// The text that follows the typed text; "" only if decoding ended exactly there.
    pub rest: &'m str,
    /// Whether decoding ended by itself; if not, it can continue after `rest`.
    pub is_finished: bool,
    /// How many bytes of the typed text the user had typed when the rest was decoded.
    pub typed_bytes: usize,
    pub confidence: Option<Confidence>,
    /// Whether the user had typed more when this was decoded, so that `rest` begins with the user's
    /// own characters. In that case the model has not seen the typed text as its end.
    pub is_retyped: bool,
}

/// Limits of the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryBudget {
    /// Maximum number of middles, over all documents.
    pub entries: usize,
    /// Maximum bytes of text, over all documents.
    pub bytes: usize,
}

impl Default for MemoryBudget {
    fn default() -> Self {
        Self { entries: 1024, bytes: 1 << 20 }
    }
}

/// Decoded middles of all documents. The least recently used ones are dropped first.
#[derive(Debug, Default)]
pub struct CompletionMemory {
    budget: MemoryBudget,
    /// The middles of each key in text order, so that middles with a common prefix are adjacent.
    by_key: HashMap<MemoryKey, BTreeMap<Box<str>, Entry>>,
    n_entries: usize,
    n_bytes: usize,
    clock: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    typed_bytes: usize,
    is_finished: bool,
    confidence: Option<Confidence>,
    /// When it was stored or last returned. Atomic, because a look-up borrows the memory shared.
    used: AtomicU64,
}

impl CompletionMemory {
    pub fn new(budget: MemoryBudget) -> Self {
        Self { budget, ..Self::default() }
    }

    /// Stores a middle. A middle that continues an unfinished one replaces it.
    /// A middle larger than the whole budget is not stored.
    pub fn insert(&mut self, key: &MemoryKey, middle: Middle<'_>) {
        let is_too_large = middle.text.len() > self.budget.bytes || self.budget.entries == 0;
        if is_too_large || middle.text.get(..middle.typed_bytes).is_none() {
            return;
        }
        let used = self.tick();
        let of_key = self.by_key.entry(key.clone()).or_default();
        let outgrown: Vec<Box<str>> = of_key
            .iter()
            .filter(|(text, entry)| {
                !entry.is_finished
                    && text.len() < middle.text.len()
                    && middle.text.starts_with(&***text)
                    && entry.typed_bytes >= middle.typed_bytes
            })
            .map(|(text, _)| text.clone())
            .collect();
        for text in outgrown {
            of_key.remove(&text);
            self.n_entries -= 1;
            self.n_bytes -= text.len();
        }
        let entry = Entry {
            typed_bytes: middle.typed_bytes,
            is_finished: middle.is_finished,
            confidence: middle.confidence,
            used: AtomicU64::new(used),
        };
        if let Some(known) = of_key.get_mut(middle.text) {
            // The same text again: keep the earlier knowledge of it.
            known.typed_bytes = known.typed_bytes.min(entry.typed_bytes);
            known.is_finished |= entry.is_finished;
            known.confidence = entry.confidence;
            known.used = entry.used;
        } else {
            of_key.insert(middle.text.into(), entry);
            self.n_entries += 1;
            self.n_bytes += middle.text.len();
        }
        self.evict();
    }

    /// Returns the text that follows `typed`, the text from the anchor to the cursor. Costs one
    /// ordered search.
    ///
    /// If several middles match, the order of preference is: decoded before the user typed this
    /// far, finished, longest, most recent.
    pub fn lookup(&self, key: &MemoryKey, typed: &str) -> Option<MemoryHit<'_>> {
        let of_key = self.by_key.get(key)?;
        let from = (Bound::Included(typed), Bound::Unbounded);
        let (text, entry) = of_key
            .range::<str, _>(from)
            .take_while(|(text, _)| text.starts_with(typed))
            .filter(|(text, entry)| entry.is_finished || text.len() > typed.len())
            .max_by_key(|(text, entry)| {
                let is_decoded = entry.typed_bytes <= typed.len();
                (is_decoded, entry.is_finished, text.len(), entry.used.load(Ordering::Relaxed))
            })?;
        entry.used.store(self.tick(), Ordering::Relaxed);
        Some(MemoryHit {
            rest: text.get(typed.len()..)?,
            is_finished: entry.is_finished,
            typed_bytes: entry.typed_bytes.min(typed.len()),
            confidence: entry.confidence,
            is_retyped: entry.typed_bytes > typed.len(),
        })
    }

    /// Drops all middles of a document.
    pub fn remove_document(&mut self, uri: &str) {
        self.by_key.retain(|key, of_key| {
            let is_kept = key.uri() != uri;
            if !is_kept {
                self.n_entries -= of_key.len();
                self.n_bytes -= of_key.keys().map(|text| text.len()).sum::<usize>();
            }
            is_kept
        });
    }

    /// Drops all middles, for example when the model changes.
    pub fn clear(&mut self) {
        self.by_key.clear();
        self.n_entries = 0;
        self.n_bytes = 0;
    }

    /// Returns the number of stored middles.
    pub fn len(&self) -> usize {
        self.n_entries
    }

    pub fn is_empty(&self) -> bool {
        self.n_entries == 0
    }

    /// Returns the stored text's size in bytes.
    pub fn bytes(&self) -> usize {
        self.n_bytes
    }

    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// Drops the least recently used middles until the budget is met.
    fn evict(&mut self) {
        while self.n_entries > self.budget.entries || self.n_bytes > self.budget.bytes {
            // A linear scan: over at most as many entries as the budget allows, and only when it is
            // full.
            let oldest = self
                .by_key
                .iter()
                .flat_map(|(key, of_key)| of_key.iter().map(move |entry| (key, entry)))
                .min_by_key(|(_, (_, entry))| entry.used.load(Ordering::Relaxed))
                .map(|(key, (text, _))| (key.clone(), text.clone()));
            let Some((key, text)) = oldest else { return };
            if let Some(of_key) = self.by_key.get_mut(&key) {
                of_key.remove(&text);
                if of_key.is_empty() {
                    self.by_key.remove(&key);
                }
            }
            self.n_entries -= 1;
            self.n_bytes -= text.len();
        }
    }
}

#[cfg(test)]
mod tests;
