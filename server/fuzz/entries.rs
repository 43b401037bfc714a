//! What is done with a stranger's file, from its bytes to a token: the entry functions of the fuzz targets.
//!
//! They go the way of `lowkey serve --model` and of nothing else: open, tokenizer, prompt format, weights, one forward
//! pass. Nothing here may panic, allocate by a field of the file, or take long; every refusal says what to do.
//! `server/engine/tests` runs them over the committed seeds in every `cargo test`.

use std::fs;
use std::path::Path;

use lowkey_engine::Loaded;
use lowkey_model::{LogitsMode, ModelError, ModelFile, load};
use lowkey_prompt::{FimFormat, GgufVocab, Healing, Tokenizer};

/// Stands between the parts of a folder in one input: `config.json`, the safetensors header, its data.
const PART: u8 = 0;
/// Begins an input that is a safetensors file as it stands.
const WHOLE: u8 = 0xff;

/// Texts that a tokenizer has to give back.
const TEXTS: [&str; 3] = ["fn main() {\n    let x1 = \"é日🦀\";\n}", "", "  <|fim_middle|> </s>\t"];

/// Opens `bytes` as a GGUF file at `path`, which is written anew. Says whether a model could be run.
pub fn gguf(path: &Path, bytes: &[u8]) -> bool {
    fs::write(path, bytes).is_ok() && run(path)
}

/// Opens a folder of the hub at `path`, its files written anew.
///
/// `bytes` are a configuration and a header with [`PART`] between, and data behind another: the header's length is
/// written as it is, so that damage reaches what the header says. Behind [`WHOLE`] they are a safetensors file.
pub fn folder(path: &Path, bytes: &[u8]) -> bool {
    let (config, weights) = if let Some(weights) = bytes.strip_prefix(&[WHOLE]) {
        (CONFIG, weights.to_vec())
    } else {
        let mut parts = bytes.splitn(3, |byte| *byte == PART);
        let mut part = || parts.next().unwrap_or_default();
        let (config, header, data) = (part(), part(), part());
        let length = (header.len() as u64).to_le_bytes();
        (config, [&length, header, data].concat())
    };
    fs::write(path.join("config.json"), config).is_ok()
        && fs::write(path.join("model.safetensors"), weights).is_ok()
        && run(path)
}

/// The configuration that a safetensors file alone is opened with.
const CONFIG: &[u8] = include_bytes!("seeds/config.json");

/// Builds a tokenizer from a `tokenizer.json`. Says whether there is one.
pub fn tokenizer(bytes: &[u8]) -> bool {
    match Tokenizer::from_json(bytes) {
        Ok(tokenizer) => {
            check(&tokenizer);
            let _ = FimFormat::detect(&tokenizer, &GgufVocab::default());
            true
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.len() < 2000, "a message of {} bytes", message.len());
            false
        }
    }
}

/// Opens the file at `path`, and if that succeeds loads and runs it.
fn run(path: &Path) -> bool {
    match open_and_run(path) {
        Ok(()) => true,
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains(';'), "no next step in: {message}");
            assert!(message.len() < 2000, "a message of {} bytes", message.len());
            false
        }
    }
}

fn open_and_run(path: &Path) -> Result<(), ModelError> {
    let file = ModelFile::open(path)?;
    let (name, digest) = (file.name(), file.digest());
    assert!(!name.contains(char::is_control) && digest.len() == 64);
    // The tokenizer, the format and the weights; most files of a fuzzer have no sentinels, so that it ends early.
    if let Ok(loaded) = Loaded::from_file(&file, 1, &mut |_| {}) {
        check(loaded.assembler.tokenizer());
    }
    let mut model = load(&file, 1, &mut |_| {})?;
    let last = u32::try_from(file.config().vocab - 1).unwrap_or(0);
    let mut cache = model.new_cache(file.config().context_length.min(4));
    let tokens = &[last, 0, last][..file.config().context_length.min(3)];
    let mut logits = Vec::new();
    model.forward(tokens, &mut cache, LogitsMode::Last, &mut logits, &|| false)?;
    assert_eq!(logits.len(), file.config().vocab);
    Ok(())
}

/// Holds a tokenizer to its promise: the tokens of a text spell the text.
fn check(tokenizer: &Tokenizer) {
    for text in TEXTS {
        assert_eq!(tokenizer.decode(&tokenizer.encode(text)), text);
    }
    let healing = Healing::new(tokenizer);
    assert!(!healing.allowed(b"fn").is_empty());
    let _ = tokenizer.token_bytes(u32::MAX);
}
