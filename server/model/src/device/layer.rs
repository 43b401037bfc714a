//! One decoder layer on a device: attention, then a feed-forward half, each after a norm and added to the stream.
//!
//! The same steps as `layer` in `cpu/forward.rs`, on the same weights.

use candle_core::{Device, Result, Tensor};

use super::attention::{AttentionMask, AttentionMasks, attend};
use super::kv::LayerKv;
use super::matrix::DeviceMatrix;
use super::mlp::DeviceFeedForward;
use super::ops::{DeviceLinear, DeviceNorm};
use super::rotary::Rotations;
use crate::config::Config;
use crate::load::decoder_weights::{LayerWeights, Norm};

/// The weights of one layer.
pub(super) struct Layer {
    attn_norm: DeviceNorm,
    qkv: DeviceLinear,
    /// Of single heads of queries and of keys.
    head_norms: Option<(DeviceNorm, DeviceNorm)>,
    attn_output: DeviceLinear,
    post_attn_norm: Option<DeviceNorm>,
    ffn_norm: DeviceNorm,
    feed_forward: DeviceFeedForward,
    post_ffn_norm: Option<DeviceNorm>,
    window: usize,
}

/// What a layer needs besides its weights.
pub(super) struct DevicePass<'a> {
    pub(super) config: &'a Config,
    pub(super) device: &'a Device,
    pub(super) rotations: Rotations,
    pub(super) masks: AttentionMasks,
    /// The position of the first token.
    pub(super) position: usize,
}

impl Layer {
    /// Uploads norms and biases; the matrices are on the device.
    pub(super) fn new(weights: LayerWeights<DeviceMatrix>, device: &Device) -> Result<Self> {
        let rms = |weight: Vec<f32>| DeviceNorm::new(Norm::Rms(weight), device);
        let head_norms = match weights.head_norms {
            Some(norms) => Some((rms(norms.queries)?, rms(norms.keys)?)),
            None => None,
        };
        Ok(Self {
            attn_norm: DeviceNorm::new(weights.attn_norm, device)?,
            qkv: DeviceLinear::new(weights.qkv, device)?,
            head_norms,
            attn_output: DeviceLinear::new(weights.attn_output, device)?,
            post_attn_norm: weights.post_attn_norm.map(rms).transpose()?,
            ffn_norm: DeviceNorm::new(weights.ffn_norm, device)?,
            feed_forward: DeviceFeedForward::new(weights.feed_forward, device)?,
            post_ffn_norm: weights.post_ffn_norm.map(rms).transpose()?,
            window: weights.window,
        })
    }

    /// Takes the stream, (m, hidden), through the layer; writes keys and values of its tokens into `kv`.
    ///
    /// Returns its last `n_wanted` rows, or any rows if none are wanted: after the last layer no others are read.
    pub(super) fn forward(
        &self,
        pass: &mut DevicePass<'_>,
        kv: &LayerKv,
        x: &Tensor,
        n_wanted: usize,
    ) -> Result<Tensor> {
        let queries = self.write_keys_and_values(pass, kv, x)?;
        if n_wanted == 0 {
            return Ok(x.clone());
        }
        let n_others = x.dim(0)?.saturating_sub(n_wanted);
        let x = x.narrow(0, n_others, n_wanted)?.contiguous()?;
        let queries = queries.narrow(1, n_others, n_wanted)?.contiguous()?;
        let attended = self.attend(pass, kv, &queries, n_others)?;
        let x = add_to_stream(pass.config, &attended, self.post_attn_norm.as_ref(), &x)?;
        let normed = self.ffn_norm.apply(&x, pass.config.norm_eps)?;
        let ffn_output = self.feed_forward.forward(&normed, pass.device)?;
        add_to_stream(pass.config, &ffn_output, self.post_ffn_norm.as_ref(), &x)
    }

    /// Returns the queries, (`n_heads`, m, `head_dim`).
    fn write_keys_and_values(
        &self,
        pass: &DevicePass<'_>,
        kv: &LayerKv,
        x: &Tensor,
    ) -> Result<Tensor> {
        let Config { n_heads, n_kv_heads, head_dim, norm_eps, .. } = *pass.config;
        let m = x.dim(0)?;
        let qkv = self.qkv.apply(&self.attn_norm.apply(x, norm_eps)?)?;
        // (n, m, head_dim) of the n heads from `first` on.
        let heads = |first: usize, n: usize, norm: Option<&DeviceNorm>| {
            let heads = qkv.narrow(1, first * head_dim, n * head_dim)?.contiguous()?;
            let mut heads = heads.reshape((m, n, head_dim))?;
            if let Some(norm) = norm {
                heads = norm.apply(&heads, norm_eps)?;
            }
            heads.transpose(0, 1)?.contiguous()
        };
        let (queries, keys) = if let Some((of_queries, of_keys)) = &self.head_norms {
            let queries = heads(0, n_heads, Some(of_queries))?;
            let keys = heads(n_heads, n_kv_heads, Some(of_keys))?;
            (pass.rotations.apply(&queries)?, pass.rotations.apply(&keys)?)
        } else {
            // Query and key heads are side by side and rotate alike.
            let both = pass.rotations.apply(&heads(0, n_heads + n_kv_heads, None)?)?;
            (both.narrow(0, 0, n_heads)?, both.narrow(0, n_heads, n_kv_heads)?)
        };
        kv.write(pass.position, &keys, &heads(n_heads + n_kv_heads, n_kv_heads, None)?)?;
        Ok(queries)
    }

    /// Attends with the queries of all tokens but the first `n_others`.
    fn attend(
        &self,
        pass: &mut DevicePass<'_>,
        kv: &LayerKv,
        queries: &Tensor,
        n_others: usize,
    ) -> Result<Tensor> {
        let (n_heads, m, head_dim) = queries.dims3()?;
        let attention_mask = match n_others {
            0 => pass.masks.of(self.window, pass.device)?,
            _ => AttentionMask::new(pass.position + n_others, m, self.window, pass.device)?,
        };
        let attended = attend(pass.config, queries, kv, &attention_mask)?;
        let attended = attended.transpose(0, 1)?.contiguous()?;
        self.attn_output.apply(&attended.reshape((m, n_heads * head_dim))?)
    }
}

/// Adds a result to the stream, normalised or scaled where the architecture asks for it.
fn add_to_stream(
    config: &Config,
    result: &Tensor,
    post_norm: Option<&DeviceNorm>,
    x: &Tensor,
) -> Result<Tensor> {
    match post_norm {
        Some(norm) => x + norm.apply(result, config.norm_eps)?,
        None if config.residual_scale == 1.0 => x + result,
        None => x + (result * f64::from(config.residual_scale))?,
    }
}
