//! Weights, packed once at load.
//!
//! Packing streams blocks from the mapped file into the arena, so there is never a second copy of
//! the weights. Parts of different types may be stacked (a fused q|k|v of a mixed quantization);
//! each part keeps its own tiles. The tiles of two equal parts (gate|up) alternate in pairs, so
//! that the factors of one product are computed together from one stream.

use half::{bf16, f16};

use crate::arena::{AlignedBuffer, FrozenBuffer, WeightArena};
use crate::block::{BlockType, Rows, Shape};
use crate::error::{PackError, ShapeError};
use crate::layout::{Format, GROUP, Layout, NIBBLE_BYTES, PLANE_BYTES, TILE, with_layout};
use crate::pool::Pool;
use crate::shared::SharedSlice;
use crate::unpack::{Block, format_of, unpack};

/// A weight matrix, `n` rows (outputs) of `k` columns (inputs), packed for the kernels.
pub struct Matrix {
    n: usize,
    k: usize,
    parts: Vec<Part>,
    memory: FrozenBuffer,
}

/// Rows of one format, in tiles of 16.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// The part's first row in the matrix.
    pub(crate) first_row: usize,
    /// Number of rows.
    pub(crate) n: usize,
    pub(crate) format: Format,
    /// Where in the arena the first tile begins.
    start: usize,
    /// Bytes of one tile.
    pub(crate) tile_bytes: usize,
    /// Bytes between one pair of tiles and the next: those of the other part, if two parts
    /// alternate.
    pair_gap: usize,
}

impl Part {
    /// Returns the number of tiles; the last one may be padded with zero rows.
    pub(crate) fn n_tiles(&self) -> usize {
        self.n.div_ceil(TILE)
    }

    /// Returns the offset of a tile in the arena.
    fn tile_offset(&self, tile: usize) -> usize {
        self.start + tile * self.tile_bytes + tile / 2 * self.pair_gap
    }
}

