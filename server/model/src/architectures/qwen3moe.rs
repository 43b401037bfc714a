//! The qwen3moe architecture: Qwen3-Coder-30B-A3B and its kin.
//!
//! qwen3 with a mixture of experts as each feed-forward half. Reference: `Qwen3MoeForCausalLM` of Hugging Face
//! transformers.

use super::spec::{FeedForwardSpec, LLAMA, LayerSpec};
use crate::config::Config;
use crate::config::keys::Keys;
use crate::error::ModelError;

/// Requires experts.
pub(crate) fn apply(keys: &Keys<'_>, config: &mut Config) -> Result<(), ModelError> {
    match config.experts {
        Some(_) => Ok(()),
        None => Err(keys.invalid("expert_count", "is missing (a whole number)".to_owned())),
    }
}

/// The layers of a qwen3moe model.
pub(crate) const LAYERS: LayerSpec =
    LayerSpec { head_norms: true, ffn: FeedForwardSpec::Moe, ..LLAMA };
