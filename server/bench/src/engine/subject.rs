//! The measured rows, and the model that runs them.
//!
//! One token sequence and one KV cache serve all rows. Before the clock starts, a row with 1,024
//! tokens of context truncates the cache to them, or computes the missing ones.
//!
//! Invariant: the cache's first `n_valid` positions hold the first tokens of the sequence.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use lowkey_engine::CHUNK_TOKENS;
use lowkey_model::{CausalLm, KvCache, LogitsMode, ModelError, argmax, log_sum_exp};

use crate::figures::percentile;

/// Tokens that a decoding row decodes.
const DECODED: usize = 32;
/// Tokens decoded after an append, as for a short suggestion.
const AFTER_APPEND: usize = 8;
/// A row that takes less time is repeated, at most this often.
const LONG_ENOUGH_MS: f64 = 30.0;
const MOST_RUNS: usize = 25;
/// The context of rows that need one, and the fallbacks for a model with a shorter context length.
const DEPTHS: [usize; 3] = [1024, 512, 128];

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    /// Prefills N tokens into an empty cache.
    Prefill(usize),
    /// Decodes one token at a time after N tokens.
    Decode(usize),
    /// Appends `tokens` after `cached`, until the next token is known.
    Append { cached: usize, tokens: usize },
    /// The same, with eight tokens decoded after it.
    AppendAndDecode { cached: usize, tokens: usize },
    /// Prefills N tokens into an empty cache and cancels it midway: time from the cancellation to
    /// the end.
    Cancel(usize),
    /// Appends `tokens` after `cached` with the best token after each: the last token and a draft
    /// of one less.
    Verify { cached: usize, tokens: usize },
}

impl Row {
    /// Returns the rows that fit into `context_length` tokens, and descriptions of the others.
    pub(super) fn plan(context_length: usize) -> (Vec<Self>, Vec<String>) {
        let depth = DEPTHS.into_iter().find(|depth| depth + DECODED <= context_length);
        let mut wanted: Vec<Self> = [64, 512, 1024, 2048].map(Self::Prefill).into();
        wanted.push(Self::Decode(0));
        wanted.push(Self::Decode(DEPTHS[0]));
        wanted.extend(depth.filter(|d| *d != DEPTHS[0]).map(Self::Decode));
        let cached = depth.unwrap_or_default();
        for tokens in [1, 2, 4, 8] {
            wanted.push(Self::Append { cached, tokens });
            wanted.push(Self::AppendAndDecode { cached, tokens });
        }
        wanted.push(Self::Cancel(1));
        wanted.push(Self::Cancel(CHUNK_TOKENS));
        wanted.extend((2..=8).map(|tokens| Self::Verify { cached, tokens }));
        let (fits, rest): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|row| row.end() <= context_length);
        let skipped = rest.into_iter().map(|row| {
            format!("{row}: needs {} tokens, the model's context has {context_length}", row.end())
        });
        (fits, skipped.collect())
    }

    /// Returns the rows that need the largest buffers.
    pub(super) fn largest(rows: &[Self]) -> Vec<Self> {
        let prefill = rows.iter().filter(|row| matches!(row, Self::Prefill(_)));
        let verify = rows.iter().filter(|row| matches!(row, Self::Verify { .. }));
        let largest = [prefill.max_by_key(|row| row.end()), verify.max_by_key(|row| row.end())];
        largest.into_iter().flatten().copied().collect()
    }

    /// Returns the number of positions that the row fills.
    fn end(self) -> usize {
        match self {
            Self::Prefill(tokens) | Self::Cancel(tokens) => tokens,
            Self::Decode(cached) => cached + DECODED,
            Self::Append { cached, tokens } | Self::Verify { cached, tokens } => cached + tokens,
            Self::AppendAndDecode { cached, tokens } => cached + tokens + AFTER_APPEND,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefill(tokens) => write!(f, "prefill {tokens}"),
            Self::Decode(cached) => write!(f, "decode at {cached}"),
            Self::Append { cached, tokens } => write!(f, "append {tokens} at {cached}"),
            Self::Cancel(tokens) => write!(f, "cancel {tokens}"),
            Self::AppendAndDecode { cached, tokens } => {
                write!(f, "append {tokens} at {cached} and decode {AFTER_APPEND}")
            }
            Self::Verify { cached, tokens } => write!(f, "verify {tokens} at {cached}"),
        }
    }
}

/// A loaded model with its input tokens.
pub(super) struct Subject {
    model: Box<dyn CausalLm>,
    cache: KvCache,
    tokens: Vec<u32>,
    /// Positions of the cache that hold the beginning of `tokens`.
    n_valid: usize,
    /// Cancelled forward passes.
    n_cancelled: u32,
    logits: Vec<f32>,
}

