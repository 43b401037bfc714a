//! A model on a graphics processor: the forward pass of `cpu/forward.rs` on candle's tensors.
//!
//! Architectures, tensor names, checks of shapes and quantization on load are the same code as for our own kernels
//! (`load/`); only the matrices and the steps of a layer are defined here. candle's operations run on its CPU too, where
//! the tests compare this pass with the references.
//! Invariants: keys and values are written into a preallocated cache and never concatenated; a pass that fails or is
//! cancelled leaves the cache as it was; warm equals cold within a tolerance, not to the bit, because a device sums in
//! another order for another batch.

mod attention;
mod choice;
mod decoder;
mod kv;
mod layer;
mod load;
mod matrix;
mod mlp;
mod ops;
mod rotary;
mod upload;

pub use choice::{Accelerator, DeviceChoice};
pub use load::load_on_device;
