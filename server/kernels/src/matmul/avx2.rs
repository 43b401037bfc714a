//! Integer products in 256-bit registers: AVX2, and AVX2 with VNNI.
//!
//! A tile is processed alone, its 16 rows in two registers, against up to four rows of activations.
//! [`dots`] computes exact dot products from bytes; all other code is shared.

mod dots;

use std::arch::x86_64::{
    __m256, _mm_loadl_epi64, _mm_loadu_si128, _mm256_cvtepi8_epi32, _mm256_cvtepi32_ps,
    _mm256_cvtepu8_epi32, _mm256_cvtph_ps, _mm256_fmadd_ps, _mm256_fnmadd_ps, _mm256_mul_ps,
    _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps,
};

use crate::activations::{BLOCK, Block};
use crate::layout::{GROUP, Layout, TILE};

use super::{Panel, Product};
#[cfg(test)]
use dots::Avx512Vl;
use dots::{AvxVnni, Dots, Maddubs};

/// Registers per tile of 16 rows.
const N: usize = 2;

/// Computes all activation rows against the tiles of `panel`.
///
/// # Safety
/// The CPU must support AVX2, FMA and F16C.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn panel<L: Layout>(product: &Product<'_>, panel: &Panel) {
    // SAFETY: guaranteed by the caller.
    unsafe { all_rows::<L, Maddubs>(product, panel) };
}

/// As [`panel`], with VNNI's dot products.
///
/// # Safety
/// The CPU must support AVX2, FMA, F16C and AVX-VNNI; in tests AVX-512 VL with VNNI serves too.
pub(super) unsafe fn vnni_panel<L: Layout>(product: &Product<'_>, panel: &Panel) {
    #[target_feature(enable = "avx2,fma,f16c,avxvnni")]
    unsafe fn avx_vnni<L: Layout>(product: &Product<'_>, panel: &Panel) {
        // SAFETY: guaranteed by the caller.
        unsafe { all_rows::<L, AvxVnni>(product, panel) };
    }
    #[cfg(test)]
    #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512vl,avx512vnni")]
    unsafe fn avx512_vl<L: Layout>(product: &Product<'_>, panel: &Panel) {
        // SAFETY: guaranteed by the caller.
        unsafe { all_rows::<L, Avx512Vl>(product, panel) };
    }
    #[cfg(test)]
    if !std::arch::is_x86_feature_detected!("avxvnni") {
        // SAFETY: guaranteed by the caller: without AVX-VNNI the CPU has AVX-512 VL.
        unsafe { avx512_vl::<L>(product, panel) };
        return;
    }
    // SAFETY: guaranteed by the caller.
    unsafe { avx_vnni::<L>(product, panel) };
}

/// # Safety
/// The CPU must support AVX2, FMA, F16C and what `D` needs.
#[inline(always)]
unsafe fn all_rows<L: Layout, D: Dots>(product: &Product<'_>, panel: &Panel) {
    let m = product.end;
    for tile in panel.first_tile..panel.first_tile + panel.n_tiles {
        for row in (product.begin..m).step_by(BLOCK) {
            // SAFETY: guaranteed by the caller.
            unsafe {
                match m - row {
                    1 if product.a.m() == 1 => {
                        register_tile::<L, D, 1, 1>(product, panel, tile, row);
                    }
                    1 => register_tile::<L, D, 1, BLOCK>(product, panel, tile, row),
                    2 => register_tile::<L, D, 2, BLOCK>(product, panel, tile, row),
                    _ => register_tile::<L, D, 4, BLOCK>(product, panel, tile, row),
                }
            }
        }
    }
}

