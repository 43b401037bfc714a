//! The phi3 architecture: Phi-3-mini, Phi-3-medium, Phi-3.5-mini and Phi-4.
//!
//! Llama-like; queries, keys and values stand in one tensor, and so do gate and up. Models of 128k tokens have factors
//! for texts within the first training's context and others for longer ones: the first are used, and the context ends
//! there. Reference: `Phi3ForCausalLM` of Hugging Face transformers.

use crate::feed_forward::Activation;
use crate::llama_like::{Ffn, LLAMA, Parts};

/// What the layers of a phi3 model have.
pub(crate) const PARTS: Parts =
    Parts { fused_qkv: true, ffn: Ffn::FusedGated(Activation::Silu), ..LLAMA };
