//! The forward pass against candle-transformers', and against itself however its input is cut.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod appending;
mod device;
mod limits;
mod packing;
mod reference;
mod saving;

use lowkey_model::{CausalLm, KvCache, LogitsMode, ModelFile, load};
use lowkey_test_support::model::TinyModel;

/// Loads a tiny model on `threads` threads.
fn model(tiny: &TinyModel, threads: usize) -> Box<dyn CausalLm> {
    load(&file(tiny), threads, &mut |_| {}).unwrap()
}

/// The file of a tiny model.
fn file(tiny: &TinyModel) -> ModelFile {
    // Leaked: embedded models live as long as the program.
    let bytes: &'static [u8] = tiny.gguf().leak();
    ModelFile::from_bytes("tiny", bytes).unwrap()
}

/// Appends tokens and returns the wanted logits.
fn append(
    model: &mut dyn CausalLm,
    cache: &mut KvCache,
    tokens: &[u32],
    mode: LogitsMode,
) -> Vec<f32> {
    let mut logits = vec![f32::NAN; 3];
    assert!(model.forward(tokens, cache, mode, &mut logits, &|| false).unwrap());
    logits
}

/// The logits of every token, computed at once.
fn cold(model: &mut dyn CausalLm, tokens: &[u32]) -> Vec<f32> {
    let mut cache = model.new_cache(tokens.len());
    append(model, &mut cache, tokens, LogitsMode::All)
}

/// Bits, so that equality means equality.
fn bits(logits: &[f32]) -> Vec<u32> {
    logits.iter().map(|logit| logit.to_bits()).collect()
}