/// Computes `R` rows of one block of activations against one tile.
///
/// # Safety
/// As [`all_rows`].
#[inline(always)]
unsafe fn register_tile<L: Layout, D: Dots, const R: usize, const W: usize>(
    product: &Product<'_>,
    panel: &Panel,
    tile: usize,
    row: usize,
) {
    let n_groups = product.a.n_groups();
    let tile_bytes = product.w.tile(&panel.part, tile);
    let block = if W == 1 { product.a.single() } else { product.a.block(row / BLOCK) };
    debug_assert_eq!(block.quants.len(), n_groups * GROUP * W);
    // SAFETY: a tile holds `n_groups` groups of quants and their scales, and a block of activations
    // holds as many groups of four rows; the caller guarantees the CPU.
    let sums = unsafe {
        let mut sums = [[_mm256_setzero_ps(); N]; R];
        for group in 0..n_groups {
            for half in 0..L::N_BLOCKS {
                let group_quants = tile_bytes.as_ptr().add(L::quants_at(n_groups, group));
                let dots = if L::NIBBLES {
                    D::nibbles::<L, R, W>(group_quants, &block, group, half)
                } else {
                    D::bytes::<L, R, W>(group_quants, &block, group, half)
                };
                for j in 0..N {
                    let scale = scale::<L>(tile_bytes.as_ptr(), group, half, j);
                    let minimum = if L::MIN {
                        minimum::<L>(tile_bytes.as_ptr(), group, half, j)
                    } else {
                        _mm256_setzero_ps()
                    };
                    for r in 0..R {
                        let factor = _mm256_set1_ps(*block.scales.get_unchecked(group * W + r));
                        let sum = &mut sums[r][j];
                        *sum = _mm256_fmadd_ps(
                            _mm256_cvtepi32_ps(dots[r][j]),
                            _mm256_mul_ps(scale, factor),
                            *sum,
                        );
                        if L::MIN {
                            let total = _mm256_set1_ps(scaled_sum::<L, W>(&block, group, half, r));
                            // Two-level minimums are subtracted.
                            *sum = if L::TWO_LEVEL {
                                _mm256_fnmadd_ps(total, minimum, *sum)
                            } else {
                                _mm256_fmadd_ps(total, minimum, *sum)
                            };
                        }
                    }
                }
            }
        }
        sums
    };
    // A block always has four rows; in the last block some of them may be unspecified.
    let mut values = [[[0.0; TILE]]; R];
    // SAFETY: each row of `values` has 16 slots; each panel is handed out once, and panels do not
    // overlap.
    unsafe {
        for r in 0..R {
            for j in 0..N {
                _mm256_storeu_ps(values[r][0].as_mut_ptr().add(8 * j), sums[r][j]);
            }
        }
        product.store_tile(panel, tile, row, &values);
    }
}

/// Returns the sum of one row's activations times their scale.
///
/// # Safety
/// As [`register_tile`].
#[inline(always)]
unsafe fn scaled_sum<L: Layout, const W: usize>(
    block: &Block<'_>,
    group: usize,
    half: usize,
    r: usize,
) -> f32 {
    // SAFETY: guaranteed by the caller.
    unsafe {
        if L::HALVES {
            let sum = *block.half_sums.get_unchecked((2 * group + half) * W + r);
            sum as f32 * block.scales.get_unchecked(group * W + r)
        } else {
            *block.scaled_sums.get_unchecked(group * W + r)
        }
    }
}

/// Returns the scales of 8 rows, the lower or upper half of the tile.
///
/// # Safety
/// As [`register_tile`].
#[inline(always)]
unsafe fn scale<L: Layout>(tile: *const u8, group: usize, half: usize, j: usize) -> __m256 {
    // SAFETY: guaranteed by the caller.
    unsafe {
        if !L::TWO_LEVEL {
            return _mm256_cvtph_ps(_mm_loadu_si128(tile.add(L::scales_at(group) + 16 * j).cast()));
        }
        let outer =
            _mm256_cvtph_ps(_mm_loadu_si128(tile.add(L::outer_scales_at(group) + 16 * j).cast()));
        let inner = _mm_loadl_epi64(tile.add(L::scales_at(group) + half * TILE + 8 * j).cast());
        let inner = if L::HALVES && !L::MIN {
            _mm256_cvtepi8_epi32(inner)
        } else {
            _mm256_cvtepu8_epi32(inner)
        };
        _mm256_mul_ps(outer, _mm256_cvtepi32_ps(inner))
    }
}

/// Returns the minimums of 8 rows; those with two levels have their sign inverted.
///
/// # Safety
/// As [`register_tile`].
#[inline(always)]
unsafe fn minimum<L: Layout>(tile: *const u8, group: usize, half: usize, j: usize) -> __m256 {
    // SAFETY: guaranteed by the caller.
    unsafe {
        if !L::TWO_LEVEL {
            return _mm256_cvtph_ps(_mm_loadu_si128(
                tile.add(L::scales_at(group) + 2 * TILE + 16 * j).cast(),
            ));
        }
        let outer = _mm256_cvtph_ps(_mm_loadu_si128(
            tile.add(L::outer_scales_at(group) + 2 * TILE + 16 * j).cast(),
        ));
        let own = L::scales_at(group) + (L::N_BLOCKS + half) * TILE + 8 * j;
        let inner = _mm256_cvtepu8_epi32(_mm_loadl_epi64(tile.add(own).cast()));
        _mm256_mul_ps(outer, _mm256_cvtepi32_ps(inner))
    }
}
