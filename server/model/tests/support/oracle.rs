//! candle-transformers' qwen2 in f32, on the dequantized weights of a GGUF file: the reference of our logits.
//!
//! Not its quantized qwen2: that one rounds activations in its own way, so a difference would say little.

use std::collections::HashMap;
use std::io::Cursor;

use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::{DType, Device, IndexOp, Tensor};
use candle_nn::{Activation, VarBuilder};
use candle_transformers::models::qwen2::{Config, Model};

/// Returns the logits of every token, row by row.
pub(crate) fn oracle(gguf: &[u8], tokens: &[u32]) -> Vec<f32> {
    let mut reader = Cursor::new(gguf);
    let content = Content::read(&mut reader).unwrap();
    let size = |key: &str| content.metadata[&format!("qwen2.{key}")].to_u32().unwrap() as usize;
    let float = |key: &str| match content.metadata[&format!("qwen2.{key}")] {
        Value::F32(number) => f64::from(number),
        _ => panic!("{key} is no f32"),
    };
    let mut tensors = HashMap::new();
    for name in content.tensor_infos.keys() {
        let tensor = content
            .tensor(&mut reader, name, &Device::Cpu)
            .unwrap()
            .dequantize(&Device::Cpu)
            .unwrap();
        tensors.insert(hugging_face_name(name), tensor);
    }
    let table = tensors["model.embed_tokens.weight"].clone();
    let head = tensors.get("lm_head.weight").unwrap_or(&table).clone();
    let config = Config {
        vocab_size: table.dims()[0],
        hidden_size: size("embedding_length"),
        intermediate_size: size("feed_forward_length"),
        num_hidden_layers: size("block_count"),
        num_attention_heads: size("attention.head_count"),
        num_key_value_heads: size("attention.head_count_kv"),
        max_position_embeddings: size("context_length"),
        sliding_window: usize::MAX / 2,
        max_window_layers: 0,
        tie_word_embeddings: true,
        rope_theta: float("rope.freq_base"),
        rms_norm_eps: float("attention.layer_norm_rms_epsilon"),
        use_sliding_window: false,
        hidden_act: Activation::Silu,
    };
    let weights = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    let mut model = Model::new(&config, weights).unwrap();
    let input = Tensor::new(tokens, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
    let stream = model.forward(&input, 0, None).unwrap().i(0).unwrap();
    let logits = stream.matmul(&head.t().unwrap()).unwrap();
    logits.flatten_all().unwrap().to_vec1().unwrap()
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

/// How far logits are from the reference.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Distance {
    /// The largest difference, in standard deviations of the reference's logits of that position.
    pub(crate) largest: f32,
    /// The root of the mean square difference, likewise.
    pub(crate) typical: f32,
    /// The share of positions with the same likeliest token.
    pub(crate) same_argmax: f32,
}

/// Compares logits, `vocab` for each position.
pub(crate) fn distance(logits: &[f32], reference: &[f32], vocab: usize) -> Distance {
    assert_eq!(logits.len(), reference.len());
    let n = reference.len() / vocab;
    let (mut largest, mut squares, mut same) = (0_f32, 0.0, 0);
    for (ours, theirs) in logits.chunks(vocab).zip(reference.chunks(vocab)) {
        let mean = theirs.iter().sum::<f32>() / vocab as f32;
        let spread = (theirs.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / vocab as f32).sqrt();
        for (a, b) in ours.iter().zip(theirs) {
            assert!(a.is_finite(), "a logit is {a}");
            largest = largest.max((a - b).abs() / spread);
            squares += f64::from(((a - b) / spread).powi(2));
        }
        same += usize::from(likeliest(ours) == likeliest(theirs));
    }
    let typical = (squares / reference.len() as f64).sqrt() as f32;
    Distance { largest, typical, same_argmax: same as f32 / n as f32 }
}

fn likeliest(logits: &[f32]) -> usize {
    (0..logits.len()).fold(0, |best, id| if logits[id] > logits[best] { id } else { best })
}
