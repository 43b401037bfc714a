//! What all rows came to: the object that `--json` prints.
//!
//! The schema is a promise to `tests/peers` and to users who compare runs; fields are
//! added, never renamed. Rates are tokens per second, times are milliseconds; each
//! is the median of the rounds, beside it the smallest and the largest.

use serde::{Serialize, Serializer};

use super::subject::{Row, Subject};
use crate::figures::percentile;

/// Numbers by a number of tokens, in order of measurement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ByTokens<T>(pub(super) Vec<(usize, T)>);

impl<T> Default for ByTokens<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Serialize> Serialize for ByTokens<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(tokens, value)| (tokens.to_string(), value)))
    }
}

/// Medians with their ranges.
pub(super) type Medians = ByTokens<f64>;
/// The smallest and the largest of the rounds.
pub(super) type Ranges = ByTokens<[f64; 2]>;

/// Everything that was measured.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Outcome {
    pub(super) model: String,
    pub(super) threads: usize,
    /// `cpu`, or the device's name.
    pub(super) device: String,
    /// The instruction set of the kernels on the CPU.
    pub(super) kernels: &'static str,
    pub(super) rounds: u32,
    /// Opening, checking and packing the model, once.
    pub(super) load_ms: f64,
    pub(super) prefill: Medians,
    pub(super) prefill_range: Ranges,
    /// By tokens of context.
    pub(super) decode: Medians,
    pub(super) decode_range: Ranges,
    /// Until the first token is known, by tokens appended.
    pub(super) append: Medians,
    pub(super) append_range: Ranges,
    /// The same with eight tokens decoded.
    pub(super) append_and_8: Medians,
    pub(super) append_and_8_range: Ranges,
    /// Tokens in the cache to which `append` and `draft_verify` append.
    pub(super) append_cached: usize,
    /// The time of one forward with logits at N tokens, in decode steps at the same context.
    pub(super) draft_verify: Medians,
    pub(super) draft_verify_ms: Medians,
    /// Milliseconds for which a forward of N tokens goes on after its cancellation, at moments spread over it.
    pub(super) cancel_ms: Medians,
    pub(super) cancel_ms_range: Ranges,
    /// What the process holds after all rows, on Linux; `null` elsewhere.
    pub(super) memory_mb: Option<f64>,
    /// The most that it held, pages of the model file included.
    pub(super) memory_peak_mb: Option<f64>,
    /// Packed weights that a decoded token reads.
    pub(super) weights_mb: f64,
    /// The KV cache in use here.
    pub(super) kv_mb: f64,
    pub(super) roofline: Roofline,
    pub(super) share: Share,
    /// Rows that the model's context has no room for.
    pub(super) skipped: Vec<String>,
}

/// What the machine gives.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Roofline {
    /// Gigabytes read from memory per second, with the threads used.
    pub(super) read_gb_s: f64,
    /// 10⁹ int8 operations per second; `null` where the CPU has no instruction for them.
    pub(super) int8_gop_s: Option<f64>,
    /// Nanoseconds that a cache line takes to the other core and back; `null` with one thread.
    pub(super) round_trip_ns: Option<f64>,
}

/// How much of it the model gets, 0 to 1.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Share {
    /// Of the int8 products, by tokens of prompt; attention and norms count as waiting.
    pub(super) prefill: Medians,
    /// Of the memory, by tokens of context; a model that fits the caches can be above 1.
    pub(super) decode: Medians,
}

impl Outcome {
    /// Sums up `samples`, milliseconds of each of `rows`.
    pub(super) fn new(
        subject: &Subject,
        rows: &[Row],
        samples: &[Vec<f64>],
        roofline: Roofline,
    ) -> Self {
        let cost = subject.model().token_cost();
        let mut out = Self {
            weights_mb: rounded(cost.decode_bytes as f64 / f64::from(1 << 20)),
            kv_mb: rounded(subject.cache_mb()),
            roofline: Roofline {
                read_gb_s: rounded(roofline.read_gb_s),
                int8_gop_s: roofline.int8_gop_s.map(rounded),
                round_trip_ns: roofline.round_trip_ns.map(rounded),
            },
            ..Self::default()
        };
        let mut step_ms = 0.0;
        for (row, ms) in rows.iter().zip(samples) {
            let median = percentile(ms, 0.5);
            let range = [percentile(ms, 0.0), percentile(ms, 1.0)];
            match *row {
                Row::Prefill(tokens) => {
                    let rate = |ms: f64| tokens as f64 * 1e3 / ms;
                    out.prefill.put(tokens, rate(median));
                    out.prefill_range.put_range(tokens, [rate(range[1]), rate(range[0])]);
                    let gop_s = 2.0 * cost.token_products as f64 * rate(median) / 1e9;
                    if let Some(max) = roofline.int8_gop_s {
                        out.share.prefill.put(tokens, gop_s / max);
                    }
                }
                Row::Decode(cached) => {
                    step_ms = median;
                    out.decode.put(cached, 1e3 / median);
                    out.decode_range.put_range(cached, [1e3 / range[1], 1e3 / range[0]]);
                    let kv = cached * subject.model().cache_bytes_per_token();
                    let gb_s = (cost.decode_bytes + kv) as f64 / median / 1e6;
                    out.share.decode.put(cached, gb_s / roofline.read_gb_s);
                }
                Row::Append { cached, tokens } => {
                    out.append_cached = cached;
                    out.append.put(tokens, median);
                    out.append_range.put_range(tokens, range);
                }
                Row::AppendAndDecode { tokens, .. } => {
                    out.append_and_8.put(tokens, median);
                    out.append_and_8_range.put_range(tokens, range);
                }
                Row::Cancel(tokens) => {
                    out.cancel_ms.put(tokens, median);
                    out.cancel_ms_range.put_range(tokens, range);
                }
                // The last decoding row has the context of the drafts.
                Row::Verify { tokens, .. } => {
                    out.draft_verify_ms.put(tokens, median);
                    out.draft_verify.put(tokens, median / step_ms);
                }
            }
        }
        out
    }
}

impl Medians {
    fn put(&mut self, tokens: usize, value: f64) {
        self.0.push((tokens, rounded(value)));
    }
}

impl Ranges {
    fn put_range(&mut self, tokens: usize, range: [f64; 2]) {
        self.0.push((tokens, range.map(rounded)));
    }
}

/// Four significant digits: more are noise.
pub(super) fn rounded(value: f64) -> f64 {
    let digits = 3 - value.abs().max(1e-9).log10().floor() as i32;
    let scale = 10_f64.powi(digits.clamp(0, 6));
    let value = (value * scale).round() / scale;
    if value.is_finite() { value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_are_kept() {
        let given = [1234.567, 12.34567, 0.123_456_7, 98_765.4, 0.0];
        assert_eq!(given.map(rounded), [1235.0, 12.35, 0.1235, 98_765.0, 0.0]);
        assert_eq!(rounded(f64::INFINITY), 0.0);
    }

    #[test]
    fn numbers_keep_their_order_in_json() {
        let by = ByTokens(vec![(64, 1.5), (512, 2.0), (1024, 3.0)]);
        let text = serde_json::to_string(&by).unwrap_or_default();
        assert_eq!(text, r#"{"64":1.5,"512":2.0,"1024":3.0}"#);
    }
}
