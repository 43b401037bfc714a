//! Rotary position embeddings: the frequency of each pair of a head, and the scaling of long-context models.
//!
//! Frequencies are computed in f64 from the file's numbers. They depend on the model alone, never on the length of a
//! text, because the keys in a cache are rotated once.

use lowkey_kernels::{Rope, RopeLayout};

use super::keys::Keys;
use super::limits::{MAX_CONTEXT, MAX_HEAD_DIM};
use crate::error::{ModelError, shorten};

/// A model's rotary embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct RopeConfig {
    /// The base of the frequencies.
    pub base: f32,
    /// The scaling for contexts longer than the first training's.
    pub scaling: RopeScaling,
    /// The factor of rotated values; 1 for none. `YaRN`'s own factor comes on top.
    pub attn_factor: f32,
    /// The number of rotated values of a head, from its first on; even.
    pub dim: usize,
    /// The two values of a head that rotate together.
    pub layout: RopeLayout,
}

/// How frequencies are scaled for long contexts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RopeScaling {
    /// All are divided by this factor; 1 for none.
    Linear(f32),
    /// Slow ones are divided by the factor, fast ones are not (`YaRN`, arXiv 2309.00071).
    Yarn {
        /// The long context divided by the original one.
        factor: f32,
        /// The context of the first training, in tokens.
        original_context: usize,
    },
}

/// Pairs that rotate more often than this within the original context keep their frequency.
const YARN_BETA_FAST: f64 = 32.0;
/// Pairs that rotate less often than this are divided by the whole factor.
const YARN_BETA_SLOW: f64 = 1.0;

impl RopeConfig {
    /// Reads the keys of a model whose heads have `head_dim` values.
    pub(super) fn read(
        keys: &Keys<'_>,
        layout: RopeLayout,
        head_dim: usize,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            base: keys.float_or("rope.freq_base", 1.0..=1e12, 10_000.0)?,
            scaling: RopeScaling::read(keys)?,
            attn_factor: keys.float_or("rope.scaling.attn_factor", 0.1..=100.0, 1.0)?,
            dim: dim(keys, head_dim)?,
            layout,
        })
    }

    /// Returns the frequency of each pair, in radians per position, and the factor of rotated values.
    ///
    /// `divisors` are a file's own, one per pair.
    pub(crate) fn frequencies(&self, divisors: Option<&[f32]>) -> (Vec<f64>, f32) {
        let mut frequencies = Rope::frequencies(self.dim, self.base);
        let scales = self.scaling.scales(&frequencies);
        for (i, (frequency, scale)) in frequencies.iter_mut().zip(scales).enumerate() {
            let divisor = divisors.and_then(|all| all.get(i)).copied().unwrap_or(1.0);
            *frequency = *frequency * scale / f64::from(divisor);
        }
        (frequencies, self.attn_factor * self.scaling.attn_factor())
    }

    /// Prepares the kernels' rotations of heads of `head_dim` values at positions `0..n`.
    pub(crate) fn rope_table(&self, head_dim: usize, divisors: Option<&[f32]>, n: usize) -> Rope {
        let (frequencies, attn_factor) = self.frequencies(divisors);
        let rope = Rope::with_frequencies(head_dim, self.layout, &frequencies, n);
        match attn_factor {
            1.0 => rope,
            attn_factor => rope.with_attn_factor(attn_factor),
        }
    }
}

/// Reads the number of rotated values of a head.
fn dim(keys: &Keys<'_>, head_dim: usize) -> Result<usize, ModelError> {
    let key = "rope.dimension_count";
    match keys.size_or(key, MAX_HEAD_DIM, head_dim)? {
        size if size <= head_dim && size.is_multiple_of(2) => Ok(size),
        size => {
            let problem =
                format!("is {size}, it must be even and at most the head width {head_dim}");
            Err(keys.invalid(key, problem))
        }
    }
}

