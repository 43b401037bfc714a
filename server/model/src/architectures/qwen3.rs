//! The qwen3 architecture: Qwen3 and what was trained from it.
//!
//! Llama-like, with a norm of each query and key head instead of qwen2's biases; heads may be wider than the stream
//! divided by their number. Reference: `Qwen3ForCausalLM` of Hugging Face transformers.

use crate::llama_like::{LLAMA, Parts};

/// What the layers of a qwen3 model have.
pub(crate) const PARTS: Parts = Parts { head_norms: true, ..LLAMA };
