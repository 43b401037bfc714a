//! The memory layout of packed weights: tiles of 16 rows, with four columns of a row next to each
//! other.
//!
//! A tile is a sequence of super-blocks of 256 columns (the last one may be shorter). A super-block
//! holds first its scales, then its quants. A kernel therefore walks through memory from one end to the
//! other, and the CPU's prefetcher can follow.
//!
//! Quants are stored in quads, `[k / 4][16 rows][4]`: one 64-byte load holds four columns of 16
//! rows, which is the operand of a byte dot product. Nibble quants pack two quads into one,
//! `[k / 8][16][4]`: the low nibbles are the first quad, the high nibbles the second. The bits of a
//! quant above its nibble follow each group's nibbles in planes: one bit per quant in the order of
//! a quad's bytes, 64 bits per quad, which is the mask of a 64-byte register. Scales follow the
//! same order, `[k / 32][16]`: one load holds the scales of 16 rows.
//!
//! Invariant: packing changes the order of the file's numbers, never their values. A weight is
//! `scale * (quant - OFFSET) + minimum` with the scale and minimum of its own block, both exact in
//! f32.

use half::f16;

use crate::arena::ALIGN;

/// Rows of a tile: the f32 lanes of one AVX-512 register.
pub(crate) const TILE: usize = 16;
/// Columns that share one activation scale.
pub(crate) const GROUP: usize = 32;
/// Columns that share one outer scale in the K types; also the columns of a super-block in
/// every format.
pub(crate) const SUPERBLOCK: usize = 256;
/// Bytes of a group's nibbles.
pub(crate) const NIBBLE_BYTES: usize = 256;
/// Bytes of one plane of a group: one bit per quant.
pub(crate) const PLANE_BYTES: usize = 64;
/// Groups of a full super-block.
const SUPERBLOCK_GROUPS: usize = SUPERBLOCK / GROUP;

/// The storage format of a packed part of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Bytes, f16 scale per 32: `Q8_0`, `IQ4NL`.
    Q8,
    /// Nibbles and a bit, f16 scale per 32: `Q5_0`.
    Q5,
    /// Nibbles and a bit, f16 scale and minimum per 32: `Q5_1`.
    Q5Min,
    /// Nibbles, f16 scale per 32: `Q4_0`.
    Q4,
    /// Nibbles, f16 scale and minimum per 32: `Q4_1`.
    Q4Min,
    /// Nibbles, two-level scale and minimum per 32: `Q4K`.
    K4,
    /// Nibbles and a bit, two-level scale and minimum per 32: `Q5K`.
    K5,
    /// Nibbles and two bits, two-level signed scale per 16: `Q6K`.
    K6Half,
    /// Bytes, two-level signed scale per 16: `Q3K`.
    K8Half,
    /// Bytes, two-level scale and minimum per 16: `Q2K`.
    K8HalfMin,
    /// f32, one column of 16 rows after another.
    F32,
    /// f16, ordered as `F32`.
    F16,
    /// bfloat16, ordered as `F32`.
    BF16,
}

