//! The weights of a decoder-only model, with their shapes.
//!
//! Shapes are (outputs, inputs), row by row. `M` is the matrix type of the forward pass that multiplies with them: our
//! kernels' or a device's. Vectors are f32 for either.

use lowkey_kernels::{Activation, Matrix};

use crate::config::MoeConfig;

/// A whole model.
pub(crate) struct DecoderWeights<M = Matrix> {
    /// (vocab, hidden); its rows are looked up on the CPU for every forward pass.
    pub(crate) embedding: Matrix,
    /// The layers, in order.
    pub(crate) layers: Vec<LayerWeights<M>>,
    /// Before the output matrix: (hidden).
    pub(crate) final_norm: Norm,
    /// (vocab, hidden); `None` where the embedding is multiplied with.
    pub(crate) output: Option<M>,
    /// The divisor of each rotary frequency: (`rope.dim / 2`).
    pub(crate) rope_divisors: Option<Vec<f32>>,
}

/// One layer. `q` and `kv` are the widths of all query heads and of all key heads.
pub(crate) struct LayerWeights<M = Matrix> {
    /// Before attention: (hidden).
    pub(crate) attn_norm: Norm,
    /// Queries, keys and values: (q + kv + kv, hidden).
    pub(crate) qkv: Linear<M>,
    /// Norms of single heads, where the architecture has them.
    pub(crate) head_norms: Option<HeadNorms>,
    /// (hidden, q)
    pub(crate) attn_output: Linear<M>,
    /// Of attention's result, before it is added to the stream: (hidden).
    pub(crate) post_attn_norm: Option<Vec<f32>>,
    /// Before the feed-forward half: (hidden).
    pub(crate) ffn_norm: Norm,
    /// The feed-forward half.
    pub(crate) feed_forward: FeedForward<M>,
    /// Of the feed-forward half's result, before it is added to the stream: (hidden).
    pub(crate) post_ffn_norm: Option<Vec<f32>>,
    /// How many positions a token attends to, itself among them.
    pub(crate) window: usize,
}

/// RMS norms of single heads, (`head_dim`) each: one for all query heads, one for all key heads.
pub(crate) struct HeadNorms {
    pub(crate) queries: Vec<f32>,
    pub(crate) keys: Vec<f32>,
}

/// A feed-forward half. `inner` is the intermediate size.
pub(crate) enum FeedForward<M = Matrix> {
    /// `down(act(gate) * up)`
    Gated(Gated<M>),
    /// `down(gelu(up))`
    Plain {
        /// (inner, hidden)
        up: Linear<M>,
        /// (hidden, inner)
        down: Linear<M>,
    },
    /// A mixture of experts, each of them gated.
    Moe(Moe<M>),
}

/// A gated feed-forward half.
pub(crate) struct Gated<M = Matrix> {
    /// The activation of the gate.
    pub(crate) activation: Activation,
    /// Gate, then up: (inner + inner, hidden).
    pub(crate) gate_up: Linear<M>,
    /// (hidden, inner)
    pub(crate) down: Linear<M>,
}

/// A mixture of experts: each token uses the experts that the router gives the highest scores.
pub(crate) struct Moe<M = Matrix> {
    /// How many there are and how many a token uses.
    pub(crate) shape: MoeConfig,
    /// (experts, hidden)
    pub(crate) router: M,
    /// In order.
    pub(crate) experts: Vec<Gated<M>>,
}

/// A matrix and its bias.
pub(crate) struct Linear<M = Matrix> {
    /// (outputs, inputs)
    pub(crate) matrix: M,
    /// (outputs), if there is one.
    pub(crate) bias: Option<Vec<f32>>,
}

/// The weights of a norm, one per column.
pub(crate) enum Norm {
    /// Divides by the root mean square.
    Rms(Vec<f32>),
    /// Subtracts the mean, divides by the standard deviation, and adds a bias after the weight.
    Mean { weight: Vec<f32>, bias: Vec<f32> },
}

impl<M> LayerWeights<M> {
    /// The matrices that one token reads, in the order of the forward pass; of experts, as many as a token uses.
    pub(crate) fn matrices_of_a_token(&self) -> Vec<&M> {
        let n_experts = match &self.feed_forward {
            FeedForward::Moe(moe) => moe.shape.n_used,
            FeedForward::Gated(_) | FeedForward::Plain { .. } => 0,
        };
        self.matrices_with(n_experts)
    }

    /// All matrices.
    pub(crate) fn matrices(&self) -> Vec<&M> {
        self.matrices_with(usize::MAX)
    }

    fn matrices_with(&self, n_experts: usize) -> Vec<&M> {
        let mut matrices = vec![&self.qkv.matrix, &self.attn_output.matrix];
        match &self.feed_forward {
            FeedForward::Gated(gated) => matrices.extend(gated.matrices()),
            FeedForward::Plain { up, down } => matrices.extend([&up.matrix, &down.matrix]),
            FeedForward::Moe(moe) => {
                matrices.push(&moe.router);
                matrices.extend(moe.experts.iter().take(n_experts).flat_map(Gated::matrices));
            }
        }
        matrices
    }
}

impl<M> Gated<M> {
    fn matrices(&self) -> [&M; 2] {
        [&self.gate_up.matrix, &self.down.matrix]
    }
}

impl<M> Linear<M> {
    /// A matrix without a bias.
    pub(crate) fn without_bias(matrix: M) -> Self {
        Self { matrix, bias: None }
    }
}

impl Norm {
    /// Multiplies the results by a number.
    pub(crate) fn scale(&mut self, factor: f32) {
        let values = match self {
            Self::Rms(weight) => weight.iter_mut().chain(&mut []),
            Self::Mean { weight, bias } => weight.iter_mut().chain(bias.as_mut_slice()),
        };
        values.for_each(|value| *value *= factor);
    }
}
