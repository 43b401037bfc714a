//! Exact dot products of unsigned weights with signed activations, with and without VNNI.
//!
//! Without VNNI, `vpmaddubsw` multiplies unsigned by signed bytes and adds pairs into 16 bits,
//! saturating. Two methods avoid saturation:
//!
//! - Bytes enter as magnitudes, with their signs moved to the activations, so a pair is at most 2 ·
//!   128 · 127 = 32,512.
//! - Nibbles enter as they are. A group's eight pair sums are at most 8 · 2 · 15 · 127 = 30,480
//!   together, so one widening per group is enough. Five bits need two (4 · 2 · 31 · 127 = 31,496),
//!   six bits four (2 · 2 · 63 · 127 = 32,004).
//!
//! With VNNI, weights enter as stored, and the sum starts at minus their offset times the sum of
//! the activations.

use std::arch::x86_64::{
    __m256i, _MM_HINT_T0, _mm_prefetch, _mm256_abs_epi8, _mm256_add_epi16, _mm256_add_epi32,
    _mm256_and_si256, _mm256_cmpeq_epi8, _mm256_dpbusd_avx_epi32, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_or_si256, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_setr_epi64x, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_sign_epi8, _mm256_srli_epi16, _mm256_xor_si256,
};

#[cfg(test)]
use std::arch::x86_64::_mm256_dpbusd_epi32;

use crate::activations::Block;
use crate::layout::{GROUP, Layout, NIBBLE_BYTES, PLANE_BYTES};

use super::N;

/// Prefetch distance: bytes from the weights in use to the prefetched ones. Past a tile's end comes
/// the next tile.
const AHEAD: usize = 1024;

/// A method of computing the dot products of one scale block.
///
/// # Safety
/// The CPU must support AVX2 and the extensions that the implementation names. `quants` must be one
/// group of a tile, and `block` must have the group and be of `W` rows.
pub(super) trait Dots {
    /// Returns the dot products of a group's 32 columns of bytes, or of the 16 columns of `half`.
    unsafe fn bytes<L: Layout, const R: usize, const W: usize>(
        quants: *const u8,
        block: &Block<'_>,
        group: usize,
        half: usize,
    ) -> [[__m256i; N]; R];

    /// Returns the dot products of a group's 32 columns of nibbles with the bits above them, or of
    /// the 16 columns of `half`.
    unsafe fn nibbles<L: Layout, const R: usize, const W: usize>(
        quants: *const u8,
        block: &Block<'_>,
        group: usize,
        half: usize,
    ) -> [[__m256i; N]; R];
}

pub(super) struct Maddubs;

/// VNNI in AVX's encoding: Intel since Alder Lake, AMD since Zen 5.
pub(super) struct AvxVnni;

/// VNNI in AVX-512's encoding. It computes the same, and replaces `AvxVnni` in tests on CPUs
/// without it.
#[cfg(test)]
pub(super) struct Avx512Vl;

/// Reads one register of weights, and prefetches later ones.
#[inline(always)]
unsafe fn load(at: *const u8) -> __m256i {
    // SAFETY: the caller guarantees 32 bytes; prefetching memory that does not exist does nothing.
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(at.wrapping_add(AHEAD).cast());
        _mm256_loadu_si256(at.cast())
    }
}

/// Returns four columns of one row's activations in every lane.
#[inline(always)]
unsafe fn activations<const W: usize>(
    block: &Block<'_>,
    group: usize,
    quad: usize,
    r: usize,
) -> __m256i {
    // SAFETY: the caller guarantees that the block has the group.
    unsafe {
        let at = block.quants.as_ptr().add((group * GROUP / 4 + quad) * 4 * W + 4 * r);
        _mm256_set1_epi32(at.cast::<i32>().read_unaligned())
    }
}

/// Returns minus the layout's offset times the sum of one row's activations.
#[inline(always)]
unsafe fn start<L: Layout, const W: usize>(
    block: &Block<'_>,
    group: usize,
    half: usize,
    r: usize,
) -> i32 {
    // SAFETY: the caller guarantees that the block has the group.
    unsafe {
        if L::OFFSET == 0 {
            0
        } else if L::HALVES {
            -L::OFFSET * block.half_sums.get_unchecked((2 * group + half) * W + r)
        } else {
            // Stored for an offset of 128; the other offsets are fractions of it.
            block.offsets.get_unchecked(group * W + r) / (128 / L::OFFSET)
        }
    }
}

/// Returns the weights of register `j` of two neighbouring quads that share their bytes; `quad` is
/// the first of them.
#[inline(always)]
unsafe fn two_quads<L: Layout>(quants: *const u8, quad: usize, j: usize) -> [__m256i; 2] {
    // SAFETY: the caller guarantees a group of a tile.
    unsafe {
        let low = _mm256_set1_epi8(15);
        let stored = load(quants.add(quad * 32 + 32 * j));
        let mut weights =
            [_mm256_and_si256(stored, low), _mm256_and_si256(_mm256_srli_epi16::<4>(stored), low)];
        for (i, weights) in weights.iter_mut().enumerate() {
            for plane in 0..L::PLANES {
                let bits = quants.add(NIBBLE_BYTES + plane * PLANE_BYTES + (quad + i) * 8 + 4 * j);
                let bits = _mm256_set1_epi32(bits.cast::<i32>().read_unaligned());
                // Each byte gets the byte that holds its bit, and then becomes all ones if the bit
                // is set.
                let owners = _mm256_setr_epi64x(
                    0,
                    0x0101_0101_0101_0101,
                    0x0202_0202_0202_0202,
                    0x0303_0303_0303_0303,
                );
                let own = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
                let spread = _mm256_and_si256(_mm256_shuffle_epi8(bits, owners), own);
                let set = _mm256_cmpeq_epi8(spread, own);
                let bit = _mm256_and_si256(set, _mm256_set1_epi8(16 << plane));
                *weights = _mm256_or_si256(*weights, bit);
            }
        }
        weights
    }
}

