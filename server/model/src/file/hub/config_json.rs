//! Translates `config.json` to the metadata of a GGUF file.
//!
//! Only keys that change the computed numbers are read. A setting that the forward pass does not support is refused
//! here, by name; sizes are checked against their limits where the keys are read, as those of any file.

use std::collections::HashMap;

use lowkey_kernels::Rope;
use serde_json::Value as Json;

use super::json::folder_error;
use super::spec::FolderSpec;
use crate::error::{ModelError, list, shorten};
use crate::file::metadata::Value;

/// A translated configuration.
pub(super) struct Translated {
    /// Values by key, as in a GGUF file's header.
    pub(super) values: HashMap<String, Value>,
    /// Tensors that a GGUF file has and a folder writes in its configuration.
    pub(super) vectors: Vec<(String, Vec<f32>)>,
}

/// Whole numbers: Hugging Face, GGUF.
const SIZES: [(&str, &str); 13] = [
    ("vocab_size", "vocab_size"),
    ("max_position_embeddings", "context_length"),
    ("hidden_size", "embedding_length"),
    ("num_hidden_layers", "block_count"),
    ("num_attention_heads", "attention.head_count"),
    ("num_key_value_heads", "attention.head_count_kv"),
    ("head_dim", "attention.key_length"),
    ("intermediate_size", "feed_forward_length"),
    ("moe_intermediate_size", "expert_feed_forward_length"),
    ("num_experts", "expert_count"),
    ("num_local_experts", "expert_count"),
    ("num_experts_per_tok", "expert_used_count"),
    ("original_max_position_embeddings", "rope.scaling.original_context_length"),
];

/// Numbers: Hugging Face, GGUF.
const NUMBERS: [(&str, &str); 9] = [
    ("rms_norm_eps", "attention.layer_norm_rms_epsilon"),
    ("norm_epsilon", "attention.layer_norm_epsilon"),
    ("rope_theta", "rope.freq_base"),
    ("attn_logit_softcapping", "attn_logit_softcapping"),
    ("final_logit_softcapping", "final_logit_softcapping"),
    ("attention_multiplier", "attention.scale"),
    ("embedding_multiplier", "embedding_scale"),
    ("residual_multiplier", "residual_scale"),
    ("logits_scaling", "logit_scale"),
];

struct Reader<'a> {
    file: &'a str,
    architecture: &'a str,
    config: &'a Json,
    spec: &'a FolderSpec,
    values: HashMap<String, Value>,
    vectors: Vec<(String, Vec<f32>)>,
}

/// Translates a configuration.
pub(super) fn translate(
    file: &str,
    architecture: &str,
    spec: &FolderSpec,
    config: &Json,
) -> Result<Translated, ModelError> {
    let (values, vectors) = (HashMap::new(), Vec::new());
    let mut reader = Reader { file, architecture, config, spec, values, vectors };
    reader.put_text("general.architecture", architecture);
    for (hf_name, gguf_name) in SIZES {
        if let Some(size) = reader.size(hf_name)? {
            reader.put(gguf_name, Value::Whole(size.into()));
        }
    }
    for (hf_name, gguf_name) in NUMBERS {
        if let Some(number) = reader.number(config, hf_name)? {
            reader.put(gguf_name, float(number));
        }
    }
    if let Some(scalar) = reader.number(config, "query_pre_attn_scalar")? {
        reader.put("attention.scale", float(1.0 / scalar.sqrt()));
    }
    if reader.size("num_experts_per_tok")?.is_some() {
        // Mixtral's are always normalised and its configuration does not say so.
        let default = config.get("model_type").and_then(Json::as_str) == Some("mixtral");
        let normalized = config.get("norm_topk_prob").and_then(Json::as_bool).unwrap_or(default);
        reader.put("expert_weights_norm", Value::Bool(normalized));
    }
    reader.check_activation()?;
    reader.check_experts()?;
    reader.window()?;
    reader.rope()?;
    Ok(Translated { values: reader.values, vectors: reader.vectors })
}

/// A number of 32 bits, as converters write it.
fn float(number: f32) -> Value {
    Value::Float(number.into())
}

