//! The qwen2 architecture: Qwen2, Qwen2.5 and Qwen2.5-Coder, and our own models.
//!
//! Llama-like, with biases on queries, keys and values; rotary positions in pairs half a head apart. Reference:
//! `Qwen2ForCausalLM` of Hugging Face transformers.

use crate::ModelError;
use crate::decoder::Layers;
use crate::llama_like::{self, Biases, LLAMA, Parts};
use crate::weights::Weights;

/// Reads the weights of a qwen2 model.
pub(crate) fn load(weights: &mut Weights<'_>) -> Result<Layers, ModelError> {
    llama_like::load(weights, Parts { biases: Biases { qkv: true, ..LLAMA.biases }, ..LLAMA })
}