impl RopeScaling {
    /// Reads the scaling. Kinds that the forward pass does not compute are refused: wrong text is worse than none.
    fn read(keys: &Keys<'_>) -> Result<Self, ModelError> {
        let key = "rope.scaling.type";
        let is_yarn = match keys.string(key) {
            None | Some("linear") => false,
            Some("yarn") => true,
            // The factor of each pair is in a tensor.
            Some("none" | "longrope" | "llama3") => return Ok(Self::Linear(1.0)),
            Some(other) => {
                let supported = "none, linear, yarn, longrope and llama3";
                let problem = format!("is {:?}, supported are {supported}", shorten(other));
                return Err(keys.invalid(key, problem));
            }
        };
        let mut factor = 1.0;
        for key in ["rope.scaling.factor", "rope.scale_linear"] {
            factor = keys.float_or(key, 1.0..=1024.0, factor)?;
        }
        if !is_yarn {
            return Ok(Self::Linear(factor));
        }
        let context = keys.size("context_length", MAX_CONTEXT)?;
        let original_context =
            keys.size_or("rope.scaling.original_context_length", MAX_CONTEXT, context)?;
        Ok(Self::Yarn { factor, original_context })
    }

    /// The factor of each pair's frequency.
    fn scales(self, frequencies: &[f64]) -> Vec<f64> {
        match self {
            Self::Linear(factor) => vec![1.0 / f64::from(factor); frequencies.len()],
            Self::Yarn { factor, original_context } => {
                let slowest = 1.0 / f64::from(factor);
                let ramp = yarn_ramp(frequencies, original_context);
                ramp.into_iter().map(|share| share * slowest + (1.0 - share)).collect()
            }
        }
    }

    /// The factor of rotated values that comes with the scaling.
    fn attn_factor(self) -> f32 {
        match self {
            Self::Yarn { factor, .. } => 0.1 * factor.ln() + 1.0,
            Self::Linear(_) => 1.0,
        }
    }
}

/// The share of the scaling that each pair gets: 0 for fast pairs, 1 for slow ones, linear for pairs in between.
fn yarn_ramp(frequencies: &[f64], original_context: usize) -> Vec<f64> {
    let n = frequencies.len() as f64;
    // Frequencies are powers of one number: the logarithm of a pair's frequency is linear in its index.
    let step = match frequencies {
        [first, second, ..] => (first / second).ln(),
        _ => 1.0,
    };
    let pair_of_rotations = |rotations: f64| {
        (original_context as f64 / (rotations * std::f64::consts::TAU)).ln() / step.max(1e-9)
    };
    let begin = pair_of_rotations(YARN_BETA_FAST).floor().max(0.0);
    // Bounded by the head's width and not by its pairs, as in the reference.
    let end = pair_of_rotations(YARN_BETA_SLOW).ceil().min(2.0 * n - 1.0).max(begin + 0.001);
    (0..frequencies.len()).map(|i| ((i as f64 - begin) / (end - begin)).clamp(0.0, 1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yarn_scales_slow_pairs_only() {
        let frequencies = Rope::frequencies(128, 1e6);
        let scaling = RopeScaling::Yarn { factor: 4.0, original_context: 32_768 };
        let scales = scaling.scales(&frequencies);
        let rotations = |i: usize| frequencies[i] * 32_768.0 / std::f64::consts::TAU;
        for (i, scale) in scales.iter().enumerate() {
            match rotations(i) {
                rotations if rotations > 45.0 => {
                    assert!((scale - 1.0).abs() < 1e-12, "{i}: {scale}");
                }
                rotations if rotations < 0.8 => {
                    assert!((scale - 0.25).abs() < 1e-12, "{i}: {scale}");
                }
                _ => assert!((0.25..=1.0).contains(scale), "{i}: {scale}"),
            }
        }
        assert!(scales.is_sorted_by(|a, b| a >= b));
    }
}
