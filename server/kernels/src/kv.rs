//! Keys and values of one layer: preallocated, appended in place and read in place by attention.
//!
//! Keys are in tiles of 16 positions, `[head][position / 16][head_dim][16]`, so that one load holds
//! one dimension of 16 keys. Values are row after row, `[head][position][head_dim]`. Both are f16,
//! or int8 with one f32 scale per position and head, `[head][position]`; attention applies the
//! scales to whole scores and weights.
//!
//! Truncating needs no code here: attention reads only the positions that its caller asks for, so
//! the owner of the length just reduces it.

use std::ops::Range;

use half::f16;

use crate::arena::AlignedBuffer;
use crate::error::{PackError, ShapeError};
use crate::lanes::LANES;
use crate::pool::Pool;
use crate::shared::SharedSlice;

/// How keys and values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KvType {
    /// IEEE half floats.
    #[default]
    F16,
    /// Bytes with a scale per position and head: half the memory, at a cost in quality.
    Int8,
}

impl KvType {
    /// Returns the bytes of one stored number.
    fn width(self) -> usize {
        match self {
            Self::F16 => 2,
            Self::Int8 => 1,
        }
    }

    /// Returns the bytes of one position's scale of keys, or of values, per head.
    fn scale_width(self) -> usize {
        match self {
            Self::F16 => 0,
            Self::Int8 => size_of::<f32>(),
        }
    }

    /// Returns the name in settings and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Int8 => "int8",
        }
    }

    /// Returns the bytes of one position of `width` keys and `width` values in `n_kv_heads` heads.
    pub fn position_bytes(self, n_kv_heads: usize, width: usize) -> usize {
        2 * (width * self.width() + n_kv_heads * self.scale_width())
    }
}

/// The keys and values of one layer.
///
/// The memory holds all keys, all values, the keys' scales, the values' scales; each of these head
/// by head.
pub struct KvLayer {
    kind: KvType,
    n_kv_heads: usize,
    head_dim: usize,
    /// Positions, a multiple of 16.
    capacity: usize,
    /// Values per position and head, `head_dim` rounded up to whole vectors.
    value_stride: usize,
    buffer: AlignedBuffer,
}

/// The stored keys and values of one head, for the attention kernels.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    /// Tiles of `head_dim` × 16, as stored.
    pub(crate) keys: &'a [u8],
    /// Rows of `value_stride`, as stored.
    pub(crate) values: &'a [u8],
    /// Factors of the keys and of the values of each position; `None` if they are floats.
    pub(crate) scales: Option<[&'a [f32]; 2]>,
}

impl KvLayer {
    /// Allocates `capacity` positions of f16. Memory becomes resident as positions are written.
    pub fn new(n_kv_heads: usize, head_dim: usize, capacity: usize) -> Result<Self, PackError> {
        Self::with_type(KvType::F16, n_kv_heads, head_dim, capacity)
    }

    /// As [`new`](Self::new), for another storage type.
    pub fn with_type(
        kind: KvType,
        n_kv_heads: usize,
        head_dim: usize,
        capacity: usize,
    ) -> Result<Self, PackError> {
        let too_large = || PackError::TooLarge { n: capacity, k: head_dim };
        if n_kv_heads == 0 || head_dim == 0 {
            return Err(PackError::Empty);
        }
        let capacity = capacity.max(1).checked_next_multiple_of(LANES).ok_or_else(too_large)?;
        let value_stride = head_dim.checked_next_multiple_of(LANES).ok_or_else(too_large)?;
        let bytes = head_dim
            .checked_add(value_stride)
            .and_then(|n| n.checked_mul(kind.width())?.checked_add(2 * kind.scale_width()))
            .and_then(|n| n.checked_mul(capacity)?.checked_mul(n_kv_heads))
            .ok_or_else(too_large)?;
        Ok(Self {
            kind,
            n_kv_heads,
            head_dim,
            capacity,
            value_stride,
            buffer: AlignedBuffer::new(bytes)?,
        })
    }

    /// Returns the number of key-value heads.
    pub fn n_kv_heads(&self) -> usize {
        self.n_kv_heads
    }

    /// Returns the number of values per head.
    pub fn head_dim(&self) -> usize {
        self.head_dim
    }

    /// Returns the number of positions that fit.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Returns the number of bytes allocated.
    pub fn bytes(&self) -> usize {
        self.buffer.bytes().len()
    }

    /// Stores the keys and values (each `n_kv_heads` × `head_dim`) of one position.
    pub fn write(
        &mut self,
        position: usize,
        keys: &[f32],
        values: &[f32],
    ) -> Result<(), ShapeError> {
        let width = self.n_kv_heads * self.head_dim;
        ShapeError::exactly("kv write", "keys", Some(width), keys.len())?;
        ShapeError::exactly("kv write", "values", Some(width), values.len())?;
        self.write_rows(&Pool::new(1), position, keys, values, width, 1)
    }

