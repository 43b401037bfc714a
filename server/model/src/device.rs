//! A model on a graphics processor: the forward pass of `decoder.rs` once more, on candle's tensors.
//!
//! Architectures, tensor names, checks of shapes and quantization on load are the same code as for our own kernels
//! (`llama_like.rs`, `weights.rs`); only what a matrix becomes and how a layer is computed stand here. candle's
//! operations run on its CPU too, which is where the tests hold this pass against the references.
//! Invariants: keys and values are written into a preallocated cache and never concatenated; a pass that fails or is
//! cancelled leaves the cache as it was; warm equals cold within a tolerance, not to the bit, because a device sums in
//! another order for another batch.

mod attention;
#[path = "device/kv.rs"]
mod cache;
mod choice;
mod decoder;
#[path = "device/mlp.rs"]
mod feed_forward;
mod layer;
mod matrix;
#[path = "device/rotary.rs"]
mod turns;
mod upload;

pub(crate) use candle_core::DeviceLocation as Location;

pub(crate) use cache::DeviceKv;
pub use choice::{Accelerator, DeviceChoice};

use crate::weights::Weights;
use crate::{CausalLm, ModelError, ModelFile, llama_like};
use decoder::DeviceDecoder;
use upload::Upload;

/// Loads the weights of a model into a device's memory; reports the share done to `progress`, from 0 to 1.
///
/// Memory: there, the weights as the file stores them; here, the embedding table. The file can be dropped afterwards.
/// Caches hold half floats, whatever the file was told of them.
pub fn load_on_device(
    file: &ModelFile,
    accelerator: &Accelerator,
    progress: &mut dyn FnMut(f32),
) -> Result<Box<dyn CausalLm>, ModelError> {
    let mut weights = Weights::new(file, Upload::new(accelerator), progress);
    let layers = llama_like::load(&mut weights, file.parts())?;
    let _uploaded = weights.finish();
    let decoder = DeviceDecoder::new(file.config(), layers, accelerator);
    Ok(Box::new(decoder.map_err(|error| accelerator.failed(&error))?))
}
