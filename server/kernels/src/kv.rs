//! Keys and values of one layer, preallocated, appended in place and read in place by attention.
//!
//! Keys lie in tiles of 16 positions, `[head][position / 16][head_dim][16]`, so that one load holds one dimension of 16 keys; values lie row after row, `[head][position][head_dim]`. Both are f16.
//! Truncating needs nothing here: attention reads only the positions that it is told, so the owner of the length just sets it back.

use std::ops::Range;

use half::f16;

use crate::arena::Arena;
use crate::error::{PackError, ShapeError};
use crate::lanes::LANES;
use crate::pool::Pool;
use crate::shared::Shared;

/// The keys and values of one layer.
pub struct KvLayer {
    n_kv_heads: usize,
    head_dim: usize,
    /// Positions, a multiple of 16.
    capacity: usize,
    /// Values per position and head, `head_dim` rounded up to whole vectors.
    value_stride: usize,
    arena: Arena,
}

/// Where the keys and values of one head begin, for the attention kernels.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    /// Tiles of `head_dim` × 16.
    pub(crate) keys: &'a [u16],
    /// Rows of `value_stride`.
    pub(crate) values: &'a [u16],
}

impl KvLayer {
    /// Reserves room for `capacity` positions; memory becomes resident as positions are written.
    pub fn new(n_kv_heads: usize, head_dim: usize, capacity: usize) -> Result<Self, PackError> {
        let too_large = || PackError::TooLarge { n: capacity, k: head_dim };
        if n_kv_heads == 0 || head_dim == 0 {
            return Err(PackError::Empty);
        }
        let capacity = capacity.max(1).checked_next_multiple_of(LANES).ok_or_else(too_large)?;
        let value_stride = head_dim.checked_next_multiple_of(LANES).ok_or_else(too_large)?;
        let bytes = head_dim
            .checked_add(value_stride)
            .and_then(|n| n.checked_mul(capacity)?.checked_mul(n_kv_heads)?.checked_mul(2))
            .ok_or_else(too_large)?;
        Ok(Self { n_kv_heads, head_dim, capacity, value_stride, arena: Arena::new(bytes)? })
    }

    /// Returns the number of key-value heads.
    pub fn n_kv_heads(&self) -> usize {
        self.n_kv_heads
    }

    /// Returns the values per head.
    pub fn head_dim(&self) -> usize {
        self.head_dim
    }

