//! Entry functions of the fuzz targets for untrusted model files, from their bytes to a token.
//!
//! They follow exactly the path of `lowkey serve --model`: open, tokenizer, prompt format, weights,
//! one forward pass. No input may cause a panic, a long run, or an allocation whose size comes from
//! a field of the file. Every error names the next step.

use std::fs;
use std::path::Path;

use lowkey_engine::Loaded;
use lowkey_model::{LogitsMode, ModelError, ModelFile, load};
use lowkey_prompt::{FimFormat, GgufVocab, Healing, Tokenizer};

/// Separates the parts of a folder in one input: `config.json`, the safetensors header, its data.
const PART: u8 = 0;
/// First byte of an input that is a complete safetensors file.
const WHOLE: u8 = 0xff;

/// Texts that a tokenizer must encode and decode without loss.
const TEXTS: [&str; 3] = ["fn main() {\n    let x1 = \"é日🦀\";\n}", "", "  <|fim_middle|> </s>\t"];

/// Writes `bytes` to `path` and opens it as a GGUF file. Returns whether the model ran.
pub fn gguf(path: &Path, bytes: &[u8]) -> bool {
    fs::write(path, bytes).is_ok() && run(path)
}

/// Writes a Hugging Face model folder to `path` and opens it.
///
/// `bytes` are a configuration, a header and data, separated by `PART`. The correct length of the
/// header is inserted, so that damaged input still reaches the header's parser. After `WHOLE`,
/// the rest is a safetensors file.
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

/// The configuration for an input that is only a safetensors file.
const CONFIG: &[u8] = include_bytes!("../../fuzz/seeds/config.json");

/// Builds a tokenizer from a `tokenizer.json`. Returns whether it is valid.
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

/// Opens the file or folder at `path`, then loads and runs the model. Returns whether that
/// succeeded.
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
    // Builds the tokenizer, the format and the weights. Most files of a fuzzer have no sentinels,
    // so this often ends early.
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

/// Checks that decoding the tokens of a text returns the text.
fn check(tokenizer: &Tokenizer) {
    for text in TEXTS {
        assert_eq!(tokenizer.decode(&tokenizer.encode(text)), text);
    }
    let healing = Healing::new(tokenizer);
    assert!(!healing.allowed(b"fn").is_empty());
    let _ = tokenizer.token_bytes(u32::MAX);
}