impl Dots for Maddubs {
    #[inline(always)]
    unsafe fn bytes<L: Layout, const R: usize, const W: usize>(
        quants: *const u8,
        block: &Block<'_>,
        group: usize,
        half: usize,
    ) -> [[__m256i; N]; R] {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let ones = _mm256_set1_epi16(1);
            let mut dots = [[_mm256_setzero_si256(); N]; R];
            for quad in half * L::QUADS..(half + 1) * L::QUADS {
                for j in 0..N {
                    let weights = _mm256_xor_si256(
                        load(quants.add(quad * 64 + 32 * j)),
                        _mm256_set1_epi8(-128),
                    );
                    let magnitudes = _mm256_abs_epi8(weights);
                    for r in 0..R {
                        let signed =
                            _mm256_sign_epi8(activations::<W>(block, group, quad, r), weights);
                        let pairs = _mm256_maddubs_epi16(magnitudes, signed);
                        dots[r][j] = _mm256_add_epi32(dots[r][j], _mm256_madd_epi16(pairs, ones));
                    }
                }
            }
            dots
        }
    }

    #[inline(always)]
    unsafe fn nibbles<L: Layout, const R: usize, const W: usize>(
        quants: *const u8,
        block: &Block<'_>,
        group: usize,
        half: usize,
    ) -> [[__m256i; N]; R] {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let ones = _mm256_set1_epi16(1);
            let mut dots = [[_mm256_setzero_si256(); N]; R];
            for r in 0..R {
                dots[r] = [_mm256_set1_epi32(start::<L, W>(block, group, half, r)); N];
            }
            // Quads whose sums fit 16 bits: eight quads of nibbles, half as many for each further
            // bit.
            let together = (8 >> L::PLANES).min(L::QUADS);
            for first_quad in (half * L::QUADS..(half + 1) * L::QUADS).step_by(together) {
                let mut pairs = [[_mm256_setzero_si256(); N]; R];
                for quad in (first_quad..first_quad + together).step_by(2) {
                    for j in 0..N {
                        let [first, second] = two_quads::<L>(quants, quad, j);
                        for r in 0..R {
                            let first = _mm256_maddubs_epi16(
                                first,
                                activations::<W>(block, group, quad, r),
                            );
                            let second = _mm256_maddubs_epi16(
                                second,
                                activations::<W>(block, group, quad + 1, r),
                            );
                            pairs[r][j] =
                                _mm256_add_epi16(pairs[r][j], _mm256_add_epi16(first, second));
                        }
                    }
                }
                for r in 0..R {
                    for j in 0..N {
                        let sums = _mm256_madd_epi16(pairs[r][j], ones);
                        dots[r][j] = _mm256_add_epi32(dots[r][j], sums);
                    }
                }
            }
            dots
        }
    }
}

/// Implements [`Dots`] with a byte dot product instruction.
macro_rules! by_dot_product {
    ($name:ident, $dot:ident) => {
        impl Dots for $name {
            #[inline(always)]
            unsafe fn bytes<L: Layout, const R: usize, const W: usize>(
                quants: *const u8,
                block: &Block<'_>,
                group: usize,
                half: usize,
            ) -> [[__m256i; N]; R] {
                // SAFETY: guaranteed by the caller.
                unsafe {
                    let mut dots = [[_mm256_setzero_si256(); N]; R];
                    for r in 0..R {
                        dots[r] = [_mm256_set1_epi32(start::<L, W>(block, group, half, r)); N];
                    }
                    for quad in half * L::QUADS..(half + 1) * L::QUADS {
                        for j in 0..N {
                            let weights = load(quants.add(quad * 64 + 32 * j));
                            for r in 0..R {
                                dots[r][j] = $dot(
                                    dots[r][j],
                                    weights,
                                    activations::<W>(block, group, quad, r),
                                );
                            }
                        }
                    }
                    dots
                }
            }

            #[inline(always)]
            unsafe fn nibbles<L: Layout, const R: usize, const W: usize>(
                quants: *const u8,
                block: &Block<'_>,
                group: usize,
                half: usize,
            ) -> [[__m256i; N]; R] {
                // SAFETY: guaranteed by the caller.
                unsafe {
                    let mut dots = [[_mm256_setzero_si256(); N]; R];
                    for r in 0..R {
                        dots[r] = [_mm256_set1_epi32(start::<L, W>(block, group, half, r)); N];
                    }
                    for quad in (half * L::QUADS..(half + 1) * L::QUADS).step_by(2) {
                        for j in 0..N {
                            let [first, second] = two_quads::<L>(quants, quad, j);
                            for r in 0..R {
                                dots[r][j] = $dot(
                                    dots[r][j],
                                    first,
                                    activations::<W>(block, group, quad, r),
                                );
                                dots[r][j] = $dot(
                                    dots[r][j],
                                    second,
                                    activations::<W>(block, group, quad + 1, r),
                                );
                            }
                        }
                    }
                    dots
                }
            }
        }
    };
}

by_dot_product!(AvxVnni, _mm256_dpbusd_avx_epi32);
#[cfg(test)]
by_dot_product!(Avx512Vl, _mm256_dpbusd_epi32);
