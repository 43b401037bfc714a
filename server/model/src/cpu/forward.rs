//! One decoder layer: attention, then a feed-forward half, each behind a norm and added to the residual stream.
//!
//! What llama-like architectures share; where they differ, a field says so. Matrices that read the same input are fused
//! (q|k|v, gate|up), so the input is quantized once and each thread has more rows to work on.

use lowkey_kernels::{
    KvLayer, Matrix, Merge, Pool, Quantized, Queries, Rope, ShapeError, add_rows, attention,
    rms_norm,
};

use crate::Config;
use crate::experts::MixtureScratch;
use crate::feed_forward::{FeedForward, Linear};
use crate::norm::Norm;

/// The weights of one layer; its matrices are those of whatever multiplies them.
pub(crate) struct Block<M = Matrix> {
    /// Before attention: (`hidden`).
    pub(crate) attention_norm: Norm,
    /// Queries, keys and values: (`q_width + 2 × kv_width`, `hidden`).
    pub(crate) qkv: Linear<M>,
    /// Norms of single heads, where the architecture has them.
    pub(crate) head_norms: Option<HeadNorms>,
    /// What the heads found, back into the stream: (`hidden`, `q_width`).
    pub(crate) attention_out: Linear<M>,
    /// Of what attention gives, before it enters the stream: (`hidden`).
    pub(crate) post_attention_norm: Option<Vec<f32>>,
    /// Before the feed-forward half: (`hidden`).
    pub(crate) ffn_norm: Norm,
    /// The feed-forward half.
    pub(crate) feed_forward: FeedForward<M>,
    /// Of what the feed-forward half gives, before it enters the stream: (`hidden`).
    pub(crate) post_ffn_norm: Option<Vec<f32>>,
    /// How many positions a token attends to, itself among them.
    pub(crate) window: usize,
}

/// Norms of single heads, (`head_dim`) each: the same for all heads of a kind.
pub(crate) struct HeadNorms {
    pub(crate) queries: Vec<f32>,
    pub(crate) keys: Vec<f32>,
}

/// Buffers of one pass through a layer, kept between layers and calls.
pub(crate) struct Scratch {
    quantized: Quantized,
    /// What a feed-forward half computes between its products.
    hidden: Quantized,
    qkv: Vec<f32>,
    attended: Vec<f32>,
    gate_up: Vec<f32>,
    /// What is to enter the stream otherwise than by plain addition.
    result: Vec<f32>,
    mixture: MixtureScratch,
}

/// Where a layer runs and what it needs besides its weights.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a> {
    /// The threads.
    pub(crate) pool: &'a Pool,
    /// The model's shape.
    pub(crate) config: &'a Config,
    /// Rotations for all positions of this pass.
    pub(crate) rope: &'a Rope,
    /// The position of the first token.
    pub(crate) position: usize,
    /// The number of tokens.
    pub(crate) m: usize,
}

impl Block {
    /// Runs the layer over `x`, (m, hidden), in place; writes keys and values of its tokens into `kv`.
    ///
    /// Only the last `n_wanted` rows of `x` are what the layer makes of them. Behind the last layer nobody reads the
    /// others, and a row's bits do not depend on its neighbours, so nothing is lost by not computing them.
    pub(crate) fn forward(
        &self,
        pass: &Pass<'_>,
        scratch: &mut Scratch,
        kv: &mut KvLayer,
        x: &mut [f32],
        n_wanted: usize,
    ) -> Result<(), ShapeError> {
        self.write_keys_and_values(pass, scratch, kv, x)?;
        let n_others = pass.m - n_wanted.min(pass.m);
        if n_others == pass.m {
            return Ok(());
        }
        let rest = Pass { position: pass.position + n_others, m: pass.m - n_others, ..*pass };
        let x = &mut x[n_others * pass.config.hidden..];
        self.attend(&rest, scratch, kv, n_others, x)?;
        self.feed_forward(&rest, scratch, x)
    }

    /// Says whether some matrix holds floats, whose products want unquantized activations.
    pub(crate) fn has_floats(&self) -> bool {
        let of_attention = [&self.qkv.matrix, &self.attention_out.matrix];
        of_attention.into_iter().any(Matrix::has_floats) || self.feed_forward.has_floats()
    }

    /// The matrices that a token reads, in the order in which a pass reads them.
    pub(crate) fn matrices(&self) -> Vec<&Matrix> {
        let mut matrices = vec![&self.qkv.matrix, &self.attention_out.matrix];
        matrices.extend(self.feed_forward.matrices());
        matrices
    }

    /// Leaves the queries in `scratch.qkv`.
    fn write_keys_and_values(
        &self,
        pass: &Pass<'_>,
        scratch: &mut Scratch,
        kv: &mut KvLayer,
        x: &[f32],
    ) -> Result<(), ShapeError> {
        let Pass { pool, config, rope, position, m } = *pass;
        let (q_width, kv_width) = (config.q_width(), config.kv_width());
        let row_width = q_width + 2 * kv_width;
        let qkv = sized(&mut scratch.qkv, m * row_width);
        self.attention_norm.quantize(pool, x, config.norm_eps, m, &mut scratch.quantized)?;
        self.qkv.apply(pool, &scratch.quantized, false, qkv)?;

        if let Some(norms) = &self.head_norms {
            norms.apply(config, qkv, row_width)?;
        }
        // Query and key heads stand side by side and turn alike.
        rope.apply_rows(pool, qkv, row_width, q_width + kv_width, position, m)?;
        kv.write_rows(pool, position, &qkv[q_width..], &qkv[q_width + kv_width..], row_width, m)
    }