impl Reader<'_> {
    fn put(&mut self, key: &str, value: Value) {
        self.values.insert(format!("{}.{key}", self.architecture), value);
    }

    fn put_text(&mut self, key: &str, text: &str) {
        self.values.insert(key.to_owned(), Value::Text(text.to_owned()));
    }

    fn unsupported(&self, key: &str, problem: &str) -> ModelError {
        folder_error(self.file, format!("has a config.json whose {} {problem}", shorten(key)))
    }

    /// A whole number of 32 bits; `None` where it is absent or null.
    fn size(&self, key: &str) -> Result<Option<u32>, ModelError> {
        match self.config.get(key) {
            None | Some(Json::Null) => Ok(None),
            Some(value) => match value.as_u64().and_then(|size| u32::try_from(size).ok()) {
                Some(size) => Ok(Some(size)),
                None => Err(self.unsupported(key, "is no whole number of 32 bits")),
            },
        }
    }

    fn number(&self, object: &Json, key: &str) -> Result<Option<f32>, ModelError> {
        match object.get(key) {
            None | Some(Json::Null) => Ok(None),
            Some(value) => match value.as_f64() {
                Some(number) => Ok(Some(number as f32)),
                None => Err(self.unsupported(key, "is no number")),
            },
        }
    }

    fn is_true(&self, key: &str) -> bool {
        self.config.get(key).and_then(Json::as_bool) == Some(true)
    }

    fn check_activation(&self) -> Result<(), ModelError> {
        // Gemma's first configurations name another than the one they were trained with; the second key corrects it.
        let named = ["hidden_activation", "hidden_act"].map(|key| self.config.get(key));
        match named.into_iter().flatten().find_map(Json::as_str) {
            Some(other) if !self.spec.activations.contains(&other) => {
                let supported = list(self.spec.activations);
                let problem = format!("is {:?}, supported is {supported}", shorten(other));
                Err(self.unsupported("hidden_act", &problem))
            }
            _ => Ok(()),
        }
    }

    fn check_experts(&self) -> Result<(), ModelError> {
        let step = self.size("decoder_sparse_step")?.unwrap_or(1);
        let dense = self.config.get("mlp_only_layers").and_then(Json::as_array);
        if step != 1 || dense.is_some_and(|layers| !layers.is_empty()) {
            let problem = "leaves layers without experts, which is not supported";
            return Err(self.unsupported("decoder_sparse_step or mlp_only_layers", problem));
        }
        Ok(())
    }

    /// Reads the sliding window, which is on all layers or on those that the architecture has it on.
    fn window(&mut self) -> Result<(), ModelError> {
        let Some(window) = self.size("sliding_window")? else { return Ok(()) };
        if self.config.get("use_sliding_window").and_then(Json::as_bool) == Some(false) {
            return Ok(());
        }
        let n_layers = self.size("num_hidden_layers")?.unwrap_or(0);
        if let Some(kinds) = self.config.get("layer_types").and_then(Json::as_array) {
            let slides = |kind: &Json| kind.as_str() == Some("sliding_attention");
            let alternates = kinds.iter().enumerate().all(|(i, kind)| slides(kind) == (i % 2 == 0));
            if self.spec.alternating_windows {
                if !alternates {
                    return Err(self.unsupported("layer_types", "do not alternate"));
                }
            } else if !kinds.iter().all(slides) {
                if kinds.iter().any(slides) {
                    return Err(
                        self.unsupported("layer_types", "have a window on some layers only")
                    );
                }
                return Ok(());
            }
        } else if self.is_true("use_sliding_window") {
            match self.size("max_window_layers")? {
                None | Some(0) => {}
                Some(first) if first >= n_layers => return Ok(()),
                Some(_) => {
                    let problem = "puts a window on some layers only, which is not supported";
                    return Err(self.unsupported("max_window_layers", problem));
                }
            }
        }
        self.put("attention.sliding_window", Value::Whole(window.into()));
        Ok(())
    }

    /// Reads the rotary embedding: from `rope_parameters`, or from `rope_scaling` and `rope_theta` of older files.
    fn rope(&mut self) -> Result<(), ModelError> {
        let found = ["rope_parameters", "rope_scaling"].map(|key| self.config.get(key));
        let found = found.into_iter().flatten().find(|value| value.is_object());
        let rope = found.cloned().unwrap_or(Json::Null);
        if let Some(base) = self.number(&rope, "rope_theta")? {
            self.put("rope.freq_base", float(base));
        }
        let head_dim = match (self.size("head_dim")?, self.size("hidden_size")?) {
            (Some(head_dim), _) => head_dim,
            (None, hidden) => {
                let heads = self.size("num_attention_heads")?.unwrap_or(1);
                hidden.unwrap_or(0).checked_div(heads).unwrap_or(0)
            }
        };
        let share = match self.number(&rope, "partial_rotary_factor")? {
            None => self.number(self.config, "partial_rotary_factor")?,
            share => share,
        };
        // The key has its own limits; here the product must only stay within a head.
        let rotated = (head_dim as f32 * share.unwrap_or(1.0).clamp(0.0, 1.0)) as u32;
        self.put("rope.dimension_count", Value::Whole(rotated.into()));
        let original = match rope.get("original_max_position_embeddings").and_then(Json::as_u64) {
            Some(original) => u32::try_from(original).ok(),
            None => self.size("original_max_position_embeddings")?,
        };
        if let Some(original) = original {
            self.put("rope.scaling.original_context_length", Value::Whole(original.into()));
        }
        let kind = ["rope_type", "type"].iter().find_map(|key| rope.get(*key)?.as_str());
        let factor = self.number(&rope, "factor")?;
        match kind {
            None | Some("default") => {}
            Some("linear" | "yarn") => {
                let kind = kind.unwrap_or_default();
                self.put("rope.scaling.type", Value::Text(kind.to_owned()));
                self.put("rope.scaling.factor", float(factor.unwrap_or(1.0)));
                for (key, default_value) in [("beta_fast", 32.0), ("beta_slow", 1.0)] {
                    if self.number(&rope, key)?.is_some_and(|number| number != default_value) {
                        return Err(self.unsupported(key, &format!("is not {default_value}")));
                    }
                }
                if let Some(length) = self.number(&rope, "attention_factor")? {
                    let default_value = 0.1 * factor.unwrap_or(1.0).ln() + 1.0;
                    self.put("rope.scaling.attn_factor", float(length / default_value));
                }
            }
            Some("llama3") => {
                let base = self.number(&rope, "rope_theta")?;
                let base = base.or(self.number(self.config, "rope_theta")?).unwrap_or(10_000.0);
                let divisors = self.llama3_divisors(&rope, head_dim, base, original)?;
                self.vectors.push(("rope_freqs.weight".to_owned(), divisors));
            }
            Some("longrope" | "su") => self.long_rope(&rope, original)?,
            Some(other) => {
                let supported = "default, linear, yarn, llama3 and longrope";
                let problem = format!("is {:?}, supported are {supported}", shorten(other));
                return Err(self.unsupported("rope_type", &problem));
            }
        }
        Ok(())
    }

    /// Divisors of Llama 3's frequencies: the factor for slow pairs, 1 for fast ones, a value in between for others.
    fn llama3_divisors(
        &self,
        rope: &Json,
        head_dim: u32,
        base: f32,
        original: Option<u32>,
    ) -> Result<Vec<f32>, ModelError> {
        let needed = |key: &str| match self.number(rope, key)? {
            Some(number) if number > 0.0 => Ok(f64::from(number)),
            _ => Err(self.unsupported(key, "is missing or not positive")),
        };
        let (factor, low, high) =
            (needed("factor")?, needed("low_freq_factor")?, needed("high_freq_factor")?);
        let Some(original) = original else {
            return Err(self.unsupported("original_max_position_embeddings", "is missing"));
        };
        // The key's own limit is checked later; nothing of a wilder size is allocated here.
        let head_dim = head_dim.min(1 << 12) as usize;
        let divisor = |frequency: f64| {
            let turns = f64::from(original) * frequency / std::f64::consts::TAU;
            let share = ((turns - low) / (high - low)).clamp(0.0, 1.0);
            (1.0 / ((1.0 - share) / factor + share)) as f32
        };
        Ok(Rope::frequencies(head_dim, base).into_iter().map(divisor).collect())
    }

    fn long_rope(&mut self, rope: &Json, original: Option<u32>) -> Result<(), ModelError> {
        let factors = rope.get("short_factor").and_then(Json::as_array);
        let numbers = factors.and_then(|factors| {
            factors.iter().map(|factor| Some(factor.as_f64()? as f32)).collect::<Option<Vec<_>>>()
        });
        let Some(numbers) = numbers else {
            return Err(self.unsupported("short_factor", "is no list of numbers"));
        };
        let context = self.size("max_position_embeddings")?;
        let (Some(original), Some(context)) = (original, context) else {
            return Err(self.unsupported("original_max_position_embeddings", "is missing"));
        };
        let longer = f64::from(context) / f64::from(original.max(1));
        let default_value = match longer {
            longer if longer <= 1.0 => 1.0,
            longer => (1.0 + longer.ln() / f64::from(original.max(2)).ln()).sqrt(),
        };
        let length = self.number(rope, "attention_factor")?.unwrap_or(default_value as f32);
        self.put("rope.scaling.attn_factor", float(length));
        self.vectors.push(("rope_factors_short.weight".to_owned(), numbers));
        Ok(())
    }
}
