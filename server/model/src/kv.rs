//! The keys and values of the tokens that a model has seen.
//!
//! The engine holds a [`cache::KvCache`]. Its memory is a [`store::KvStore`] of the forward pass: our kernels'
//! in `cpu/kv.rs`, a device's in `device/kv.rs`.

pub(crate) mod cache;
pub(crate) mod shape;
pub(crate) mod store;
