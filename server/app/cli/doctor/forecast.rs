//! Forecasts each catalog model's speed on this machine, from the speed of the kernels.
//!
//! Two products are timed: one limited by memory and one limited by the multipliers, on weights
//! that do not fit in a cache. The forecast follows from these and a model's size. It ignores the
//! effect of a model's shape, and there is none for a model whose size the catalog does not have.

use std::fmt::Write as _;
use std::time::Instant;

use lowkey_kernels::{BlockType, Matrix, Pool, QuantizedActivations, Rows, matmul};
use lowkey_store::{CatalogEntry, catalog};
use serde::Serialize;

use crate::cli::models::list::missing;

/// Rows and columns of the measured products: the feed-forward matrix of a 0.5B model.
const SHAPE: (usize, usize) = (9728, 896);
/// Number of copies, more than fit in caches.
const COPIES: usize = 10;
/// Tokens per prompt chunk.
const PROMPT_ROWS: usize = 64;
/// Measurements of each product; the best one counts, because interference only slows it down.
const ROUNDS: usize = 5;

/// The share of the products' speed that whole forward passes reach: norms, attention and small
/// matrices take the rest. Measured with `lowkey bench engine` next to the products' benchmark, on
/// 0.5B models.
const PROMPT_SHARE: f64 = 0.8;
const DECODE_SHARE: f64 = 0.9;

/// Tokens of a cold prompt.
const COLD_TOKENS: f64 = 1500.0;
/// Cost of a line in decode steps. A key computes one or two prompt tokens and decodes a line, and
/// reading the weights dominates the time.
const LINE_STEPS: f64 = 12.0;
/// Cost of appending a typed letter, in decode steps.
const APPEND_STEPS: f64 = 1.2;

/// A slower line arrives too late; this is the longest automatic time budget.
const PATIENCE_MS: f64 = 400.0;
/// Longest acceptable time for the first completion in a file.
const COLD_PATIENCE_S: f64 = 6.0;
/// The share of the available memory that a model may use.
const MEMORY_SHARE: f64 = 0.6;

/// Measured speed of the kernels.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Kernels {
    /// Gigabytes of weights per second, one token at a time.
    read_gb_s: f64,
    /// 10⁹ operations per second in prompt chunks.
    prompt_gop_s: f64,
}

/// A model's forecast; `null` if the catalog does not have its size.
#[derive(Debug, Serialize)]
pub(super) struct Forecast {
    pub(super) name: String,
    /// For serving with a context of 2,048 tokens.
    pub(super) memory_mb: Option<u64>,
    /// Seconds until the first token of a cold prompt of 1,500 tokens.
    pub(super) cold_prompt_s: Option<f64>,
    /// Milliseconds from a typed letter to the first token.
    pub(super) key_ms: Option<f64>,
    pub(super) tokens_per_s: Option<f64>,
    /// Whether enough memory is available now; `null` if unknown.
    pub(super) fits: Option<bool>,
    /// Why this version cannot run the model; `null` if it can.
    pub(super) missing: Option<String>,
    /// Whether this is the most capable model that is fast enough and fits.
    pub(super) recommended: bool,
}

impl Kernels {
    /// Measures the products on the threads of `pool`, in half a second with 100 MB. `None` without
    /// that memory.
    pub(super) fn measure(pool: &Pool) -> Option<Self> {
        let (n, k) = SHAPE;
        let kind = BlockType::Q8_0;
        // Any bits are valid quants, and zero scales multiply as fast as others.
        let bytes = vec![0_u8; n * kind.row_bytes(k)?];
        let matrix = |_| Matrix::pack_with(pool, &[Rows { kind, n, k, bytes: &bytes }]).ok();
        let weights: Vec<Matrix> = (0..COPIES).map(matrix).collect::<Option<_>>()?;
        let one = seconds(pool, &weights, 1)?;
        let many = seconds(pool, weights.get(..2)?, PROMPT_ROWS)?;
        let n_bytes: usize = weights.iter().map(Matrix::bytes).sum();
        let n_operations = 2 * 2 * PROMPT_ROWS * n * k;
        Some(Self {
            read_gb_s: n_bytes as f64 / one / 1e9,
            prompt_gop_s: n_operations as f64 / many / 1e9,
        })
    }
}

