//! The qwen3moe architecture: Qwen3-Coder-30B-A3B and its kin.
//!
//! qwen3 with a choice of experts in place of each feed-forward half. Reference: `Qwen3MoeForCausalLM` of Hugging Face
//! transformers.

use crate::Config;
use crate::ModelError;
use crate::config::Keys;
use crate::llama_like::{Ffn, LLAMA, Parts};

/// Demands experts.
pub(crate) fn adapt(keys: &Keys<'_>, config: &mut Config) -> Result<(), ModelError> {
    match config.experts {
        Some(_) => Ok(()),
        None => Err(keys.wrong("expert_count", "is missing (a whole number)".to_owned())),
    }
}

/// What the layers of a qwen3moe model have.
pub(crate) const PARTS: Parts = Parts { head_norms: true, ffn: Ffn::Experts, ..LLAMA };
