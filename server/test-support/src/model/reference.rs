//! candle-transformers' models in f32, on the dequantized weights of a GGUF file: the reference of our logits.
//!
//! Not its quantized models: those round activations in their own way, so a difference would say little.

use std::collections::HashMap;
use std::io::Cursor;

use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::{DType, Device, IndexOp, Tensor};
use candle_nn::{Activation, VarBuilder};
use candle_transformers::models::{llama, qwen2, qwen3};

/// A GGUF file as the reference sees it: shape by key, tensors in f32 by Hugging Face's names.
struct Source {
    content: Content,
    architecture: String,
    tensors: HashMap<String, Tensor>,
}

/// Returns the logits of every token, row by row.
pub fn reference_logits(gguf: &[u8], tokens: &[u32]) -> Vec<f32> {
    let mut source = Source::read(gguf);
    let input = Tensor::new(tokens, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
    let logits = match source.architecture.as_str() {
        "qwen2" => source.qwen2(&input),
        "qwen3" => source.qwen3(&input),
        "llama" => {
            source.undo_permutation();
            source.llama(tokens)
        }
        other => panic!("no reference for {other}"),
    };
    logits.flatten_all().unwrap().to_vec1().unwrap()
}

impl Source {
    fn read(gguf: &[u8]) -> Source {
        let mut reader = Cursor::new(gguf);
        let content = Content::read(&mut reader).unwrap();
        let architecture = content.metadata["general.architecture"].to_string().unwrap().to_owned();
        let mut tensors = HashMap::new();
        for name in content.tensor_infos.keys() {
            let tensor = content.tensor(&mut reader, name, &Device::Cpu).unwrap();
            let tensor = tensor.dequantize(&Device::Cpu).unwrap();
            tensors.insert(hugging_face_name(name), tensor);
        }
        Source { content, architecture, tensors }
    }

    fn size(&self, key: &str) -> usize {
        self.content.metadata[&format!("{}.{key}", self.architecture)].to_u32().unwrap() as usize
    }

    fn float(&self, key: &str) -> f64 {
        match self.content.metadata[&format!("{}.{key}", self.architecture)] {
            Value::F32(number) => f64::from(number),
            _ => panic!("{key} is no f32"),
        }
    }

    fn head_dim(&self) -> usize {
        let key = format!("{}.attention.key_length", self.architecture);
        let derived = || self.size("embedding_length") / self.size("attention.head_count");
        self.content.metadata.get(&key).map_or_else(derived, |v| v.to_u32().unwrap() as usize)
    }

    fn weights(&self) -> VarBuilder<'static> {
        VarBuilder::from_tensors(self.tensors.clone(), DType::F32, &Device::Cpu)
    }

    fn table(&self) -> &Tensor {
        &self.tensors["model.embed_tokens.weight"]
    }

    /// The stream of every token through the output matrix.
    fn project(&self, stream: &Tensor) -> Tensor {
        let head = self.tensors.get("lm_head.weight").unwrap_or(self.table());
        stream.i(0).unwrap().matmul(&head.t().unwrap()).unwrap()
    }

    fn qwen2(&self, input: &Tensor) -> Tensor {
        let config = qwen2::Config {
            vocab_size: self.table().dims()[0],
            hidden_size: self.size("embedding_length"),
            intermediate_size: self.size("feed_forward_length"),
            num_hidden_layers: self.size("block_count"),
            num_attention_heads: self.size("attention.head_count"),
            num_key_value_heads: self.size("attention.head_count_kv"),
            max_position_embeddings: self.size("context_length"),
            sliding_window: usize::MAX / 2,
            max_window_layers: 0,
            tie_word_embeddings: true,
            rope_theta: self.float("rope.freq_base"),
            rms_norm_eps: self.float("attention.layer_norm_rms_epsilon"),
            use_sliding_window: false,
            hidden_act: Activation::Silu,
        };
        let mut model = qwen2::Model::new(&config, self.weights()).unwrap();
        self.project(&model.forward(input, 0, None).unwrap())
    }

    fn qwen3(&self, input: &Tensor) -> Tensor {
        let config = qwen3::Config {
            vocab_size: self.table().dims()[0],
            hidden_size: self.size("embedding_length"),
            intermediate_size: self.size("feed_forward_length"),
            num_hidden_layers: self.size("block_count"),
            num_attention_heads: self.size("attention.head_count"),
            head_dim: self.head_dim(),
            attention_bias: false,
            num_key_value_heads: self.size("attention.head_count_kv"),
            max_position_embeddings: self.size("context_length"),
            sliding_window: None,
            max_window_layers: 0,
            tie_word_embeddings: true,
            rope_theta: self.float("rope.freq_base"),
            rms_norm_eps: self.float("attention.layer_norm_rms_epsilon"),
            use_sliding_window: false,
            hidden_act: Activation::Silu,
        };
        let mut model = qwen3::Model::new(&config, self.weights()).unwrap();
        self.project(&model.forward(input, 0).unwrap())
    }

    /// Gives logits of the last token only, so every beginning of `tokens` is asked.
    fn llama(&self, tokens: &[u32]) -> Tensor {
        let config = llama::Config {
            hidden_size: self.size("embedding_length"),
            intermediate_size: self.size("feed_forward_length"),
            vocab_size: self.table().dims()[0],
            num_hidden_layers: self.size("block_count"),
            num_attention_heads: self.size("attention.head_count"),
            num_key_value_heads: self.size("attention.head_count_kv"),
            use_flash_attn: false,
            rms_norm_eps: self.float("attention.layer_norm_rms_epsilon"),
            rope_theta: self.float("rope.freq_base") as f32,
            bos_token_id: None,
            eos_token_id: None,
            rope_scaling: None,
            max_position_embeddings: self.size("context_length"),
            tie_word_embeddings: !self.tensors.contains_key("lm_head.weight"),
        };
        let model = llama::Llama::load(self.weights(), &config).unwrap();
        let last = |n: usize| {
            let mut cache = llama::Cache::new(false, DType::F32, &config, &Device::Cpu).unwrap();
            let input = Tensor::new(&tokens[..n], &Device::Cpu).unwrap().unsqueeze(0).unwrap();
            model.forward(&input, 0, &mut cache).unwrap()
        };
        let rows: Vec<Tensor> = (1..=tokens.len()).map(last).collect();
        Tensor::cat(&rows, 0).unwrap()
    }

    /// Llama's files have the rows of queries and keys permuted so that neighbours rotate together; the reference
    /// rotates halves. Row 2i + j of a head goes back to row j · `head_dim` / 2 + i.
    fn undo_permutation(&mut self) {
        let head_dim = self.head_dim();
        for (name, tensor) in &mut self.tensors {
            if name.contains("q_proj") || name.contains("k_proj") {
                let (rows, columns) = tensor.dims2().unwrap();
                let heads = tensor.reshape((rows / head_dim, head_dim / 2, 2, columns)).unwrap();
                *tensor = heads.transpose(1, 2).unwrap().reshape((rows, columns)).unwrap();
            }
        }
    }
}

/// Hugging Face's name of a tensor, from llama.cpp's.
fn hugging_face_name(name: &str) -> String {
    let outside = [
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("output_norm.weight", "model.norm.weight"),
        ("output.weight", "lm_head.weight"),
    ];
    if let Some((_, theirs)) = outside.iter().find(|(ours, _)| *ours == name) {
        return (*theirs).to_owned();
    }
    let inside = [
        ("attn_norm", "input_layernorm"),
        ("attn_q", "self_attn.q_proj"),
        ("attn_k", "self_attn.k_proj"),
        ("attn_v", "self_attn.v_proj"),
        ("attn_output", "self_attn.o_proj"),
        ("attn_q_norm", "self_attn.q_norm"),
        ("attn_k_norm", "self_attn.k_norm"),
        ("ffn_norm", "post_attention_layernorm"),
        ("ffn_gate", "mlp.gate_proj"),
        ("ffn_up", "mlp.up_proj"),
        ("ffn_down", "mlp.down_proj"),
    ];
    let mut parts = name.split('.').skip(1);
    let (layer, part, kind) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let (_, theirs) = inside.iter().find(|(ours, _)| *ours == part).unwrap();
    format!("model.layers.{layer}.{theirs}.{kind}")
}