/// Returns the seconds of the fastest of several passes of `m` rows over all of `weights`.
fn seconds(pool: &Pool, weights: &[Matrix], m: usize) -> Option<f64> {
    let (n, k) = SHAPE;
    let x = vec![0.5; m * k];
    let mut out = vec![0.0; m * n];
    let mut a = QuantizedActivations::new();
    a.quantize(pool, &x, m, k).ok()?;
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for w in weights {
            matmul(pool, w, &a, None, false, &mut out).ok()?;
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    Some(best.max(1e-9))
}

/// Forecasts every model of the catalog, with `available_mb` of memory free.
pub(super) fn forecasts(kernels: Option<Kernels>, available_mb: Option<u64>) -> Vec<Forecast> {
    let mut all: Vec<(f64, Forecast)> =
        catalog().iter().map(|entry| forecast(entry, kernels, available_mb)).collect();
    let fits = |forecast: &Forecast| match (forecast.memory_mb, available_mb) {
        (Some(needed), Some(available)) => (needed as f64) < available as f64 * MEMORY_SHARE,
        _ => false,
    };
    let is_quick = |forecast: &Forecast| {
        forecast.key_ms.is_some_and(|key| {
            // Converts the cost of a key to that of a whole line.
            key / APPEND_STEPS * (APPEND_STEPS + LINE_STEPS) <= PATIENCE_MS
        }) && forecast.cold_prompt_s.is_some_and(|cold| cold <= COLD_PATIENCE_S)
    };
    let best = all
        .iter()
        .enumerate()
        .zip(catalog())
        // A model with a restrictive licence is not recommended, and neither is one that needs
        // instructions or predicts next edits.
        .filter(|(_, entry)| {
            let completes = entry.fim.as_deref().is_some_and(|fim| fim != "chat template");
            entry.terms.is_none() && completes
        })
        .map(|(found, _)| found)
        .filter(|(_, (_, found))| found.missing.is_none() && fits(found) && is_quick(found))
        .max_by(|(_, (one, _)), (_, (other, _))| one.total_cmp(other))
        .map(|(index, _)| index);
    if let Some((_, found)) = best.and_then(|index| all.get_mut(index)) {
        found.recommended = true;
    }
    all.into_iter().map(|(_, forecast)| forecast).collect()
}

/// Forecasts one model; also returns its parameters in billions.
fn forecast(
    entry: &CatalogEntry,
    kernels: Option<Kernels>,
    available_mb: Option<u64>,
) -> (f64, Forecast) {
    let (all, active) = entry.billions().unwrap_or((0.0, 0.0));
    let memory_mb = entry.memory_bytes(None).map(|bytes| bytes / 1_000_000);
    let bytes = entry.about_bytes().map(|bytes| bytes as f64 * active / all);
    let speeds = kernels.zip(bytes).filter(|_| all > 0.0).map(|(kernels, bytes)| {
        let tokens_per_s = kernels.read_gb_s * DECODE_SHARE * 1e9 / bytes;
        let prompt_per_s = kernels.prompt_gop_s * PROMPT_SHARE / (2.0 * active);
        (tokens_per_s, prompt_per_s)
    });
    let forecast = Forecast {
        name: entry.name.clone(),
        memory_mb,
        cold_prompt_s: speeds.map(|(_, prompt)| rounded(COLD_TOKENS / prompt)),
        key_ms: speeds.map(|(tokens, _)| rounded(APPEND_STEPS * 1e3 / tokens)),
        tokens_per_s: speeds.map(|(tokens, _)| rounded(tokens)),
        fits: memory_mb.zip(available_mb).map(|(needed, free)| needed <= free),
        missing: missing(entry),
        recommended: false,
    };
    (all, forecast)
}

fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Draws the forecasts as a table.
pub(super) fn table(kernels: Option<Kernels>, forecasts: &[Forecast]) -> String {
    let mut out = match kernels {
        Some(Kernels { read_gb_s, prompt_gop_s }) => format!(
            "Forecasts for this machine, from its kernels: {read_gb_s:.0} GB/s, {prompt_gop_s:.0} GOP/s\n"
        ),
        None => "No forecasts: there is not enough memory for the measurement\n".to_owned(),
    };
    let number = |value: Option<f64>, unit: &str| {
        value.map_or_else(|| "?".to_owned(), |value| format!("{value:.1}{unit}"))
    };
    let width = forecasts.iter().map(|found| found.name.len()).max().unwrap_or_default();
    let _ = writeln!(
        out,
        "  {:<width$}{:>10}{:>13}{:>11}{:>10}",
        "model", "memory", "cold prompt", "a key", "tokens/s"
    );
    for found in forecasts {
        let Forecast { name, memory_mb, cold_prompt_s, key_ms, tokens_per_s, .. } = found;
        let memory =
            memory_mb.map_or_else(|| "?".to_owned(), |mb| format!("{:.1} GB", mb as f64 / 1e3));
        let (mark, note) = match &found.missing {
            _ if found.recommended => ("*", "recommended"),
            Some(_) => (" ", "does not run yet"),
            None if found.fits == Some(false) => (" ", "exceeds the free memory"),
            None => (" ", ""),
        };
        let row = format!(
            "{mark} {name:<width$}{memory:>10}{:>13}{:>11}{:>10}  {note}",
            number(*cold_prompt_s, " s"),
            number(*key_ms, " ms"),
            number(*tokens_per_s, ""),
        );
        out.push_str(row.trim_end());
        out.push('\n');
    }
    if !forecasts.iter().any(|found| found.recommended) {
        out.push_str(
            "None of these is fast enough here at present, or fits: use the embedded model.\n",
        );
    }
    out.push_str("A cold prompt has 1,500 tokens; a key is the time from a typed letter to the first token.\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Kernels = Kernels { read_gb_s: 30.0, prompt_gop_s: 550.0 };

    fn recommended(kernels: Kernels, available_mb: u64) -> Option<String> {
        let all = forecasts(Some(kernels), Some(available_mb));
        assert!(all.iter().filter(|found| found.recommended).count() <= 1);
        all.into_iter().find(|found| found.recommended).map(|found| found.name)
    }

    #[test]
    fn faster_machine_gets_a_larger_model() {
        assert_eq!(recommended(SLOW, 16_000).as_deref(), Some("qwen2.5-coder-0.5b"));
        let fast = Kernels { read_gb_s: 120.0, prompt_gop_s: 4000.0 };
        assert_eq!(recommended(fast, 16_000).as_deref(), Some("granite-code-3b"));
        assert_eq!(recommended(SLOW, 500), None);
        let largest = |available_mb| {
            let all = forecasts(Some(fast), Some(available_mb));
            all.into_iter()
                .find(|found| found.name == "qwen3-coder-30b-a3b")
                .and_then(|found| found.fits)
        };
        assert_eq!((largest(16_000), largest(64_000)), (Some(false), Some(true)));
        let crawling = Kernels { read_gb_s: 2.0, prompt_gop_s: 10.0 };
        assert_eq!(recommended(crawling, 16_000), None);
    }

    #[test]
    fn forecasts_are_near_measurements() {
        // 0.5B on 2 cores: 52 tokens/s, and 584 prompt tokens/s (tests/peers/README.md).
        let all = forecasts(Some(SLOW), Some(16_000));
        let small = all.iter().find(|found| found.name == "qwen2.5-coder-0.5b");
        let tokens = small.and_then(|found| found.tokens_per_s).unwrap_or_default();
        let cold = small.and_then(|found| found.cold_prompt_s).unwrap_or_default();
        assert!((40.0..65.0).contains(&tokens), "{tokens}");
        assert!((2.0..4.0).contains(&cold), "{cold}");
    }

    #[test]
    fn columns_fit_the_longest_name() {
        let table = table(Some(SLOW), &forecasts(Some(SLOW), Some(16_000)));
        let rows: Vec<&str> = table.lines().filter(|line| line.contains(" GB ")).collect();
        let ends: Vec<_> = rows.iter().filter_map(|row| row.find(" GB ")).collect();
        assert!(rows.len() > 3 && ends.iter().all(|end| *end == ends[0]), "{table}");
    }
}
