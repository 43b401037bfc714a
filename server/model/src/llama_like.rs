//! What llama-like architectures share: reading the weights of RMS norms, grouped-query attention with rotary
//! positions and a SiLU-gated feed-forward. Tensor names are those that llama.cpp's converter writes.
//!
//! An architecture says in [`Parts`] what it has besides; nothing here asks for its name.

use crate::ModelError;
use crate::block::{Block, HeadNorms};
use crate::decoder::Layers;
use crate::weights::Weights;

/// What a layer has besides what all have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    /// Biases on queries, keys and values.
    pub(crate) qkv_biases: bool,
    /// An RMS norm of each query and key head, before rotation.
    pub(crate) head_norms: bool,
}

/// Reads the weights of a whole model.
pub(crate) fn load(weights: &mut Weights<'_>, parts: Parts) -> Result<Layers, ModelError> {
    let config = weights.config();
    let hidden = config.hidden;
    let embedding = weights.matrix(&[("token_embd.weight", config.vocab)], hidden)?;
    let final_norm = weights.vector("output_norm.weight", hidden)?;
    let output = if config.tied_embeddings {
        None
    } else {
        Some(weights.matrix(&[("output.weight", config.vocab)], hidden)?)
    };
    // Llama 3 stretches slow rotations by factors of their own, one for each pair of a head.
    let rope_divisors = weights.vector_if_any("rope_freqs.weight", config.head_dim / 2)?;
    let mut blocks = Vec::new();
    for index in 0..config.n_layers {
        blocks.push(load_block(weights, parts, index)?);
    }
    Ok(Layers { embedding, blocks, final_norm, output, rope_divisors })
}

fn load_block(weights: &mut Weights<'_>, parts: Parts, index: usize) -> Result<Block, ModelError> {
    let config = weights.config();
    let (hidden, ffn, q_width, kv_width) =
        (config.hidden, config.ffn, config.q_width(), config.kv_width());
    let name = |part: &str| format!("blk.{index}.{part}");
    let qkv = [("attn_q", q_width), ("attn_k", kv_width), ("attn_v", kv_width)];
    let qkv_weights = qkv.map(|(part, n)| (name(&format!("{part}.weight")), n));
    let qkv_biases = qkv.map(|(part, n)| (name(&format!("{part}.bias")), n));
    let gate_up = [(name("ffn_gate.weight"), ffn), (name("ffn_up.weight"), ffn)];
    let head_norms = if parts.head_norms {
        Some(HeadNorms {
            queries: weights.vector(&name("attn_q_norm.weight"), config.head_dim)?,
            keys: weights.vector(&name("attn_k_norm.weight"), config.head_dim)?,
        })
    } else {
        None
    };
    let qkv_bias =
        if parts.qkv_biases { Some(weights.vectors(&borrowed(&qkv_biases))?) } else { None };
    Ok(Block {
        attention_norm: weights.vector(&name("attn_norm.weight"), hidden)?,
        qkv: weights.matrix(&borrowed(&qkv_weights), hidden)?,
        qkv_bias,
        head_norms,
        attention_out: weights.matrix(&[(&name("attn_output.weight"), hidden)], q_width)?,
        ffn_norm: weights.vector(&name("ffn_norm.weight"), hidden)?,
        gate_up: weights.matrix(&borrowed(&gate_up), hidden)?,
        down: weights.matrix(&[(&name("ffn_down.weight"), hidden)], ffn)?,
    })
}

fn borrowed<const N: usize>(parts: &[(String, usize); N]) -> [(&str, usize); N] {
    parts.each_ref().map(|(name, n)| (name.as_str(), *n))
}
