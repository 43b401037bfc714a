//! Integer products with NEON's byte dot products (`sdot`): 64-bit Arm since 2017, every Apple M.
//!
//! A register holds a quad of columns of four rows of activations. `sdot` selects one of its four
//! rows by index, so a register of weights serves four rows with one load each. Weights become
//! signed by subtracting their offset, which makes the dot products exact without a correction.

use std::arch::aarch64::{
    float32x4_t, int8x16_t, int32x4_t, uint16x4_t, vandq_u8, vcombine_u8, vcreate_u8,
    vcvtq_f32_s32, vcvtq_f32_u32, vdup_n_u8, vdupq_n_f32, vdupq_n_s8, vdupq_n_s32, vdupq_n_u8,
    vfmaq_f32, vfmaq_n_f32, vget_low_s16, vget_low_u16, vld1_u16, vld1q_s8, vld1q_u8, vmovl_s8,
    vmovl_s16, vmovl_u8, vmovl_u16, vmulq_f32, vmulq_n_f32, vnegq_f32, vorrq_u8,
    vreinterpret_s8_u8, vreinterpretq_s8_u8, vshrq_n_u8, vst1q_f32, vsubq_s8, vtstq_u8,
};
use std::arch::asm;

use crate::activations::{BLOCK, Block};
use crate::layout::{GROUP, Layout, NIBBLE_BYTES, PLANE_BYTES, TILE};

use super::{Panel, Product};

/// Registers of weights processed together: four rows of activations times two of weights leave
/// room for scales.
const N: usize = 2;

/// Rows of a tile in one register.
const ROWS: usize = 4;

/// Computes all activation rows against the tiles of `panel`.
///
/// # Safety
/// The CPU must support NEON with the dot product instructions.
#[target_feature(enable = "neon,dotprod")]
pub(super) unsafe fn panel<L: Layout>(product: &Product<'_>, panel: &Panel) {
    let m = product.end;
    for tile in panel.first_tile..panel.first_tile + panel.n_tiles {
        for row in (product.begin..m).step_by(BLOCK) {
            // SAFETY: guaranteed by the caller.
            unsafe {
                match m - row {
                    1 => register_tile::<L, 1>(product, panel, tile, row),
                    2 => register_tile::<L, 2>(product, panel, tile, row),
                    _ => register_tile::<L, 4>(product, panel, tile, row),
                }
            }
        }
    }
}

/// Computes `R` rows of one block of activations against one tile.
///
/// # Safety
/// As [`panel`].
#[inline(always)]
unsafe fn register_tile<L: Layout, const R: usize>(
    product: &Product<'_>,
    panel: &Panel,
    tile: usize,
    row: usize,
) {
    let n_groups = product.a.n_groups();
    let tile_bytes = product.w.tile(&panel.part, tile);
    let block = product.a.block(row / BLOCK);
    debug_assert_eq!(block.quants.len(), n_groups * GROUP * BLOCK);
    let mut values = [[0.0; TILE]; R];
    for first in (0..TILE / ROWS).step_by(N) {
        // SAFETY: a tile holds `n_groups` groups of quants and their scales, and a block of
        // activations holds as many groups of four rows; `values` has 16 slots per row; the caller
        // guarantees the CPU.
        unsafe {
            let mut sums = [[vdupq_n_f32(0.0); N]; R];
            for group in 0..n_groups {
                let group_quants =
                    tile_bytes.as_ptr().add(L::quants_at(n_groups, group) + 16 * first);
                for half in 0..L::N_BLOCKS {
                    let dots = dots::<L, R>(group_quants, first, &block, group, half);
                    for j in 0..N {
                        let scale = scale::<L>(tile_bytes.as_ptr(), group, half, first + j);
                        for r in 0..R {
                            let factor = *block.scales.get_unchecked(group * BLOCK + r);
                            let sum = &mut sums[r][j];
                            let dots = vcvtq_f32_s32(dots[r][j]);
                            *sum = vfmaq_f32(*sum, dots, vmulq_n_f32(scale, factor));
                            if L::MIN {
                                let minimum =
                                    minimum::<L>(tile_bytes.as_ptr(), group, half, first + j);
                                let total = scaled_sum::<L>(&block, group, half, r);
                                *sum = vfmaq_n_f32(*sum, minimum, total);
                            }
                        }
                    }
                }
            }
            for r in 0..R {
                for j in 0..N {
                    vst1q_f32(values[r].as_mut_ptr().add(ROWS * (first + j)), sums[r][j]);
                }
            }
        }
    }
    // A block always has four rows; in the last block some of them may be unspecified.
    //
    // SAFETY: each panel is handed out once, and panels do not overlap.
    unsafe { product.store_tile(panel, tile, row, &values.map(|values| [values])) };
}

