//! The llama architecture: Llama 2 and 3, `CodeLlama`, Mistral and Codestral, DeepSeek-Coder, Granite-Code, Mellum,
//! `SmolLM`, Mixtral and every other model whose GGUF file says `llama`.
//!
//! Converters permute the rows of queries and keys in GGUF files so that neighbours rotate together: the layout is
//! interleaved there. References: `LlamaForCausalLM`, `MistralForCausalLM` and
//! `MixtralForCausalLM` of Hugging Face transformers.

use super::spec::{Biases, FeedForwardSpec, LLAMA, LayerSpec};
use crate::config::Config;
use crate::file::tensors::Tensors;

/// The layers of a llama model. Some (Granite-Code) have biases, and some (Mixtral) experts; the file decides.
pub(crate) fn layers(config: &Config, tensors: &Tensors) -> LayerSpec {
    let ffn = if config.experts.is_some() { FeedForwardSpec::Moe } else { LLAMA.ffn };
    let has = |tensor| tensors.contains(tensor);
    let biases = Biases {
        qkv: has("blk.0.attn_q.bias"),
        out: has("blk.0.attn_output.bias"),
        ffn: has("blk.0.ffn_up.bias"),
    };
    LayerSpec { biases, ffn, ..LLAMA }
}
