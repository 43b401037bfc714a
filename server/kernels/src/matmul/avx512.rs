//! Integer products with AVX-512 VNNI: 64 byte products per instruction.
//!
//! `vpdpbusd` multiplies unsigned by signed bytes. Stored weights are unsigned (a value plus its
//! layout's offset). Accumulators start at minus the offset times the sum of the activations, so
//! the offset costs nothing and the dot product is exact.
//!
//! Every call computes `4 * B` (or fewer) activation rows against `N` tiles of 16 rows of weights
//! each, in registers.

use std::arch::x86_64::{
    __m512, __m512i, _MM_HINT_T0, _MM_HINT_T1, _mm_loadu_si128, _mm_prefetch, _mm256_loadu_si256,
    _mm512_and_si512, _mm512_cvtepi8_epi32, _mm512_cvtepi32_ps, _mm512_cvtepu8_epi32,
    _mm512_cvtph_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_fnmadd_ps, _mm512_loadu_si512,
    _mm512_mask_add_epi8, _mm512_mul_ps, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_set1_ps,
    _mm512_setzero_ps, _mm512_setzero_si512, _mm512_slli_epi32, _mm512_srai_epi32,
    _mm512_srli_epi16, _mm512_storeu_ps, _mm512_sub_epi32,
};

use crate::activations::BLOCK;
use crate::layout::{GROUP, Layout, NIBBLE_BYTES, PLANE_BYTES, TILE};

use super::{Panel, Product};

/// Prefetch distance: bytes from the weights in use to the prefetched ones.
const AHEAD: usize = 1024;
/// Cache to prefetch into: the L2 is near enough, and the L1 holds the activations.
const HINT: i32 = _MM_HINT_T1;

/// Computes all activation rows against the tiles of `panel`.
///
/// # Safety
/// The CPU must support AVX-512 with VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
pub(super) unsafe fn panel<L: Layout>(product: &Product<'_>, panel: &Panel) {
    let end = product.end;
    let mut row = product.begin;
    while row < end {
        // SAFETY: guaranteed by the caller.
        row += unsafe {
            match end - row {
                // Memory is the limit, and it delivers a single stream fastest.
                1 if product.a.m() == 1 => columns::<L, 1, 1, 1, 1, true>(product, panel, row),
                1 => columns::<L, BLOCK, 1, 1, 1, true>(product, panel, row),
                2 => columns::<L, BLOCK, 1, 2, 1, true>(product, panel, row),
                3 | 4 => columns::<L, BLOCK, 1, 4, 1, true>(product, panel, row),
                // Two-level scales and minimums need the registers of a second tile.
                _ if L::TWO_LEVEL || L::MIN => {
                    columns::<L, BLOCK, 2, 4, 1, true>(product, panel, row)
                }
                // The weights are in a cache, because the first rows have read them.
                _ if row > 0 => columns::<L, BLOCK, 2, 4, 2, false>(product, panel, row),
                _ => columns::<L, BLOCK, 2, 4, 2, true>(product, panel, row),
            }
        };
    }
}

/// Computes `B` blocks of `R` rows from `row` on against all tiles of the panel, `N` at a time;
/// returns the number of rows.
///
/// # Safety
/// As [`panel`].
#[inline(always)]
unsafe fn columns<
    L: Layout,
    const W: usize,
    const B: usize,
    const R: usize,
    const N: usize,
    const FETCH: bool,
>(
    product: &Product<'_>,
    panel: &Panel,
    row: usize,
) -> usize {
    for tile in (panel.first_tile..panel.first_tile + panel.n_tiles).step_by(N) {
        // SAFETY: guaranteed by the caller.
        unsafe { register_tile::<L, W, B, R, N, FETCH>(product, panel, tile, row) };
    }
    B * R
}

/// Pointers to the activations of one block of rows.
#[derive(Clone, Copy)]
struct Activations {
    quants: *const i8,
    scales: *const f32,
    offsets: *const i32,
    half_sums: *const i32,
    scaled_sums: *const f32,
}

