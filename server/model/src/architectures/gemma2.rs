//! The gemma2 architecture: Gemma 2 2B, 9B and 27B.
//!
//! gemma, with norms after attention and after the feed-forward half too, soft caps on scores and logits, and a window
//! on every other layer. Reference: `Gemma2ForCausalLM` of Hugging Face transformers.

use lowkey_kernels::Activation;

use super::gemma;
use super::spec::{FeedForwardSpec, LLAMA, LayerSpec};
use crate::config::Config;
use crate::config::keys::Keys;
use crate::error::ModelError;
use crate::file::hub::spec::FolderSpec;

/// The conventions of its folders on the hub.
pub(crate) const FOLDER: FolderSpec = FolderSpec {
    model_types: &["gemma2"],
    activations: &["gelu_pytorch_tanh"],
    names: &[("post_attention_layernorm", "post_attention_norm")],
    norms_less_one: true,
    alternating_windows: true,
};

/// The number of layers of Gemma 2 27B, which has another scale of queries than its GGUF files contain.
const LAYERS_OF_27B: usize = 46;

/// Sets the numbers in which gemma2 differs.
pub(crate) fn apply(keys: &Keys<'_>, config: &mut Config) -> Result<(), ModelError> {
    gemma::apply(keys, config)?;
    config.attn_logit_softcap = keys.optional_float("attn_logit_softcapping", 1e-3..=1e6)?;
    config.final_logit_softcap = keys.optional_float("final_logit_softcapping", 1e-3..=1e6)?;
    config.window_alternates = true;
    if config.n_layers == LAYERS_OF_27B {
        config.attention_scale = 1.0 / (config.hidden as f32 / config.n_heads as f32).sqrt();
    }
    config.attention_scale =
        keys.float_or("attention.scale", 1e-6..=1e6, config.attention_scale)?;
    Ok(())
}

/// The layers of a gemma2 model.
pub(crate) const LAYERS: LayerSpec =
    LayerSpec { post_norms: true, ffn: FeedForwardSpec::Gated(Activation::Gelu), ..LLAMA };
