//! The gemma architecture: Gemma 2B and 7B, `CodeGemma`.
//!
//! Llama-like, gated by GELU; embeddings enter the stream multiplied by the root of its width. GGUF files hold norms
//! with their 1 added. Reference: `GemmaForCausalLM` of Hugging Face transformers.

use crate::Config;
use crate::ModelError;
use crate::config::Keys;
use crate::feed_forward::Activation;
use crate::hub::HubFolder;
use crate::llama_like::{Ffn, LLAMA, Parts};

/// What its folders on the hub are like.
pub(crate) const FOLDER: HubFolder = HubFolder {
    model_types: &["gemma"],
    activations: &["gelu_pytorch_tanh", "gelu"],
    names: &[],
    norms_less_one: true,
};

/// What sets gemma apart in numbers.
#[expect(clippy::unnecessary_wraps, reason = "one signature for all architectures")]
pub(crate) fn adapt(_keys: &Keys<'_>, config: &mut Config) -> Result<(), ModelError> {
    config.embedding_scale = (config.hidden as f32).sqrt();
    Ok(())
}

/// What the layers of a gemma model have.
pub(crate) const PARTS: Parts = Parts { ffn: Ffn::Gated(Activation::Gelu), ..LLAMA };