impl Subject {
    /// Allocates for the longest of `rows`.
    pub(super) fn new(model: Box<dyn CausalLm>, rows: &[Row]) -> anyhow::Result<Self> {
        let longest = rows.iter().map(|row| row.end()).max().unwrap_or_default();
        let vocab = model.config().vocab as u64;
        anyhow::ensure!(longest > 0 && vocab > 0, "the model's context is too short for every row");
        // The time does not depend on the tokens. A generator of one line makes runs repeatable
        // (Knuth's MMIX).
        let mut state = 1_u64;
        let tokens = (0..longest).map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % vocab) as u32
        });
        let tokens = tokens.collect();
        let cache = model.new_cache(longest);
        Ok(Self { model, cache, tokens, n_valid: 0, n_cancelled: 0, logits: Vec::new() })
    }

    pub(super) fn model(&self) -> &dyn CausalLm {
        &*self.model
    }

    pub(super) fn cache_mb(&self) -> f64 {
        self.cache.bytes() as f64 / f64::from(1 << 20)
    }

    /// Measures `row` in milliseconds; for decoding, per token. The median of several runs for a
    /// short row.
    pub(super) fn measure(&mut self, row: Row) -> Result<f64, ModelError> {
        let start = Instant::now();
        let mut samples = Vec::new();
        while samples.is_empty() || (samples.len() < MOST_RUNS && ms_since(start) < LONG_ENOUGH_MS)
        {
            samples.push(self.run_once(row)?);
        }
        Ok(percentile(&samples, 0.5))
    }

    fn run_once(&mut self, row: Row) -> Result<f64, ModelError> {
        match row {
            Row::Prefill(tokens) => {
                self.rewind(0)?;
                let start = Instant::now();
                self.extend(tokens, LogitsMode::Last)?;
                Ok(ms_since(start))
            }
            Row::Decode(cached) => {
                self.rewind(cached)?;
                let start = Instant::now();
                self.decode(DECODED, 0)?;
                Ok(ms_since(start) / DECODED as f64)
            }
            Row::Append { cached, tokens } | Row::AppendAndDecode { cached, tokens } => {
                self.rewind(cached)?;
                let start = Instant::now();
                self.extend(cached + tokens, LogitsMode::Last)?;
                let next = pick(&self.logits);
                if let Row::AppendAndDecode { .. } = row {
                    // The first of the eight is known already.
                    self.decode(AFTER_APPEND - 1, next)?;
                }
                Ok(ms_since(start))
            }
            Row::Cancel(tokens) => self.cancelled(tokens),
            Row::Verify { cached, tokens } => {
                self.rewind(cached)?;
                let vocab = self.model.config().vocab;
                let start = Instant::now();
                self.extend(cached + tokens, LogitsMode::All)?;
                for position in self.logits.chunks_exact(vocab) {
                    pick(position);
                }
                Ok(ms_since(start))
            }
        }
    }

    /// Measures the milliseconds from a cancellation to the end of a forward pass; the moments are
    /// spread over the pass.
    fn cancelled(&mut self, tokens: usize) -> Result<f64, ModelError> {
        self.rewind(0)?;
        let start = Instant::now();
        self.extend(tokens, LogitsMode::Last)?;
        let whole = start.elapsed();
        let mut late = Duration::ZERO;
        // A cancellation after the end measures nothing.
        for _ in 0..5 {
            self.n_cancelled += 1;
            // The multiples of the golden ratio are spread evenly over 0 to 1.
            let share = (f64::from(self.n_cancelled) * 0.618_034).fract();
            self.rewind(0)?;
            let call = OnceLock::new();
            let over = std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(whole.mul_f64(share));
                    call.get_or_init(Instant::now);
                });
                let chunk = self.tokens.get(..tokens).unwrap_or_default();
                let asked = || call.get().is_some();
                let (cache, logits) = (&mut self.cache, &mut self.logits);
                let done = self.model.forward(chunk, cache, LogitsMode::Last, logits, &asked);
                done.map(|_| Instant::now())
            })?;
            // The cache may hold the chunk.
            self.cache.truncate(0);
            late = call.get().map_or(late, |call| over.saturating_duration_since(*call));
            if !late.is_zero() {
                break;
            }
        }
        Ok(late.as_secs_f64() * 1e3)
    }

    /// Sets the cache to the first `n` tokens of the sequence.
    fn rewind(&mut self, n: usize) -> Result<(), ModelError> {
        self.n_valid = self.n_valid.min(n);
        self.cache.truncate(self.n_valid);
        self.extend(n, LogitsMode::None)
    }

    /// Computes the sequence up to `n` tokens, in chunks like the engine.
    fn extend(&mut self, n: usize, want: LogitsMode) -> Result<(), ModelError> {
        let missing = self.tokens.get(self.n_valid..n).unwrap_or_default();
        for chunk in missing.chunks(CHUNK_TOKENS) {
            self.model.forward(chunk, &mut self.cache, want, &mut self.logits, &|| false)?;
            self.n_valid += chunk.len();
        }
        Ok(())
    }

    /// Decodes `n` tokens greedily, `next` first.
    fn decode(&mut self, n: usize, mut next: u32) -> Result<(), ModelError> {
        for _ in 0..n {
            self.model.forward(
                &[next],
                &mut self.cache,
                LogitsMode::Last,
                &mut self.logits,
                &|| false,
            )?;
            next = pick(&self.logits);
        }
        Ok(())
    }
}

/// Returns the best token; computes its probability too, as a gate needs it.
fn pick(logits: &[f32]) -> u32 {
    std::hint::black_box(log_sum_exp(logits));
    std::hint::black_box(argmax(logits) as u32)
}

fn ms_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_context_fits_every_row() {
        let (rows, skipped) = Row::plan(32_768);
        assert_eq!(skipped, Vec::<String>::new());
        assert_eq!(rows.len(), 4 + 2 + 8 + 2 + 7);
    }

    #[test]
    fn skipped_rows_have_fallbacks() {
        let (rows, skipped) = Row::plan(1024);
        assert!(rows.iter().all(|row| row.end() <= 1024));
        assert!(rows.contains(&Row::Prefill(1024)) && rows.contains(&Row::Decode(512)));
        assert!(rows.contains(&Row::Append { cached: 512, tokens: 8 }));
        let largest = [Row::Prefill(1024), Row::Verify { cached: 512, tokens: 8 }];
        assert_eq!(Row::largest(&rows), largest);
        assert_eq!(
            skipped,
            [
                "prefill 2048: needs 2048 tokens, the model's context has 1024",
                "decode at 1024: needs 1056 tokens, the model's context has 1024",
            ]
        );
        assert!(Row::plan(1).0.iter().all(|row| row.end() <= 1));
    }
}
