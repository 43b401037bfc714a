//! The products and norms of a layer on a device.

use candle_core::{Device, Result, Tensor};
use candle_nn::ops::{layer_norm, rms_norm};

use super::matrix::DeviceMatrix;
use crate::load::decoder_weights::{Linear, Norm};

/// A matrix and its bias.
pub(super) struct DeviceLinear {
    /// (outputs, inputs)
    pub(super) matrix: DeviceMatrix,
    /// (outputs), if there is one.
    bias: Option<Tensor>,
}

/// The weights of a norm, one per column.
pub(super) enum DeviceNorm {
    Rms(Tensor),
    Mean { weight: Tensor, bias: Tensor },
}

impl DeviceLinear {
    /// Uploads the bias.
    pub(super) fn new(linear: Linear<DeviceMatrix>, device: &Device) -> Result<Self> {
        let bias = linear.bias.map(|bias| vector(bias, device)).transpose()?;
        Ok(Self { matrix: linear.matrix, bias })
    }

    /// Multiplies `x`, (m, inputs); returns (m, outputs).
    pub(super) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let product = self.matrix.apply(x)?;
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }
}

impl DeviceNorm {
    /// Uploads the weights.
    pub(super) fn new(norm: Norm, device: &Device) -> Result<Self> {
        Ok(match norm {
            Norm::Rms(weight) => Self::Rms(vector(weight, device)?),
            Norm::Mean { weight, bias } => {
                Self::Mean { weight: vector(weight, device)?, bias: vector(bias, device)? }
            }
        })
    }

    /// Normalises the last dimension; the shape stays.
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
