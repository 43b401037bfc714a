//! The qwen3 architecture: Qwen3 and what was trained from it.
//!
//! Llama-like, with a norm of each query and key head instead of qwen2's biases; heads may be wider than the stream
//! divided by their number. Reference: `Qwen3ForCausalLM` of Hugging Face transformers.

use crate::ModelError;
use crate::decoder::Layers;
use crate::llama_like::{self, LLAMA, Parts};
use crate::weights::Weights;

/// Reads the weights of a qwen3 model.
pub(crate) fn load(weights: &mut Weights<'_>) -> Result<Layers, ModelError> {
    llama_like::load(weights, Parts { head_norms: true, ..LLAMA })
}
