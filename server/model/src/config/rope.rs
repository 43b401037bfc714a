//! How fast each pair of a head turns with the position, and what slows it down in models of long contexts.
//!
//! Frequencies are computed in f64 from the file's numbers. Everything here depends on the model alone, never on the
//! length of a text: keys in a cache were turned once and for all.

use lowkey_kernels::Rope;

use crate::config::Keys;
use crate::error::shorten;
use crate::{Config, ModelError};

/// How rotations are slowed down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stretch {
    /// All by this factor; 1 if they are not.
    Linear(f32),
    /// Slow ones by the factor and fast ones not at all (arXiv 2309.00071).
    Yarn {
        /// How much longer the context became.
        factor: f32,
        /// The context of the first training, in tokens.
        original_context: usize,
    },
}

/// Pairs that turn more often than this within the first training's context keep their speed.
const YARN_FAST_TURNS: f64 = 32.0;
/// Pairs that turn less often are slowed down by the whole factor.
const YARN_SLOW_TURNS: f64 = 1.0;

impl Stretch {
    /// Reads by how much positions are stretched. Ways of stretching that the forward pass does not compute are
    /// refused: wrong text is worse than none.
    pub(crate) fn read(keys: &Keys<'_>, max_context: usize) -> Result<Self, ModelError> {
        let key = "rope.scaling.type";
        let is_yarn = match keys.string(key) {
            None | Some("linear") => false,
            Some("yarn") => true,
            // Factors for single pairs stand in tensors.
            Some("none" | "longrope" | "llama3") => return Ok(Self::Linear(1.0)),
            Some(other) => {
                let supported = "none, linear, yarn, longrope and llama3";
                let problem = format!("is {:?}, supported are {supported}", shorten(other));
                return Err(keys.wrong(key, problem));
            }
        };
        let mut factor = 1.0;
        for key in ["rope.scaling.factor", "rope.scale_linear"] {
            factor = keys.float_or(key, 1.0..=1024.0, factor)?;
        }
        if !is_yarn {
            return Ok(Self::Linear(factor));
        }
        let context = keys.size("context_length", max_context)?;
        let original_context =
            keys.size_or("rope.scaling.original_context_length", max_context, context)?;
        Ok(Self::Yarn { factor, original_context })
    }

    /// By how much the rotation of each pair is multiplied.
    fn speeds(self, frequencies: &[f64]) -> Vec<f64> {
        match self {
            Self::Linear(factor) => vec![1.0 / f64::from(factor); frequencies.len()],
            Self::Yarn { factor, original_context } => {
                let slowest = 1.0 / f64::from(factor);
                let ramp = yarn_ramp(frequencies, original_context);
                ramp.into_iter().map(|share| share * slowest + (1.0 - share)).collect()
            }
        }
    }

    /// By how much rotated values are lengthened.
    fn amplitude(self) -> f32 {
        match self {
            Self::Yarn { factor, .. } => 0.1 * factor.ln() + 1.0,
            Self::Linear(_) => 1.0,
        }
    }
}

/// How much of the slowing down each pair gets: 0 for fast pairs, 1 for slow ones, a line over pairs in between.
fn yarn_ramp(frequencies: &[f64], original_context: usize) -> Vec<f64> {
    let n = frequencies.len() as f64;
    // Frequencies are powers of one number: how often a pair turns falls evenly with its index, on a logarithmic scale.
    let step = match frequencies {
        [first, second, ..] => (first / second).ln(),
        _ => 1.0,
    };
    let pair_with = |turns: f64| {
        (original_context as f64 / (turns * std::f64::consts::TAU)).ln() / step.max(1e-9)
    };
    let begin = pair_with(YARN_FAST_TURNS).floor().max(0.0);
    // Bounded by the head's width and not by its pairs, as the reference has it.
    let end = pair_with(YARN_SLOW_TURNS).ceil().min(2.0 * n - 1.0).max(begin + 0.001);
    (0..frequencies.len()).map(|i| ((i as f64 - begin) / (end - begin)).clamp(0.0, 1.0)).collect()
}

/// The rotations of positions `0..n`: the usual ones, slowed by the model's factors.
pub(crate) fn rotations(config: &Config, divisors: Option<&[f32]>, n: usize) -> Rope {
    let (frequencies, amplitude) = frequencies(config, divisors);
    let rope = Rope::with_frequencies(config.head_dim, config.rope_pairing, &frequencies, n);
    match amplitude {
        1.0 => rope,
        amplitude => rope.amplified(amplitude),
    }
}

/// How far each pair turns with every position, in radians, and by how much rotated values are lengthened.
pub(crate) fn frequencies(config: &Config, divisors: Option<&[f32]>) -> (Vec<f64>, f32) {
    let Config { rope_dim, rope_base, rope_stretch, .. } = *config;
    let mut frequencies = Rope::frequencies(rope_dim, rope_base);
    let speeds = rope_stretch.speeds(&frequencies);
    for (i, (frequency, speed)) in frequencies.iter_mut().zip(speeds).enumerate() {
        let divisor = divisors.and_then(|all| all.get(i)).copied().unwrap_or(1.0);
        *frequency = *frequency * speed / f64::from(divisor);
    }
    (frequencies, config.rope_amplitude * rope_stretch.amplitude())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yarn_leaves_fast_pairs_alone_and_slows_slow_ones() {
        let frequencies = Rope::frequencies(128, 1e6);
        let speeds = Stretch::Yarn { factor: 4.0, original_context: 32_768 }.speeds(&frequencies);
        let turns = |i: usize| frequencies[i] * 32_768.0 / std::f64::consts::TAU;
        for (i, speed) in speeds.iter().enumerate() {
            match turns(i) {
                turns if turns > 45.0 => assert!((speed - 1.0).abs() < 1e-12, "{i}: {speed}"),
                turns if turns < 0.8 => assert!((speed - 0.25).abs() < 1e-12, "{i}: {speed}"),
                _ => assert!((0.25..=1.0).contains(speed), "{i}: {speed}"),
            }
        }
        assert!(speeds.is_sorted_by(|a, b| a >= b));
    }
}
