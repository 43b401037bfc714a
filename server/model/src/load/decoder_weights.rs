//! The feed-forward half of a layer: gated, plain, or a choice of experts.

use lowkey_kernels::{Matrix, Pool, Quantized, ShapeError, gated, matmul};

pub(crate) use lowkey_kernels::Activation;

use crate::block::sized;
use crate::experts::Mixture;

/// The weights of one layer's feed-forward half.
pub(crate) enum FeedForward<M = Matrix> {
    /// `down(act(gate) * up)`.
    Gated(Gated<M>),
    /// `down(gelu(up))`.
    Plain {
        /// (`ffn`, `hidden`)
        up: Linear<M>,
        /// (`hidden`, `ffn`)
        down: Linear<M>,
    },
    /// A few of several gated ones, chosen for each token.
    Experts(Mixture<M>),
}

/// A gated feed-forward layer.
pub(crate) struct Gated<M = Matrix> {
    /// What becomes of the gate.
    pub(crate) activation: Activation,
    /// Gate, then up: (`2 × ffn`, `hidden`).
    pub(crate) gate_up: Linear<M>,
    /// Back into the stream: (`hidden`, `ffn`).
    pub(crate) down: Linear<M>,
}

/// A matrix and what is added behind it.
pub(crate) struct Linear<M = Matrix> {
    /// (outputs, inputs)
    pub(crate) matrix: M,
    /// One per output, where there are any.
    pub(crate) bias: Option<Vec<f32>>,
}

impl Linear {
    /// Computes the product, or adds it to what stands in `out`.
    pub(crate) fn apply(
        &self,
        pool: &Pool,
        input: &Quantized,
        add: bool,
        out: &mut [f32],
    ) -> Result<(), ShapeError> {
        matmul(pool, &self.matrix, input, self.bias.as_deref(), add, out)
    }
}

impl Gated {
    /// Takes normalised rows to what `down` is to be multiplied with.
    pub(crate) fn hidden(
        &self,
        pool: &Pool,
        input: &Quantized,
        buffer: &mut Vec<f32>,
        hidden: &mut Quantized,
    ) -> Result<(), ShapeError> {
        if self.gate_up.matrix.is_pair() {
            let Linear { matrix, bias } = &self.gate_up;
            return gated(pool, matrix, input, bias.as_deref(), self.activation, hidden);
        }
        let (m, ffn) = (input.m(), self.down.matrix.k());
        let gate_up = sized(buffer, m * 2 * ffn);
        self.gate_up.apply(pool, input, false, gate_up)?;
        match self.activation {
            Activation::Silu => hidden.silu_mul(pool, gate_up, m, ffn),
            Activation::Gelu => hidden.gelu_mul(pool, gate_up, m, ffn),
        }
    }
}

impl FeedForward {
    /// Its matrices that every token reads; those of experts are counted apart.
    pub(crate) fn matrices(&self) -> Vec<&Matrix> {
        match self {
            Self::Gated(gated) => vec![&gated.gate_up.matrix, &gated.down.matrix],
            Self::Plain { up, down } => vec![&up.matrix, &down.matrix],
            Self::Experts(mixture) => mixture.matrices_of_a_token(),
        }
    }

    /// Says whether some matrix holds floats.
    pub(crate) fn has_floats(&self) -> bool {
        match self {
            Self::Experts(mixture) => mixture.has_floats(),
            _ => self.matrices().into_iter().any(Matrix::has_floats),
        }
    }
}