/// Computes `B` blocks of `R` rows against `N` tiles; `FETCH` prefetches the next weights.
///
/// # Safety
/// As [`panel`].
#[inline(always)]
unsafe fn register_tile<
    L: Layout,
    const W: usize,
    const B: usize,
    const R: usize,
    const N: usize,
    const FETCH: bool,
>(
    product: &Product<'_>,
    panel: &Panel,
    tile: usize,
    row: usize,
) {
    let m = product.end;
    let n_groups = product.a.n_groups();
    let end = panel.first_tile + panel.n_tiles;
    // Past the last tile, the last one repeats; its repeated results are not stored.
    let tiles: [&[u8]; N] =
        std::array::from_fn(|j| product.w.tile(&panel.part, (tile + j).min(end - 1)));
    let blocks: [Activations; B] = std::array::from_fn(|b| {
        // Past the last block, the last one repeats; its repeated results are not stored.
        let block = if W == 1 {
            product.a.single()
        } else {
            product.a.block((row / BLOCK + b).min((m - 1) / BLOCK))
        };
        debug_assert_eq!(block.quants.len(), n_groups * GROUP * W);
        Activations {
            quants: block.quants.as_ptr(),
            scales: block.scales.as_ptr(),
            offsets: block.offsets.as_ptr(),
            half_sums: block.half_sums.as_ptr(),
            scaled_sums: block.scaled_sums.as_ptr(),
        }
    });
    // Hidden from the compiler: if it unrolled the loop, it would move all loads of activations to
    // the front and spill them.
    let n_pairs = std::hint::black_box(GROUP / 8);
    let tile_len = panel.part.tile_bytes;
    let streams = tiles.map(<[u8]>::as_ptr);
    // SAFETY: a tile holds `n_groups` groups of quants and their scales, and a block of activations
    // holds as many groups of four rows; the caller guarantees the CPU.
    let sums = unsafe {
        let mut sums = [[[_mm512_setzero_ps(); N]; R]; B];
        for group in 0..n_groups {
            let quants_at = L::quants_at(n_groups, group);
            // After the end of each tile's stream comes the same stream of the next tiles.
            let is_in_tile = quants_at + AHEAD < tile_len;
            let ahead = if is_in_tile { AHEAD } else { AHEAD + (N - 1) * tile_len };
            for stream in streams.into_iter().take(if FETCH { N } else { 0 }) {
                _mm_prefetch::<HINT>(stream.wrapping_add(L::scales_at(group) + ahead).cast());
            }
            for half in 0..L::N_BLOCKS {
                let dots = dots::<L, W, B, R, N, FETCH>(
                    &streams.map(|at| at.add(quants_at)),
                    &blocks,
                    group,
                    half,
                    ahead,
                    n_pairs,
                );
                for j in 0..N {
                    let scale = scale::<L>(streams[j], group, half);
                    let minimum = if L::MIN {
                        minimum::<L>(streams[j], group, half)
                    } else {
                        _mm512_setzero_ps()
                    };
                    for b in 0..B {
                        for r in 0..R {
                            let factor = _mm512_set1_ps(*blocks[b].scales.add(group * W + r));
                            let sum = &mut sums[b][r][j];
                            let dot = _mm512_cvtepi32_ps(dots[b][r][j]);
                            *sum = _mm512_fmadd_ps(dot, _mm512_mul_ps(scale, factor), *sum);
                            if L::MIN {
                                let total = scaled_sum::<L, W>(&blocks[b], group, half, r);
                                // Two-level minimums are subtracted.
                                *sum = if L::TWO_LEVEL {
                                    _mm512_fnmadd_ps(total, minimum, *sum)
                                } else {
                                    _mm512_fmadd_ps(total, minimum, *sum)
                                };
                            }
                        }
                    }
                }
            }
        }
        let mut values = [[[[0.0; TILE]; N]; R]; B];
        for b in 0..B {
            for r in 0..R {
                for j in 0..N {
                    _mm512_storeu_ps(values[b][r][j].as_mut_ptr(), sums[b][r][j]);
                }
            }
        }
        values
    };
    // SAFETY: each panel is handed out once, and panels do not overlap.
    unsafe { product.store_tile(panel, tile, row, sums.as_flattened()) };
}

