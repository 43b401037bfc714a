//! The gemma architecture: Gemma 2B and 7B, `CodeGemma`.
//!
//! Llama-like, gated by GELU; embeddings are multiplied by the root of their width. GGUF files contain norms with
//! their 1 added. Reference: `GemmaForCausalLM` of Hugging Face transformers.

use lowkey_kernels::Activation;

use super::spec::{FeedForwardSpec, LLAMA, LayerSpec};
use crate::config::Config;
use crate::config::keys::Keys;
use crate::error::ModelError;
use crate::file::hub::spec::FolderSpec;

/// The conventions of its folders on the hub.
pub(crate) const FOLDER: FolderSpec = FolderSpec {
    model_types: &["gemma"],
    activations: &["gelu_pytorch_tanh", "gelu"],
    names: &[],
    norms_less_one: true,
    alternating_windows: false,
};

/// Sets the numbers in which gemma differs.
#[expect(clippy::unnecessary_wraps, reason = "one signature for all architectures")]
pub(crate) fn apply(_keys: &Keys<'_>, config: &mut Config) -> Result<(), ModelError> {
    config.embedding_scale = (config.hidden as f32).sqrt();
    Ok(())
}

/// The layers of a gemma model.
pub(crate) const LAYERS: LayerSpec =
    LayerSpec { ffn: FeedForwardSpec::Gated(Activation::Gelu), ..LLAMA };
