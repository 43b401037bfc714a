//! What llama-like architectures share: reading the weights of norms, grouped-query attention with rotary positions
//! and a feed-forward half. Tensor names are those that llama.cpp's converter writes.
//!
//! An architecture says in [`Parts`] what it has besides; nothing here asks for its name.

use crate::ModelError;
use crate::block::{Block, HeadNorms};
use crate::decoder::Layers;
use crate::experts::Mixture;
use crate::feed_forward::{Activation, FeedForward, Gated, Linear};
use crate::norm::Norm;
use crate::weights::{Pack, Weights};

/// What a layer is made of where architectures differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    /// The norms before the halves of a layer and before the output.
    pub(crate) norms: Norms,
    /// Queries, keys and values stand in one tensor.
    pub(crate) fused_qkv: bool,
    /// Where biases are added.
    pub(crate) biases: Biases,
    /// An RMS norm of each query and key head, before rotation.
    pub(crate) head_norms: bool,
    /// Norms of what attention and the feed-forward half give.
    pub(crate) post_norms: bool,
    /// The feed-forward half.
    pub(crate) ffn: Ffn,
}

/// The kinds of norms.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Norms {
    /// By the root mean square.
    Rms,
    /// By mean and variance, with biases.
    Mean,
}

/// Which products have biases.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Biases {
    /// Queries, keys and values.
    pub(crate) qkv: bool,
    /// What attention gives.
    pub(crate) out: bool,
    /// The feed-forward half.
    pub(crate) ffn: bool,
}

/// The kinds of feed-forward halves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ffn {
    /// Gate and up, a tensor each.
    Gated(Activation),
    /// Gate and up in one tensor.
    FusedGated(Activation),
    /// No gate.
    Plain,
    /// As many experts as the metadata say.
    Experts,
}

/// RMS norms, no biases, a feed-forward half gated by `SiLU`: what Llama has.
pub(crate) const LLAMA: Parts = Parts {
    norms: Norms::Rms,
    fused_qkv: false,
    biases: Biases { qkv: false, out: false, ffn: false },
    head_norms: false,
    post_norms: false,
    ffn: Ffn::Gated(Activation::Silu),
};

/// Reads the weights of a whole model, for whatever multiplies with them.
pub(crate) fn load<P: Pack>(
    weights: &mut Weights<'_, P>,
    parts: Parts,
) -> Result<Layers<P::Matrix>, ModelError> {
    let config = weights.config();
    let hidden = config.hidden;
    let (embedding, output) = weights.ends()?;
    let mut final_norm = norm(weights, parts, "output_norm", hidden)?;
    // Before the output matrix instead of behind it: there are fewer columns than tokens.
    if config.logit_divisor != 1.0 {
        final_norm.scale(1.0 / config.logit_divisor);
    }
    // Llama 3 and long-context models stretch slow rotations by factors of their own, one for each pair of a head. Of
    // factors for short and for long texts the short ones hold: the context ends where the long ones would begin.
    let n_pairs = config.rope_dim / 2;
    let short = weights.vector_if_any("rope_factors_short.weight", n_pairs)?;
    let rope_divisors = match short {
        Some(short) => Some(short),
        None => weights.vector_if_any("rope_freqs.weight", n_pairs)?,
    };
    let mut blocks = Vec::new();
    for index in 0..config.n_layers {
        blocks.push(load_block(weights, parts, index)?);
    }
    Ok(Layers { embedding, blocks, final_norm, output, rope_divisors })
}

fn load_block<P: Pack>(
    weights: &mut Weights<'_, P>,
    parts: Parts,
    index: usize,
) -> Result<Block<P::Matrix>, ModelError> {
    let config = weights.config();
    let (hidden, q_width, kv_width) = (config.hidden, config.q_width(), config.kv_width());
    let name = |part: &str| format!("blk.{index}.{part}");
    let head_norms = if parts.head_norms {
        Some(HeadNorms {
            queries: weights.vector(&name("attn_q_norm.weight"), config.head_dim)?,
            keys: weights.vector(&name("attn_k_norm.weight"), config.head_dim)?,
        })
    } else {
        None
    };
    let post_norm = |weights: &mut Weights<'_, P>, part: &str| {
        if parts.post_norms { weights.vector(&name(part), hidden).map(Some) } else { Ok(None) }
    };
    let post_attention_norm = post_norm(weights, "post_attention_norm.weight")?;
    let post_ffn_norm = post_norm(weights, "post_ffw_norm.weight")?;
    let separate = [("attn_q", q_width), ("attn_k", kv_width), ("attn_v", kv_width)];
    let fused = [("attn_qkv", q_width + 2 * kv_width)];
    let qkv: &[(&str, usize)] = if parts.fused_qkv { &fused } else { &separate };
    Ok(Block {
        attention_norm: norm(weights, parts, &name("attn_norm"), hidden)?,
        qkv: linear(weights, index, qkv, hidden, parts.biases.qkv)?,
        head_norms,
        attention_out: linear(
            weights,
            index,
            &[("attn_output", hidden)],
            q_width,
            parts.biases.out,
        )?,
        post_attention_norm,
        ffn_norm: norm(weights, parts, &name("ffn_norm"), hidden)?,
        feed_forward: feed_forward(weights, parts, index)?,
        post_ffn_norm,
        window: config.window_of(index),
    })
}

