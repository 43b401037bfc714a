//! The starcoder2 architecture: `StarCoder2` 3B, 7B and 15B.
//!
//! Norms by mean and variance, biases everywhere, and a feed-forward half without a gate. Reference:
//! `Starcoder2ForCausalLM` of Hugging Face transformers.

use crate::hub::HubFolder;
use crate::llama_like::{Biases, Ffn, LLAMA, Norms, Parts};

/// What its folders on the hub are like.
pub(crate) const FOLDER: HubFolder = HubFolder {
    model_types: &["starcoder2"],
    activations: &["gelu_pytorch_tanh"],
    names: &[],
    norms_less_one: false,
};

/// What the layers of a starcoder2 model have.
pub(crate) const PARTS: Parts = Parts {
    norms: Norms::Mean,
    biases: Biases { qkv: true, out: true, ffn: true },
    ffn: Ffn::Plain,
    ..LLAMA
};
