//! Loads a model file: tokenizer, prompt format, weights.
//!
//! Only this module knows both the file's metadata and the parts of it that the prompt stage needs.

use std::error::Error;
use std::sync::Arc;

use lowkey_model::{Accelerator, CausalLm, Config, ModelFile, PackingKey, SavedWeights};
use lowkey_prompt::{Assembler, FimOrder, Format, GgufVocab, Infill, NextEditFormat, Tokenizer};
use sha2::{Digest, Sha256};

use crate::persist::{PersistOptions, UnsavedWeights, packed};

/// A loaded model with its tokenizer and prompt format.
pub struct Loaded {
    /// The model's name as the user writes it.
    pub name: String,
    /// Digest of the file (see [`ModelFile::digest`]) and of the device; the key of data on disk.
    pub digest: String,
    pub model: Box<dyn CausalLm>,
    /// Builds prompts and token ids for this model.
    pub assembler: Arc<Assembler>,
    /// Whether drafts are enabled; the decoded tokens are the same either way.
    pub speculates: bool,
    /// The packed weights, if they should be saved and are not in a file.
    pub unsaved: Option<UnsavedWeights>,
}

/// Options for loading a model.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadOptions<'a> {
    /// The device; `None` runs on lowkey's own kernels.
    pub accelerator: Option<&'a Accelerator>,
    /// The prompt format.
    pub infill: Infill,
    /// Where to keep packed weights; `None` keeps none.
    pub persist: Option<&'a PersistOptions>,
}

/// Why a model failed to load, in words for the user.
pub type LoadError = String;