/// Returns the dot products of one scale block: 32 columns (`n_pairs` times two quads), or the 16
/// columns of `half`.
///
/// # Safety
/// As [`register_tile`].
#[inline(always)]
unsafe fn dots<
    L: Layout,
    const W: usize,
    const B: usize,
    const R: usize,
    const N: usize,
    const FETCH: bool,
>(
    quants: &[*const u8; N],
    blocks: &[Activations; B],
    group: usize,
    half: usize,
    ahead: usize,
    n_pairs: usize,
) -> [[[__m512i; N]; R]; B] {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let mut dots = [[[_mm512_setzero_si512(); N]; R]; B];
        for b in 0..B {
            for r in 0..R {
                dots[b][r] = [start::<L, W>(&blocks[b], group, half, r); N];
            }
        }
        if L::NIBBLES {
            if FETCH {
                for at in quants {
                    for plane in 0..L::PLANES / L::N_BLOCKS {
                        let at =
                            at.wrapping_add(NIBBLE_BYTES + (half + plane) * PLANE_BYTES + ahead);
                        _mm_prefetch::<HINT>(at.cast());
                    }
                }
            }
            let pairs = n_pairs / L::N_BLOCKS;
            for pair in half * pairs..(half + 1) * pairs {
                let mut first = [_mm512_setzero_si512(); N];
                let mut second = [_mm512_setzero_si512(); N];
                let low = _mm512_set1_epi8(15);
                for j in 0..N {
                    let at = quants[j].add(pair * 64);
                    if FETCH {
                        _mm_prefetch::<HINT>(at.wrapping_add(ahead).cast());
                    }
                    let stored = _mm512_loadu_si512(at.cast());
                    first[j] = _mm512_and_si512(stored, low);
                    second[j] = _mm512_and_si512(_mm512_srli_epi16::<4>(stored), low);
                    for plane in 0..L::PLANES {
                        let masks = quants[j].add(NIBBLE_BYTES + plane * PLANE_BYTES + pair * 16);
                        let masks: [u64; 2] = masks.cast::<[u64; 2]>().read_unaligned();
                        let bit = _mm512_set1_epi8(16 << plane);
                        first[j] = _mm512_mask_add_epi8(first[j], masks[0], first[j], bit);
                        second[j] = _mm512_mask_add_epi8(second[j], masks[1], second[j], bit);
                    }
                }
                let at = (group * GROUP / 4 + 2 * pair) * 4 * W;
                add_quad(&first, blocks, at, &mut dots);
                add_quad(&second, blocks, at + 4 * W, &mut dots);
            }
            return dots;
        }
        // Many rows of bytes with one level of scales are fastest unrolled.
        let quads = if L::TWO_LEVEL || B == 1 { 2 * n_pairs / L::N_BLOCKS } else { L::QUADS };
        for quad in half * L::QUADS..half * L::QUADS + quads {
            let mut weights = [_mm512_setzero_si512(); N];
            for j in 0..N {
                let at = quants[j].add(quad * 64);
                if FETCH {
                    _mm_prefetch::<HINT>(at.wrapping_add(ahead).cast());
                } else {
                    _mm_prefetch::<{ _MM_HINT_T0 }>(at.wrapping_add(768).cast());
                }
                weights[j] = _mm512_loadu_si512(at.cast());
            }
            add_quad(&weights, blocks, (group * GROUP / 4 + quad) * 4 * W, &mut dots);
        }
        dots
    }
}

