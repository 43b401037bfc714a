//! A model on our own kernels, on the CPU.
//!
//! [`forward`] is the forward pass from token ids to logits, in one file; [`decoder`] calls it.

mod decoder;
mod forward;
mod kv;
mod load;
mod moe;
mod ops;
mod packed;
pub(crate) mod routing;
mod threads;

pub use load::{load, load_on};
pub use packed::{LoadedWeights, PackingKey, SavedWeights, load_with_saved_weights};
