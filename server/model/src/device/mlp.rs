//! The feed-forward half of a layer on a device: gated, plain, or a mixture of experts.
//!
//! Experts are chosen on the CPU by the code that chooses them for our own kernels, from scores that are read back: one
//! wait per layer, and the weights of the others are not touched.

use candle_core::{Device, Result, Tensor};
use lowkey_kernels::Activation;

use super::matrix::DeviceMatrix;
use super::ops::DeviceLinear;
use crate::config::MoeConfig;
use crate::cpu::routing::route;
use crate::load::decoder_weights::{FeedForward, Gated};

/// The weights of one layer's feed-forward half.
pub(super) enum DeviceFeedForward {
    Gated(DeviceGated),
    Plain { up: DeviceLinear, down: DeviceLinear },
    Moe { shape: MoeConfig, router: DeviceMatrix, experts: Vec<DeviceGated> },
}

/// `down(act(gate) * up)`
pub(super) struct DeviceGated {
    activation: Activation,
    /// Gate, then up: (inner + inner, hidden).
    gate_up: DeviceLinear,
    down: DeviceLinear,
}

impl DeviceFeedForward {
    pub(super) fn new(half: FeedForward<DeviceMatrix>, device: &Device) -> Result<Self> {
        Ok(match half {
            FeedForward::Gated(gated) => Self::Gated(DeviceGated::new(gated, device)?),
            FeedForward::Plain { up, down } => Self::Plain {
                up: DeviceLinear::new(up, device)?,
                down: DeviceLinear::new(down, device)?,
            },
            FeedForward::Moe(moe) => {
                let experts = moe.experts.into_iter();
                let experts = experts.map(|gated| DeviceGated::new(gated, device));
                let experts = experts.collect::<Result<_>>()?;
                Self::Moe { shape: moe.shape, router: moe.router, experts }
            }
        })
    }

    /// Computes the result for normalised rows, (m, hidden): the same shape.
    pub(super) fn forward(&self, normed: &Tensor, device: &Device) -> Result<Tensor> {
        match self {
            Self::Gated(gated) => gated.forward(normed),
            Self::Plain { up, down } => down.apply(&up.apply(normed)?.gelu()?),
            Self::Moe { shape, router, experts } => {
                let mut scores = router.apply(normed)?.flatten_all()?.to_vec1::<f32>()?;
                let mut sum = normed.zeros_like()?;
                let routes = route(&mut scores, *shape);
                for of_expert in routes.chunk_by(|a, b| a.expert == b.expert) {
                    let expert = of_expert.first().and_then(|route| experts.get(route.expert));
                    let Some(expert) = expert else { continue };
                    let tokens: Vec<u32> =
                        of_expert.iter().map(|route| route.token as u32).collect();
                    let weights: Vec<f32> = of_expert.iter().map(|route| route.weight).collect();
                    let n = of_expert.len();
                    let tokens = Tensor::from_vec(tokens, n, device)?;
                    let weights = Tensor::from_vec(weights, (n, 1), device)?;
                    let results = expert.forward(&normed.index_select(&tokens, 0)?)?;
                    sum = sum.index_add(&tokens, &results.broadcast_mul(&weights)?, 0)?;
                }
                Ok(sum)
            }
        }
    }
}

impl DeviceGated {
    fn new(gated: Gated<DeviceMatrix>, device: &Device) -> Result<Self> {
        let Gated { activation, gate_up, down } = gated;
        let (gate_up, down) =
            (DeviceLinear::new(gate_up, device)?, DeviceLinear::new(down, device)?);
        Ok(Self { activation, gate_up, down })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let inner = self.down.matrix.k();
        let gate_up = self.gate_up.apply(x)?; // (m, inner + inner)
        let gate = gate_up.narrow(1, 0, inner)?;
        let gate = match self.activation {
            Activation::Silu => gate.silu()?,
            Activation::Gelu => gate.gelu()?,
        };
        self.down.apply(&(gate * gate_up.narrow(1, inner, inner)?)?)
    }
}
