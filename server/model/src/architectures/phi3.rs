//! The phi3 architecture: Phi-3-mini, Phi-3-medium, Phi-3.5-mini and Phi-4.
//!
//! Llama-like; queries, keys and values are one tensor, and so are gate and up. Models of 128k tokens have factors for
//! texts within the first training's context and others for longer ones: the first are used, and the context ends there. Reference: `Phi3ForCausalLM` of Hugging Face transformers.

use lowkey_kernels::Activation;

use super::spec::{FeedForwardSpec, LLAMA, LayerSpec};

/// The layers of a phi3 model.
pub(crate) const LAYERS: LayerSpec =
    LayerSpec { fused_qkv: true, ffn: FeedForwardSpec::FusedGated(Activation::Silu), ..LLAMA };