/// Returns the dot products of one scale block: of `R` rows of activations with `N` registers of
/// four rows of weights.
///
/// # Safety
/// As [`panel`]; `quants` must be one group of a tile, from register `first` on, and `block` must
/// have the group.
#[inline(always)]
unsafe fn dots<L: Layout, const R: usize>(
    quants: *const u8,
    first: usize,
    block: &Block<'_>,
    group: usize,
    half: usize,
) -> [[int32x4_t; N]; R] {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let mut dots = [[vdupq_n_s32(0); N]; R];
        let activations = block.quants.as_ptr().add(group * GROUP * BLOCK);
        let offset = vdupq_n_s8(L::OFFSET as i8);
        for quad in half * L::QUADS..(half + 1) * L::QUADS {
            let activations = vld1q_s8(activations.add(quad * 4 * BLOCK));
            for j in 0..N {
                // Two quads of nibbles share their bytes.
                let at = if L::NIBBLES { quad / 2 } else { quad };
                let stored = vld1q_u8(quants.add(at * 4 * TILE + 16 * j));
                let stored = match (L::NIBBLES, quad % 2) {
                    (false, _) => stored,
                    (true, 0) => vandq_u8(stored, vdupq_n_u8(15)),
                    (true, _) => vshrq_n_u8::<4>(stored),
                };
                // Modulo 256 an offset of 128 equals -128, so the difference is right either way.
                let mut stored = stored;
                for plane in 0..L::PLANES {
                    let bits =
                        quants.sub(16 * first).add(NIBBLE_BYTES + plane * PLANE_BYTES + quad * 8);
                    let bits = bits.add(2 * (first + j));
                    let spread = vcombine_u8(vdup_n_u8(*bits), vdup_n_u8(*bits.add(1)));
                    let own = vcreate_u8(0x8040_2010_0804_0201);
                    let set = vtstq_u8(spread, vcombine_u8(own, own));
                    stored = vorrq_u8(stored, vandq_u8(set, vdupq_n_u8(16 << plane)));
                }
                let weights = vsubq_s8(vreinterpretq_s8_u8(stored), offset);
                for r in 0..R {
                    dots[r][j] = add_dots(dots[r][j], weights, activations, r);
                }
            }
        }
        dots
    }
}

/// Adds to each lane the products of its four weights with row `r` of the activations.
///
/// Written as assembly, because the intrinsic is not stable.
///
/// # Safety
/// As [`panel`].
#[inline(always)]
unsafe fn add_dots(
    sum: int32x4_t,
    weights: int8x16_t,
    activations: int8x16_t,
    r: usize,
) -> int32x4_t {
    /// The instruction with a constant row index.
    macro_rules! sdot {
        ($index:literal) => {{
            let mut sum = sum;
            // SAFETY: the caller guarantees the instruction, which accesses only its registers.
            unsafe {
                asm!(
                    concat!("sdot {sum:v}.4s, {weights:v}.16b, {activations:v}.4b[", $index, "]"),
                    sum = inout(vreg) sum,
                    weights = in(vreg) weights,
                    activations = in(vreg) activations,
                    options(pure, nomem, nostack, preserves_flags),
                );
            }
            sum
        }};
    }
    match r {
        0 => sdot!("0"),
        1 => sdot!("1"),
        2 => sdot!("2"),
        _ => sdot!("3"),
    }
}

