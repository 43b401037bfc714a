//! The qwen2 architecture: Qwen2, Qwen2.5 and Qwen2.5-Coder, and our own models.
//!
//! RMS norms, grouped-query attention with biases on queries, keys and values, rotary positions in pairs half a head
//! apart, a SiLU-gated feed-forward. Reference: `Qwen2ForCausalLM` of Hugging Face transformers; tensor names as
//! llama.cpp's converter writes them.

use crate::ModelError;
use crate::block::Block;
use crate::decoder::Layers;
use crate::weights::Weights;

/// Reads the weights of a qwen2 model.
pub(crate) fn load(weights: &mut Weights<'_>) -> Result<Layers, ModelError> {
    let config = weights.config();
    let hidden = config.hidden;
    let embedding = weights.matrix(&[("token_embd.weight", config.vocab)], hidden)?;
    let final_norm = weights.vector("output_norm.weight", hidden)?;
    let output = if config.tied_embeddings {
        None
    } else {
        Some(weights.matrix(&[("output.weight", config.vocab)], hidden)?)
    };
    let mut blocks = Vec::new();
    for index in 0..config.n_layers {
        blocks.push(load_block(weights, index)?);
    }
    Ok(Layers { embedding, blocks, final_norm, output })
}

fn load_block(weights: &mut Weights<'_>, index: usize) -> Result<Block, ModelError> {
    let config = weights.config();
    let (hidden, ffn, q_width, kv_width) =
        (config.hidden, config.ffn, config.q_width(), config.kv_width());
    let name = |part: &str| format!("blk.{index}.{part}");
    let qkv = [("attn_q", q_width), ("attn_k", kv_width), ("attn_v", kv_width)];
    let qkv_weights = qkv.map(|(part, n)| (name(&format!("{part}.weight")), n));
    let qkv_biases = qkv.map(|(part, n)| (name(&format!("{part}.bias")), n));
    let gate_up = [(name("ffn_gate.weight"), ffn), (name("ffn_up.weight"), ffn)];
    Ok(Block {
        attention_norm: weights.vector(&name("attn_norm.weight"), hidden)?,
        qkv: weights.matrix(&borrowed(&qkv_weights), hidden)?,
        qkv_bias: Some(weights.vectors(&borrowed(&qkv_biases))?),
        attention_out: weights.matrix(&[(&name("attn_output.weight"), hidden)], q_width)?,
        ffn_norm: weights.vector(&name("ffn_norm.weight"), hidden)?,
        gate_up: weights.matrix(&borrowed(&gate_up), hidden)?,
        down: weights.matrix(&[(&name("ffn_down.weight"), hidden)], ffn)?,
    })
}

fn borrowed<const N: usize>(parts: &[(String, usize); N]) -> [(&str, usize); N] {
    parts.each_ref().map(|(name, n)| (name.as_str(), *n))
}
