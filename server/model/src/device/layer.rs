//! One decoder layer on a device: attention, then a feed-forward half, each behind a norm and added to the stream.
//!
//! The counterpart of `block.rs`, from the same [`Block`]; vectors are uploaded here.

use candle_core::{Device, Result, Tensor};
use candle_nn::ops::{layer_norm, rms_norm};

use super::attention::{View, Views, attend};
use super::cache::LayerKv;
use super::feed_forward::DeviceFeedForward;
use super::matrix::DeviceMatrix;
use super::turns::Turn;
use crate::Config;
use crate::block::Block;
use crate::feed_forward::Linear;
use crate::norm::Norm;

/// The weights of one layer.
pub(super) struct Layer {
    attention_norm: DeviceNorm,
    qkv: Product,
    /// Of single heads of queries and of keys.
    head_norms: Option<(DeviceNorm, DeviceNorm)>,
    attention_out: Product,
    post_attention_norm: Option<DeviceNorm>,
    ffn_norm: DeviceNorm,
    feed_forward: DeviceFeedForward,
    post_ffn_norm: Option<DeviceNorm>,
    window: usize,
}

/// A matrix and what is added behind it.
pub(super) struct Product {
    pub(super) matrix: DeviceMatrix,
    bias: Option<Tensor>,
}

/// A norm's weights, one per column.
pub(super) enum DeviceNorm {
    Rms(Tensor),
    Mean { weight: Tensor, bias: Tensor },
}

/// What a layer needs besides its weights.
pub(super) struct DevicePass<'a> {
    pub(super) config: &'a Config,
    pub(super) device: &'a Device,
    pub(super) turn: Turn,
    pub(super) views: Views,
    /// The position of the first token.
    pub(super) position: usize,
}

impl Layer {
    /// Uploads what is not on the device yet.
    pub(super) fn new(block: Block<DeviceMatrix>, device: &Device) -> Result<Self> {
        let rms = |weight: Vec<f32>| DeviceNorm::new(Norm::Rms(weight), device);
        let head_norms = match block.head_norms {
            Some(norms) => Some((rms(norms.queries)?, rms(norms.keys)?)),
            None => None,
        };
        Ok(Self {
            attention_norm: DeviceNorm::new(block.attention_norm, device)?,
            qkv: Product::new(block.qkv, device)?,
            head_norms,
            attention_out: Product::new(block.attention_out, device)?,
            post_attention_norm: block.post_attention_norm.map(rms).transpose()?,
            ffn_norm: DeviceNorm::new(block.ffn_norm, device)?,
            feed_forward: DeviceFeedForward::new(block.feed_forward, device)?,
            post_ffn_norm: block.post_ffn_norm.map(rms).transpose()?,
            window: block.window,
        })
    }

    /// The matrices that a token reads.
    pub(super) fn matrices(&self) -> Vec<&DeviceMatrix> {
        let mut matrices = vec![&self.qkv.matrix, &self.attention_out.matrix];
        matrices.extend(self.feed_forward.matrices());
        matrices
    }

    /// Takes the stream, (m, hidden), through the layer; writes keys and values of its tokens into `kv`.
    ///
    /// Returns the last `n_wanted` rows of it, or any where none are wanted: behind the last layer nobody reads others.
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
        let x = enter(pass.config, &attended, self.post_attention_norm.as_ref(), &x)?;
        let normed = self.ffn_norm.apply(&x, pass.config.norm_eps)?;
        let fed = self.feed_forward.forward(&normed, pass.device)?;
        enter(pass.config, &fed, self.post_ffn_norm.as_ref(), &x)
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
        let qkv = self.qkv.apply(&self.attention_norm.apply(x, norm_eps)?)?;
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
            (pass.turn.apply(&queries)?, pass.turn.apply(&keys)?)
        } else {
            // Query and key heads stand side by side and turn alike.
            let both = pass.turn.apply(&heads(0, n_heads + n_kv_heads, None)?)?;
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
        let view = match n_others {
            0 => pass.views.of(self.window, pass.device)?,
            _ => View::new(pass.position + n_others, m, self.window, pass.device)?,
        };
        let found = attend(pass.config, queries, kv, &view)?;
        let found = found.transpose(0, 1)?.contiguous()?.reshape((m, n_heads * head_dim))?;
        self.attention_out.apply(&found)
    }
}

/// Adds a result to the stream, normalised or scaled where the architecture asks for it.
fn enter(
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

impl Product {
    pub(super) fn new(linear: Linear<DeviceMatrix>, device: &Device) -> Result<Self> {
        let bias = linear.bias.map(|bias| vector(bias, device)).transpose()?;
        Ok(Self { matrix: linear.matrix, bias })
    }

    /// (m, inputs) to (m, outputs).
    pub(super) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let product = self.matrix.apply(x)?;
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }
}

impl DeviceNorm {
    pub(super) fn new(norm: Norm, device: &Device) -> Result<Self> {
        Ok(match norm {
            Norm::Rms(weight) => Self::Rms(vector(weight, device)?),
            Norm::Mean { weight, bias } => {
                Self::Mean { weight: vector(weight, device)?, bias: vector(bias, device)? }
            }
        })
    }

    /// Normalises the last dimension.
    pub(super) fn apply(&self, x: &Tensor, eps: f32) -> Result<Tensor> {
        match self {
            Self::Rms(weight) => rms_norm(x, weight, eps),
            Self::Mean { weight, bias } => layer_norm(x, weight, bias, eps),
        }
    }
}

fn vector(numbers: Vec<f32>, device: &Device) -> Result<Tensor> {
    let n = numbers.len();
    Tensor::from_vec(numbers, n, device)
}
