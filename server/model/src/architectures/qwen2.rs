//! The qwen2 architecture: Qwen2, Qwen2.5 and Qwen2.5-Coder, and our own models.
//!
//! Llama-like, with biases on queries, keys and values; the rotary layout is `NeoX`'s. Reference:
//! `Qwen2ForCausalLM` of Hugging Face transformers.

use super::spec::{Biases, LLAMA, LayerSpec};

/// The layers of a qwen2 model.
pub(crate) const LAYERS: LayerSpec =
    LayerSpec { biases: Biases { qkv: true, ..LLAMA.biases }, ..LLAMA };
