//! Lanes as one AVX-512 register.

use std::arch::x86_64::{
    __m128, __m512, _mm_add_epi32, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_loadu_si128,
    _mm_max_ps, _mm_max_ss, _mm_movehl_ps, _mm_movelh_ps, _mm_shuffle_ps, _mm_storeu_ps,
    _mm_storeu_si128, _mm_unpackhi_ps, _mm_unpacklo_ps, _mm256_add_epi32, _mm256_add_ps,
    _mm256_castpd_ps, _mm256_castps256_ps128, _mm256_castsi256_si128, _mm256_extractf128_ps,
    _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_max_ps, _mm512_abs_ps, _mm512_add_epi32,
    _mm512_add_ps, _mm512_castps_pd, _mm512_castps_si512, _mm512_castps512_ps256,
    _mm512_castsi512_ps, _mm512_castsi512_si256, _mm512_cvtepi8_epi32, _mm512_cvtepi32_epi8,
    _mm512_cvtepi32_ps, _mm512_cvtepu16_epi32, _mm512_cvtph_ps, _mm512_cvtps_epi32, _mm512_div_ps,
    _mm512_dpbusd_epi32, _mm512_extractf64x4_pd, _mm512_extracti64x4_epi64, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps, _mm512_packs_epi16,
    _mm512_packs_epi32, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_si512,
    _mm512_slli_epi32, _mm512_storeu_ps, _mm512_storeu_si512, _mm512_sub_ps,
};

use super::Lanes;

/// Sixteen floats in one register.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(__m512);

/// Defines the operations that are one instruction.
macro_rules! instructions {
    ($($name:ident($($arg:ident),*) = $intrinsic:ident;)*) => {
        $(
            #[inline(always)]
            unsafe fn $name(self $(, $arg: Self)*) -> Self {
                // SAFETY: the caller guarantees AVX-512.
                Self(unsafe { $intrinsic(self.0 $(, $arg.0)*) })
            }
        )*
    };
}

impl Lanes for Avx512 {
    const MANY_REGISTERS: bool = true;

    instructions! {
        add(other) = _mm512_add_ps;
        sub(other) = _mm512_sub_ps;
        mul(other) = _mm512_mul_ps;
        div(other) = _mm512_div_ps;
        fma(factor, addend) = _mm512_fmadd_ps;
        max(other) = _mm512_max_ps;
        min(other) = _mm512_min_ps;
        abs() = _mm512_abs_ps;
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller guarantees AVX-512.
        Self(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller guarantees AVX-512 and 16 values.
        Self(unsafe { _mm512_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn load_f16(from: *const u8) -> Self {
        // SAFETY: the caller guarantees AVX-512 and 16 values.
        Self(unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.cast())) })
    }

    #[inline(always)]
    unsafe fn load_i8(from: *const u8) -> Self {
        // SAFETY: the caller guarantees AVX-512 and 16 values.
        Self(unsafe { _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(from.cast()))) })
    }

    #[inline(always)]
    unsafe fn load_bf16(from: *const u8) -> Self {
        // SAFETY: the caller guarantees AVX-512 and 16 values.
        Self(unsafe {
            let wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(wide))
        })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller guarantees AVX-512 and 16 values.
        unsafe { _mm512_storeu_ps(to, self.0) };
    }

    #[inline(always)]
    unsafe fn store_i8(self, to: *mut i8) {
        // SAFETY: the caller guarantees AVX-512 and 16 values.
        unsafe { _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(self.0))) };
    }

    #[inline(always)]
    unsafe fn exp2_of_low_bits(self) -> Self {
        // SAFETY: the caller guarantees AVX-512.
        Self(unsafe {
            let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(self.0));
            _mm512_castsi512_ps(_mm512_add_epi32(
                exponent,
                _mm512_set1_epi32(1.0_f32.to_bits().cast_signed()),
            ))
        })
    }

    #[inline(always)]
    unsafe fn reduce_sum(self) -> f32 {
        // SAFETY: the caller guarantees AVX-512.
        unsafe {
            let upper = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(self.0)));
            let eight = _mm256_add_ps(_mm512_castps512_ps256(self.0), upper);
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }

    #[inline(always)]
    unsafe fn reduce_max(self) -> f32 {
        // SAFETY: the caller guarantees AVX-512.
        unsafe {
            let four = reduce_max_four(self.0);
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }

    #[inline(always)]
    unsafe fn reduce_max_each(rows: [Self; 4]) -> [f32; 4] {
        let mut largest = [0.0; 4];
        // SAFETY: the caller guarantees AVX-512.
        unsafe {
            let [a, b, c, d] = [
                reduce_max_four(rows[0].0),
                reduce_max_four(rows[1].0),
                reduce_max_four(rows[2].0),
                reduce_max_four(rows[3].0),
            ];
            // A column holds one lane of each of the four rows; they are compared in the order of
            // `reduce_max`.
            let [low, high] = [_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b)];
            let [other_low, other_high] = [_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d)];
            let even = _mm_max_ps(_mm_movelh_ps(low, other_low), _mm_movelh_ps(high, other_high));
            let odd = _mm_max_ps(_mm_movehl_ps(other_low, low), _mm_movehl_ps(other_high, high));
            _mm_storeu_ps(largest.as_mut_ptr(), _mm_max_ps(even, odd));
        }
        largest
    }

    #[inline(always)]
    unsafe fn store_quads(rows: [Self; 4], to: *mut i8) -> [i32; 4] {
        let mut sums = [0; 4];
        // SAFETY: the caller guarantees AVX-512 with VNNI, and 64 places.
        unsafe {
            // Packing works within 128 bits, so each of these holds one quad of every row.
            let first =
                _mm512_packs_epi32(_mm512_cvtps_epi32(rows[0].0), _mm512_cvtps_epi32(rows[1].0));
            let second =
                _mm512_packs_epi32(_mm512_cvtps_epi32(rows[2].0), _mm512_cvtps_epi32(rows[3].0));
            let quads = _mm512_packs_epi16(first, second);
            _mm512_storeu_si512(to.cast(), quads);
            let sixteen = _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_set1_epi8(1), quads);
            let eight = _mm256_add_epi32(
                _mm512_castsi512_si256(sixteen),
                _mm512_extracti64x4_epi64::<1>(sixteen),
            );
            let four =
                _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256::<1>(eight));
            _mm_storeu_si128(sums.as_mut_ptr().cast(), four);
        }
        sums
    }
}

/// Returns the largest of the lanes four apart.
///
/// # Safety
/// The CPU must support AVX-512.
#[inline(always)]
unsafe fn reduce_max_four(lanes: __m512) -> __m128 {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let upper = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(lanes)));
        let eight = _mm256_max_ps(_mm512_castps512_ps256(lanes), upper);
        _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight))
    }
}