    /// Returns the positions that there is room for.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Returns the memory reserved.
    pub fn bytes(&self) -> usize {
        self.arena.bytes().len()
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

    /// Stores `m` positions from `position` on; rows of `keys` and of `values` begin `row_stride` apart.
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
        let (capacity, value_stride) = (self.capacity, self.value_stride);
        let (all_keys, all_values) = self.halves_mut();
        let (all_keys, all_values) = (Shared::new(all_keys), Shared::new(all_values));
        // A worker gets whole tiles of positions: within a tile they interleave.
        let first_tile = position / LANES;
        let n_tiles = (position + m).div_ceil(LANES) - first_tile;
        pool.split(n_tiles, 2, |tiles| {
            for tile in tiles.start + first_tile..tiles.end + first_tile {
                for at in (tile * LANES).max(position)..((tile + 1) * LANES).min(position + m) {
                    let row = (at - position) * row_stride;
                    for head in 0..width / head_dim {
                        let source = row + head * head_dim..row + (head + 1) * head_dim;
                        // SAFETY: `split` hands out every tile once; tiles do not overlap, and neither do rows.
                        let (tile_keys, row_values) = unsafe {
                            (
                                all_keys.part(
                                    (head * capacity + tile * LANES) * head_dim,
                                    head_dim * LANES,
                                ),
                                all_values.part((head * capacity + at) * value_stride, head_dim),
                            )
                        };
                        for (lanes, key) in
                            tile_keys.chunks_exact_mut(LANES).zip(&keys[source.clone()])
                        {
                            lanes[at % LANES] = to_half(*key);
                        }
                        for (place, value) in row_values.iter_mut().zip(&values[source]) {
                            *place = to_half(*value);
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
        let (head_dim, stride, capacity) = (self.head_dim, self.value_stride, self.capacity);
        let n_keys = n.next_multiple_of(LANES) * head_dim;
        let n_values = n * stride;
        let n_kv_heads = self.n_kv_heads;
        let (keys, values) = self.halves_mut();
        for head in 0..n_kv_heads {
            let source = from.head(head);
            keys[head * capacity * head_dim..][..n_keys].copy_from_slice(&source.keys[..n_keys]);
            values[head * capacity * stride..][..n_values]
                .copy_from_slice(&source.values[..n_values]);
        }
        Ok(())
    }

    /// Appends the first `n` positions to `out`, in a form that [`read_prefix`](Self::read_prefix) takes back.
    ///
    /// Keys and values lie as they do in memory, in this machine's byte order: what is saved is read back by the same kernels only.
    pub fn save_prefix(&self, n: usize, out: &mut Vec<u8>) {
        let n = n.min(self.capacity);
        out.reserve(self.prefix_bytes(n));
        for head in 0..self.n_kv_heads {
            for span in self.spans(head, n) {
                out.extend_from_slice(&self.arena.bytes()[span]);
            }
        }
    }

    /// Returns the bytes that `n` saved positions take.
    pub fn prefix_bytes(&self, n: usize) -> usize {
        2 * self.n_kv_heads * (n.next_multiple_of(LANES) * self.head_dim + n * self.value_stride)
    }

    /// Takes back `n` positions that a layer of the same shape has saved.
    pub fn read_prefix(&mut self, n: usize, bytes: &[u8]) -> Result<(), ShapeError> {
        ShapeError::at_least("kv read", "positions", Some(n), self.capacity)?;
        ShapeError::exactly("kv read", "bytes", Some(self.prefix_bytes(n)), bytes.len())?;
        let mut rest = bytes;
        for head in 0..self.n_kv_heads {
            for span in self.spans(head, n) {
                let (saved, behind) = rest.split_at(span.len());
                self.arena.bytes_mut()[span].copy_from_slice(saved);
                rest = behind;
            }
        }
        Ok(())
    }

    /// Where the first `n` positions of a head stand in the arena: keys, then values, as bytes.
    fn spans(&self, head: usize, n: usize) -> [Range<usize>; 2] {
        let n_keys = 2 * n.next_multiple_of(LANES) * self.head_dim;
        let n_values = 2 * n * self.value_stride;
        let keys = 2 * head * self.capacity * self.head_dim;
        let values = 2 * self.n_kv_heads * self.capacity * self.head_dim
            + 2 * head * self.capacity * self.value_stride;
        [keys..keys + n_keys, values..values + n_values]
    }

    /// Returns the keys and values of one head.
    pub(crate) fn head(&self, head: usize) -> Head<'_> {
        debug_assert!(head < self.n_kv_heads);
        let bytes = self.arena.bytes();
        // SAFETY: the arena is aligned for u16 and lives as long as `self`; any bits are a u16.
        let (_, halves, _) = unsafe { bytes.align_to::<u16>() };
        let (keys, values) = halves.split_at(self.n_kv_heads * self.capacity * self.head_dim);
        let (n_keys, n_values) = (self.capacity * self.head_dim, self.capacity * self.value_stride);
        Head {
            keys: &keys[head * n_keys..][..n_keys],
            values: &values[head * n_values..][..n_values],
        }
    }

    /// Returns the values per position and head as they lie in memory.
    pub(crate) fn value_stride(&self) -> usize {
        self.value_stride
    }

    fn halves_mut(&mut self) -> (&mut [u16], &mut [u16]) {
        let at = self.n_kv_heads * self.capacity * self.head_dim;
        // SAFETY: the arena is aligned for u16, and any bits are a u16.
        let (_, halves, _) = unsafe { self.arena.bytes_mut().align_to_mut::<u16>() };
        halves.split_at_mut(at)
    }
}

/// Rounds to f16. Too large values become the largest: an infinity times a weight of 0 would be NaN, and reach queries that do not even see it.
fn to_half(value: f32) -> u16 {
    f16::from_f32(value.clamp(-65504.0, 65504.0)).to_bits()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::reference;

    fn filled(capacity: usize, m: usize) -> KvLayer {
        let mut layer = KvLayer::new(2, 20, capacity).unwrap();
        let rows = reference::random_floats(m * 80, 1);
        layer.write_rows(&Pool::new(2), 0, &rows, &rows[40..], 80, m).unwrap();
        layer
    }

    fn same(a: &KvLayer, b: &KvLayer, n: usize) -> bool {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        a.save_prefix(n, &mut left);
        b.save_prefix(n, &mut right);
        left == right && left.len() == a.prefix_bytes(n)
    }

    #[test]
    fn rows_written_together_equal_rows_written_alone() {
        let together = filled(50, 37);
        let mut alone = KvLayer::new(2, 20, 50).unwrap();
        let rows = reference::random_floats(37 * 80, 1);
        for at in 0..37 {
            let row = &rows[at * 80..(at + 1) * 80];
            alone.write(at, &row[..40], &row[40..]).unwrap();
        }
        assert!(same(&together, &alone, 37));
    }

    #[test]
    fn a_copied_or_saved_prefix_is_the_same() {
        let layer = filled(64, 37);
        let mut copy = KvLayer::new(2, 20, 100).unwrap();
        copy.copy_prefix(&layer, 33).unwrap();
        assert!(same(&layer, &copy, 33));
        let mut bytes = Vec::new();
        layer.save_prefix(21, &mut bytes);
        let mut restored = KvLayer::new(2, 20, 32).unwrap();
        restored.read_prefix(21, &bytes).unwrap();
        assert!(same(&layer, &restored, 21));
        assert!(restored.read_prefix(22, &bytes).is_err());
        assert!(copy.copy_prefix(&layer, 65).is_err());
    }

    #[test]
    fn writes_beyond_the_capacity_are_an_error() {
        let mut layer = KvLayer::new(1, 16, 16).unwrap();
        assert!(layer.write(16, &[0.0; 16], &[0.0; 16]).is_err());
        assert!(layer.write(0, &[0.0; 15], &[0.0; 16]).is_err());
        assert!(layer.write(15, &[1e9; 16], &[0.0; 16]).is_ok());
        assert!(KvLayer::new(usize::MAX, 64, 64).is_err());
        assert!(KvLayer::new(0, 64, 64).is_err());
    }
}