impl Matrix {
    /// Packs matrices, stacked along their rows, on the calling thread.
    pub fn pack(parts: &[Rows<'_>]) -> Result<Self, PackError> {
        Self::pack_with(&Pool::new(1), parts)
    }

    /// Packs matrices, stacked along their rows, on the threads of `pool`.
    pub fn pack_with(pool: &Pool, parts: &[Rows<'_>]) -> Result<Self, PackError> {
        Self::pack_to(pool, parts, AlignedBuffer::new)
    }

    /// As [`pack_with`](Self::pack_with), into memory of `arena` while it has enough.
    pub fn pack_into(
        arena: &WeightArena,
        pool: &Pool,
        parts: &[Rows<'_>],
    ) -> Result<Self, PackError> {
        Self::pack_to(pool, parts, |len| arena.take(len))
    }

    /// Returns the bytes of a packed matrix of `n` rows and `k` columns. `None` if there can be no
    /// such matrix.
    pub fn packed_bytes(kind: BlockType, n: usize, k: usize) -> Option<usize> {
        kind.row_bytes(k)?;
        format_of(kind).tile_bytes(k)?.checked_mul(n.div_ceil(TILE))
    }

    /// Returns the next matrix in `arena`, packed by an earlier process, without reading it.
    ///
    /// `None` if the reserve was not filled or has too few bytes left, or if there can be no such
    /// matrix; packing then returns the error.
    pub fn from_filled(arena: &WeightArena, shapes: &[Shape]) -> Option<Self> {
        let Plan { n, k, bytes, parts } = Plan::new(shapes.iter().copied()).ok()?;
        Some(Self { n, k, parts, memory: arena.take_filled(bytes)? })
    }

    fn pack_to(
        pool: &Pool,
        parts: &[Rows<'_>],
        buffer: impl FnOnce(usize) -> Result<AlignedBuffer, PackError>,
    ) -> Result<Self, PackError> {
        let Plan { n, k, bytes, parts: packed } = Plan::new(parts.iter().map(Rows::shape))?;
        for rows in parts {
            let row_bytes = rows.kind.row_bytes(k);
            if row_bytes.and_then(|bytes| bytes.checked_mul(rows.n)) != Some(rows.bytes.len()) {
                let Rows { kind, n, k, bytes } = *rows;
                return Err(PackError::WrongLength { kind, n, k, given: bytes.len() });
            }
        }
        let mut buffer = buffer(bytes)?;
        for (part, rows) in packed.iter().zip(parts) {
            let tiles = SharedSlice::new(buffer.bytes_mut());
            pool.split(part.n_tiles(), 4, |range| {
                for tile in range {
                    // SAFETY: `split` hands out every tile once, and tiles do not overlap.
                    let bytes = unsafe { tiles.part(part.tile_offset(tile), part.tile_bytes) };
                    pack_tile(rows, tile, part, bytes);
                }
            });
        }
        Ok(Self { n, k, parts: packed, memory: buffer.freeze() })
    }

    /// Returns the number of rows: the outputs of a product.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Returns the number of columns: the inputs of a product.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Returns the bytes of the packed weights.
    pub fn bytes(&self) -> usize {
        self.memory.bytes().len()
    }

    /// Whether some part holds floats; for such a matrix [`QuantizedActivations`](crate::QuantizedActivations)
    /// should keep the activations' floats.
    pub fn has_floats(&self) -> bool {
        self.parts.iter().any(|part| part.format.float_bytes() > 0)
    }

    /// Writes the weights of one row as floats: an embedding look-up. A `row` past the end reads
    /// the last row.
    pub fn row(&self, row: usize, out: &mut [f32]) -> Result<(), ShapeError> {
        ShapeError::exactly("matrix row", "out", Some(self.k), out.len())?;
        let row = row.min(self.n - 1);
        let Some(part) = self.parts.iter().rfind(|part| part.first_row <= row) else {
            return Ok(());
        };
        let row = row - part.first_row;
        let tile = self.tile(part, row / TILE);
        let row = row % TILE;
        with_layout!(
            part.format,
            L => for (column, value) in out.iter_mut().enumerate() {
                *value = weight::<L>(tile, self.k / GROUP, column, row);
            },
            float => for (column, value) in out.iter_mut().enumerate() {
                *value = float_at(part.format, tile, column * TILE + row);
            }
        );
        Ok(())
    }

    /// Returns the parts, in row order.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns the bytes of one tile.
    pub(crate) fn tile(&self, part: &Part, tile: usize) -> &[u8] {
        debug_assert!(tile < part.n_tiles());
        &self.memory.bytes()[part.tile_offset(tile)..][..part.tile_bytes]
    }

    /// Returns the two parts whose tiles alternate, if there are such parts.
    pub(crate) fn pair(&self) -> Option<[Part; 2]> {
        match self.parts.as_slice() {
            [gate, up] if gate.pair_gap > 0 => Some([*gate, *up]),
            _ => None,
        }
    }

    /// Whether [`gated`](crate::gated) accepts the matrix: two parts of one integer type
    /// and one shape, in whole groups of 32 rows.
    pub fn is_pair(&self) -> bool {
        self.pair().is_some()
    }
}

/// The positions of the parts of a stacked matrix.
struct Plan {
    n: usize,
    k: usize,
    bytes: usize,
    parts: Vec<Part>,
}

impl Plan {
    fn new(shapes: impl ExactSizeIterator<Item = Shape> + Clone) -> Result<Self, PackError> {
        let k = shapes.clone().next().map_or(0, |shape| shape.k);
        let mut n = 0_usize;
        let mut bytes = 0_usize;
        let mut parts = Vec::with_capacity(shapes.len());
        for shape in shapes {
            let too_large = || PackError::TooLarge { n: shape.n, k: shape.k };
            if shape.n == 0 || shape.k == 0 {
                return Err(PackError::Empty);
            }
            if shape.k != k {
                return Err(PackError::ColumnsDiffer { first: k, other: shape.k });
            }
            if shape.kind.row_bytes(k).is_none() {
                return Err(PackError::NotWholeBlocks { kind: shape.kind, k });
            }
            let format = format_of(shape.kind);
            let tile_bytes = format.tile_bytes(k).ok_or_else(too_large)?;
            let part =
                Part { first_row: n, n: shape.n, format, start: bytes, tile_bytes, pair_gap: 0 };
            bytes = part
                .n_tiles()
                .checked_mul(tile_bytes)
                .and_then(|b| bytes.checked_add(b))
                .ok_or_else(too_large)?;
            n = n.checked_add(shape.n).ok_or_else(too_large)?;
            parts.push(part);
        }
        if n == 0 {
            return Err(PackError::Empty);
        }
        if let [gate, up] = parts.as_mut_slice()
            && (gate.n, gate.format) == (up.n, up.format)
            && gate.n.is_multiple_of(2 * TILE)
            && gate.format.float_bytes() == 0
        {
            gate.pair_gap = 2 * gate.tile_bytes;
            (up.start, up.pair_gap) = (gate.start + gate.pair_gap, gate.pair_gap);
        }
        Ok(Self { n, k, bytes, parts })
    }
}

/// Returns one weight.
fn weight<L: Layout>(tile: &[u8], n_groups: usize, column: usize, row: usize) -> f32 {
    let group = column / GROUP;
    let block = if L::HALVES { column % GROUP / 16 } else { 0 };
    let quant = (i32::from(L::quant(tile, n_groups, column, row)) - L::OFFSET) as f32;
    let value = L::scale(tile, group, block, row) * quant;
    if L::MIN { value + L::minimum(tile, group, block, row) } else { value }
}

/// Reads float number `index` of a tile.
pub(crate) fn float_at(format: Format, bytes: &[u8], index: usize) -> f32 {
    let half = [bytes[2 * index], bytes[2 * index + 1]];
    match format {
        Format::BF16 => bf16::from_le_bytes(half).to_f32(),
        Format::F16 => f16::from_le_bytes(half).to_f32(),
        _ => {
            let tile_offset = 4 * index;
            f32::from_le_bytes([
                bytes[tile_offset],
                bytes[tile_offset + 1],
                bytes[tile_offset + 2],
                bytes[tile_offset + 3],
            ])
        }
    }
}

/// Packs the 16 rows (fewer in the last tile) of one tile.
fn pack_tile(rows: &Rows<'_>, tile: usize, part: &Part, out: &mut [u8]) {
    let row_bytes = rows.bytes.len() / rows.n;
    let n_groups = rows.k / GROUP;
    let source = rows.bytes.chunks_exact(row_bytes).skip(tile * TILE).take(TILE);
    with_layout!(
        part.format,
        L => {
            let mut block = Block::zero();
            for (row, bytes) in source.enumerate() {
                for (idx, bytes) in bytes.chunks_exact(rows.kind.block_bytes()).enumerate() {
                    unpack(rows.kind, bytes, &mut block);
                    place::<L>(rows.kind, &block, idx, row, n_groups, out);
                }
            }
        },
        float => {
            let width = part.format.float_bytes();
            for (row, bytes) in source.enumerate() {
                for (column, value) in bytes.chunks_exact(width).enumerate() {
                    let tile_offset = (column * TILE + row) * width;
                    out[tile_offset..tile_offset + width].copy_from_slice(value);
                }
            }
        }
    );
}

/// Writes block number `idx` of a row into a tile of `n_groups` groups.
fn place<L: Layout>(
    kind: BlockType,
    block: &Block,
    idx: usize,
    row: usize,
    n_groups: usize,
    tile: &mut [u8],
) {
    let n_block_groups = kind.block_len() / GROUP;
    let first_group = idx * n_block_groups;
    for (i, values) in block.quants[..kind.block_len()].chunks_exact(GROUP).enumerate() {
        let quants = &mut tile[L::quants_at(n_groups, first_group + i)..];
        if L::NIBBLES {
            for (pair, values) in values.chunks_exact(8).enumerate() {
                let tile_offset = (pair * TILE + row) * 4;
                for (j, byte) in quants[tile_offset..tile_offset + 4].iter_mut().enumerate() {
                    *byte = values[j] & 15 | values[j + 4] << 4;
                }
            }
            for plane in 0..L::PLANES {
                // The four bits of one quad are half a byte of its mask. The memory is zeroed.
                for (quad, values) in values.chunks_exact(4).enumerate() {
                    let bit = |j: usize| (values[j] >> (4 + plane) & 1) << j;
                    let bits = bit(0) | bit(1) | bit(2) | bit(3);
                    let tile_offset = NIBBLE_BYTES + plane * PLANE_BYTES + quad * 8 + row / 2;
                    quants[tile_offset] |= bits << (row % 2 * 4);
                }
            }
        } else {
            for (quad, values) in values.chunks_exact(4).enumerate() {
                let tile_offset = (quad * TILE + row) * 4;
                quants[tile_offset..tile_offset + 4].copy_from_slice(values);
            }
        }
    }
    let mut put_half = |tile_offset: usize, bits: u16| {
        tile[tile_offset + 2 * row..tile_offset + 2 * row + 2].copy_from_slice(&bits.to_le_bytes());
    };
    if L::TWO_LEVEL {
        put_half(L::outer_scales_at(first_group), block.scale);
        if L::MIN {
            put_half(L::outer_scales_at(first_group) + 2 * TILE, block.minimum);
        }
        for group in 0..n_block_groups {
            let tile_offset = L::scales_at(first_group + group) + row;
            for half in 0..L::N_BLOCKS {
                tile[tile_offset + half * TILE] = block.inner_scales[group * L::N_BLOCKS + half];
                if L::MIN {
                    tile[tile_offset + (L::N_BLOCKS + half) * TILE] =
                        block.inner_minimums[group * L::N_BLOCKS + half];
                }
            }
        }
    } else {
        put_half(L::scales_at(first_group), block.scale);
        if L::MIN {
            put_half(L::scales_at(first_group) + 2 * TILE, block.minimum);
        }
    }
}