    /// Stores `m` positions from `position` on; the rows of `keys` and of `values` begin
    /// `row_stride` apart.
    pub fn write_rows(
        &mut self,
        pool: &Pool,
        position: usize,
        keys: &[f32],
        values: &[f32],
        row_stride: usize,
        m: usize,
    ) -> Result<(), ShapeError> {
        let (head_dim, width) = (self.head_dim, self.n_kv_heads * self.head_dim);
        ShapeError::at_least("kv write", "positions", position.checked_add(m), self.capacity)?;
        if m == 0 {
            return Ok(());
        }
        let needed = (m - 1).checked_mul(row_stride).and_then(|start| start.checked_add(width));
        ShapeError::at_least("kv write", "row stride", Some(width), row_stride)?;
        ShapeError::at_least("kv write", "keys", needed, keys.len())?;
        ShapeError::at_least("kv write", "values", needed, values.len())?;
        let (kind, capacity, value_stride) = (self.kind, self.capacity, self.value_stride);
        let n_heads = self.n_kv_heads;
        let (numbers, scales) = self.parts_mut();
        let (numbers, scales) = (SharedSlice::new(numbers), SharedSlice::new(scales));
        let values_at = n_heads * capacity * head_dim;
        // A worker gets whole tiles of positions, because positions interleave within a tile.
        let first_tile = position / LANES;
        let n_tiles = (position + m).div_ceil(LANES) - first_tile;
        pool.split(n_tiles, 2, |tiles| {
            for tile in tiles.start + first_tile..tiles.end + first_tile {
                for at in (tile * LANES).max(position)..((tile + 1) * LANES).min(position + m) {
                    let row = (at - position) * row_stride;
                    for head in 0..n_heads {
                        let source = row + head * head_dim..row + (head + 1) * head_dim;
                        let width = kind.width();
                        // SAFETY: `split` hands out every tile once; tiles do not overlap, and
                        // neither do rows.
                        let (tile_keys, head_values) = unsafe {
                            (
                                numbers.part(
                                    (head * capacity + tile * LANES) * head_dim * width,
                                    head_dim * LANES * width,
                                ),
                                numbers.part(
                                    (values_at + (head * capacity + at) * value_stride) * width,
                                    head_dim * width,
                                ),
                            )
                        };
                        let (keys, values) = (&keys[source.clone()], &values[source]);
                        let row = PositionWrite {
                            tile_keys,
                            head_values,
                            lane: at % LANES,
                            keys,
                            values,
                        };
                        match kind {
                            KvType::F16 => row.store(to_half, to_half),
                            KvType::Int8 => {
                                let (key_scale, value_scale) = (scale_of(keys), scale_of(values));
                                // SAFETY: as above; each position has its own scales.
                                unsafe {
                                    let index = head * capacity + at;
                                    scales.part(index, 1)[0] = key_scale;
                                    scales.part(n_heads * capacity + index, 1)[0] = value_scale;
                                }
                                row.store(
                                    |key| [to_byte(key, key_scale)],
                                    |value| [to_byte(value, value_scale)],
                                );
                            }
                        }
                    }
                }
            }
        });
        Ok(())
    }

    /// Copies the first `n` positions of a layer of the same shape.
    pub fn copy_prefix(&mut self, from: &Self, n: usize) -> Result<(), ShapeError> {
        ShapeError::exactly("kv copy", "heads", Some(self.n_kv_heads), from.n_kv_heads)?;
        ShapeError::exactly("kv copy", "head_dim", Some(self.head_dim), from.head_dim)?;
        ShapeError::at_least("kv copy", "positions", Some(n), from.capacity)?;
        ShapeError::at_least("kv copy", "positions", Some(n), self.capacity)?;
        if self.kind != from.kind {
            return Err(ShapeError {
                operation: "kv copy",
                operand: "bytes per number",
                needed: self.kind.width(),
                given: from.kind.width(),
            });
        }
        for head in 0..self.n_kv_heads {
            for (to, source) in self.spans(head, n).into_iter().zip(from.spans(head, n)) {
                self.buffer.bytes_mut()[to].copy_from_slice(&from.buffer.bytes()[source]);
            }
        }
        Ok(())
    }

    /// Appends the first `n` positions to `out`, in the format that
    /// [`read_prefix`](Self::read_prefix) reads.
    ///
    /// Keys and values keep their memory layout and this machine's byte order: only the same
    /// kernels can read them.
    pub fn save_prefix(&self, n: usize, out: &mut Vec<u8>) {
        let n = n.min(self.capacity);
        out.reserve(self.prefix_bytes(n));
        for head in 0..self.n_kv_heads {
            for span in self.spans(head, n) {
                out.extend_from_slice(&self.buffer.bytes()[span]);
            }
        }
    }

