//! Quantized matrix products, attention and norms on the CPU; the only SIMD of the project.
//!
//! Weights are packed once at load into 16-row tiles ([`Matrix`]). Activations are quantized to
//! int8 in groups of 32 ([`QuantizedActivations`]). Every product runs on a small [`Pool`] of threads that
//! park when idle.
//!
//! Invariant: an output's bits depend on its own inputs alone. Batch size, chunk boundaries, thread
//! count and even the instruction set leave them unchanged: each group's dot product is an exact
//! integer, and the floating-point sums over groups run in one order with one fused multiply-add
//! per step in every implementation. This makes a warm cache equal a cold one, token for token.
//!
//! `server/kernels/README.md` describes the layout, the tiling and the measurements that led to
//! them.
#![expect(
    clippy::needless_range_loop,
    reason = "tiles of registers are indexed by row and column, several arrays at a time"
)]
#![expect(
    unsafe_code,
    reason = "SIMD intrinsics, disjoint writes of several threads into one output, and maps of files"
)]

mod activations;
mod arena;
mod attention;
mod block;
mod error;
mod isa;
mod kv;
mod lanes;
mod layout;
mod matmul;
mod matrix;
mod norm;
mod packed;
mod pool;
#[cfg(test)]
mod reference;
mod residual;
mod roofline;
mod rope;
mod select;
mod shared;
mod static_pages;
mod tanh;
mod unpack;

pub use activations::{LayerNorm, QuantizedActivations};
pub use arena::WeightArena;
pub use attention::{Queries, attention};
pub use block::{BlockType, Rows, Shape};
pub use error::{PackError, ShapeError};
pub use isa::{Features, Isa, features};
pub use kv::{KvLayer, KvType};
pub use matmul::{Activation, gated, matmul};
pub use matrix::Matrix;
pub use norm::rms_norm;
pub use packed::{
    KEY_BYTES, MapPolicy, PACKING_VERSION, PackedFileError, PackedWeights, WeightMemory, read_at,
};
pub use pool::Pool;
pub use residual::{ResidualAdd, add_rows};
pub use roofline::{int8_gop_s, read_gb_s, round_trip_ns};
pub use rope::{Rope, RopeLayout};
pub use select::{argmax, log_sum_exp, top_k};
pub use static_pages::release_static_pages;
pub use tanh::soft_cap;
