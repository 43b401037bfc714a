//! The starcoder2 architecture: `StarCoder2` 3B, 7B and 15B.
//!
//! Norms by mean and variance, biases everywhere, and a feed-forward half without a gate. Reference:
//! `Starcoder2ForCausalLM` of Hugging Face transformers.

use crate::ModelError;
use crate::decoder::Layers;
use crate::hub::HubFolder;
use crate::llama_like::{self, Biases, Ffn, LLAMA, Norms, Parts};
use crate::weights::Weights;

/// What its folders on the hub are like.
pub(crate) const FOLDER: HubFolder = HubFolder {
    model_types: &["starcoder2"],
    activations: &["gelu_pytorch_tanh"],
    names: &[],
    norms_less_one: false,
};

/// Reads the weights of a starcoder2 model.
pub(crate) fn load(weights: &mut Weights<'_>) -> Result<Layers, ModelError> {
    let biases = Biases { qkv: true, out: true, ffn: true };
    llama_like::load(weights, Parts { norms: Norms::Mean, biases, ffn: Ffn::Plain, ..LLAMA })
}
