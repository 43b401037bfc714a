//! The forward pass of a decoder-only model on our own kernels, from token ids to logits.
//!
//! Read it from top to bottom: [`forward`] takes a chunk of tokens through the model, [`layer`] through one layer with
//! its two halves. The comment beside a step is the shape of its result, (rows, columns),
//! row by row. The sizes:
//!
//! - `m`: the tokens of the chunk, which are at the positions from `position` on
//! - `hidden`: the width of the residual stream `x`
//! - `q`, `kv`: the widths of all query heads, and of all key (or value) heads
//! - `inner`: the intermediate size of the feed-forward half
//!
//! Where architectures differ, a field of the weights or of the configuration decides. Matrices that read the same input
//! are stacked (q|k|v, gate|up), so the input is quantized once and each thread has more rows to work on.
//! Invariant: a row's bits do not depend on the other rows of its chunk.

use lowkey_kernels::{
    KvLayer, Pool, QuantizedActivations, Queries, ResidualAdd, Rope, ShapeError, add_rows,
    attention, matmul, rms_norm, soft_cap,
};

use super::moe::{MoeScratch, add_experts};
use super::ops::{add_linear, gate_up, linear, norm, sized};
use super::threads::Threads;
use crate::config::Config;
use crate::load::decoder_weights::{DecoderWeights, FeedForward, HeadNorms, LayerWeights, Linear};
use crate::pass::Chunk;

/// The parts of a model that a pass reads.
pub(super) struct Model<'a> {
    pub(super) config: &'a Config,
    pub(super) weights: &'a DecoderWeights,
    /// The rotations of every position of the pass.
    pub(super) rope: &'a Rope,
    pub(super) threads: &'a Threads,
    /// Multiplications of one token in all layers.
    pub(super) token_products: usize,
}

/// The buffers of a pass, kept between calls; they grow to the largest pass they have seen.
pub(super) struct Buffers {
    /// The residual stream.
    x: Vec<f32>,
    scratch: Scratch,
}

/// Buffers of one layer.
struct Scratch {
    /// The input of a product.
    input: QuantizedActivations,
    /// The input of a feed-forward half's last product.
    inner: QuantizedActivations,
    qkv: Vec<f32>,
    attended: Vec<f32>,
    gate_up: Vec<f32>,
    /// A result that is normalised or scaled before it is added to the stream.
    result: Vec<f32>,
    moe: MoeScratch,
}

/// The rows of a chunk that a layer computes.
#[derive(Clone, Copy)]
struct Rows<'a> {
    pool: &'a Pool,
    config: &'a Config,
    /// The position of the first row.
    position: usize,
    /// The number of rows.
    m: usize,
}

/// Runs a chunk of tokens, the first at `position`: writes their keys and values, and appends the wanted logits.
///
/// Returns `false` if `cancelled` returned true before some layer.
pub(super) fn forward(
    model: &Model<'_>,
    buffers: &mut Buffers,
    chunk: &Chunk<'_>,
    kv: &mut [KvLayer],
    position: usize,
    logits: &mut Vec<f32>,
    cancelled: &dyn Fn() -> bool,
) -> Result<bool, ShapeError> {
    let Model { config, weights, rope, threads, token_products } = *model;
    let Config { hidden, vocab, norm_eps, .. } = *config;
    let Buffers { x, scratch } = buffers;
    let (m, n_layers) = (chunk.tokens.len(), weights.layers.len());
    // Nearly all of a layer's products are in four matrices.
    let products = m.saturating_mul(token_products / (4 * n_layers).max(1));
    let rows = Rows { pool: threads.pool_for(products), config, position, m };

    let x = sized(x, m * hidden); // (m, hidden)
    chunk.embed(&weights.embedding, config, x)?;
    for (i, (weights, kv)) in weights.layers.iter().zip(kv).enumerate() {
        if cancelled() {
            return Ok(false);
        }
        layer(rows, weights, rope, scratch, kv, x, chunk.n_rows_after(i, n_layers))?;
    }

    let n = chunk.n_wanted;
    if n == 0 {
        return Ok(true);
    }
    let x = &x[(m - n) * hidden..]; // (n, hidden)
    let pool = threads.pool_for(n.saturating_mul(vocab * hidden));
    norm(pool, &weights.final_norm, norm_eps, x, n, &mut scratch.input)?; // (n, hidden)
    let output = weights.output.as_ref().unwrap_or(&weights.embedding);
    let begin = logits.len();
    logits.resize(begin + n * vocab, 0.0);
    let logits = &mut logits[begin..]; // (n, vocab)
    matmul(pool, output, &scratch.input, None, false, logits)?;
    if let Some(cap) = config.final_logit_softcap {
        soft_cap(pool, logits, cap);
    }
    Ok(true)
}

