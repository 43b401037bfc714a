//! The starcoder2 architecture: `StarCoder2` 3B, 7B and 15B.
//!
//! Norms by mean and variance, biases everywhere, and a feed-forward half without a gate. Reference:
//! `Starcoder2ForCausalLM` of Hugging Face transformers.

use super::spec::{Biases, FeedForwardSpec, LLAMA, LayerSpec, NormKind};
use crate::file::hub::spec::FolderSpec;

/// The conventions of its folders on the hub.
pub(crate) const FOLDER: FolderSpec = FolderSpec {
    model_types: &["starcoder2"],
    activations: &["gelu_pytorch_tanh"],
    names: &[],
    norms_less_one: false,
    alternating_windows: false,
};

/// The layers of a starcoder2 model.
pub(crate) const LAYERS: LayerSpec = LayerSpec {
    norms: NormKind::Mean,
    biases: Biases { qkv: true, out: true, ffn: true },
    ffn: FeedForwardSpec::Plain,
    ..LLAMA
};
