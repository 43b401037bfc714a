//! The granite architecture: Granite 3 and later, dense (Granite-Code says `llama`).
//!
//! llama, with factors from the file for embeddings, layers' results, scores and logits.
//! Reference: `GraniteForCausalLM` of Hugging Face transformers.

use crate::config::Config;
use crate::config::keys::Keys;
use crate::error::ModelError;

/// Sets the numbers in which granite differs.
pub(crate) fn apply(keys: &Keys<'_>, config: &mut Config) -> Result<(), ModelError> {
    let range = || 1e-6..=1e6;
    config.embedding_scale = keys.float_or("embedding_scale", range(), 1.0)?;
    config.residual_scale = keys.float_or("residual_scale", range(), 1.0)?;
    config.attention_scale = keys.float_or("attention.scale", range(), config.attention_scale)?;
    config.logit_divisor = keys.float_or("logit_scale", range(), 1.0)?;
    Ok(())
}
