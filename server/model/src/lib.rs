//! Model files, weights, the KV cache and one file per architecture.
//!
//! A GGUF file goes through our own validation of its bytes (`gguf.rs`), then candle's header
//! reader, then a table of architectures; its weights are packed from the map into the layout of `lowkey-kernels`.
//! Invariants: a broken file is one [`ModelError`] with the next step in it, never a panic or an allocation by an
//! unchecked field; a cache that was truncated, forked or filled in other chunks gives the same logits to the bit.

#[path = "architectures.rs"]
mod architecture;
#[path = "cpu/forward.rs"]
mod block;
#[path = "kv/cache.rs"]
mod cache;
mod causal_lm;
#[path = "pass.rs"]
mod chunk;
mod config;
#[path = "cpu/decoder.rs"]
mod decoder;
mod device;
#[path = "file/digest.rs"]
mod digest;
mod error;
#[path = "cpu/moe.rs"]
mod experts;
#[path = "load/decoder_weights.rs"]
mod feed_forward;
#[path = "model_file.rs"]
mod file;
#[path = "architectures/gemma.rs"]
mod gemma;
#[path = "architectures/gemma2.rs"]
mod gemma2;
#[path = "file/gguf.rs"]
mod gguf;
#[path = "architectures/granite.rs"]
mod granite;
#[path = "file/hub.rs"]
mod hub;
#[path = "architectures/llama.rs"]
mod llama;
#[path = "load/layers.rs"]
mod llama_like;
#[path = "file/metadata.rs"]
mod metadata;
#[path = "cpu/ops.rs"]
mod norm;
#[path = "cpu/packed.rs"]
mod packing;
#[path = "architectures/phi3.rs"]
mod phi3;
#[path = "load/quantize.rs"]
mod quantize;
#[path = "architectures/qwen2.rs"]
mod qwen2;
#[path = "architectures/qwen3.rs"]
mod qwen3;
#[path = "architectures/qwen3moe.rs"]
mod qwen3moe;
#[path = "config/rope.rs"]
mod rotation;
#[path = "architectures/starcoder2.rs"]
mod starcoder2;
#[path = "file/stored.rs"]
mod stored;
#[path = "file/tensor_type.rs"]
mod tensor_type;
#[path = "cpu/threads.rs"]
mod threads;
#[path = "load/weights.rs"]
mod weights;

pub use architecture::architectures;
pub use cache::KvCache;
pub use causal_lm::{CausalLm, Want, Work};
pub use config::{Config, Experts};
pub use device::{Accelerator, DeviceChoice, load_on_device};
pub use error::ModelError;
pub use file::{ModelFile, Quantization};
pub use metadata::Metadata;
pub use packing::{KeptWeights, PackingKey, Weights as LoadedWeights, load_kept};
pub use rotation::Stretch;

// What a sampler needs of the kernels; the engine knows the model only.
pub use lowkey_kernels::{Held, Hold, KvType, Packed, Refused, argmax, log_sum_exp, top_k};

use lowkey_kernels::{Pool, Reserve};

use decoder::Decoder;
use weights::{ForKernels, Weights};

/// Counts the changes of what a forward pass leaves in a cache: its bits or their layout.
///
/// A saved cache is good for the same number only. A test holds the bits of a small model against a digest, and its
/// failure says to raise this.
pub const NUMERICS: u32 = 1;

/// Loads the weights of a model, to run on `threads` threads; reports the share done to `progress`, from 0 to 1.
///
/// Memory: the packed weights, about the size of the file. The file can be dropped afterwards.
pub fn load(
    file: &ModelFile,
    threads: usize,
    progress: &mut dyn FnMut(f32),
) -> Result<Box<dyn CausalLm>, ModelError> {
    load_on(file, Pool::new(threads), progress)
}

/// As [`load`], to run on the threads and with the kernels of `pool`.
pub fn load_on(
    file: &ModelFile,
    pool: Pool,
    progress: &mut dyn FnMut(f32),
) -> Result<Box<dyn CausalLm>, ModelError> {
    load_packed(file, pool, None, progress).map(|(model, _)| model)
}

/// Loads a model whose matrices may be packed already; returns them where they were packed now.
fn load_packed(
    file: &ModelFile,
    pool: Pool,
    packed: Option<Reserve>,
    progress: &mut dyn FnMut(f32),
) -> Result<(Box<dyn CausalLm>, Option<Packed>), ModelError> {
    let mut weights = Weights::new(file, ForKernels::new(pool, packed), progress);
    let layers = llama_like::load(&mut weights, file.parts())?;
    let (pool, packed) = weights.finish().into_parts();
    Ok((Box::new(Decoder::new(file.config(), layers, pool)), packed))
}
