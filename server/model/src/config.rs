//! The shape of a model, read from its metadata and held against its tensors.
//!
//! Invariant: every number here lies within the limits below, so products of two or three of them cannot overflow, and
//! weights of these shapes are in the file before anything of their size is allocated.

mod keys;

use lowkey_kernels::{KvType, Pairing};

pub(crate) use keys::Keys;

use crate::architecture::Architecture;
use crate::file::Tensors;
use crate::rotation::Stretch;
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
/// The most experts of a layer that are believed.
const MAX_EXPERTS: usize = 1 << 10;

/// The shape of a decoder-only model, and the numbers by which its architecture differs from others.
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
    /// The width of the feed-forward layer, or of one expert's.
    pub ffn: usize,
    /// The experts of each feed-forward layer, where there are several.
    pub experts: Option<Experts>,
    /// The number of tokens in the vocabulary.
    pub vocab: usize,
    /// The base of the rotary position embedding's frequencies.
    pub rope_base: f32,
    /// How rotations are slowed down, for contexts longer than those of the first training.
    pub rope_stretch: Stretch,
    /// By how much rotated values are lengthened; 1 if not.
    pub rope_amplitude: f32,
    /// How many values of a head are rotated, from its first on; even.
    pub rope_dim: usize,
    /// Which two values of a head rotate together.
    pub rope_pairing: Pairing,
    /// How many positions a token attends to at most, itself among them, where that is bounded.
    pub window: Option<usize>,
    /// Whether every second layer, beginning with the second, attends to everything all the same.
    pub window_alternates: bool,
    /// What attention scores are multiplied by.
    pub attention_scale: f32,
    /// What attention scores are bent to stay within.
    pub attention_cap: Option<f32>,
    /// What embeddings are multiplied by.
    pub embedding_scale: f32,
    /// What a layer's results are multiplied by before they enter the residual stream.
    pub residual_scale: f32,
    /// What logits are divided by.
    pub logit_divisor: f32,
    /// What logits are bent to stay within.
    pub logit_cap: Option<f32>,
    /// How a cache stores keys and values: the user's choice, not the model's.
    pub kv_type: KvType,
    /// What is added to the mean square under the root in norms.
    pub norm_eps: f32,
    /// Whether the embedding table is also the output matrix.
    pub tied_embeddings: bool,
}

/// A feed-forward layer of several experts, of which each token uses a few.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Experts {
    /// How many there are.
    pub n: usize,
    /// How many a token uses.
    pub n_used: usize,
    /// Whether the weights of those that are used are made to sum to 1.
    pub normalized: bool,
}

