//! Translates the names of tensors from Hugging Face's folders to GGUF's.

use super::spec::FolderSpec;

/// Tensors outside of layers, without `.weight` or `.bias`: Hugging Face, GGUF.
const MODEL_TENSORS: [(&str, &str); 3] =
    [("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output")];

/// Parts of a layer: Hugging Face, GGUF.
const LAYER_TENSORS: [(&str, &str); 19] = [
    ("input_layernorm", "attn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.qkv_proj", "attn_qkv"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("post_attention_layernorm", "ffn_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
    ("mlp.gate_up_proj", "ffn_up"),
    ("mlp.c_fc", "ffn_up"),
    ("mlp.c_proj", "ffn_down"),
    ("mlp.gate", "ffn_gate_inp"),
    ("block_sparse_moe.gate", "ffn_gate_inp"),
    ("pre_feedforward_layernorm", "ffn_norm"),
    ("post_feedforward_layernorm", "post_ffw_norm"),
];

/// The prefixes of experts and the names of their matrices: Hugging Face, GGUF.
const EXPERTS: [(&str, [(&str, &str); 3]); 2] = [
    ("mlp.experts.", [("gate_proj", "ffn_gate"), ("up_proj", "ffn_up"), ("down_proj", "ffn_down")]),
    ("block_sparse_moe.experts.", [("w1", "ffn_gate"), ("w3", "ffn_up"), ("w2", "ffn_down")]),
];

/// Returns GGUF's name of a tensor; `None` for one that no architecture reads.
pub(super) fn gguf_name(hf_name: &str, spec: &FolderSpec) -> Option<String> {
    let (part, kind) = hf_name.rsplit_once('.')?;
    if !matches!(kind, "weight" | "bias") {
        return None;
    }
    if let Some((_, gguf_name)) = MODEL_TENSORS.iter().find(|(name, _)| *name == part) {
        return Some(format!("{gguf_name}.{kind}"));
    }
    let (layer, part) = part.strip_prefix("model.layers.")?.split_once('.')?;
    let layer: u32 = layer.parse().ok()?;
    let mut known = spec.names.iter().chain(&LAYER_TENSORS);
    if let Some((_, gguf_name)) = known.find(|(name, _)| *name == part) {
        return Some(format!("blk.{layer}.{gguf_name}.{kind}"));
    }
    EXPERTS.iter().find_map(|(place, matrices)| {
        let (expert, matrix) = part.strip_prefix(place)?.split_once('.')?;
        let expert: u32 = expert.parse().ok()?;
        let (_, gguf_name) = matrices.iter().find(|(name, _)| *name == matrix)?;
        Some(format!("blk.{layer}.{gguf_name}.{expert}.{kind}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_are_none() {
        let spec = FolderSpec {
            model_types: &[],
            activations: &[],
            names: &[],
            norms_less_one: false,
            alternating_windows: false,
        };
        for (hf_name, expected) in [
            ("model.embed_tokens.weight", Some("token_embd.weight")),
            ("lm_head.weight", Some("output.weight")),
            ("model.layers.12.self_attn.k_proj.bias", Some("blk.12.attn_k.bias")),
            ("model.layers.0.mlp.experts.7.down_proj.weight", Some("blk.0.ffn_down.7.weight")),
            ("model.layers.3.block_sparse_moe.experts.1.w3.weight", Some("blk.3.ffn_up.1.weight")),
            ("model.layers.x.mlp.gate.weight", None),
            ("model.layers.1.self_attn.rotary_emb.inv_freq", None),
            ("model.layers.1..weight", None),
            ("weight", None),
        ] {
            assert_eq!(gguf_name(hf_name, &spec).as_deref(), expected, "{hf_name}");
        }
        let gemma2 =
            FolderSpec { names: &[("post_attention_layernorm", "post_attention_norm")], ..spec };
        let hf_name = "model.layers.1.post_attention_layernorm.weight";
        assert_eq!(
            gguf_name(hf_name, &gemma2).as_deref(),
            Some("blk.1.post_attention_norm.weight")
        );
    }
}