/// The layout of an integer format, known at compile time.
pub(crate) trait Layout: Copy + Send + Sync + 'static {
    /// Whether a byte holds the nibbles of two quants, instead of one quant.
    const NIBBLES: bool;
    /// Bits of a quant above its nibble, each in its own plane.
    const PLANES: usize;
    /// The number subtracted from a stored quant.
    const OFFSET: i32;
    /// Whether a scale is a byte per block times an f16 per 256 columns.
    const TWO_LEVEL: bool;
    /// Whether blocks have 16 columns instead of 32.
    const HALVES: bool;
    const MIN: bool;

    /// Bytes of a tile's quants per group of 32 columns.
    const GROUP_QUANT_BYTES: usize =
        if Self::NIBBLES { NIBBLE_BYTES + Self::PLANES * PLANE_BYTES } else { 512 };
    const N_BLOCKS: usize = if Self::HALVES { 2 } else { 1 };
    /// Quads of columns per block.
    const QUADS: usize = GROUP / 4 / Self::N_BLOCKS;
    /// Bytes of a group's own scales and minimums.
    const GROUP_SCALE_BYTES: usize = (if Self::TWO_LEVEL { TILE } else { 2 * TILE })
        * Self::N_BLOCKS
        * (if Self::MIN { 2 } else { 1 });
    /// Bytes of a super-block's outer scales.
    const OUTER_BYTES: usize =
        if Self::TWO_LEVEL { 2 * TILE * (if Self::MIN { 2 } else { 1 }) } else { 0 };

    /// Bytes of a full super-block.
    const SUPERBLOCK_BYTES: usize =
        (Self::OUTER_BYTES + SUPERBLOCK_GROUPS * Self::GROUP_SCALE_BYTES).next_multiple_of(ALIGN)
            + SUPERBLOCK_GROUPS * Self::GROUP_QUANT_BYTES;

    /// Returns the offset in a tile of the super-block that holds `group`. The super-block begins
    /// with its outer scales, if it has any.
    #[inline(always)]
    fn outer_scales_at(group: usize) -> usize {
        group / SUPERBLOCK_GROUPS * Self::SUPERBLOCK_BYTES
    }

    /// Returns the offset in a tile of the group's own scales.
    #[inline(always)]
    fn scales_at(group: usize) -> usize {
        Self::outer_scales_at(group)
            + Self::OUTER_BYTES
            + group % SUPERBLOCK_GROUPS * Self::GROUP_SCALE_BYTES
    }

    /// Returns the offset of the group's quants in a tile of `n_groups` groups.
    #[inline(always)]
    fn quants_at(n_groups: usize, group: usize) -> usize {
        let n_in_superblock =
            (n_groups - group / SUPERBLOCK_GROUPS * SUPERBLOCK_GROUPS).min(SUPERBLOCK_GROUPS);
        Self::outer_scales_at(group)
            + Self::scale_bytes(n_in_superblock)
            + group % SUPERBLOCK_GROUPS * Self::GROUP_QUANT_BYTES
    }

    /// Returns the bytes of the scales of a super-block of `n_groups`, padded to whole cache lines.
    #[inline(always)]
    fn scale_bytes(n_groups: usize) -> usize {
        (Self::OUTER_BYTES + n_groups * Self::GROUP_SCALE_BYTES).next_multiple_of(ALIGN)
    }

    /// Returns the exact scale of one row's block.
    fn scale(tile: &[u8], group: usize, block: usize, row: usize) -> f32 {
        if Self::TWO_LEVEL {
            let inner = tile[Self::scales_at(group) + block * TILE + row];
            // Blocks of 16 without a minimum have signed scales.
            let inner = if Self::HALVES && !Self::MIN {
                f32::from(inner.cast_signed())
            } else {
                f32::from(inner)
            };
            half_at(tile, Self::outer_scales_at(group), row) * inner
        } else {
            half_at(tile, Self::scales_at(group), row)
        }
    }

    /// Returns the exact number that is added to every weight of one row's block.
    fn minimum(tile: &[u8], group: usize, block: usize, row: usize) -> f32 {
        if !Self::MIN {
            0.0
        } else if Self::TWO_LEVEL {
            let inner = tile[Self::scales_at(group) + (Self::N_BLOCKS + block) * TILE + row];
            -(half_at(tile, Self::outer_scales_at(group) + 2 * TILE, row) * f32::from(inner))
        } else {
            half_at(tile, Self::scales_at(group) + 2 * TILE, row)
        }
    }

    /// Returns the bits above the nibble of one quant of a group: that of `row` and of a column of
    /// a quad.
    #[inline(always)]
    fn high_bits(quants: &[u8], quad: usize, row: usize, column: usize) -> u8 {
        let mut bits = 0;
        for plane in 0..Self::PLANES {
            let byte = quants[NIBBLE_BYTES + plane * PLANE_BYTES + quad * 8 + row / 2];
            bits |= (byte >> (row % 2 * 4 + column) & 1) << (4 + plane);
        }
        bits
    }

    /// Returns one stored quant of a tile of `n_groups` groups.
    fn quant(tile: &[u8], n_groups: usize, column: usize, row: usize) -> u8 {
        let quants = &tile[Self::quants_at(n_groups, column / GROUP)..];
        let column = column % GROUP;
        if Self::NIBBLES {
            let byte = quants[(column / 8 * TILE + row) * 4 + column % 4];
            let nibble = if column % 8 < 4 { byte & 15 } else { byte >> 4 };
            nibble | Self::high_bits(quants, column / 4, row, column % 4)
        } else {
            quants[(column / 4 * TILE + row) * 4 + column % 4]
        }
    }
}

