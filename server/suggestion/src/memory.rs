//! Keeps decoded middles, so that typing along, backspace and partial accepts cost no inference.
//!
//! A middle is the whole text from the anchor on: what had been typed and what was decoded behind it.
//! It is stored under the fixed parts of its prompt; whatever is typed on the line now, every stored middle
//! that begins with it has an answer.
//! Invariants: the typed text and the answer's rest together are a stored middle, byte for byte;
//! entries and bytes stay within the budget.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::gate::Confidence;

/// Under which fixed parts of a prompt a middle was decoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MemoryKey {
    uri: Arc<str>,
    digest: [u64; 2],
}

impl MemoryKey {
    /// Makes the key of a document and the parts of its prompt that typing on the cursor's line does not change,
    /// as the windows above the anchor and below the cursor's line, and what else the model was shown.
    pub fn new(uri: &str, fixed_parts: &[&str]) -> Self {
        // Two hashes: one of 64 bits alone would leave room for an accident.
        let digest = [0_u8, 1].map(|seed| {
            let mut hasher = DefaultHasher::new();
            seed.hash(&mut hasher);
            fixed_parts.hash(&mut hasher);
            hasher.finish()
        });
        Self { uri: uri.into(), digest }
    }

    /// Returns the document.
    pub fn uri(&self) -> &str {
        &self.uri
    }
}

/// What is stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Middle<'a> {
    /// The whole text from the anchor on.
    pub text: &'a str,
    /// How many of its bytes had been typed when it was decoded.
    pub typed_bytes: usize,
    /// Whether decoding had come to an end; if not, it may go on from here.
    pub is_finished: bool,
    /// How sure the model was; `None` of nothing decoded.
    pub confidence: Option<Confidence>,
}

/// What the memory knows about what was typed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Remembered<'m> {
    /// What follows the typed text; "" only when decoding had ended exactly there.
    pub rest: &'m str,
    /// Whether decoding had come to an end; if not, it may go on behind `rest`.
    pub is_finished: bool,
    /// How many bytes of the typed text had been typed when it was decoded.
    pub typed_bytes: usize,
    /// How sure the model was.
    pub confidence: Option<Confidence>,
    /// Whether more had been typed when this was decoded, so that `rest` begins with the user's own letters.
    /// The model has not said what it would write behind what is typed now.
    pub is_retyped: bool,
}

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryBudget {
    /// Middles at most, over all documents.
    pub entries: usize,
    /// Bytes of text at most, over all documents.
    pub bytes: usize,
}

impl Default for MemoryBudget {
    fn default() -> Self {
        Self { entries: 1024, bytes: 1 << 20 }
    }
}

/// Decoded middles of all documents, least recently used ones dropped first.
#[derive(Debug, Default)]
pub struct CompletionMemory {
    budget: MemoryBudget,
    /// The middles of each key in text order, so that those that begin with a text stand together.
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
    /// When it was stored or last answered with; a look-up borrows the memory shared.
    used: AtomicU64,
}

impl CompletionMemory {
    /// Makes an empty memory.
    pub fn new(budget: MemoryBudget) -> Self {
        Self { budget, ..Self::default() }
    }

    /// Stores a middle. One that goes on where an unfinished one stopped takes its place.
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
            // Said twice: what was known of it stays known.
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

    /// Returns how what is typed from the anchor to the cursor goes on; costs one search by text.
    ///
    /// Of several middles the one wins that was decoded before the user came this far, then the finished one,
    /// then the longest, then the most recent.
    pub fn lookup(&self, key: &MemoryKey, typed: &str) -> Option<Remembered<'_>> {
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
        Some(Remembered {
            rest: text.get(typed.len()..)?,
            is_finished: entry.is_finished,
            typed_bytes: entry.typed_bytes.min(typed.len()),
            confidence: entry.confidence,
            is_retyped: entry.typed_bytes > typed.len(),
        })
    }

    /// Drops everything of a document.
    pub fn forget(&mut self, uri: &str) {
        self.by_key.retain(|key, of_key| {
            let is_kept = key.uri() != uri;
            if !is_kept {
                self.n_entries -= of_key.len();
                self.n_bytes -= of_key.keys().map(|text| text.len()).sum::<usize>();
            }
            is_kept
        });
    }

    /// Drops everything, as when the model changes.
    pub fn clear(&mut self) {
        self.by_key.clear();
        self.n_entries = 0;
        self.n_bytes = 0;
    }

    /// Returns how many middles are kept.
    pub fn len(&self) -> usize {
        self.n_entries
    }

    /// Says whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.n_entries == 0
    }

    /// Returns how many bytes of text are kept.
    pub fn bytes(&self) -> usize {
        self.n_bytes
    }

    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// Drops what was not used for longest until the budget is met.
    fn evict(&mut self) {
        while self.n_entries > self.budget.entries || self.n_bytes > self.budget.bytes {
            // A scan: at most as many entries as the budget allows, and only when it is full.
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
