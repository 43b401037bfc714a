//! Reading the fixtures, and running models on them.

use std::path::PathBuf;

use lowkey_model::{CausalLm, KvCache, KvType, LogitsMode, ModelFile, Quantization, load};

/// What the reference gave.
pub(crate) struct Fixture {
    /// The tokens it was given.
    pub(crate) tokens: Vec<u32>,
    /// The logits of every token, row by row.
    pub(crate) logits: Vec<f32>,
}

/// The folder of a fixture.
pub(crate) fn folder(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")).join(name)
}

/// The names of all fixtures, in order.
pub(crate) fn names() -> Vec<String> {
    let entries = std::fs::read_dir(folder("")).unwrap().map(|entry| entry.unwrap().path());
    let folders = entries.filter(|path| path.join("expected.bin").is_file());
    let mut names: Vec<String> =
        folders.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort_unstable();
    names
}

impl Fixture {
    /// Reads `expected.bin`: a count, as many tokens, and their logits, all of four bytes, little-endian.
    pub(crate) fn read(name: &str) -> Self {
        let bytes = std::fs::read(folder(name).join("expected.bin")).unwrap();
        let words = bytes.as_chunks::<4>().0;
        let n = u32::from_le_bytes(words[0]) as usize;
        let tokens = words[1..=n].iter().map(|word| u32::from_le_bytes(*word)).collect();
        let logits = words[n + 1..].iter().map(|word| f32::from_le_bytes(*word)).collect();
        Self { tokens, logits }
    }
}

/// Loads a fixture's GGUF file, to run on `threads` threads.
pub(crate) fn gguf(name: &str, threads: usize) -> Box<dyn CausalLm> {
    let file = ModelFile::open(&folder(name).join("model.gguf")).unwrap();
    load(&file, threads, &mut |_| {}).unwrap()
}

/// The same with a cache of bytes.
pub(crate) fn byte_cached(name: &str) -> Box<dyn CausalLm> {
    let file = ModelFile::open(&folder(name).join("model.gguf")).unwrap();
    load(&file.with_kv_type(KvType::Int8), 2, &mut |_| {}).unwrap()
}

/// Loads a fixture's folder, to run on `threads` threads.
pub(crate) fn safetensors(
    name: &str,
    threads: usize,
    quantization: Option<Quantization>,
) -> Box<dyn CausalLm> {
    let file = ModelFile::open(&folder(name)).unwrap().quantized_on_load(quantization);
    load(&file, threads, &mut |_| {}).unwrap()
}

/// Appends tokens and returns the wanted logits.
pub(crate) fn append(
    model: &mut dyn CausalLm,
    cache: &mut KvCache,
    tokens: &[u32],
    mode: LogitsMode,
) -> Vec<f32> {
    let mut logits = Vec::new();
    assert!(model.forward(tokens, cache, mode, &mut logits, &|| false).unwrap());
    logits
}

/// The logits of every token, computed at once.
pub(crate) fn cold(model: &mut dyn CausalLm, tokens: &[u32]) -> Vec<f32> {
    let mut cache = model.new_cache(tokens.len());
    append(model, &mut cache, tokens, LogitsMode::All)
}

/// Bits, so that equality means equality.
pub(crate) fn bits(logits: &[f32]) -> Vec<u32> {
    logits.iter().map(|logit| logit.to_bits()).collect()
}