/// Runs one layer over `x`, (m, hidden), in place: attention, then the feed-forward half, each after a norm and added
/// to the stream.
///
/// The keys and values of all rows are written into `kv`. Only the last `n_read` rows of `x` get the layer's result: the
/// others are not read after the last layer, and their bits do not matter to the rows that are.
fn layer(
    rows: Rows<'_>,
    weights: &LayerWeights,
    rope: &Rope,
    scratch: &mut Scratch,
    kv: &mut KvLayer,
    x: &mut [f32],
    n_read: usize,
) -> Result<(), ShapeError> {
    let Rows { pool, config, position, m } = rows;
    let (q_width, kv_width, eps) = (config.q_width(), config.kv_width(), config.norm_eps);
    let width = q_width + 2 * kv_width;

    norm(pool, &weights.attn_norm, eps, x, m, &mut scratch.input)?; // (m, hidden)
    let qkv = sized(&mut scratch.qkv, m * width); // (m, q + kv + kv)
    linear(pool, &weights.qkv, &scratch.input, qkv)?;
    if let Some(norms) = &weights.head_norms {
        norm_heads(config, norms, qkv)?; // of each query and key head: (head_dim)
    }
    // Query and key heads are side by side and rotate alike.
    rope.apply_rows(pool, qkv, width, q_width + kv_width, position, m)?; // (m, q + kv)
    let (keys, values) = (&qkv[q_width..], &qkv[q_width + kv_width..]); // (m, kv) each, rows of `width`
    kv.write_rows(pool, position, keys, values, width, m)?;

    let n_skipped = m - n_read.min(m);
    if n_skipped == m {
        return Ok(());
    }
    let (m, position) = (m - n_skipped, position + n_skipped);
    let rows = Rows { position, m, ..rows };
    let x = &mut x[n_skipped * config.hidden..]; // (m, hidden)

    let queries = Queries {
        values: &scratch.qkv[n_skipped * width..], // (m, q), rows of `width`
        row_stride: width,
        m,
        n_heads: config.n_heads,
        position,
        scale: config.attention_scale,
        window: weights.window,
        soft_cap: config.attn_logit_softcap,
    };
    let attended = sized(&mut scratch.attended, m * q_width); // (m, q)
    attention(pool, &queries, kv, attended)?;
    scratch.input.quantize(pool, attended, m, q_width)?;
    let post_norm = weights.post_attn_norm.as_deref();
    let Scratch { input, inner, gate_up: gate_up_values, result, moe: moe_scratch, .. } = scratch;
    add_to_stream(rows, &weights.attn_output, input, post_norm, result, x)?; // (m, hidden)

    norm(pool, &weights.ffn_norm, eps, x, m, input)?; // (m, hidden)
    let post_norm = weights.post_ffn_norm.as_deref();
    match &weights.feed_forward {
        FeedForward::Gated(gated) => {
            gate_up(pool, gated, input, gate_up_values, inner)?; // (m, inner)
            add_to_stream(rows, &gated.down, inner, post_norm, result, x) // (m, hidden)
        }
        FeedForward::Plain { up, down } => {
            let width = config.intermediate_size;
            let gate_up_values = sized(gate_up_values, m * width); // (m, inner)
            linear(pool, up, input, gate_up_values)?;
            inner.gelu(pool, gate_up_values, m, width)?; // (m, inner)
            add_to_stream(rows, down, inner, post_norm, result, x) // (m, hidden)
        }
        FeedForward::Moe(moe) => {
            let result = sized(result, m * config.hidden); // (m, hidden)
            add_experts(pool, moe, (&weights.ffn_norm, eps), x, input, moe_scratch, result)?;
            add_rows(pool, residual_add(config, post_norm), result, m, config.hidden, x)
        }
    }
}

/// Adds a product, (m, hidden), to the stream: as it is, or normalised or scaled where the architecture asks for it.
fn add_to_stream(
    rows: Rows<'_>,
    weights: &Linear,
    input: &QuantizedActivations,
    post_norm: Option<&[f32]>,
    buffer: &mut Vec<f32>,
    x: &mut [f32],
) -> Result<(), ShapeError> {
    let Rows { pool, config, m, .. } = rows;
    if post_norm.is_none() && config.residual_scale == 1.0 {
        return add_linear(pool, weights, input, x);
    }
    let result = sized(buffer, m * config.hidden); // (m, hidden)
    linear(pool, weights, input, result)?;
    add_rows(pool, residual_add(config, post_norm), result, m, config.hidden, x)
}

/// How a result is merged into the stream.
fn residual_add<'w>(config: &Config, post_norm: Option<&'w [f32]>) -> ResidualAdd<'w> {
    match post_norm {
        Some(weight) => ResidualAdd::Normalized { weight, eps: config.norm_eps },
        None => ResidualAdd::Scaled(config.residual_scale),
    }
}

/// Normalises every query and key head of `qkv`, (m, q + kv + kv), in place.
fn norm_heads(config: &Config, norms: &HeadNorms, qkv: &mut [f32]) -> Result<(), ShapeError> {
    let (q_width, kv_width) = (config.q_width(), config.kv_width());
    let mut normed = vec![0.0; config.head_dim];
    for row in qkv.chunks_exact_mut(q_width + 2 * kv_width) {
        let (queries, others) = row.split_at_mut(q_width);
        let keys = &mut others[..kv_width];
        for (heads, weight) in [(queries, &norms.queries), (keys, &norms.keys)] {
            for head in heads.chunks_exact_mut(config.head_dim) {
                rms_norm(head, weight, config.norm_eps, &mut normed)?; // (head_dim)
                head.copy_from_slice(&normed);
            }
        }
    }
    Ok(())
}

impl Buffers {
    /// Makes empty buffers, with floats beside the quants if some matrix of the model holds floats.
    pub(super) fn new(has_floats: bool) -> Self {
        let quantized = || {
            if has_floats {
                QuantizedActivations::with_floats()
            } else {
                QuantizedActivations::new()
            }
        };
        let scratch = Scratch {
            input: quantized(),
            inner: quantized(),
            qkv: Vec::new(),
            attended: Vec::new(),
            gate_up: Vec::new(),
            result: Vec::new(),
            moe: MoeScratch::new([quantized(), quantized()]),
        };
        Self { x: Vec::new(), scratch }
    }
}