/// Adds the products of one quad of columns; `at` is the offset of its activations in their blocks.
///
/// # Safety
/// As [`register_tile`].
#[inline(always)]
unsafe fn add_quad<const B: usize, const R: usize, const N: usize>(
    weights: &[__m512i; N],
    blocks: &[Activations; B],
    at: usize,
    dots: &mut [[[__m512i; N]; R]; B],
) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        for b in 0..B {
            for r in 0..R {
                let activations = blocks[b].quants.add(at + 4 * r).cast::<i32>().read_unaligned();
                let activations = _mm512_set1_epi32(activations);
                for j in 0..N {
                    dots[b][r][j] = _mm512_dpbusd_epi32(dots[b][r][j], weights[j], activations);
                }
            }
        }
    }
}

/// Returns minus the layout's offset times the sum of one row's activations.
///
/// # Safety
/// As [`register_tile`].
#[inline(always)]
unsafe fn start<L: Layout, const W: usize>(
    block: &Activations,
    group: usize,
    half: usize,
    r: usize,
) -> __m512i {
    // SAFETY: guaranteed by the caller.
    unsafe {
        if L::OFFSET == 0 {
            return _mm512_setzero_si512();
        }
        if L::HALVES {
            let sum = _mm512_set1_epi32(*block.half_sums.add((2 * group + half) * W + r));
            let times_offset = match L::OFFSET {
                32 => _mm512_slli_epi32::<5>(sum),
                _ => _mm512_slli_epi32::<7>(sum),
            };
            return _mm512_sub_epi32(_mm512_setzero_si512(), times_offset);
        }
        let offset = _mm512_set1_epi32(*block.offsets.add(group * W + r));
        // Stored for an offset of 128; the other offsets are fractions of it.
        match L::OFFSET {
            8 => _mm512_srai_epi32::<4>(offset),
            16 => _mm512_srai_epi32::<3>(offset),
            _ => offset,
        }
    }
}

/// Returns the sum of one row's activations times their scale.
///
/// # Safety
/// As [`register_tile`].
#[inline(always)]
unsafe fn scaled_sum<L: Layout, const W: usize>(
    block: &Activations,
    group: usize,
    half: usize,
    r: usize,
) -> __m512 {
    // SAFETY: guaranteed by the caller.
    unsafe {
        if L::HALVES {
            let sum = *block.half_sums.add((2 * group + half) * W + r);
            _mm512_set1_ps(sum as f32 * *block.scales.add(group * W + r))
        } else {
            _mm512_set1_ps(*block.scaled_sums.add(group * W + r))
        }
    }
}

/// Returns the scales of 16 rows.
///
/// # Safety
/// As [`register_tile`].
#[inline(always)]
unsafe fn scale<L: Layout>(tile: *const u8, group: usize, half: usize) -> __m512 {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let own = tile.add(L::scales_at(group) + half * TILE);
        if !L::TWO_LEVEL {
            return _mm512_cvtph_ps(_mm256_loadu_si256(own.cast()));
        }
        let outer = _mm512_cvtph_ps(_mm256_loadu_si256(tile.add(L::outer_scales_at(group)).cast()));
        let inner = _mm_loadu_si128(own.cast());
        let inner = if L::HALVES && !L::MIN {
            _mm512_cvtepi8_epi32(inner)
        } else {
            _mm512_cvtepu8_epi32(inner)
        };
        _mm512_mul_ps(outer, _mm512_cvtepi32_ps(inner))
    }
}

/// Returns the minimums of 16 rows; those with two levels have their sign inverted.
///
/// # Safety
/// As [`register_tile`].
#[inline(always)]
unsafe fn minimum<L: Layout>(tile: *const u8, group: usize, half: usize) -> __m512 {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let own = tile.add(L::scales_at(group));
        if !L::TWO_LEVEL {
            return _mm512_cvtph_ps(_mm256_loadu_si256(own.add(2 * TILE).cast()));
        }
        let outer = _mm512_cvtph_ps(_mm256_loadu_si256(
            tile.add(L::outer_scales_at(group) + 2 * TILE).cast(),
        ));
        let inner = _mm_loadu_si128(own.add((L::N_BLOCKS + half) * TILE).cast());
        _mm512_mul_ps(outer, _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(inner)))
    }
}
