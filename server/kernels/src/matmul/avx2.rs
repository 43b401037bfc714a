//! Integer products with AVX2, for CPUs without VNNI.
//!
//! `vpmaddubsw` multiplies unsigned by signed bytes and adds pairs into 16 bits, saturating. Two ways around that keep the dot products exact:
//! bytes go in as magnitudes, their signs moved over to the activations, so a pair is at most 2 · 128 · 127 = 32,512;
//! nibbles go in as they are, so a group's eight pair sums are at most 8 · 2 · 15 · 127 = 30,480 together, and one widening per group is enough.

use std::arch::x86_64::{
    __m256, __m256i, _mm_loadl_epi64, _mm_loadu_si128, _mm256_abs_epi8, _mm256_add_epi16,
    _mm256_add_epi32, _mm256_and_si256, _mm256_cvtepi8_epi32, _mm256_cvtepi32_ps,
    _mm256_cvtepu8_epi32, _mm256_cvtph_ps, _mm256_fmadd_ps, _mm256_fnmadd_ps, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_mul_ps, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps, _mm256_setzero_si256, _mm256_sign_epi8,
    _mm256_srli_epi16, _mm256_storeu_ps, _mm256_sub_epi32, _mm256_xor_si256,
};

use crate::activations::{BLOCK, Block};
use crate::layout::{GROUP, Layout, TILE};

use super::{Panel, Product};

/// Registers per tile of 16 rows.
const N: usize = 2;