/// Reads the f16 of `row` from the 16 that begin at `at`.
fn half_at(tile: &[u8], at: usize, row: usize) -> f32 {
    f16::from_le_bytes([tile[at + 2 * row], tile[at + 2 * row + 1]]).to_f32()
}

macro_rules! layouts {
    ($($name:ident: nibbles $nibbles:literal, planes $planes:literal, offset $offset:literal, two_level $two:literal, halves $halves:literal, min $min:literal;)*) => {
        $(
            #[doc = concat!("The layout of [`Format::", stringify!($name), "`].")]
            #[derive(Clone, Copy)]
            pub(crate) struct $name;
            impl Layout for $name {
                const NIBBLES: bool = $nibbles;
                const PLANES: usize = $planes;
                const OFFSET: i32 = $offset;
                const TWO_LEVEL: bool = $two;
                const HALVES: bool = $halves;
                const MIN: bool = $min;
            }
        )*
    };
}

layouts! {
    Q8: nibbles false, planes 0, offset 128, two_level false, halves false, min false;
    Q5: nibbles true, planes 1, offset 16, two_level false, halves false, min false;
    Q5Min: nibbles true, planes 1, offset 0, two_level false, halves false, min true;
    Q4: nibbles true, planes 0, offset 8, two_level false, halves false, min false;
    Q4Min: nibbles true, planes 0, offset 0, two_level false, halves false, min true;
    K4: nibbles true, planes 0, offset 0, two_level true, halves false, min true;
    K5: nibbles true, planes 1, offset 0, two_level true, halves false, min true;
    K6Half: nibbles true, planes 2, offset 32, two_level true, halves true, min false;
    K8Half: nibbles false, planes 0, offset 128, two_level true, halves true, min false;
    K8HalfMin: nibbles false, planes 0, offset 128, two_level true, halves true, min true;
}

/// Evaluates `$int` with `$layout` bound to the layout of an integer format, or `$float` for a
/// float format.
macro_rules! with_layout {
    ($format:expr, $layout:ident => $int:expr, float => $float:expr) => {
        match $format {
            $crate::layout::Format::Q8 => {
                type $layout = $crate::layout::Q8;
                $int
            }
            $crate::layout::Format::Q5 => {
                type $layout = $crate::layout::Q5;
                $int
            }
            $crate::layout::Format::Q5Min => {
                type $layout = $crate::layout::Q5Min;
                $int
            }
            $crate::layout::Format::Q4 => {
                type $layout = $crate::layout::Q4;
                $int
            }
            $crate::layout::Format::Q4Min => {
                type $layout = $crate::layout::Q4Min;
                $int
            }
            $crate::layout::Format::K4 => {
                type $layout = $crate::layout::K4;
                $int
            }
            $crate::layout::Format::K5 => {
                type $layout = $crate::layout::K5;
                $int
            }
            $crate::layout::Format::K6Half => {
                type $layout = $crate::layout::K6Half;
                $int
            }
            $crate::layout::Format::K8Half => {
                type $layout = $crate::layout::K8Half;
                $int
            }
            $crate::layout::Format::K8HalfMin => {
                type $layout = $crate::layout::K8HalfMin;
                $int
            }
            $crate::layout::Format::F32
            | $crate::layout::Format::F16
            | $crate::layout::Format::BF16 => $float,
        }
    };
}
pub(crate) use with_layout;

impl Format {
    /// Returns the bytes per value of a float format; 0 for an integer format.
    pub(crate) fn float_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            _ => 0,
        }
    }

    /// Returns the bytes of a tile of `k` columns; `None` on overflow.
    pub(crate) fn tile_bytes(self, k: usize) -> Option<usize> {
        with_layout!(
            self,
            L => {
                let rest = k % SUPERBLOCK / GROUP;
                let rest_bytes =
                    if rest == 0 { 0 } else { L::scale_bytes(rest) + rest * L::GROUP_QUANT_BYTES };
                (k / SUPERBLOCK).checked_mul(L::SUPERBLOCK_BYTES)?.checked_add(rest_bytes)
            },
            float => k.checked_mul(TILE * self.float_bytes())?.checked_next_multiple_of(ALIGN)
        )
    }
}