    /// Attends with the queries of `scratch.qkv`, all but the first `n_others`; `x` are their rows.
    fn attend(
        &self,
        pass: &Pass<'_>,
        scratch: &mut Scratch,
        kv: &KvLayer,
        n_others: usize,
        x: &mut [f32],
    ) -> Result<(), ShapeError> {
        let Pass { pool, config, position, m, .. } = *pass;
        let q_width = config.q_width();
        let row_width = q_width + 2 * config.kv_width();
        let attended = sized(&mut scratch.attended, m * q_width);
        let queries = Queries {
            values: &scratch.qkv[n_others * row_width..],
            row_stride: row_width,
            m,
            n_heads: config.n_heads,
            position,
            scale: config.attention_scale,
            window: self.window,
            soft_cap: config.attention_cap,
        };
        attention(pool, &queries, kv, attended)?;
        scratch.quantized.plain(pool, attended, m, q_width)?;
        let Scratch { quantized, result, .. } = scratch;
        pass.enter(&self.attention_out, quantized, self.post_attention_norm.as_deref(), result, x)
    }

    fn feed_forward(
        &self,
        pass: &Pass<'_>,
        scratch: &mut Scratch,
        x: &mut [f32],
    ) -> Result<(), ShapeError> {
        let Pass { pool, config, m, .. } = *pass;
        let Scratch { quantized, hidden, gate_up, result, mixture, .. } = scratch;
        self.ffn_norm.quantize(pool, x, config.norm_eps, m, quantized)?;
        let post_norm = self.post_ffn_norm.as_deref();
        match &self.feed_forward {
            FeedForward::Gated(gated) => {
                gated.hidden(pool, quantized, gate_up, hidden)?;
                pass.enter(&gated.down, hidden, post_norm, result, x)
            }
            FeedForward::Plain { up, down } => {
                let rows = sized(gate_up, m * config.ffn);
                up.apply(pool, quantized, false, rows)?;
                hidden.gelu(pool, rows, m, config.ffn)?;
                pass.enter(down, hidden, post_norm, result, x)
            }
            FeedForward::Experts(experts) => {
                let result = sized(result, m * config.hidden);
                let norm = (&self.ffn_norm, config.norm_eps);
                experts.forward(pool, norm, x, quantized, mixture, result)?;
                add_rows(pool, pass.merge(post_norm), result, m, config.hidden, x)
            }
        }
    }
}

impl Pass<'_> {
    /// Adds the product to the stream, normalised or scaled where the architecture asks for it.
    fn enter(
        &self,
        last: &Linear,
        input: &Quantized,
        post_norm: Option<&[f32]>,
        buffer: &mut Vec<f32>,
        x: &mut [f32],
    ) -> Result<(), ShapeError> {
        if post_norm.is_none() && self.config.residual_scale == 1.0 {
            return last.apply(self.pool, input, true, x);
        }
        let result = sized(buffer, self.m * self.config.hidden);
        last.apply(self.pool, input, false, result)?;
        add_rows(self.pool, self.merge(post_norm), result, self.m, self.config.hidden, x)
    }

    fn merge<'w>(&self, post_norm: Option<&'w [f32]>) -> Merge<'w> {
        match post_norm {
            Some(weight) => Merge::Normed { weight, eps: self.config.norm_eps },
            None => Merge::Scaled(self.config.residual_scale),
        }
    }
}

impl HeadNorms {
    /// Normalises every query and key head of `qkv`, rows of `row_width`, in place.
    fn apply(&self, config: &Config, qkv: &mut [f32], row_width: usize) -> Result<(), ShapeError> {
        let (q_width, kv_width) = (config.q_width(), config.kv_width());
        let mut head = vec![0.0; config.head_dim];
        for row in qkv.chunks_exact_mut(row_width) {
            let (queries, others) = row.split_at_mut(q_width);
            let keys = &mut others[..kv_width];
            for (values, weight) in [(queries, &self.queries), (keys, &self.keys)] {
                for values in values.chunks_exact_mut(config.head_dim) {
                    rms_norm(values, weight, config.norm_eps, &mut head)?;
                    values.copy_from_slice(&head);
                }
            }
        }
        Ok(())
    }
}

impl Scratch {
    /// Makes empty buffers, with floats beside the quants if `has_floats`; they grow to the largest pass they have seen.
    pub(crate) fn new(has_floats: bool) -> Self {
        let quantized = || if has_floats { Quantized::with_floats() } else { Quantized::new() };
        Self {
            quantized: quantized(),
            hidden: quantized(),
            qkv: Vec::new(),
            attended: Vec::new(),
            gate_up: Vec::new(),
            result: Vec::new(),
            mixture: MixtureScratch::new([quantized(), quantized()]),
        }
    }

    /// The buffer for quantized activations, between layers.
    pub(crate) fn quantized(&mut self) -> &mut Quantized {
        &mut self.quantized
    }
}

/// The first `n` numbers of a buffer, which grows if need be and never shrinks. Their values are left over.
pub(crate) fn sized(buffer: &mut Vec<f32>, n: usize) -> &mut [f32] {
    if buffer.len() < n {
        buffer.resize(n, 0.0);
    }
    &mut buffer[..n]
}
