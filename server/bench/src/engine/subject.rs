//! The rows that are measured, and the model that runs them.
//!
//! One token sequence and one KV cache serve all rows: a row that wants 1,024 tokens
//! of context truncates the cache to them, or computes the missing ones, before the
//! clock starts.
//! Invariant: the cache's first `n_valid` positions hold the first tokens of the sequence.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use lowkey_engine::CHUNK_TOKENS;
use lowkey_model::{CausalLm, KvCache, LogitsMode, ModelError, argmax, log_sum_exp};

use crate::figures::percentile;

/// Tokens that a decoding row decodes.
const N_DECODED: usize = 32;
/// Tokens decoded after an append, as for a short suggestion.
const N_DECODED_AFTER_APPEND: usize = 8;
/// A row that takes less is run again, this often at most.
const MIN_SAMPLE_MS: f64 = 30.0;
const MAX_RUNS: usize = 25;
/// The context of the rows that want one, and what serves where the model has no room for it.
const DEPTHS: [usize; 3] = [1024, 512, 128];

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    /// N tokens into an empty cache.
    Prefill(usize),
    /// Token after token, after N tokens.
    Decode(usize),
    /// `tokens` after `cached`, until the next token is known.
    Append { cached: usize, tokens: usize },
    /// The same, and eight tokens decoded after it.
    AppendAndDecode { cached: usize, tokens: usize },
    /// A chunk of N tokens into an empty cache, cancelled on its way: from the cancellation to the end.
    Cancel(usize),
    /// `tokens` after `cached`, with the best next token for each of them: the last token and a draft of one less.
    Verify { cached: usize, tokens: usize },
}

impl Row {
    /// What a context of `context_length` tokens leaves room for, and in words what it does not.
    pub(super) fn plan(context_length: usize) -> (Vec<Self>, Vec<String>) {
        let depth = DEPTHS.into_iter().find(|depth| depth + N_DECODED <= context_length);
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
            format!("{row}: needs {} tokens, the model has {context_length}", row.end())
        });
        (fits, skipped.collect())
    }

    /// The rows of `rows` that make every buffer as large as it gets.
    pub(super) fn largest(rows: &[Self]) -> Vec<Self> {
        let prefill = rows.iter().filter(|row| matches!(row, Self::Prefill(_)));
        let verify = rows.iter().filter(|row| matches!(row, Self::Verify { .. }));
        let largest = [prefill.max_by_key(|row| row.end()), verify.max_by_key(|row| row.end())];
        largest.into_iter().flatten().copied().collect()
    }

    /// Positions that the row fills.
    fn end(self) -> usize {
        match self {
            Self::Prefill(tokens) | Self::Cancel(tokens) => tokens,
            Self::Decode(cached) => cached + N_DECODED,
            Self::Append { cached, tokens } | Self::Verify { cached, tokens } => cached + tokens,
            Self::AppendAndDecode { cached, tokens } => cached + tokens + N_DECODED_AFTER_APPEND,
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
                write!(f, "append {tokens} at {cached} and decode {N_DECODED_AFTER_APPEND}")
            }
            Self::Verify { cached, tokens } => write!(f, "verify {tokens} at {cached}"),
        }
    }
}

/// A loaded model with the tokens that it is given.
pub(super) struct Subject {
    model: Box<dyn CausalLm>,
    cache: KvCache,
    tokens: Vec<u32>,
    /// Positions of the cache that hold the beginning of `tokens`.
    n_valid: usize,
    /// Forwards that were called off.
    n_cancelled: u32,
    logits: Vec<f32>,
}

impl Subject {
    /// Makes room for the longest of `rows`.
    pub(super) fn new(model: Box<dyn CausalLm>, rows: &[Row]) -> anyhow::Result<Self> {
        let longest = rows.iter().map(|row| row.end()).max().unwrap_or_default();
        let vocab = model.config().vocab as u64;
        anyhow::ensure!(longest > 0 && vocab > 0, "the model's context has no room for any row");
        // The work does not depend on which tokens they are; a generator of one line keeps runs alike (Knuth's MMIX).
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

    /// The model.
    pub(super) fn model(&self) -> &dyn CausalLm {
        &*self.model
    }

    /// Megabytes of the KV cache.
    pub(super) fn cache_mb(&self) -> f64 {
        self.cache.bytes() as f64 / f64::from(1 << 20)
    }

    /// Milliseconds that `row` takes now; for decoding, of one token. The median of several runs where one is short.
    pub(super) fn measure(&mut self, row: Row) -> Result<f64, ModelError> {
        let start = Instant::now();
        let mut samples = Vec::new();
        while samples.is_empty() || (samples.len() < MAX_RUNS && ms_since(start) < MIN_SAMPLE_MS) {
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
                self.decode(N_DECODED, 0)?;
                Ok(ms_since(start) / N_DECODED as f64)
            }
            Row::Append { cached, tokens } | Row::AppendAndDecode { cached, tokens } => {
                self.rewind(cached)?;
                let start = Instant::now();
                self.extend(cached + tokens, LogitsMode::Last)?;
                let next = next_token(&self.logits);
                if let Row::AppendAndDecode { .. } = row {
                    // The first of the eight is known by now.
                    self.decode(N_DECODED_AFTER_APPEND - 1, next)?;
                }
                Ok(ms_since(start))
            }
            Row::Cancel(tokens) => self.cancel_latency(tokens),
            Row::Verify { cached, tokens } => {
                self.rewind(cached)?;
                let vocab = self.model.config().vocab;
                let start = Instant::now();
                self.extend(cached + tokens, LogitsMode::All)?;
                for position in self.logits.chunks_exact(vocab) {
                    next_token(position);
                }
                Ok(ms_since(start))
            }
        }
    }

