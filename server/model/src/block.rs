//! One decoder layer: attention, then a gated feed-forward, each behind a norm and added to the residual stream.
//!
//! What llama-like architectures share. Matrices that read the same input are fused (q|k|v, gate|up), so the input is
//! quantized once and each thread has more rows to work on.

use lowkey_kernels::{
    KvLayer, Matrix, Pool, Quantized, Queries, Rope, ShapeError, attention, matmul, rms_norm,
};

use crate::Config;

/// The weights of one layer.
pub(crate) struct Block {
    /// Before attention: (`hidden`).
    pub(crate) attention_norm: Vec<f32>,
    /// Queries, keys and values: (`q_width + 2 × kv_width`, `hidden`).
    pub(crate) qkv: Matrix,
    /// Their biases, where the architecture has them: (`q_width + 2 × kv_width`).
    pub(crate) qkv_bias: Option<Vec<f32>>,
    /// Norms of single heads, where the architecture has them.
    pub(crate) head_norms: Option<HeadNorms>,
    /// What the heads found, back into the stream: (`hidden`, `q_width`).
    pub(crate) attention_out: Matrix,
    /// Before the feed-forward: (`hidden`).
    pub(crate) ffn_norm: Vec<f32>,
    /// Gate, then up: (`2 × ffn`, `hidden`).
    pub(crate) gate_up: Matrix,
    /// Back into the stream: (`hidden`, `ffn`).
    pub(crate) down: Matrix,
}

/// Norms of single heads, (`head_dim`) each: the same for all heads of a kind.
pub(crate) struct HeadNorms {
    pub(crate) queries: Vec<f32>,
    pub(crate) keys: Vec<f32>,
}

/// Buffers of one pass through a layer, kept between layers and calls.
pub(crate) struct Scratch {
    quantized: Quantized,
    qkv: Vec<f32>,
    attended: Vec<f32>,
    gate_up: Vec<f32>,
}

/// Where a layer runs and what it needs besides its weights.
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
    pub(crate) fn forward(
        &self,
        pass: &Pass<'_>,
        scratch: &mut Scratch,
        kv: &mut KvLayer,
        x: &mut [f32],
    ) -> Result<(), ShapeError> {
        self.attend(pass, scratch, kv, x)?;
        self.feed_forward(pass, scratch, x)
    }

    /// Says whether some matrix holds floats, whose products want unquantized activations.
    pub(crate) fn has_floats(&self) -> bool {
        self.matrices().into_iter().any(Matrix::has_floats)
    }

    /// Its matrices, in the order in which a pass reads them.
    pub(crate) fn matrices(&self) -> [&Matrix; 4] {
        [&self.qkv, &self.attention_out, &self.gate_up, &self.down]
    }

    fn attend(
        &self,
        pass: &Pass<'_>,
        scratch: &mut Scratch,
        kv: &mut KvLayer,
        x: &mut [f32],
    ) -> Result<(), ShapeError> {
        let Pass { pool, config, rope, position, m } = *pass;
        let (q_width, kv_width) = (config.q_width(), config.kv_width());
        let row_width = q_width + 2 * kv_width;
        let qkv = sized(&mut scratch.qkv, m * row_width);
        scratch.quantized.rms_norm(
            pool,
            x,
            &self.attention_norm,
            config.norm_eps,
            m,
            config.hidden,
        )?;
        matmul(pool, &self.qkv, &scratch.quantized, self.qkv_bias.as_deref(), false, qkv)?;

        if let Some(norms) = &self.head_norms {
            norms.apply(config, qkv, row_width)?;
        }
        // Query and key heads stand side by side and turn alike.
        rope.apply_rows(pool, qkv, row_width, q_width + kv_width, position, m)?;
        kv.write_rows(pool, position, &qkv[q_width..], &qkv[q_width + kv_width..], row_width, m)?;

        let attended = sized(&mut scratch.attended, m * q_width);
        let scale = 1.0 / (config.head_dim as f32).sqrt();
        let queries = Queries {
            values: qkv,
            row_stride: row_width,
            m,
            n_heads: config.n_heads,
            position,
            scale,
        };
        attention(pool, &queries, kv, attended)?;
        scratch.quantized.plain(pool, attended, m, q_width)?;
        matmul(pool, &self.attention_out, &scratch.quantized, None, true, x)
    }

    fn feed_forward(
        &self,
        pass: &Pass<'_>,
        scratch: &mut Scratch,
        x: &mut [f32],
    ) -> Result<(), ShapeError> {
        let Pass { pool, config, m, .. } = *pass;
        let gate_up = sized(&mut scratch.gate_up, m * 2 * config.ffn);
        scratch.quantized.rms_norm(pool, x, &self.ffn_norm, config.norm_eps, m, config.hidden)?;
        matmul(pool, &self.gate_up, &scratch.quantized, None, false, gate_up)?;
        scratch.quantized.silu_mul(pool, gate_up, m, config.ffn)?;
        matmul(pool, &self.down, &scratch.quantized, None, true, x)
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
    /// Makes empty buffers; they grow to the largest pass they have seen.
    pub(crate) fn new(quantized: Quantized) -> Self {
        Self { quantized, qkv: Vec::new(), attended: Vec::new(), gate_up: Vec::new() }
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
