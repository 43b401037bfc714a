//! Model files, weights, the KV cache and one file per architecture.
//!
//! `file` reads the bytes of a GGUF file or a folder of the hub; `config` and `architectures` give them their meaning;
//! `load` packs the weights; `cpu` and `device` are the two forward passes, on the caches of `kv`. No folder imports a
//! later one.
//! Invariants: a broken file is one [`ModelError`] with the next step in it, never a panic or an allocation by an
//! unchecked field; a cache that was truncated, forked or filled in other chunks gives the same logits to the bit.

mod architectures;
mod causal_lm;
mod config;
mod cpu;
mod device;
mod error;
mod file;
mod kv;
mod load;
mod model_file;
mod pass;

pub use architectures::architectures;
pub use causal_lm::{CausalLm, TokenCost};
pub use config::rope::{RopeConfig, RopeScaling};
pub use config::{Config, MoeConfig, Quantization};
pub use cpu::{LoadedWeights, PackingKey, SavedWeights, load, load_on, load_with_saved_weights};
pub use device::{Accelerator, DeviceChoice, load_on_device};
pub use error::ModelError;
pub use file::metadata::Metadata;
pub use kv::cache::KvCache;
pub use model_file::ModelFile;
pub use pass::LogitsMode;

// The parts of the kernels that a sampler and the settings need; the engine depends on this crate only.
pub use lowkey_kernels::{
    KvType, MapPolicy, PackedFileError, PackedWeights, RopeLayout, WeightMemory, argmax,
    log_sum_exp, top_k,
};

/// Identifies the bits that a forward pass leaves in a cache, and their layout; raised with every change of either.
///
/// A saved cache is good for the same number only. A test compares the bits of a small model with a digest, and its
/// failure asks to raise this.
pub const NUMERICS: u32 = 1;
