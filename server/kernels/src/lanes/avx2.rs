//! Lanes as two AVX2 registers.

use std::arch::x86_64::{
    __m256, _mm_add_epi32, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_loadl_epi64, _mm_loadu_si128,
    _mm_max_ps, _mm_max_ss, _mm_movehl_ps, _mm_packs_epi16, _mm_packs_epi32, _mm_shuffle_ps,
    _mm_storeu_si128, _mm256_add_epi32, _mm256_add_ps, _mm256_andnot_ps, _mm256_castps_si256,
    _mm256_castps256_ps128, _mm256_castsi256_ps, _mm256_castsi256_si128, _mm256_cvtepi8_epi32,
    _mm256_cvtepi32_ps, _mm256_cvtepu16_epi32, _mm256_cvtph_ps, _mm256_cvtps_epi32, _mm256_div_ps,
    _mm256_extractf128_ps, _mm256_extracti128_si256, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps,
    _mm256_packs_epi16, _mm256_packs_epi32, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32,
    _mm256_set1_ps, _mm256_setzero_si256, _mm256_slli_epi32, _mm256_storeu_ps, _mm256_storeu_si256,
    _mm256_sub_ps,
};

use super::Lanes;

// No closures here or in the kernels: a closure is a separate function, compiled without the
// instruction set.

/// Sixteen floats in two registers.
#[derive(Clone, Copy)]
pub(crate) struct Avx2([__m256; 2]);

/// Defines the operations that are one instruction per register.
macro_rules! instructions {
    ($($name:ident($($arg:ident),*) = $intrinsic:ident;)*) => {
        $(
            #[inline(always)]
            unsafe fn $name(self $(, $arg: Self)*) -> Self {
                // SAFETY: the caller guarantees AVX2, FMA and F16C.
                Self(unsafe { [$intrinsic(self.0[0] $(, $arg.0[0])*), $intrinsic(self.0[1] $(, $arg.0[1])*)] })
            }
        )*
    };
}

impl Lanes for Avx2 {
    const MANY_REGISTERS: bool = false;

    instructions! {
        add(other) = _mm256_add_ps;
        sub(other) = _mm256_sub_ps;
        mul(other) = _mm256_mul_ps;
        div(other) = _mm256_div_ps;
        fma(factor, addend) = _mm256_fmadd_ps;
        max(other) = _mm256_max_ps;
        min(other) = _mm256_min_ps;
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller guarantees AVX2, FMA and F16C.
        Self([unsafe { _mm256_set1_ps(value) }; 2])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller guarantees AVX2, FMA and F16C, and 16 values.
        Self(unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))] })
    }

    #[inline(always)]
    unsafe fn load_f16(from: *const u8) -> Self {
        // SAFETY: the caller guarantees AVX2, FMA and F16C, and 16 values.
        Self(unsafe {
            [
                _mm256_cvtph_ps(_mm_loadu_si128(from.cast())),
                _mm256_cvtph_ps(_mm_loadu_si128(from.add(16).cast())),
            ]
        })
    }

    #[inline(always)]
    unsafe fn load_i8(from: *const u8) -> Self {
        // SAFETY: the caller guarantees AVX2, FMA and F16C, and 16 values.
        Self(unsafe {
            [
                _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(from.cast()))),
                _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(from.add(8).cast()))),
            ]
        })
    }

    #[inline(always)]
    unsafe fn load_bf16(from: *const u8) -> Self {
        // SAFETY: the caller guarantees AVX2, FMA and F16C, and 16 values.
        Self(unsafe {
            let low = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()));
            let high = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.add(16).cast()));
            [
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(low)),
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(high)),
            ]
        })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller guarantees AVX2, FMA and F16C, and 16 values.
        unsafe {
            _mm256_storeu_ps(to, self.0[0]);
            _mm256_storeu_ps(to.add(8), self.0[1]);
        }
    }

    #[inline(always)]
    unsafe fn store_i8(self, to: *mut i8) {
        // SAFETY: the caller guarantees AVX2, FMA and F16C, and 16 values.
        unsafe {
            let [low, high] = [_mm256_cvtps_epi32(self.0[0]), _mm256_cvtps_epi32(self.0[1])];
            let low =
                _mm_packs_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256::<1>(low));
            let high =
                _mm_packs_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256::<1>(high));
            _mm_storeu_si128(to.cast(), _mm_packs_epi16(low, high));
        }
    }

    #[inline(always)]
    unsafe fn abs(self) -> Self {
        // SAFETY: the caller guarantees AVX2, FMA and F16C.
        Self(unsafe {
            let sign = _mm256_set1_ps(-0.0);
            [_mm256_andnot_ps(sign, self.0[0]), _mm256_andnot_ps(sign, self.0[1])]
        })
    }

    #[inline(always)]
    unsafe fn exp2_of_low_bits(self) -> Self {
        // SAFETY: the caller guarantees AVX2, FMA and F16C.
        Self(unsafe {
            let one = _mm256_set1_epi32(1.0_f32.to_bits().cast_signed());
            let low = _mm256_slli_epi32::<23>(_mm256_castps_si256(self.0[0]));
            let high = _mm256_slli_epi32::<23>(_mm256_castps_si256(self.0[1]));
            [
                _mm256_castsi256_ps(_mm256_add_epi32(low, one)),
                _mm256_castsi256_ps(_mm256_add_epi32(high, one)),
            ]
        })
    }

    #[inline(always)]
    unsafe fn reduce_sum(self) -> f32 {
        // SAFETY: the caller guarantees AVX2, FMA and F16C.
        unsafe {
            let eight = _mm256_add_ps(self.0[0], self.0[1]);
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }

    #[inline(always)]
    unsafe fn reduce_max(self) -> f32 {
        // SAFETY: the caller guarantees AVX2, FMA and F16C.
        unsafe {
            let eight = _mm256_max_ps(self.0[0], self.0[1]);
            let four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }

    #[inline(always)]
    unsafe fn store_quads(rows: [Self; 4], to: *mut i8) -> [i32; 4] {
        let mut sums = [0; 4];
        // SAFETY: the caller guarantees AVX2, FMA and F16C, and 64 places.
        unsafe {
            let mut eight = _mm256_setzero_si256();
            for half in 0..2 {
                let [a, b] = [rows[0].0[half], rows[1].0[half]];
                let [c, d] = [rows[2].0[half], rows[3].0[half]];
                // Packing works within 128 bits, so each of these holds one quad of every row.
                let first = _mm256_packs_epi32(_mm256_cvtps_epi32(a), _mm256_cvtps_epi32(b));
                let second = _mm256_packs_epi32(_mm256_cvtps_epi32(c), _mm256_cvtps_epi32(d));
                let quads = _mm256_packs_epi16(first, second);
                _mm256_storeu_si256(to.add(half * 32).cast(), quads);
                let pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), quads);
                let quad_sums = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
                eight = _mm256_add_epi32(eight, quad_sums);
            }
            let four =
                _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256::<1>(eight));
            _mm_storeu_si128(sums.as_mut_ptr().cast(), four);
        }
        sums
    }
}