    /// Returns the number of bytes of `n` saved positions.
    pub fn prefix_bytes(&self, n: usize) -> usize {
        let n_numbers = n.next_multiple_of(LANES) * self.head_dim + n * self.value_stride;
        self.n_kv_heads * (n_numbers * self.kind.width() + 2 * n * self.kind.scale_width())
    }

    /// Reads `n` positions that a layer of the same shape has saved.
    pub fn read_prefix(&mut self, n: usize, bytes: &[u8]) -> Result<(), ShapeError> {
        ShapeError::at_least("kv read", "positions", Some(n), self.capacity)?;
        ShapeError::exactly("kv read", "bytes", Some(self.prefix_bytes(n)), bytes.len())?;
        let mut rest = bytes;
        for head in 0..self.n_kv_heads {
            for span in self.spans(head, n) {
                let (saved, remaining) = rest.split_at(span.len());
                self.buffer.bytes_mut()[span].copy_from_slice(saved);
                rest = remaining;
            }
        }
        Ok(())
    }

    /// Returns the arena ranges of the first `n` positions of a head: keys, values, and the scales
    /// of both.
    fn spans(&self, head: usize, n: usize) -> [Range<usize>; 4] {
        let (width, scale_width) = (self.kind.width(), self.kind.scale_width());
        let mut begin = 0;
        // Per position: the bytes of one head, and the number of positions to take.
        let parts = [
            (self.head_dim * width, n.next_multiple_of(LANES)),
            (self.value_stride * width, n),
            (scale_width, n),
            (scale_width, n),
        ];
        parts.map(|(bytes, n)| {
            let start = begin + head * self.capacity * bytes;
            begin += self.n_kv_heads * self.capacity * bytes;
            start..start + n * bytes
        })
    }

    /// Returns the keys and values of one head.
    pub(crate) fn head(&self, head: usize) -> Head<'_> {
        debug_assert!(head < self.n_kv_heads);
        let bytes = self.buffer.bytes();
        let [keys, values, key_scales, value_scales] =
            self.spans(head, self.capacity).map(|span| &bytes[span]);
        let scales = (self.kind == KvType::Int8).then(|| {
            [key_scales, value_scales].map(|bytes| {
                // SAFETY: the capacity is a multiple of 16, so scales begin at a multiple of 4
                // after the arena's aligned start; any bits are a valid f32.
                let (_, scales, _) = unsafe { bytes.align_to::<f32>() };
                scales
            })
        });
        Head { keys, values, scales }
    }

    /// Returns the number of stored values per position and head, including padding.
    pub(crate) fn value_stride(&self) -> usize {
        self.value_stride
    }

    /// Returns all keys and values as bytes, and all scales.
    fn parts_mut(&mut self) -> (&mut [u8], &mut [f32]) {
        let per_position = (self.head_dim + self.value_stride) * self.kind.width();
        let at = self.n_kv_heads * self.capacity * per_position;
        let (numbers, scales) = self.buffer.bytes_mut().split_at_mut(at);
        // SAFETY: as in `head`.
        let (_, scales, _) = unsafe { scales.align_to_mut::<f32>() };
        (numbers, scales)
    }
}

/// One head's keys and values of one position, and the memory they are stored in.
struct PositionWrite<'a> {
    /// The tile of keys that contains the position.
    tile_keys: &'a mut [u8],
    head_values: &'a mut [u8],
    /// The position within its tile.
    lane: usize,
    keys: &'a [f32],
    values: &'a [f32],
}

impl PositionWrite<'_> {
    /// Stores the numbers, `W` bytes each.
    fn store<const W: usize>(
        self,
        key_bytes: impl Fn(f32) -> [u8; W],
        value_bytes: impl Fn(f32) -> [u8; W],
    ) {
        for (lanes, key) in self.tile_keys.chunks_exact_mut(W * LANES).zip(self.keys) {
            lanes[W * self.lane..W * (self.lane + 1)].copy_from_slice(&key_bytes(*key));
        }
        for (out, value) in self.head_values.chunks_exact_mut(W).zip(self.values) {
            out.copy_from_slice(&value_bytes(*value));
        }
    }
}

/// Rounds to f16. Values out of range become the largest finite one: an infinity times a weight of
/// 0 would be NaN and would reach queries that do not see the position.
fn to_half(value: f32) -> [u8; 2] {
    f16::from_f32(value.clamp(-65504.0, 65504.0)).to_ne_bytes()
}

/// Returns the scale of a row of bytes: its largest magnitude / 127.
fn scale_of(row: &[f32]) -> f32 {
    // As in `to_half`, the result must be finite.
    row.iter().fold(0.0_f32, |max, value| max.max(value.abs())).min(f32::MAX) / 127.0
}

/// Rounds to a multiple of `scale`, ties to even.
fn to_byte(value: f32, scale: f32) -> u8 {
    let steps = if scale > 0.0 { value / scale } else { 0.0 };
    // Within ±127 by the choice of the scale; NaN becomes 0.
    (steps.round_ties_even() as i8).cast_unsigned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
