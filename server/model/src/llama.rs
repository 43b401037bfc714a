//! The llama architecture: Llama 2 and 3, `CodeLlama`, Mistral and Codestral, DeepSeek-Coder, Granite-Code, Mellum,
//! `SmolLM` and every other model whose GGUF file says `llama`.
//!
//! Converters permute the rows of queries and keys in these files so that neighbours rotate together; the rotation
//! follows them, the weights stay as they are. Reference: `LlamaForCausalLM` of Hugging Face transformers.

use crate::ModelError;
use crate::decoder::Layers;
use crate::llama_like::{self, Parts};
use crate::weights::Weights;

/// Reads the weights of a llama model; some (Granite's larger ones) have biases, which the file shows.
pub(crate) fn load(weights: &mut Weights<'_>) -> Result<Layers, ModelError> {
    let qkv_biases = weights.has("blk.0.attn_q.bias");
    llama_like::load(weights, Parts { qkv_biases, head_norms: false })
}