impl Config {
    /// Reads the keys of an `architecture` (all their names begin with it).
    pub(crate) fn read(
        file: &str,
        architecture: &Architecture,
        pairing: Pairing,
        metadata: &Metadata,
        tensors: &Tensors,
    ) -> Result<Self, ModelError> {
        let keys = Keys { file, architecture: architecture.name, metadata };
        let hidden = keys.size("embedding_length", MAX_WIDTH)?;
        let n_heads = keys.size("attention.head_count", MAX_HEADS)?;
        let n_kv_heads = keys.size_or("attention.head_count_kv", MAX_HEADS, n_heads)?;
        if !n_heads.is_multiple_of(n_kv_heads) {
            let problem =
                format!("is {n_kv_heads}, it must divide the {n_heads} of attention.head_count");
            return Err(keys.wrong("attention.head_count_kv", problem));
        }
        let head_dim = head_dim(&keys, hidden, n_heads)?;
        let vocab = keys.vocab(tensors)?;
        let experts = keys.experts()?;
        let mut config = Self {
            kv_type: KvType::F16,
            context_length: keys.context_length(tensors)?,
            hidden,
            n_layers: keys.size("block_count", MAX_LAYERS)?,
            n_heads,
            n_kv_heads,
            head_dim,
            ffn: keys.feed_forward_length(experts)?,
            experts,
            vocab,
            rope_base: keys.float_or("rope.freq_base", 1.0..=1e12, 10_000.0)?,
            rope_stretch: Stretch::read(&keys, MAX_CONTEXT)?,
            rope_amplitude: keys.float_or("rope.scaling.attn_factor", 0.1..=100.0, 1.0)?,
            rope_dim: rope_dim(&keys, head_dim)?,
            rope_pairing: pairing,
            window: keys.size_if_any("attention.sliding_window", MAX_CONTEXT)?,
            window_alternates: false,
            attention_scale: 1.0 / (head_dim as f32).sqrt(),
            attention_cap: None,
            embedding_scale: 1.0,
            residual_scale: 1.0,
            logit_divisor: 1.0,
            logit_cap: None,
            norm_eps: keys.norm_eps()?,
            tied_embeddings: !tensors.contains("output.weight"),
        };
        (architecture.adapt)(&keys, &mut config)?;
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

    /// What the keys and values of one token take.
    pub(crate) fn cache_bytes_per_token(&self) -> usize {
        self.n_layers * self.kv_type.position_bytes(self.n_kv_heads, self.kv_width())
    }

    /// How many positions a token of this layer attends to, itself among them.
    pub(crate) fn window_of(&self, layer: usize) -> usize {
        match self.window {
            Some(window) if !(self.window_alternates && layer % 2 == 1) => window,
            _ => usize::MAX,
        }
    }
}

/// The width of a head: even, and values as wide as keys.
fn head_dim(keys: &Keys<'_>, hidden: usize, n_heads: usize) -> Result<usize, ModelError> {
    let has_length = keys.has("attention.key_length");
    let head_dim = keys.size_or("attention.key_length", MAX_HEAD_DIM, hidden / n_heads)?;
    if head_dim == 0 || !head_dim.is_multiple_of(2) {
        let problem =
            format!("gives heads of {head_dim} (width {hidden}), they must be even and not empty");
        return Err(keys.wrong("attention.head_count", problem));
    }
    if !has_length && !hidden.is_multiple_of(n_heads) {
        let problem = format!("is {n_heads}, it must divide the {hidden} of embedding_length");
        return Err(keys.wrong("attention.head_count", problem));
    }
    match keys.size_or("attention.value_length", MAX_HEAD_DIM, head_dim)? {
        size if size == head_dim => Ok(head_dim),
        size => {
            let problem = format!("is {size}, supported is the head width {head_dim}");
            Err(keys.wrong("attention.value_length", problem))
        }
    }
}

fn rope_dim(keys: &Keys<'_>, head_dim: usize) -> Result<usize, ModelError> {
    let key = "rope.dimension_count";
    match keys.size_or(key, MAX_HEAD_DIM, head_dim)? {
        size if size <= head_dim && size.is_multiple_of(2) => Ok(size),
        size => {
            let problem =
                format!("is {size}, it must be even and at most the head width {head_dim}");
            Err(keys.wrong(key, problem))
        }
    }
}

impl Keys<'_> {
    /// The longest context. Where factors for short and for long texts differ, it is that of the short ones: beyond it
    /// the reference turns all earlier keys anew, which no cache survives.
    fn context_length(&self, tensors: &Tensors) -> Result<usize, ModelError> {
        let length = self.size("context_length", MAX_CONTEXT)?;
        let original = "rope.scaling.original_context_length";
        if tensors.contains("rope_factors_short.weight") {
            return Ok(length.min(self.size(original, MAX_CONTEXT)?));
        }
        Ok(length)
    }

    fn norm_eps(&self) -> Result<f32, ModelError> {
        let mean = "attention.layer_norm_epsilon";
        let key = if self.has(mean) { mean } else { "attention.layer_norm_rms_epsilon" };
        self.float(key, f32::MIN_POSITIVE..=0.1)
    }

    fn experts(&self) -> Result<Option<Experts>, ModelError> {
        let Some(n) = self.size_if_any("expert_count", MAX_EXPERTS)? else {
            return Ok(None);
        };
        let normalized = self.metadata.bool(&self.full("expert_weights_norm")).unwrap_or(true);
        Ok(Some(Experts { n, n_used: self.size("expert_used_count", n)?, normalized }))
    }

    fn feed_forward_length(&self, experts: Option<Experts>) -> Result<usize, ModelError> {
        let own = "expert_feed_forward_length";
        let key = if experts.is_some() && self.has(own) { own } else { "feed_forward_length" };
        self.size(key, MAX_WIDTH)
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
