//! The shape of a model, read from its metadata and checked against its tensors.
//!
//! Invariant: every number here is within the limits below, so products of two or three of them cannot overflow, and
//! weights of these shapes are in the file before anything of their size is allocated.

pub(crate) mod keys;
mod limits;
pub(crate) mod rope;

use lowkey_kernels::{KvType, RopeLayout};

use crate::error::ModelError;
use crate::file::tensors::Tensors;
use keys::Keys;
use limits::{MAX_CONTEXT, MAX_EXPERTS, MAX_HEAD_DIM, MAX_HEADS, MAX_LAYERS, MAX_WIDTH};
use rope::RopeConfig;

/// The shape of a decoder-only model, and the numbers in which architectures differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The context length, in tokens.
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
    pub intermediate_size: usize,
    /// The experts of each feed-forward layer, in a mixture of experts.
    pub experts: Option<MoeConfig>,
    /// The number of tokens in the vocabulary.
    pub vocab: usize,
    /// The rotary position embedding.
    pub rope: RopeConfig,
    /// The sliding window: how many positions a token attends to at most, itself among them.
    pub window: Option<usize>,
    /// Whether every second layer, beginning with the second, has no window.
    pub window_alternates: bool,
    /// The factor of attention scores.
    pub attention_scale: f32,
    /// Soft cap on attention logits (Gemma 2).
    pub attn_logit_softcap: Option<f32>,
    /// The factor of embeddings.
    pub embedding_scale: f32,
    /// The factor of a layer's results, before they are added to the residual stream.
    pub residual_scale: f32,
    /// The divisor of logits.
    pub logit_divisor: f32,
    /// Soft cap on the model's logits (Gemma 2).
    pub final_logit_softcap: Option<f32>,
    /// How a cache stores keys and values: the user's choice, not the model's.
    pub kv_type: KvType,
    /// Added to the mean square under the root in norms.
    pub norm_eps: f32,
    /// Whether the embedding table is also the output matrix.
    pub tied_embeddings: bool,
}

/// The type that float matrices get when a model is loaded: the user's choice, not the model's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantization {
    /// Bytes, with one scale of 16 bits per 32.
    Q8_0,
}

impl Quantization {
    /// The type's name, which is part of the digests of quantized models.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Q8_0 => "Q8_0",
        }
    }
}

/// A mixture of experts: of `n` experts each token uses `n_used`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MoeConfig {
    /// The number of experts of a layer.
    pub n: usize,
    /// The number that a token uses.
    pub n_used: usize,
    /// Whether the weights of the used experts are scaled to sum to 1.
    pub normalized: bool,
}

impl Config {
    /// Reads the keys that all architectures have; the caller applies the architecture's own.
    pub(crate) fn read(
        keys: &Keys<'_>,
        layout: RopeLayout,
        tensors: &Tensors,
    ) -> Result<Self, ModelError> {
        let hidden = keys.size("embedding_length", MAX_WIDTH)?;
        let n_heads = keys.size("attention.head_count", MAX_HEADS)?;
        let n_kv_heads = keys.size_or("attention.head_count_kv", MAX_HEADS, n_heads)?;
        if !n_heads.is_multiple_of(n_kv_heads) {
            let problem =
                format!("is {n_kv_heads}, it must divide the {n_heads} of attention.head_count");
            return Err(keys.invalid("attention.head_count_kv", problem));
        }
        let head_dim = head_dim(keys, hidden, n_heads)?;
        let vocab = keys.vocab(tensors)?;
        let experts = keys.experts()?;
        Ok(Self {
            kv_type: KvType::F16,
            context_length: keys.context_length(tensors)?,
            hidden,
            n_layers: keys.size("block_count", MAX_LAYERS)?,
            n_heads,
            n_kv_heads,
            head_dim,
            intermediate_size: keys.feed_forward_length(experts)?,
            experts,
            vocab,
            rope: RopeConfig::read(keys, layout, head_dim)?,
            window: keys.optional_size("attention.sliding_window", MAX_CONTEXT)?,
            window_alternates: false,
            attention_scale: 1.0 / (head_dim as f32).sqrt(),
            attn_logit_softcap: None,
            embedding_scale: 1.0,
            residual_scale: 1.0,
            logit_divisor: 1.0,
            final_logit_softcap: None,
            norm_eps: keys.norm_eps()?,
            tied_embeddings: !tensors.contains("output.weight"),
        })
    }

    /// The width of all query heads together.
    pub(crate) fn q_width(&self) -> usize {
        self.n_heads * self.head_dim
    }

    /// The width of all key (or value) heads together.
    pub(crate) fn kv_width(&self) -> usize {
        self.n_kv_heads * self.head_dim
    }

    /// The bytes of one token's keys and values.
    pub(crate) fn cache_bytes_per_token(&self) -> usize {
        self.n_layers * self.kv_type.position_bytes(self.n_kv_heads, self.kv_width())
    }

    /// How many positions a token attends to in this layer, itself among them.
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
        return Err(keys.invalid("attention.head_count", problem));
    }
    if !has_length && !hidden.is_multiple_of(n_heads) {
        let problem = format!("is {n_heads}, it must divide the {hidden} of embedding_length");
        return Err(keys.invalid("attention.head_count", problem));
    }
    match keys.size_or("attention.value_length", MAX_HEAD_DIM, head_dim)? {
        size if size == head_dim => Ok(head_dim),
        size => {
            let problem = format!("is {size}, supported is the head width {head_dim}");
            Err(keys.invalid("attention.value_length", problem))
        }
    }
}

impl Keys<'_> {
    /// The context length. A long-rope model has factors for short texts and others for long ones; its context ends
    /// where the short ones end, because the reference then rotates all earlier keys anew, and a cache cannot follow.
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

    fn experts(&self) -> Result<Option<MoeConfig>, ModelError> {
        let Some(n) = self.optional_size("expert_count", MAX_EXPERTS)? else {
            return Ok(None);
        };
        let normalized = self.metadata.bool(&self.full_name("expert_weights_norm")).unwrap_or(true);
        Ok(Some(MoeConfig { n, n_used: self.size("expert_used_count", n)?, normalized }))
    }

    fn feed_forward_length(&self, experts: Option<MoeConfig>) -> Result<usize, ModelError> {
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
                self.full_name("vocab_size"),
                self.metadata.u32(&self.full_name("vocab_size")).map(|size| size as usize),
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
