//! The properties in which a cache and a model must agree.

use std::fmt;

use lowkey_kernels::KvType;

use crate::config::Config;

/// The shape of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KvShape {
    /// The number of layers.
    pub(crate) n_layers: usize,
    /// The number of key heads of a layer, and of value heads.
    pub(crate) n_kv_heads: usize,
    /// The width of a head.
    pub(crate) head_dim: usize,
    /// The most tokens that a cache can hold.
    pub(crate) context_length: usize,
    /// The type of the numbers.
    pub(crate) kind: KvType,
    /// The device whose memory it is in; `None` for the kernels' own.
    pub(crate) device: Option<DeviceId>,
}

/// A device: its kind and its index among those of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeviceId {
    /// `cuda`, for example.
    pub(crate) kind: &'static str,
    /// From 0 on.
    pub(crate) index: usize,
}

impl KvShape {
    /// The shape of a model's caches in the layout of the kernels.
    pub(crate) fn of(config: &Config) -> Self {
        let Config { n_layers, n_kv_heads, head_dim, context_length, kv_type, .. } = *config;
        Self { n_layers, n_kv_heads, head_dim, context_length, kind: kv_type, device: None }
    }

    /// The shape of its caches on a device, which are always half floats.
    pub(crate) fn on_device(config: &Config, device: DeviceId) -> Self {
        Self { kind: KvType::F16, device: Some(device), ..Self::of(config) }
    }
}

impl fmt::Display for KvShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n_layers, n_kv_heads, head_dim, context_length, kind, device } = self;
        let kind = kind.name();
        write!(f, "{n_layers} layers of {n_kv_heads} heads of {head_dim} in {kind}")?;
        if let Some(DeviceId { kind, index }) = device {
            write!(f, " on {kind}:{index}")?;
        }
        write!(f, ", context {context_length}")
    }
}