fn feed_forward<P: Pack>(
    weights: &mut Weights<'_, P>,
    parts: Parts,
    index: usize,
) -> Result<FeedForward<P::Matrix>, ModelError> {
    let config = weights.config();
    let (hidden, ffn, biases) = (config.hidden, config.ffn, parts.biases.ffn);
    let gated = |weights: &mut Weights<'_, P>, activation, inputs: &[(&str, usize)]| {
        let gate_up = linear(weights, index, inputs, hidden, biases)?;
        let down = linear(weights, index, &[("ffn_down", hidden)], ffn, biases)?;
        Ok(FeedForward::Gated(Gated { activation, gate_up, down }))
    };
    match (parts.ffn, config.experts) {
        (Ffn::Gated(activation), _) => {
            gated(weights, activation, &[("ffn_gate", ffn), ("ffn_up", ffn)])
        }
        (Ffn::FusedGated(activation), _) => gated(weights, activation, &[("ffn_up", 2 * ffn)]),
        (Ffn::Plain, _) | (Ffn::Experts, None) => Ok(FeedForward::Plain {
            up: linear(weights, index, &[("ffn_up", ffn)], hidden, biases)?,
            down: linear(weights, index, &[("ffn_down", hidden)], ffn, biases)?,
        }),
        (Ffn::Experts, Some(shape)) => {
            let name = |part: &str| format!("blk.{index}.{part}");
            let router = weights.unquantized(&name("ffn_gate_inp.weight"), shape.n, hidden)?;
            let mut experts = Vec::new();
            let (gate, up, down) = (name("ffn_gate"), name("ffn_up"), name("ffn_down"));
            for expert in 0..shape.n {
                let of = (expert, shape.n);
                let gate_up = weights.expert(&[(&gate, ffn), (&up, ffn)], of, hidden)?;
                let down = weights.expert(&[(&down, hidden)], of, ffn)?;
                let activation = Activation::Silu;
                experts.push(Gated { activation, gate_up: plain(gate_up), down: plain(down) });
            }
            Ok(FeedForward::Experts(Mixture { shape, router, experts }))
        }
    }
}

fn plain<M>(matrix: M) -> Linear<M> {
    Linear { matrix, bias: None }
}

fn norm<P: Pack>(
    weights: &mut Weights<'_, P>,
    parts: Parts,
    name: &str,
    length: usize,
) -> Result<Norm, ModelError> {
    let weight = weights.vector(&format!("{name}.weight"), length)?;
    match parts.norms {
        Norms::Rms => Ok(Norm::Rms(weight)),
        Norms::Mean => {
            let bias = weights.vector(&format!("{name}.bias"), length)?;
            Ok(Norm::Mean { weight, bias })
        }
    }
}

/// Reads matrices of one layer, stacked along their outputs, and their biases.
fn linear<P: Pack>(
    weights: &mut Weights<'_, P>,
    index: usize,
    parts: &[(&str, usize)],
    columns: usize,
    has_bias: bool,
) -> Result<Linear<P::Matrix>, ModelError> {
    let named = |kind: &str| -> Vec<(String, usize)> {
        parts.iter().map(|(part, n)| (format!("blk.{index}.{part}.{kind}"), *n)).collect()
    };
    let matrix = weights.matrix(&borrowed(&named("weight")), columns)?;
    let bias = if has_bias { Some(weights.vectors(&borrowed(&named("bias")))?) } else { None };
    Ok(Linear { matrix, bias })
}

fn borrowed(parts: &[(String, usize)]) -> Vec<(&str, usize)> {
    parts.iter().map(|(name, n)| (name.as_str(), *n)).collect()
}
