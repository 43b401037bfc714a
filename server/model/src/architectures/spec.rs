//! The differences between architectures, as data.
//!
//! Loading and every forward pass read a [`LayerSpec`] and never an architecture's name.

use lowkey_kernels::{Activation, RopeLayout};

use crate::config::Config;
use crate::config::keys::Keys;
use crate::error::ModelError;
use crate::file::hub::spec::FolderSpec;
use crate::file::tensors::Tensors;

/// An architecture: its names, its folders' conventions, its own settings and its layers.
#[derive(Debug)]
pub(crate) struct Architecture {
    /// The value of `general.architecture`, with which its metadata keys begin too.
    pub(crate) name: &'static str,
    /// The rotary layout of its GGUF files.
    pub(crate) rope_layout: RopeLayout,
    /// The conventions of its folders on the hub.
    pub(crate) folder: FolderSpec,
    /// Sets the numbers in which it differs from others.
    pub(crate) apply: fn(&Keys<'_>, &mut Config) -> Result<(), ModelError>,
    /// Returns the parts of its layers.
    pub(crate) layers: fn(&Config, &Tensors) -> LayerSpec,
}

/// The parts of a layer in which architectures differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LayerSpec {
    /// The norms before the halves of a layer and before the output.
    pub(crate) norms: NormKind,
    /// Queries, keys and values are one tensor.
    pub(crate) fused_qkv: bool,
    /// The products with biases.
    pub(crate) biases: Biases,
    /// An RMS norm of each query and key head, before rotation.
    pub(crate) head_norms: bool,
    /// Norms of the results of attention and of the feed-forward half.
    pub(crate) post_norms: bool,
    /// The feed-forward half.
    pub(crate) ffn: FeedForwardSpec,
}

/// The kinds of norms.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NormKind {
    /// By the root mean square.
    Rms,
    /// By mean and variance, with biases.
    Mean,
}

/// The products with biases.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Biases {
    /// Queries, keys and values.
    pub(crate) qkv: bool,
    /// The output of attention.
    pub(crate) out: bool,
    /// The feed-forward half.
    pub(crate) ffn: bool,
}

/// The kinds of feed-forward halves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FeedForwardSpec {
    /// Gate and up, a tensor each.
    Gated(Activation),
    /// Gate and up in one tensor.
    FusedGated(Activation),
    /// No gate.
    Plain,
    /// A mixture of experts, of the sizes in the metadata.
    Moe,
}

/// Llama's layer: RMS norms, no biases, a feed-forward half gated by `SiLU`.
pub(crate) const LLAMA: LayerSpec = LayerSpec {
    norms: NormKind::Rms,
    fused_qkv: false,
    biases: Biases { qkv: false, out: false, ffn: false },
    head_norms: false,
    post_norms: false,
    ffn: FeedForwardSpec::Gated(Activation::Silu),
};