    /// Milliseconds that a forward goes on after it was called off; the moments of calling it off are spread over it.
    fn cancel_latency(&mut self, tokens: usize) -> Result<f64, ModelError> {
        self.rewind(0)?;
        let start = Instant::now();
        self.extend(tokens, LogitsMode::Last)?;
        let whole = start.elapsed();
        let mut latency = Duration::ZERO;
        // A call that came after the end says nothing.
        for _ in 0..5 {
            self.n_cancelled += 1;
            // The golden ratio's multiples fall everywhere between 0 and 1.
            let share = (f64::from(self.n_cancelled) * 0.618_034).fract();
            self.rewind(0)?;
            let cancelled_at = OnceLock::new();
            let ended = std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(whole.mul_f64(share));
                    cancelled_at.get_or_init(Instant::now);
                });
                let chunk = self.tokens.get(..tokens).unwrap_or_default();
                let is_cancelled = || cancelled_at.get().is_some();
                let (cache, logits) = (&mut self.cache, &mut self.logits);
                let done =
                    self.model.forward(chunk, cache, LogitsMode::Last, logits, &is_cancelled);
                done.map(|_| Instant::now())
            })?;
            // The cache may hold the chunk.
            self.cache.truncate(0);
            latency = cancelled_at
                .get()
                .map_or(latency, |cancelled_at| ended.saturating_duration_since(*cancelled_at));
            if !latency.is_zero() {
                break;
            }
        }
        Ok(latency.as_secs_f64() * 1e3)
    }

    /// Brings the cache to the first `n` tokens of the sequence.
    fn rewind(&mut self, n: usize) -> Result<(), ModelError> {
        self.n_valid = self.n_valid.min(n);
        self.cache.truncate(self.n_valid);
        self.extend(n, LogitsMode::None)
    }

    /// Computes the sequence up to `n` tokens, in chunks as the engine does.
    fn extend(&mut self, n: usize, mode: LogitsMode) -> Result<(), ModelError> {
        let missing = self.tokens.get(self.n_valid..n).unwrap_or_default();
        for chunk in missing.chunks(CHUNK_TOKENS) {
            self.model.forward(chunk, &mut self.cache, mode, &mut self.logits, &|| false)?;
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
            next = next_token(&self.logits);
        }
        Ok(())
    }
}

/// The best token; its probability is computed as well, as a gate needs it.
fn next_token(logits: &[f32]) -> u32 {
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
    fn a_context_of_two_thousand_tokens_has_room_for_every_row() {
        let (rows, skipped) = Row::plan(32_768);
        assert_eq!(skipped, Vec::<String>::new());
        assert_eq!(rows.len(), 4 + 2 + 8 + 2 + 7);
    }

    #[test]
    fn what_does_not_fit_is_said_and_shallower_rows_stand_in() {
        let (rows, skipped) = Row::plan(1024);
        assert!(rows.iter().all(|row| row.end() <= 1024));
        assert!(rows.contains(&Row::Prefill(1024)) && rows.contains(&Row::Decode(512)));
        assert!(rows.contains(&Row::Append { cached: 512, tokens: 8 }));
        let largest = [Row::Prefill(1024), Row::Verify { cached: 512, tokens: 8 }];
        assert_eq!(Row::largest(&rows), largest);
        assert_eq!(
            skipped,
            [
                "prefill 2048: needs 2048 tokens, the model has 1024",
                "decode at 1024: needs 1056 tokens, the model has 1024",
            ]
        );
        assert!(Row::plan(1).0.iter().all(|row| row.end() <= 1));
    }
}
