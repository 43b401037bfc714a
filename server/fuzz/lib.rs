//! The entry functions of the fuzz targets.

pub mod editors;
mod entries;

pub use entries::{folder, gguf, tokenizer};
