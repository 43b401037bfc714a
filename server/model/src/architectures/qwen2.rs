//! The qwen2 architecture: Qwen2, Qwen2.5 and Qwen2.5-Coder, and our own models.
//!
//! Llama-like, with biases on queries, keys and values; rotary positions in pairs half a head apart. Reference:
//! `Qwen2ForCausalLM` of Hugging Face transformers.

use crate::llama_like::{Biases, LLAMA, Parts};

/// What the layers of a qwen2 model have.
pub(crate) const PARTS: Parts = Parts { biases: Biases { qkv: true, ..LLAMA.biases }, ..LLAMA };
