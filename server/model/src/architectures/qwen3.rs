//! The qwen3 architecture: Qwen3 and models trained from it.
//!
//! Llama-like, with a norm of each query and key head instead of qwen2's biases; heads may be wider than the stream
//! divided by the number of heads. Reference: `Qwen3ForCausalLM` of Hugging Face transformers.

use super::spec::{LLAMA, LayerSpec};

/// The layers of a qwen3 model.
pub(crate) const LAYERS: LayerSpec = LayerSpec { head_norms: true, ..LLAMA };
