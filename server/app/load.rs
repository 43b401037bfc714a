//! From a model's name to a model that runs: file, tokenizer, prompt format, weights.
//!
//! Every failure becomes one message for the user that says what, where and what to
//! do next.

use std::sync::Arc;

use lowkey_engine::{LoadFailed, Loaded};
use lowkey_model::ModelFile;
use lowkey_prompt::{Assembler, FimFormat, GgufVocab, Tokenizer};
use lowkey_store::Source;

/// Loads the model that `named` means (see [`lowkey_store::resolve`]).
///
/// `threads` = 0 means one for each physical core. `progress` gets the share done.
pub fn load(
    named: &str,
    threads: usize,
    progress: &mut dyn FnMut(f32),
) -> Result<Loaded, LoadFailed> {
    let file = open(named)?;
    let vocab = vocab(&file);
    let tokenizer = Tokenizer::from_gguf(&vocab).map_err(|e| said(&file, &e))?;
    let format = FimFormat::detect(&tokenizer, &vocab).map_err(|e| said(&file, &e))?;
    let threads = if threads == 0 { physical_cores() } else { threads };
    let model = lowkey_model::load(&file, threads, progress).map_err(|e| e.to_string())?;
    Ok(Loaded {
        name: file.name().to_owned(),
        model,
        assembler: Arc::new(Assembler::new(Arc::new(tokenizer), format)),
    })
}

/// Opens and validates the file behind a model's name.
pub fn open(named: &str) -> Result<ModelFile, LoadFailed> {
    match lowkey_store::resolve(named).map_err(|e| e.to_string())? {
        Source::Embedded(model) => ModelFile::from_bytes(model.name, model.bytes),
        Source::Gguf(path) => ModelFile::open(&path),
    }
    .map_err(|e| e.to_string())
}

fn said(file: &ModelFile, error: &dyn std::error::Error) -> LoadFailed {
    format!("model {}: {error}", file.name())
}

/// What the tokenizer needs of a GGUF file's metadata.
fn vocab(file: &ModelFile) -> GgufVocab {
    let metadata = file.metadata();
    let key = |name: &str| format!("tokenizer.ggml.{name}");
    let id = |name: &str| metadata.u32(&key(&format!("{name}_token_id")));
    GgufVocab {
        model: metadata.string(&key("model")).unwrap_or_default().to_owned(),
        pre: metadata.string(&key("pre")).unwrap_or_default().to_owned(),
        tokens: metadata.strings(&key("tokens")).unwrap_or_default(),
        token_types: metadata.ints(&key("token_type")).unwrap_or_default(),
        merges: metadata.strings(&key("merges")).unwrap_or_default(),
        bos: id("bos"),
        eos: id("eos"),
        eot: id("eot"),
        eom: id("eom"),
        add_bos: metadata.bool(&key("add_bos_token")).unwrap_or(false),
        fim_pre: id("fim_pre").or_else(|| id("prefix")),
        fim_suf: id("fim_suf").or_else(|| id("suffix")),
        fim_mid: id("fim_mid").or_else(|| id("middle")),
        fim_pad: id("fim_pad"),
        fim_rep: id("fim_rep"),
        fim_sep: id("fim_sep"),
        fragmented_middle: metadata.bool("lowkey.fim_fragmented_middle").unwrap_or(false),
    }
}

/// Cores, not hardware threads: two threads on one core share the units that int8 products fill.
pub fn physical_cores() -> usize {
    lowkey_kernels::features().cores.max(1)
}