/// Returns the sum of one row's activations times their scale.
///
/// # Safety
/// As [`dots`].
#[inline(always)]
unsafe fn scaled_sum<L: Layout>(block: &Block<'_>, group: usize, half: usize, r: usize) -> f32 {
    // SAFETY: guaranteed by the caller.
    unsafe {
        if L::HALVES {
            let sum = *block.half_sums.get_unchecked((2 * group + half) * BLOCK + r);
            sum as f32 * block.scales.get_unchecked(group * BLOCK + r)
        } else {
            *block.scaled_sums.get_unchecked(group * BLOCK + r)
        }
    }
}

/// Returns the scales of the four rows of register `j` of a tile.
///
/// # Safety
/// As [`panel`]; `tile` must have the group.
#[inline(always)]
unsafe fn scale<L: Layout>(tile: *const u8, group: usize, half: usize, j: usize) -> float32x4_t {
    // SAFETY: guaranteed by the caller.
    unsafe {
        if !L::TWO_LEVEL {
            return halves(tile.add(L::scales_at(group) + 2 * ROWS * j));
        }
        let outer = halves(tile.add(L::outer_scales_at(group) + 2 * ROWS * j));
        let inner = tile.add(L::scales_at(group) + half * TILE + ROWS * j);
        // Blocks of 16 without a minimum have signed scales.
        let inner = if L::HALVES && !L::MIN { signed_bytes(inner) } else { bytes(inner) };
        vmulq_f32(outer, inner)
    }
}

/// Returns the minimums of the four rows of register `j` of a tile.
///
/// # Safety
/// As [`scale`].
#[inline(always)]
unsafe fn minimum<L: Layout>(tile: *const u8, group: usize, half: usize, j: usize) -> float32x4_t {
    // SAFETY: guaranteed by the caller.
    unsafe {
        if !L::TWO_LEVEL {
            return halves(tile.add(L::scales_at(group) + 2 * TILE + 2 * ROWS * j));
        }
        let outer = halves(tile.add(L::outer_scales_at(group) + 2 * TILE + 2 * ROWS * j));
        let inner = tile.add(L::scales_at(group) + (L::N_BLOCKS + half) * TILE + ROWS * j);
        vnegq_f32(vmulq_f32(outer, bytes(inner)))
    }
}

/// Reads four half floats. Written as assembly, because their type is not stable.
///
/// # Safety
/// `from` must hold four of them, and the CPU must support NEON.
#[inline(always)]
unsafe fn halves(from: *const u8) -> float32x4_t {
    // SAFETY: guaranteed by the caller; the instruction accesses only its registers.
    unsafe {
        let halves: uint16x4_t = vld1_u16(from.cast());
        let floats: float32x4_t;
        asm!(
            "fcvtl {floats:v}.4s, {halves:v}.4h",
            floats = lateout(vreg) floats,
            halves = in(vreg) halves,
            options(pure, nomem, nostack, preserves_flags),
        );
        floats
    }
}

/// Reads four unsigned bytes as floats.
///
/// # Safety
/// `from` must hold four of them, and the CPU must support NEON.
#[inline(always)]
unsafe fn bytes(from: *const u8) -> float32x4_t {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let four = vcreate_u8(u64::from(from.cast::<u32>().read_unaligned()));
        vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(four))))
    }
}

/// Reads four signed bytes as floats.
///
/// # Safety
/// As [`bytes`].
#[inline(always)]
unsafe fn signed_bytes(from: *const u8) -> float32x4_t {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let four = vcreate_u8(u64::from(from.cast::<u32>().read_unaligned()));
        vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_u8(four)))))
    }
}
