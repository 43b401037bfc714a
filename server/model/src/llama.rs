//! The llama architecture: Llama 2 and 3, `CodeLlama`, Mistral and Codestral, DeepSeek-Coder, Granite-Code, Mellum,
//! `SmolLM`, Mixtral and every other model whose GGUF file says `llama`.
//!
//! Converters permute the rows of queries and keys in these files so that neighbours rotate together; the rotation
//! follows them, the weights stay as they are. References: `LlamaForCausalLM`, `MistralForCausalLM` and
//! `MixtralForCausalLM` of Hugging Face transformers.

use crate::ModelError;
use crate::decoder::Layers;
use crate::llama_like::{self, Biases, Ffn, LLAMA, Parts};
use crate::weights::Weights;

/// Reads the weights of a llama model; some (Granite-Code) have biases, and some experts, which the file shows.
pub(crate) fn load(weights: &mut Weights<'_>) -> Result<Layers, ModelError> {
    let ffn = if weights.config().experts.is_some() { Ffn::Experts } else { LLAMA.ffn };
    let biases = Biases {
        qkv: weights.has("blk.0.attn_q.bias"),
        out: weights.has("blk.0.attn_output.bias"),
        ffn: weights.has("blk.0.ffn_up.bias"),
    };
    llama_like::load(weights, Parts { biases, ffn, ..LLAMA })
}
