//! The shape of a model, read from its metadata and held against its tensors.
//!
//! Invariant: every number here lies within the limits below, so products of two or three of them cannot overflow, and
//! weights of these shapes are in the file before anything of their size is allocated.

use lowkey_kernels::Pairing;

use crate::architecture::Architecture;
use crate::error::shorten;
use crate::file::Tensors;
use crate::{Metadata, ModelError};

/// The longest context that is believed, in tokens.
const MAX_CONTEXT: usize = 1 << 20;
/// The widest layer that is believed, in numbers per token.
const MAX_WIDTH: usize = 1 << 18;
/// The most layers that are believed.
const MAX_LAYERS: usize = 1 << 10;
/// The most attention heads that are believed.
const MAX_HEADS: usize = 1 << 12;
/// The widest attention head that is believed.
const MAX_HEAD_DIM: usize = 1 << 10;

/// The shape of a decoder-only model.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The longest context it was made for, in tokens.
    pub context_length: usize,
    /// The width of the residual stream.
    pub hidden: usize,
    /// The number of layers.
    pub n_layers: usize,
    /// The number of query heads.
    pub n_heads: usize,
    /// The number of key and value heads; divides `n_heads`.
    pub n_kv_heads: usize,
    /// The width of one head; even.
    pub head_dim: usize,
    /// The width of the feed-forward layer.
    pub ffn: usize,
    /// The number of tokens in the vocabulary.
    pub vocab: usize,
    /// The base of the rotary position embedding's frequencies.
    pub rope_base: f32,
    /// By how much all rotations are slowed down, for contexts longer than those of the first training; 1 if not.
    pub rope_factor: f32,
    /// Which two values of a head rotate together.
    pub rope_pairing: Pairing,
    /// What is added to the mean square under the root in norms.
    pub norm_eps: f32,
    /// Whether the embedding table is also the output matrix.
    pub tied_embeddings: bool,
}

impl Config {
    /// Reads the keys of a llama-like `architecture` (all their names begin with it).
    pub(crate) fn read(
        file: &str,
        architecture: &Architecture,
        metadata: &Metadata,
        tensors: &Tensors,
    ) -> Result<Self, ModelError> {
        let keys = Keys { file, architecture: architecture.name, metadata };
        keys.reject_experts()?;
        let hidden = keys.size("embedding_length", MAX_WIDTH)?;
        let n_heads = keys.size("attention.head_count", MAX_HEADS)?;
        let n_kv_heads = keys.size_or("attention.head_count_kv", MAX_HEADS, n_heads)?;
        if !n_heads.is_multiple_of(n_kv_heads) {
            let problem =
                format!("is {n_kv_heads}, it must divide the {n_heads} of attention.head_count");
            return Err(keys.wrong("attention.head_count_kv", problem));
        }
        let head_dim = keys.size_or("attention.key_length", MAX_HEAD_DIM, hidden / n_heads)?;
        let vocab = keys.vocab(tensors)?;
        let context_length = keys.size("context_length", MAX_CONTEXT)?;
        let config = Self {
            // Within a sliding window, attention over everything is the same; beyond it the two would differ.
            context_length: context_length.min(keys.size_or(
                "attention.sliding_window",
                MAX_CONTEXT,
                context_length,
            )?),
            hidden,
            n_layers: keys.size("block_count", MAX_LAYERS)?,
            n_heads,
            n_kv_heads,
            head_dim,
            ffn: keys.size("feed_forward_length", MAX_WIDTH)?,
            vocab,
            rope_base: keys.float_or("rope.freq_base", 1.0..=1e12, 10_000.0)?,
            rope_factor: keys.rope_factor()?,
            rope_pairing: architecture.pairing,
            norm_eps: keys.float("attention.layer_norm_rms_epsilon", f32::MIN_POSITIVE..=0.1)?,
            tied_embeddings: !tensors.contains("output.weight"),
        };
        keys.check_head_dim(&config)?;
        Ok(config)
    }

    /// The width of all query heads together.
    pub(crate) fn q_width(&self) -> usize {
        self.n_heads * self.head_dim
    }

    /// The width of all key (or value) heads together.
    pub(crate) fn kv_width(&self) -> usize {
        self.n_kv_heads * self.head_dim
    }
}

struct Keys<'a> {
    file: &'a str,
    architecture: &'a str,
    metadata: &'a Metadata,
}

