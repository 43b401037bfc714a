//! Reads the weights of a model by the names that llama.cpp's converter gives its tensors.
//!
//! The architecture's [`LayerSpec`] decides which tensors there are; nothing here asks for an architecture's name.

use lowkey_kernels::Activation;

use super::decoder_weights::{
    DecoderWeights, FeedForward, Gated, HeadNorms, LayerWeights, Linear, Moe, Norm,
};
use super::pack::Pack;
use super::weights::WeightReader;
use crate::architectures::spec::{FeedForwardSpec, LayerSpec, NormKind};
use crate::error::ModelError;

/// Reads the weights of a whole model, packed for the forward pass of `P`.
pub(crate) fn load<P: Pack>(
    weights: &mut WeightReader<'_, P>,
    spec: LayerSpec,
) -> Result<DecoderWeights<P::Matrix>, ModelError> {
    let config = weights.config();
    let hidden = config.hidden;
    let (embedding, output) = weights.embedding_and_output()?;
    let mut final_norm = norm(weights, spec, "output_norm", hidden)?;
    // Before the output matrix instead of after it: there are fewer columns than tokens.
    if config.logit_divisor != 1.0 {
        final_norm.scale(1.0 / config.logit_divisor);
    }
    // Llama 3 and long-rope models have a divisor for the frequency of each pair of a head. Of divisors for short and for
    // long texts the short ones apply: the context ends where the long ones would begin.
    let n_pairs = config.rope.dim / 2;
    let short = weights.optional_vector("rope_factors_short.weight", n_pairs)?;
    let rope_divisors = match short {
        Some(short) => Some(short),
        None => weights.optional_vector("rope_freqs.weight", n_pairs)?,
    };
    let mut layers = Vec::new();
    for index in 0..config.n_layers {
        layers.push(layer(weights, spec, index)?);
    }
    Ok(DecoderWeights { embedding, layers, final_norm, output, rope_divisors })
}

fn layer<P: Pack>(
    weights: &mut WeightReader<'_, P>,
    spec: LayerSpec,
    index: usize,
) -> Result<LayerWeights<P::Matrix>, ModelError> {
    let config = weights.config();
    let (hidden, q_width, kv_width) = (config.hidden, config.q_width(), config.kv_width());
    let name = |part: &str| format!("blk.{index}.{part}");
    let head_norms = if spec.head_norms {
        Some(HeadNorms {
            queries: weights.vector(&name("attn_q_norm.weight"), config.head_dim)?,
            keys: weights.vector(&name("attn_k_norm.weight"), config.head_dim)?,
        })
    } else {
        None
    };
    let post_norm = |weights: &mut WeightReader<'_, P>, part: &str| {
        if spec.post_norms { weights.vector(&name(part), hidden).map(Some) } else { Ok(None) }
    };
    let post_attn_norm = post_norm(weights, "post_attention_norm.weight")?;
    let post_ffn_norm = post_norm(weights, "post_ffw_norm.weight")?;
    let separate = [("attn_q", q_width), ("attn_k", kv_width), ("attn_v", kv_width)];
    let fused = [("attn_qkv", q_width + 2 * kv_width)];
    let qkv: &[(&str, usize)] = if spec.fused_qkv { &fused } else { &separate };
    Ok(LayerWeights {
        attn_norm: norm(weights, spec, &name("attn_norm"), hidden)?,
        qkv: linear(weights, index, qkv, hidden, spec.biases.qkv)?,
        head_norms,
        attn_output: linear(weights, index, &[("attn_output", hidden)], q_width, spec.biases.out)?,
        post_attn_norm,
        ffn_norm: norm(weights, spec, &name("ffn_norm"), hidden)?,
        feed_forward: feed_forward(weights, spec, index)?,
        post_ffn_norm,
        window: config.window_of(index),
    })
}

fn feed_forward<P: Pack>(
    weights: &mut WeightReader<'_, P>,
    spec: LayerSpec,
    index: usize,
) -> Result<FeedForward<P::Matrix>, ModelError> {
    let config = weights.config();
    let (hidden, ffn, biases) = (config.hidden, config.intermediate_size, spec.biases.ffn);
    let gated = |weights: &mut WeightReader<'_, P>, activation, inputs: &[(&str, usize)]| {
        let gate_up = linear(weights, index, inputs, hidden, biases)?;
        let down = linear(weights, index, &[("ffn_down", hidden)], ffn, biases)?;
        Ok(FeedForward::Gated(Gated { activation, gate_up, down }))
    };
    match (spec.ffn, config.experts) {
        (FeedForwardSpec::Gated(activation), _) => {
            gated(weights, activation, &[("ffn_gate", ffn), ("ffn_up", ffn)])
        }
        (FeedForwardSpec::FusedGated(activation), _) => {
            gated(weights, activation, &[("ffn_up", 2 * ffn)])
        }
        (FeedForwardSpec::Plain, _) | (FeedForwardSpec::Moe, None) => Ok(FeedForward::Plain {
            up: linear(weights, index, &[("ffn_up", ffn)], hidden, biases)?,
            down: linear(weights, index, &[("ffn_down", hidden)], ffn, biases)?,
        }),
        (FeedForwardSpec::Moe, Some(shape)) => {
            let name = |part: &str| format!("blk.{index}.{part}");
            let router = weights.unquantized(&name("ffn_gate_inp.weight"), shape.n, hidden)?;
            let mut experts = Vec::new();
            let (gate, up, down) = (name("ffn_gate"), name("ffn_up"), name("ffn_down"));
            for expert in 0..shape.n {
                let of = (expert, shape.n);
                let gate_up = weights.expert(&[(&gate, ffn), (&up, ffn)], of, hidden)?;
                let down = weights.expert(&[(&down, hidden)], of, ffn)?;
                let activation = Activation::Silu;
                experts.push(Gated {
                    activation,
                    gate_up: Linear::without_bias(gate_up),
                    down: Linear::without_bias(down),
                });
            }
            Ok(FeedForward::Moe(Moe { shape, router, experts }))
        }
    }
}

fn norm<P: Pack>(
    weights: &mut WeightReader<'_, P>,
    spec: LayerSpec,
    name: &str,
    length: usize,
) -> Result<Norm, ModelError> {
    let weight = weights.vector(&format!("{name}.weight"), length)?;
    match spec.norms {
        NormKind::Rms => Ok(Norm::Rms(weight)),
        NormKind::Mean => {
            let bias = weights.vector(&format!("{name}.bias"), length)?;
            Ok(Norm::Mean { weight, bias })
        }
    }
}

/// Reads matrices of one layer, stacked along their outputs, and their biases.
fn linear<P: Pack>(
    weights: &mut WeightReader<'_, P>,
    index: usize,
    parts: &[(&str, usize)],
    columns: usize,
    has_bias: bool,
) -> Result<Linear<P::Matrix>, ModelError> {
    let named = |kind: &str| -> Vec<(String, usize)> {
        parts.iter().map(|(part, n)| (format!("blk.{index}.{part}.{kind}"), *n)).collect()
    };
    let matrix = weights.matrix(&borrowed(&named("weight")), columns)?;
    let bias = if has_bias { Some(weights.vectors(&borrowed(&named("bias")))?) } else { None };
    Ok(Linear { matrix, bias })
}

fn borrowed(parts: &[(String, usize)]) -> Vec<(&str, usize)> {
    parts.iter().map(|(name, n)| (name.as_str(), *n)).collect()
}