impl Loaded {
    /// Builds the tokenizer and packs the weights, to run on `threads` threads.
    ///
    /// `progress` receives the share done, 0 to 1.
    pub fn from_file(
        file: &ModelFile,
        threads: usize,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Self, LoadError> {
        Self::with_options(LoadOptions::default(), file, threads, progress)
    }

    /// Does the same with options.
    pub fn with_options(
        options: LoadOptions<'_>,
        file: &ModelFile,
        threads: usize,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Self, LoadError> {
        // The tokenizer takes longer than weights that are packed already, and the two are
        // independent.
        let (assembler, network) = std::thread::scope(|scope| {
            let assembler = scope.spawn(|| assembler(file, options.infill));
            let network = load_network(&options, file, threads, progress);
            let failed = |_| Err(format!("model {}: building the tokenizer failed", file.name()));
            (assembler.join().unwrap_or_else(failed), network)
        });
        let (assembler, (model, digest, unsaved)) = (assembler?, network?);
        check_usable(file.name(), assembler.tokenizer(), assembler.format(), model.config())?;
        Ok(Self {
            name: file.name().to_owned(),
            digest,
            model,
            assembler: Arc::new(assembler),
            speculates: true,
            unsaved,
        })
    }
}

/// A network, its identity, and the weights that are not in a file.
type LoadedNetwork = (Box<dyn CausalLm>, String, Option<UnsavedWeights>);

/// Loads the weights: packed ones from disk, or those of `file`.
fn load_network(
    options: &LoadOptions<'_>,
    file: &ModelFile,
    threads: usize,
    progress: &mut dyn FnMut(f32),
) -> Result<LoadedNetwork, LoadError> {
    let digest = cache_key(file, options.accelerator);
    let message = |error: lowkey_model::ModelError| error.to_string();
    match (options.accelerator, options.persist) {
        (Some(accelerator), _) => {
            let model =
                lowkey_model::load_on_device(file, accelerator, progress).map_err(message)?;
            Ok((model, digest, None))
        }
        (None, None) => {
            let model = lowkey_model::load(file, threads, progress).map_err(message)?;
            Ok((model, digest, None))
        }
        (None, Some(persist)) => {
            let key = PackingKey::new(file, &digest);
            let opened = packed::open(persist, &key);
            let kept =
                opened.as_ref().map(|file| SavedWeights { file, map_policy: persist.map_policy });
            let (model, weights) =
                lowkey_model::load_with_saved_weights(file, threads, kept, &key, progress)
                    .map_err(message)?;
            let unsaved =
                weights.and_then(|weights| packed::loaded(persist, key, opened.as_ref(), weights));
            Ok((model, digest, unsaved))
        }
    }
}

/// Builds the tokenizer of `file` and the prompt format; reads no weights.
pub fn assembler(file: &ModelFile, infill: Infill) -> Result<Assembler, LoadError> {
    let message = |error: &dyn Error| format!("model {}: {error}", file.name());
    let vocab = vocab(file);
    // A folder has its tokenizer in a separate file; of its metadata, only the end tokens are read.
    let tokenizer = match file.tokenizer_json() {
        Some(json) => Tokenizer::from_json(json),
        None if vocab.model.is_empty() => return Err(no_tokenizer(file.name())),
        None => Tokenizer::from_gguf(&vocab),
    };
    let tokenizer = tokenizer.map_err(|e| message(&e))?;
    let format = Format::detect(&tokenizer, &vocab, infill).map_err(|e| message(&e))?;
    // A file may name the format; there is one.
    let named = file.metadata().string("lowkey.next_edit");
    let next_edit = NextEditFormat::detect(&tokenizer, &vocab).ok();
    let next_edit = next_edit.filter(|_| named.is_none_or(|name| name == NextEditFormat::NAME));
    Ok(Assembler::new(Arc::new(tokenizer), format).with_next_edit(next_edit))
}

/// A shorter prompt has no room for a line of code between its sentinels.
const MIN_CONTEXT_TOKENS: usize = 8;

/// Rejects a model that would load and never answer: its context is too short for a prompt, or its
/// embedding lacks tokens that every prompt or answer has.
fn check_usable(
    name: &str,
    tokenizer: &Tokenizer,
    format: &Format,
    config: &Config,
) -> Result<(), LoadError> {
    let context = config.context_length;
    if context < MIN_CONTEXT_TOKENS {
        return Err(format!(
            "model {name} has a context of {context} tokens, but a suggestion needs at least {MIN_CONTEXT_TOKENS}; choose another model"
        ));
    }
    // Plain text comes first, so that this also finds a vocabulary that begins after the
    // embedding's end.
    let text = tokenizer.encode("fn a() {\n    return 1;\n}\n");
    let needed = format.special_tokens().chain(text);
    match needed.max().filter(|token| *token as usize >= config.vocab) {
        Some(token) => Err(format!(
            "model {name} has a tokenizer with token {token}, but its embedding ends at {}: the tokenizer belongs to another model",
            config.vocab
        )),
        None => Ok(()),
    }
}

/// Returns the error for a model without a supported tokenizer.
fn no_tokenizer(model: &str) -> LoadError {
    format!(
        "model {model} has no tokenizer: a folder needs tokenizer.json (where there is only tokenizer.model, \
         `AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)` of transformers writes it), a GGUF file needs \
         tokenizer.ggml.model; or take the model as another GGUF file"
    )
}

/// Returns the key of a model's sessions and speed. A device's caches have other bits than those of
/// lowkey's kernels.
fn cache_key(file: &ModelFile, accelerator: Option<&Accelerator>) -> String {
    let digest = file.digest();
    let Some(accelerator) = accelerator else { return digest };
    let both = Sha256::digest(format!("{digest} on {}", accelerator.name()));
    both.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// Returns the tokenizer's part of a GGUF file's metadata.
fn vocab(file: &ModelFile) -> GgufVocab<'_> {
    let metadata = file.metadata();
    let key = |name: &str| format!("tokenizer.ggml.{name}");
    let texts = |name: &str| metadata.strings(&key(name)).unwrap_or_default();
    let id = |name: &str| metadata.u32(&key(&format!("{name}_token_id")));
    GgufVocab {
        model: metadata.string(&key("model")).unwrap_or_default().to_owned(),
        pre: metadata.string(&key("pre")).unwrap_or_default().to_owned(),
        tokens: texts("tokens"),
        token_types: metadata.ints(&key("token_type")).unwrap_or_default(),
        scores: metadata.floats(&key("scores")).unwrap_or_default(),
        merges: texts("merges"),
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
        add_space_prefix: metadata.bool(&key("add_space_prefix")),
        chat_template: metadata.string("tokenizer.chat_template").map(str::to_owned),
        fragmented_middle: metadata.bool("lowkey.fim_fragmented_middle").unwrap_or(false),
        order: order(file),
    }
}

/// Models that measured better with the suffix first (`server/prompt/README.md`): architecture,
/// layers and hidden size. The better order differs between models of one family: the larger
/// Qwen2.5-Coder prefers the prefix first.
const SUFFIX_FIRST: &[(&str, u32, u32)] = &[
    // Qwen2.5-Coder-0.5B.
    ("qwen2", 24, 896),
];

/// Returns the order that the file names, or the measured order of its shape.
fn order(file: &ModelFile) -> Option<FimOrder> {
    let metadata = file.metadata();
    match metadata.string("lowkey.fim_order") {
        Some("spm") => return Some(FimOrder::Spm),
        Some("psm") => return Some(FimOrder::Psm),
        _ => {}
    }
    let architecture = file.architecture();
    let number = |name: &str| metadata.u32(&format!("{architecture}.{name}"));
    let shape = (architecture, number("block_count")?, number("embedding_length")?);
    SUFFIX_FIRST.contains(&shape).then_some(FimOrder::Spm)
}

#[cfg(test)]
mod tests;
