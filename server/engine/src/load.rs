//! From a model file to a model that runs: tokenizer, prompt format, weights.
//!
//! The one place that knows both the file's metadata and what the prompt stage needs
//! of it.

use std::error::Error;
use std::sync::Arc;

use lowkey_model::{Accelerator, CausalLm, Config, KeptWeights, ModelFile, PackingKey};
use lowkey_prompt::{Assembler, Format, GgufVocab, Infill, Order, Tokenizer};
use sha2::{Digest, Sha256};

use crate::persist::{Keep, UnsavedWeights, packed};

/// A model ready to run, with the tokenizer and format that belong to it.
pub struct Loaded {
    /// What the user calls it.
    pub name: String,
    /// The identity of the file (see [`ModelFile::digest`]) and of the device, under which things are kept on disk.
    pub digest: String,
    /// The network.
    pub model: Box<dyn CausalLm>,
    /// Text to token ids for this model.
    pub assembler: Arc<Assembler>,
    /// Whether tokens are guessed ahead and verified in batches; what is decoded is the same either way.
    pub speculates: bool,
    /// The packed weights, where no file has them and one may.
    pub unsaved: Option<UnsavedWeights>,
}

/// How a model is to run and to be asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Where it runs; on our own kernels without one.
    pub accelerator: Option<&'a Accelerator>,
    /// How it is asked.
    pub infill: Infill,
    /// Where its packed weights are kept, if they are.
    pub keep: Option<&'a Keep>,
}

/// Why there is no model, in words for the user.
pub type LoadFailed = String;

