//! The bytes of a model, and its headers.
//!
//! A GGUF file ([`gguf`]) and a folder of the hub ([`hub`]) become the same two things: [`metadata`], the key–value
//! pairs, and a [`source`], the tensors' names, shapes and bytes. Nothing here knows an architecture or a config.

pub(crate) mod digest;
pub(crate) mod gguf;
pub(crate) mod hub;
pub(crate) mod metadata;
pub(crate) mod source;
pub(crate) mod stored;
pub(crate) mod tensor_type;
pub(crate) mod tensors;
