//! The llama architecture: Llama 2 and 3, `CodeLlama`, Mistral and Codestral, DeepSeek-Coder, Granite-Code, Mellum,
//! `SmolLM`, Mixtral and every other model whose GGUF file says `llama`.
//!
//! Converters permute the rows of queries and keys in these files so that neighbours rotate together; the rotation
//! follows them, the weights stay as they are. References: `LlamaForCausalLM`, `MistralForCausalLM` and
//! `MixtralForCausalLM` of Hugging Face transformers.

use crate::ModelFile;
use crate::llama_like::{Biases, Ffn, LLAMA, Parts};

/// What the layers of a llama model have; some (Granite-Code) have biases, and some experts, which the file shows.
pub(crate) fn parts(file: &ModelFile) -> Parts {
    let ffn = if file.config().experts.is_some() { Ffn::Experts } else { LLAMA.ffn };
    let has = |tensor| file.tensors().contains(tensor);
    let biases = Biases {
        qkv: has("blk.0.attn_q.bias"),
        out: has("blk.0.attn_output.bias"),
        ffn: has("blk.0.ffn_up.bias"),
    };
    Parts { biases, ffn, ..LLAMA }
}
