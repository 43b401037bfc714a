//! Loads weights from a model's tensors into the layout of the forward pass that multiplies with them.
//!
//! [`layers`] reads the tensors of every architecture, [`weights`] checks their shapes, and a [`pack::Pack`] makes the
//! matrices: for our kernels in `cpu/`, for a device in `device/`.

pub(crate) mod decoder_weights;
pub(crate) mod layers;
pub(crate) mod pack;
mod quantize;
pub(crate) mod weights;