/// Computes all activation rows against the tiles of `panel`.
///
/// # Safety
/// The CPU must have AVX2, FMA and F16C.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn panel<L: Layout>(product: &Product<'_>, panel: &Panel) {
    let m = product.a.m();
    for tile in panel.first_tile..panel.first_tile + panel.n_tiles {
        for row in (0..m).step_by(BLOCK) {
            // SAFETY: the caller's promise.
            unsafe {
                match m - row {
                    1 => register_tile::<L, 1>(product, panel, tile, row),
                    2 => register_tile::<L, 2>(product, panel, tile, row),
                    3 => register_tile::<L, 3>(product, panel, tile, row),
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
    let (quants, scales) = product.w.tile(&panel.part, tile).split_at(panel.part.scales_at);
    let block = product.a.block(row / BLOCK);
    debug_assert!(
        quants.len() >= n_groups * L::QUANT_GROUP && block.quants.len() == n_groups * GROUP * BLOCK
    );
    // SAFETY: a tile holds `n_groups` groups of quants and their scales, a block of activations as many groups of four rows; the CPU is the caller's promise.
    let sums = unsafe {
        let mut sums = [[_mm256_setzero_ps(); N]; R];
        for group in 0..n_groups {
            for half in 0..L::N_BLOCKS {
                let dots = if L::NIBBLES {
                    nibble_dots::<L, R>(quants.as_ptr(), &block, group)
                } else {
                    byte_dots::<L, R>(quants.as_ptr(), &block, group, half)
                };
                for j in 0..N {
                    let scale = scale::<L>(scales.as_ptr(), group, half, j);
                    let minimum = if L::MIN {
                        minimum::<L>(scales.as_ptr(), group, half, j)
                    } else {
                        _mm256_setzero_ps()
                    };
                    for r in 0..R {
                        let factor = _mm256_set1_ps(*block.scales.get_unchecked(group * BLOCK + r));
                        let sum = &mut sums[r][j];
                        *sum = _mm256_fmadd_ps(
                            _mm256_cvtepi32_ps(dots[r][j]),
                            _mm256_mul_ps(scale, factor),
                            *sum,
                        );
                        if L::MIN {
                            let total =
                                _mm256_set1_ps(activation_sum::<L>(&block, group, half, r) as f32);
                            let minimum = _mm256_mul_ps(minimum, factor);
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
    for (r, sums) in sums.iter().enumerate() {
        let mut values = [0.0; TILE];
        // SAFETY: `values` has 16 places; each panel is handed out once, and panels do not overlap.
        unsafe {
            _mm256_storeu_ps(values.as_mut_ptr(), sums[0]);
            _mm256_storeu_ps(values.as_mut_ptr().add(8), sums[1]);
            product.finish(&panel.part, tile, row + r, &values);
        }
    }
}

/// Returns four columns of one row's activations in every lane.
///
/// # Safety
/// As [`register_tile`].
#[inline(always)]
unsafe fn activations(block: &Block<'_>, group: usize, quad: usize, r: usize) -> __m256i {
    // SAFETY: the caller's promise.
    unsafe {
        let at = block.quants.as_ptr().add((group * GROUP / 4 + quad) * 4 * BLOCK + 4 * r);
        _mm256_set1_epi32(at.cast::<i32>().read_unaligned())
    }
}

/// Returns the dot products of one scale block of bytes.
///
/// # Safety
/// As [`register_tile`].
#[inline(always)]
unsafe fn byte_dots<L: Layout, const R: usize>(
    quants: *const u8,
    block: &Block<'_>,
    group: usize,
    half: usize,
) -> [[__m256i; N]; R] {
    // SAFETY: the caller's promise.
    unsafe {
        let ones = _mm256_set1_epi16(1);
        let mut dots = [[_mm256_setzero_si256(); N]; R];
        let quads = GROUP / 4 / L::N_BLOCKS;
        for quad in half * quads..(half + 1) * quads {
            let mut weights = [_mm256_setzero_si256(); N];
            for j in 0..N {
                let stored = _mm256_loadu_si256(
                    quants.add(group * L::QUANT_GROUP + quad * 64 + 32 * j).cast(),
                );
                weights[j] = _mm256_xor_si256(stored, _mm256_set1_epi8(-128));
            }
            let magnitudes = [_mm256_abs_epi8(weights[0]), _mm256_abs_epi8(weights[1])];
            for r in 0..R {
                let activations = activations(block, group, quad, r);
                for j in 0..N {
                    let pairs = _mm256_maddubs_epi16(
                        magnitudes[j],
                        _mm256_sign_epi8(activations, weights[j]),
                    );
                    dots[r][j] = _mm256_add_epi32(dots[r][j], _mm256_madd_epi16(pairs, ones));
                }
            }
        }
        dots
    }
}

/// Returns the dot products of one group of nibbles.
///
/// # Safety
/// As [`register_tile`].
#[inline(always)]
unsafe fn nibble_dots<L: Layout, const R: usize>(
    quants: *const u8,
    block: &Block<'_>,
    group: usize,
) -> [[__m256i; N]; R] {
    // SAFETY: the caller's promise.
    unsafe {
        let low = _mm256_set1_epi8(15);
        let mut pairs = [[_mm256_setzero_si256(); N]; R];
        for quad_pair in 0..GROUP / 8 {
            for j in 0..N {
                let at = quants.add(group * L::QUANT_GROUP + quad_pair * 64 + 32 * j);
                let stored = _mm256_loadu_si256(at.cast());
                let first = _mm256_and_si256(stored, low);
                let second = _mm256_and_si256(_mm256_srli_epi16::<4>(stored), low);
                for r in 0..R {
                    let sum = &mut pairs[r][j];
                    let product =
                        _mm256_maddubs_epi16(first, activations(block, group, 2 * quad_pair, r));
                    *sum = _mm256_add_epi16(*sum, product);
                    let product = _mm256_maddubs_epi16(
                        second,
                        activations(block, group, 2 * quad_pair + 1, r),
                    );
                    *sum = _mm256_add_epi16(*sum, product);
                }
            }
        }
        let ones = _mm256_set1_epi16(1);
        let mut dots = [[_mm256_setzero_si256(); N]; R];
        for r in 0..R {
            let offset = L::OFFSET * activation_sum::<L>(block, group, 0, r);
            for j in 0..N {
                dots[r][j] = _mm256_sub_epi32(
                    _mm256_madd_epi16(pairs[r][j], ones),
                    _mm256_set1_epi32(offset),
                );
            }
        }
        dots
    }
}

/// Returns the sum of one row's activations.
///
/// # Safety
/// As [`register_tile`].
#[inline(always)]
unsafe fn activation_sum<L: Layout>(block: &Block<'_>, group: usize, half: usize, r: usize) -> i32 {
    // SAFETY: the caller's promise.
    let half_sum =
        |half: usize| unsafe { *block.half_sums.get_unchecked((2 * group + half) * BLOCK + r) };
    if L::HALVES { half_sum(half) } else { half_sum(0) + half_sum(1) }
}

/// Returns the scales of 8 rows, the lower or upper half of the tile.
///
/// # Safety
/// As [`register_tile`].
#[inline(always)]
unsafe fn scale<L: Layout>(scales: *const u8, group: usize, half: usize, j: usize) -> __m256 {
    // SAFETY: the caller's promise.
    unsafe {
        if !L::TWO_LEVEL {
            return _mm256_cvtph_ps(_mm_loadu_si128(
                scales.add(L::group_at(group) + 16 * j).cast(),
            ));
        }
        let outer =
            _mm256_cvtph_ps(_mm_loadu_si128(scales.add(L::outer_at(group) + 16 * j).cast()));
        let inner = _mm_loadl_epi64(scales.add(L::group_at(group) + half * TILE + 8 * j).cast());
        let inner = if L::HALVES && !L::MIN {
            _mm256_cvtepi8_epi32(inner)
        } else {
            _mm256_cvtepu8_epi32(inner)
        };
        _mm256_mul_ps(outer, _mm256_cvtepi32_ps(inner))
    }
}

/// Returns the minimums of 8 rows; those of two levels without their minus.
///
/// # Safety
/// As [`register_tile`].
#[inline(always)]
unsafe fn minimum<L: Layout>(scales: *const u8, group: usize, half: usize, j: usize) -> __m256 {
    // SAFETY: the caller's promise.
    unsafe {
        if !L::TWO_LEVEL {
            return _mm256_cvtph_ps(_mm_loadu_si128(
                scales.add(L::group_at(group) + 2 * TILE + 16 * j).cast(),
            ));
        }
        let outer = _mm256_cvtph_ps(_mm_loadu_si128(
            scales.add(L::outer_at(group) + 2 * TILE + 16 * j).cast(),
        ));
        let own = L::group_at(group) + (L::N_BLOCKS + half) * TILE + 8 * j;
        let inner = _mm256_cvtepu8_epi32(_mm_loadl_epi64(scales.add(own).cast()));
        _mm256_mul_ps(outer, _mm256_cvtepi32_ps(inner))
    }
}
