//! The qwen3moe architecture: Qwen3-Coder-30B-A3B and its kin.
//!
//! qwen3 with a choice of experts in place of each feed-forward half. Reference: `Qwen3MoeForCausalLM` of Hugging Face
//! transformers.

use crate::Config;
use crate::ModelError;
use crate::config::Keys;
use crate::decoder::Layers;
use crate::llama_like::{self, Ffn, LLAMA, Parts};
use crate::weights::Weights;

/// Demands experts.
pub(crate) fn adapt(keys: &Keys<'_>, config: &mut Config) -> Result<(), ModelError> {
    match config.experts {
        Some(_) => Ok(()),
        None => Err(keys.wrong("expert_count", "is missing (a whole number)".to_owned())),
    }
}

/// Reads the weights of a qwen3moe model.
pub(crate) fn load(weights: &mut Weights<'_>) -> Result<Layers, ModelError> {
    llama_like::load(weights, Parts { head_norms: true, ffn: Ffn::Experts, ..LLAMA })
}