impl Keys<'_> {
    fn full(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    fn wrong(&self, key: &str, problem: String) -> ModelError {
        ModelError::Key { file: self.file.to_owned(), key: self.full(key), problem }
    }

    /// A size from 1 to `limit`.
    fn size(&self, key: &str, limit: usize) -> Result<usize, ModelError> {
        if !self.metadata.contains(&self.full(key)) {
            return Err(self.wrong(key, format!("is missing (a whole number from 1 to {limit})")));
        }
        match self.metadata.u32(&self.full(key)) {
            Some(size) if (1..=limit).contains(&(size as usize)) => Ok(size as usize),
            Some(size) => Err(self.wrong(key, format!("is {size}, supported are 1 to {limit}"))),
            None => Err(self.wrong(key, format!("is not a whole number from 1 to {limit}"))),
        }
    }

    fn size_or(&self, key: &str, limit: usize, default: usize) -> Result<usize, ModelError> {
        if self.metadata.contains(&self.full(key)) { self.size(key, limit) } else { Ok(default) }
    }

    fn float(&self, key: &str, range: std::ops::RangeInclusive<f32>) -> Result<f32, ModelError> {
        match self.metadata.f32(&self.full(key)) {
            Some(number) if range.contains(&number) => Ok(number),
            Some(number) => {
                let (low, high) = (range.start(), range.end());
                Err(self.wrong(key, format!("is {number}, supported are {low:e} to {high:e}")))
            }
            None => Err(self.wrong(key, "is missing or not a number".to_owned())),
        }
    }

    fn float_or(
        &self,
        key: &str,
        range: std::ops::RangeInclusive<f32>,
        default: f32,
    ) -> Result<f32, ModelError> {
        if self.metadata.contains(&self.full(key)) { self.float(key, range) } else { Ok(default) }
    }

    /// Reads by how much positions are stretched. Ways of stretching that the forward pass does not compute are
    /// refused: wrong text is worse than none.
    fn rope_factor(&self) -> Result<f32, ModelError> {
        let key = "rope.scaling.type";
        let linear = match self.metadata.string(&self.full(key)) {
            None | Some("linear") => true,
            Some("none") => false,
            Some(other) => {
                let problem = format!("is {:?}, supported are none and linear", shorten(other));
                return Err(self.wrong(key, problem));
            }
        };
        let mut factor = 1.0;
        for key in ["rope.scaling.factor", "rope.scale_linear"] {
            if linear && self.metadata.contains(&self.full(key)) {
                factor = self.float(key, 1.0..=1024.0)?;
            }
        }
        Ok(factor)
    }

    /// Refuses mixtures of experts, whose tensors have other names and shapes.
    fn reject_experts(&self) -> Result<(), ModelError> {
        let key = "expert_count";
        match self.metadata.u32(&self.full(key)) {
            None | Some(0) => Ok(()),
            Some(n) => {
                let problem = format!(
                    "is {n}: mixtures of experts are not supported yet; choose a dense model"
                );
                Err(self.wrong(key, problem))
            }
        }
    }

    fn check_head_dim(&self, config: &Config) -> Result<(), ModelError> {
        let Config { hidden, n_heads, head_dim, .. } = *config;
        if head_dim == 0 || !head_dim.is_multiple_of(2) {
            let problem = format!(
                "gives heads of {head_dim} (width {hidden}), they must be even and not empty"
            );
            return Err(self.wrong("attention.head_count", problem));
        }
        if !self.metadata.contains(&self.full("attention.key_length"))
            && !hidden.is_multiple_of(n_heads)
        {
            let problem = format!("is {n_heads}, it must divide the {hidden} of embedding_length");
            return Err(self.wrong("attention.head_count", problem));
        }
        // Values as wide as keys, and all of a head rotated: so it is in every model of the supported architectures.
        for key in ["attention.value_length", "rope.dimension_count"] {
            match self.size_or(key, MAX_HEAD_DIM, head_dim)? {
                size if size == head_dim => {}
                size => {
                    return Err(self
                        .wrong(key, format!("is {size}, supported is the head width {head_dim}")));
                }
            }
        }
        Ok(())
    }

    /// The vocabulary's size: the rows of the embedding table, with which the tokenizer must agree.
    fn vocab(&self, tensors: &Tensors) -> Result<usize, ModelError> {
        let table = tensors.get(
            self.file,
            "token_embd.weight",
            "rows of embedding_length, one per token",
        )?;
        let rows = table.rows;
        let claims = [
            ("tokenizer.ggml.tokens".to_owned(), self.metadata.array_len("tokenizer.ggml.tokens")),
            (
                self.full("vocab_size"),
                self.metadata.u32(&self.full("vocab_size")).map(|size| size as usize),
            ),
        ];
        for (key, tokens) in claims {
            match tokens {
                Some(tokens) if tokens != rows => {
                    return Err(ModelError::Vocabulary {
                        file: self.file.to_owned(),
                        key,
                        tokens,
                        rows,
                    });
                }
                _ => {}
            }
        }
        // Token ids are 32-bit.
        if u32::try_from(rows).is_err() {
            let key = "tokenizer.ggml.tokens".to_owned();
            return Err(ModelError::Vocabulary {
                file: self.file.to_owned(),
                key,
                tokens: u32::MAX as usize,
                rows,
            });
        }
        Ok(rows)
    }
}
