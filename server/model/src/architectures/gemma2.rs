//! The gemma2 architecture: Gemma 2 2B, 9B and 27B.
//!
//! gemma, with norms behind attention and feed-forward too, scores and logits bent to stay within caps, and a window
//! on every other layer. Reference: `Gemma2ForCausalLM` of Hugging Face transformers.

use crate::ModelError;
use crate::config::Keys;
use crate::feed_forward::Activation;
use crate::hub::HubFolder;
use crate::llama_like::{Ffn, LLAMA, Parts};
use crate::{Config, gemma};

/// What its folders on the hub are like.
pub(crate) const FOLDER: HubFolder = HubFolder {
    model_types: &["gemma2"],
    activations: &["gelu_pytorch_tanh"],
    names: &[("post_attention_layernorm", "post_attention_norm")],
    norms_less_one: true,
};

/// The layers of Gemma 2 27B, whose queries are scaled otherwise. Its GGUF files do not say so.
const LAYERS_OF_27B: usize = 46;

/// What sets gemma2 apart in numbers.
pub(crate) fn adapt(keys: &Keys<'_>, config: &mut Config) -> Result<(), ModelError> {
    gemma::adapt(keys, config)?;
    config.attention_cap = keys.float_if_any("attn_logit_softcapping", 1e-3..=1e6)?;
    config.logit_cap = keys.float_if_any("final_logit_softcapping", 1e-3..=1e6)?;
    config.window_alternates = true;
    if config.n_layers == LAYERS_OF_27B {
        config.attention_scale = 1.0 / (config.hidden as f32 / config.n_heads as f32).sqrt();
    }
    config.attention_scale =
        keys.float_or("attention.scale", 1e-6..=1e6, config.attention_scale)?;
    Ok(())
}

/// What the layers of a gemma2 model have.
pub(crate) const PARTS: Parts =
    Parts { post_norms: true, ffn: Ffn::Gated(Activation::Gelu), ..LLAMA };
