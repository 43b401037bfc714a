//! A model small enough to make for every test: random weights, real file format.
//!
//! The same seed gives the same weights in every type.

use std::io::Cursor;

use candle_core::quantized::gguf_file::{Value, write};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};

/// What to make.
#[derive(Clone, Copy, Debug)]
pub struct TinyModel {
    /// What the file calls its architecture.
    pub architecture: &'static str,
    /// The width of a head; 0: the stream's width divided by the heads.
    pub head_dim: usize,
    /// The number of layers.
    pub n_layers: usize,
    /// The width of the stream.
    pub hidden: usize,
    /// The number of query heads.
    pub n_heads: usize,
    /// The number of key and value heads.
    pub n_kv_heads: usize,
    /// The width of the feed-forward layer.
    pub intermediate_size: usize,
    /// The number of tokens in the vocabulary.
    pub vocab: usize,
    /// The longest context.
    pub context_length: usize,
    /// How matrices are stored.
    pub dtype: GgmlDType,
    /// Whether the embedding table is also the output matrix.
    pub tied: bool,
}

impl TinyModel {
    /// Two layers of width 64 with four heads over two key heads.
    pub const fn new(dtype: GgmlDType) -> Self {
        Self {
            architecture: "qwen2",
            head_dim: 0,
            n_layers: 2,
            hidden: 64,
            n_heads: 4,
            n_kv_heads: 2,
            intermediate_size: 128,
            vocab: 256,
            context_length: 1500,
            dtype,
            tied: true,
        }
    }

    /// The metadata, in file order.
    pub fn metadata(&self) -> Vec<(String, Value)> {
        let size = |size: usize| Value::U32(size as u32);
        let text = |text: &str| Value::String(text.to_owned());
        let tokens = (0..self.vocab).map(|id| Value::String(format!("t{id}"))).collect();
        let types = (0..self.vocab).map(|_| Value::I32(1)).collect();
        let mut keys = vec![
            ("general.architecture".to_owned(), text(self.architecture)),
            ("general.name".to_owned(), text("tiny")),
            ("general.alignment".to_owned(), Value::U32(32)),
        ];
        let mut add = |key: &str, value| keys.push((format!("{}.{key}", self.architecture), value));
        add("context_length", size(self.context_length));
        add("embedding_length", size(self.hidden));
        add("block_count", size(self.n_layers));
        add("feed_forward_length", size(self.intermediate_size));
        add("attention.head_count", size(self.n_heads));
        add("attention.head_count_kv", size(self.n_kv_heads));
        if self.head_dim > 0 {
            add("attention.key_length", size(self.head_dim));
            add("attention.value_length", size(self.head_dim));
        }
        add("rope.freq_base", Value::F32(10_000.0));
        add("attention.layer_norm_rms_epsilon", Value::F32(1e-6));
        let tokenizer = [
            ("model", text("gpt2")),
            ("tokens", Value::Array(tokens)),
            ("token_type", Value::Array(types)),
            ("eos_token_id", Value::U32(0)),
            ("add_bos_token", Value::Bool(false)),
        ];
        keys.extend(tokenizer.map(|(key, value)| (format!("tokenizer.ggml.{key}"), value)));
        keys
    }

    /// The width of a head.
    pub fn head_width(&self) -> usize {
        if self.head_dim > 0 { self.head_dim } else { self.hidden / self.n_heads }
    }

    /// The tensors, in file order.
    pub fn tensors(&self) -> Vec<(String, QTensor)> {
        let Self { hidden, intermediate_size, vocab, dtype, .. } = *self;
        let head_dim = self.head_width();
        let (q, kv) = (self.n_heads * head_dim, self.n_kv_heads * head_dim);
        let mut random = Xorshift64(0x5eed);
        let mut tensors = Vec::new();
        let mut add = |name: String, shape: &[usize], dtype: GgmlDType, mean: f32, spread: f32| {
            let numbers: Vec<f32> =
                (0..shape.iter().product()).map(|_| mean + spread * random.normal()).collect();
            let tensor = Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap();
            tensors.push((name, QTensor::quantize(&tensor, dtype).unwrap()));
        };
        add("token_embd.weight".into(), &[vocab, hidden], dtype, 0.0, 1.0);
        add("output_norm.weight".into(), &[hidden], GgmlDType::F32, 1.0, 0.2);
        if !self.tied {
            add("output.weight".into(), &[vocab, hidden], dtype, 0.0, 0.3);
        }
        // Spreads around 1/√width keep every layer's contribution as large as the stream, so that a fault in any shows.
        let spread = 1.0 / (hidden as f32).sqrt();
        for layer in 0..self.n_layers {
            let name = |part: &str| format!("blk.{layer}.{part}");
            add(name("attn_norm.weight"), &[hidden], GgmlDType::F32, 1.0, 0.2);
            for (part, width) in [("attn_q", q), ("attn_k", kv), ("attn_v", kv)] {
                add(name(&format!("{part}.weight")), &[width, hidden], dtype, 0.0, 1.5 * spread);
                if self.architecture == "qwen2" {
                    add(name(&format!("{part}.bias")), &[width], GgmlDType::F32, 0.0, 0.5);
                }
            }
            if self.architecture == "qwen3" {
                add(name("attn_q_norm.weight"), &[head_dim], GgmlDType::F32, 1.0, 0.3);
                add(name("attn_k_norm.weight"), &[head_dim], GgmlDType::F32, 1.0, 0.3);
            }
            add(name("attn_output.weight"), &[hidden, q], dtype, 0.0, spread);
            add(name("ffn_norm.weight"), &[hidden], GgmlDType::F32, 1.0, 0.2);
            add(name("ffn_gate.weight"), &[intermediate_size, hidden], dtype, 0.0, spread);
            add(name("ffn_up.weight"), &[intermediate_size, hidden], dtype, 0.0, spread);
            add(name("ffn_down.weight"), &[hidden, intermediate_size], dtype, 0.0, spread);
        }
        tensors
    }

    /// The whole file.
    pub fn gguf(&self) -> Vec<u8> {
        write_gguf(&self.metadata(), &self.tensors())
    }
}

/// Writes a GGUF file into memory.
pub fn write_gguf(metadata: &[(String, Value)], tensors: &[(String, QTensor)]) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let metadata: Vec<_> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    write(&mut file, &metadata, &tensors).unwrap();
    file.into_inner()
}

/// A small generator of random numbers (xorshift64*), so that weights are the same on every machine.
pub struct Xorshift64(pub u64);

impl Xorshift64 {
    /// 32 random bits.
    fn next_u32(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.next_u32() as usize % limit
    }

    /// About normally distributed: the sum of twelve uniform numbers.
    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.next_u32() as f32 / u32::MAX as f32).sum::<f32>() - 6.0
    }

    /// Random token ids.
    pub fn tokens(&mut self, n: usize, vocab: usize) -> Vec<u32> {
        (0..n).map(|_| self.below(vocab) as u32).collect()
    }
}