impl Loaded {
    /// Builds the tokenizer and packs the weights, to run on `threads` threads.
    ///
    /// `progress` gets the share done, 0 to 1.
    pub fn from_file(
        file: &ModelFile,
        threads: usize,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Self, LoadFailed> {
        Self::wanted(Wanted::default(), file, threads, progress)
    }

    /// Does the same in the way that is wanted.
    pub fn wanted(
        wanted: Wanted<'_>,
        file: &ModelFile,
        threads: usize,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Self, LoadFailed> {
        // The tokenizer takes longer than weights that came packed, and neither needs the other.
        let (assembler, network) = std::thread::scope(|scope| {
            let assembler = scope.spawn(|| assembler(file, wanted.infill));
            let network = network(&wanted, file, threads, progress);
            let failed = |_| Err(format!("model {}: building the tokenizer failed", file.name()));
            (assembler.join().unwrap_or_else(failed), network)
        });
        let (assembler, (model, digest, unsaved)) = (assembler?, network?);
        can_answer(file.name(), assembler.tokenizer(), assembler.format(), model.config())?;
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

/// A network, its identity, and the weights that no file has.
type Network = (Box<dyn CausalLm>, String, Option<UnsavedWeights>);

/// Loads the weights: packed ones from disk, or those of `file`.
fn network(
    wanted: &Wanted<'_>,
    file: &ModelFile,
    threads: usize,
    progress: &mut dyn FnMut(f32),
) -> Result<Network, LoadFailed> {
    let digest = identity(file, wanted.accelerator);
    let said = |error: lowkey_model::ModelError| error.to_string();
    match (wanted.accelerator, wanted.keep) {
        (Some(accelerator), _) => {
            let model = lowkey_model::load_on_device(file, accelerator, progress).map_err(said)?;
            Ok((model, digest, None))
        }
        (None, None) => {
            let model = lowkey_model::load(file, threads, progress).map_err(said)?;
            Ok((model, digest, None))
        }
        (None, Some(keep)) => {
            let key = PackingKey::new(file, &digest);
            let opened = packed::open(keep, &key);
            let kept = opened.as_ref().map(|file| KeptWeights { file, hold: keep.hold });
            let (model, weights) =
                lowkey_model::load_kept(file, threads, kept, &key, progress).map_err(said)?;
            let unsaved =
                weights.and_then(|weights| packed::loaded(keep, key, opened.as_ref(), weights));
            Ok((model, digest, unsaved))
        }
    }
}

/// Builds the tokenizer of `file` and finds how the model is asked; reads no weights.
pub fn assembler(file: &ModelFile, infill: Infill) -> Result<Assembler, LoadFailed> {
    let said = |error: &dyn Error| format!("model {}: {error}", file.name());
    let vocab = vocab(file);
    // A folder's tokenizer is a file of its own; of its metadata only the ends are read.
    let tokenizer = match file.tokenizer_json() {
        Some(json) => Tokenizer::from_json(json),
        None if vocab.model.is_empty() => return Err(no_tokenizer(file.name())),
        None => Tokenizer::from_gguf(&vocab),
    };
    let tokenizer = tokenizer.map_err(|e| said(&e))?;
    let format = Format::detect(&tokenizer, &vocab, infill).map_err(|e| said(&e))?;
    Ok(Assembler::new(Arc::new(tokenizer), format))
}

/// A prompt of fewer tokens than this holds no line of code beside its sentinels.
const LEAST_CONTEXT: usize = 8;

/// Refuses a model that would load and never answer: its context holds no prompt, or its embedding not the tokens that
/// every prompt or answer has.
fn can_answer(
    name: &str,
    tokenizer: &Tokenizer,
    format: &Format,
    config: &Config,
) -> Result<(), LoadFailed> {
    let context = config.context_length;
    if context < LEAST_CONTEXT {
        return Err(format!(
            "model {name} sees {context} tokens at a time; {LEAST_CONTEXT} is the least that a suggestion needs"
        ));
    }
    // Text first, so that a vocabulary that begins beyond the embedding is found too.
    let text = tokenizer.encode("fn a() {\n    return 1;\n}\n");
    let needed = format.special_tokens().chain(text);
    match needed.max().filter(|token| *token as usize >= config.vocab) {
        Some(token) => Err(format!(
            "model {name} has a tokenizer with token {token}, but its embedding ends at {}: the tokenizer is another model's",
            config.vocab
        )),
        None => Ok(()),
    }
}

/// What is said of a model without a tokenizer that is read here.
fn no_tokenizer(model: &str) -> LoadFailed {
    format!(
        "model {model} has no tokenizer: a folder needs tokenizer.json (where there is only tokenizer.model, \
         `AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)` of transformers writes it), a GGUF file needs \
         tokenizer.ggml.model; or take the model as another GGUF file"
    )
}

/// Under which a model's sessions and speed are kept: a device's caches hold other bits than our kernels'.
fn identity(file: &ModelFile, accelerator: Option<&Accelerator>) -> String {
    let digest = file.digest();
    let Some(accelerator) = accelerator else { return digest };
    let both = Sha256::digest(format!("{digest} on {}", accelerator.name()));
    both.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// What the tokenizer needs of a GGUF file's metadata.
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

/// Models that were measured to answer better with the suffix first (`server/prompt/README.md`): architecture, layers
/// and hidden size. Which order is better is a matter of the model: its larger sister prefers the other.
const SUFFIX_FIRST: &[(&str, u32, u32)] = &[
    // Qwen2.5-Coder-0.5B.
    ("qwen2", 24, 896),
];

/// The order that the file names, or that its shape is known to prefer.
fn order(file: &ModelFile) -> Option<Order> {
    let metadata = file.metadata();
    match metadata.string("lowkey.fim_order") {
        Some("spm") => return Some(Order::Spm),
        Some("psm") => return Some(Order::Psm),
        _ => {}
    }
    let architecture = file.architecture();
    let number = |name: &str| metadata.u32(&format!("{architecture}.{name}"));
    let shape = (architecture, number("block_count")?, number("embedding_length")?);
    SUFFIX_FIRST.contains(&shape).then_some(Order::Spm)
}

#[cfg(test)]
mod tests;
