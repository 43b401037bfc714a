//! Sixteen f32 lanes: the vector type in which every floating-point kernel is written once.
//!
//! Norms, quantization, attention and float products are generic over [`Lanes`] and compiled once
//! per instruction set. Plain arrays serve every other CPU.
//!
//! Invariant: every operation rounds as IEEE 754 requires, lane by lane, so all implementations
//! give the same bits.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub(crate) use portable::Portable;

/// Number of lanes of every implementation, for registers of any width.
pub(crate) const LANES: usize = 16;

/// Sixteen f32 values.
///
/// # Safety
/// Every method may be called only on a CPU that supports the implementation's instructions. The
/// methods that take pointers need 16 values there; they may be unaligned.
pub(crate) trait Lanes: Copy {
    /// Whether the CPU has enough registers for more than 16 of these vectors.
    const MANY_REGISTERS: bool;

    /// Returns `value` in all lanes.
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    /// Reads 16 floats from bytes.
    #[inline(always)]
    unsafe fn load_f32(from: *const u8) -> Self {
        // SAFETY: guaranteed by the caller; `load` accepts any alignment.
        unsafe { Self::load(from.cast::<[u8; 4]>().cast()) }
    }
    unsafe fn load_f16(from: *const u8) -> Self;
    unsafe fn load_bf16(from: *const u8) -> Self;
    unsafe fn load_i8(from: *const u8) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// Writes 16 integers within ±127 as bytes.
    unsafe fn store_i8(self, to: *mut i8);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    /// Returns `self * factor + addend`, rounded once.
    unsafe fn fma(self, factor: Self, addend: Self) -> Self;
    /// Returns the larger of each pair, or `other` if one of them is NaN.
    unsafe fn max(self, other: Self) -> Self;
    /// Returns the smaller of each pair, or `other` if one of them is NaN.
    unsafe fn min(self, other: Self) -> Self;
    unsafe fn abs(self) -> Self;
    /// Returns two to the power of the integer in the low bits of each lane's representation: the
    /// last step of [`exp`].
    unsafe fn exp2_of_low_bits(self) -> Self;
    /// Returns the sum of the lanes, always added in the same order: lanes 8 apart, then 4, 2
    /// and 1.
    unsafe fn reduce_sum(self) -> f32;
    unsafe fn reduce_max(self) -> f32;
    /// Returns the largest lane of each row.
    #[inline(always)]
    unsafe fn reduce_max_each(rows: [Self; 4]) -> [f32; 4] {
        let mut largest = [0.0; 4];
        for (row, largest) in rows.into_iter().zip(&mut largest) {
            // SAFETY: guaranteed by the caller.
            *largest = unsafe { row.reduce_max() };
        }
        largest
    }
    /// Writes four rows of integers within ±127 as bytes, four columns of each row next to each
    /// other: `[4 quads][4 rows][4]`. Returns the sum of each row.
    #[inline(always)]
    unsafe fn store_quads(rows: [Self; 4], to: *mut i8) -> [i32; 4] {
        let mut sums = [0; 4];
        for (lane, row) in rows.into_iter().enumerate() {
            // SAFETY: guaranteed by the caller, including 64 bytes at `to`.
            unsafe {
                let mut bytes = [[0_i8; 4]; 4];
                row.store_i8(bytes.as_mut_ptr().cast());
                for (quad, bytes) in bytes.into_iter().enumerate() {
                    to.cast::<[i8; 4]>().add(quad * 4 + lane).write_unaligned(bytes);
                }
                // Exact: the integers are smaller than 2²⁴.
                sums[lane] = row.reduce_sum() as i32;
            }
        }
        sums
    }
}

/// Returns the lanes as an array.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
pub(crate) unsafe fn to_array<V: Lanes>(lanes: V) -> [f32; LANES] {
    let mut array = [0.0; LANES];
    // SAFETY: the array has 16 values; the caller guarantees the CPU.
    unsafe { lanes.store(array.as_mut_ptr()) };
    array
}

/// Added to a float smaller than 2²² in magnitude, this number rounds it to an integer, ties to
/// even. The integer is then in the low bits.
pub(crate) const ROUND: f32 = 12_582_912.0;

/// Returns the exponential of each lane, within 2 units in the last place. Arguments are clamped to
/// ±87.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
pub(crate) unsafe fn exp<V: Lanes>(x: V) -> V {
    // ln 2 in two parts: the first has 9 trailing zero bits, so its product with the exponent is
    // exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Minimax polynomial of (exp(r) - 1 - r) / r² on ±ln2/2 (Cephes' expf).
    const TERMS: [f32; 5] = [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1];
    // SAFETY: guaranteed by the caller.
    unsafe {
        let x = x.min(V::splat(87.0)).max(V::splat(-87.0));
        let shifted = x.fma(V::splat(std::f32::consts::LOG2_E), V::splat(ROUND));
        let exponent = shifted.sub(V::splat(ROUND));
        let r = exponent.fma(V::splat(-LN2_HIGH), x);
        let r = exponent.fma(V::splat(-LN2_LOW), r);
        let mut p = V::splat(1.987_569_1e-4);
        for term in TERMS {
            p = p.fma(r, V::splat(term));
        }
        let p = p.fma(r.mul(r), r).add(V::splat(1.0));
        p.mul(shifted.exp2_of_low_bits())
    }
}

/// Defines `$name`, which runs the generic `$kernel` on the lanes of the instruction set in its
/// first argument; a second type argument may follow `$kernel`.
///
/// Each instruction set gets its own copy, compiled with that set enabled. `$kernel` must be
/// `#[inline(always)]` to become part of the copy, and so must all functions that it calls on
/// lanes. A closure over lanes would be a separate function, compiled without the instruction set:
/// ten times slower (measured with `map` in the quantization). The kernels therefore use no
/// closures over lanes.
macro_rules! per_instruction_set {
    ($(#[$meta:meta])* $vis:vis unsafe fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? = $kernel:ident $(<$form:ty>)?) => {
        $(#[$meta])*
        ///
        /// # Safety
        /// The CPU must support `isa`; otherwise as the generic kernel.
        $vis unsafe fn $name(isa: $crate::isa::Isa, $($arg: $type),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
            unsafe fn avx512($($arg: $type),*) $(-> $ret)? {
                // SAFETY: guaranteed by the caller.
                unsafe { $kernel::<$crate::lanes::Avx512 $(, $form)?>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            unsafe fn avx2($($arg: $type),*) $(-> $ret)? {
                // SAFETY: guaranteed by the caller.
                unsafe { $kernel::<$crate::lanes::Avx2 $(, $form)?>($($arg),*) }
            }
            // SAFETY: guaranteed by the caller; plain Rust runs on every CPU.
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    $crate::isa::Isa::Avx512Vnni => avx512($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::isa::Isa::Avx2 | $crate::isa::Isa::Avx2Vnni => avx2($($arg),*),
                    _ => $kernel::<$crate::lanes::Portable $(, $form)?>($($arg),*),
                }
            }
        }
    };
}
pub(crate) use per_instruction_set;

#[cfg(test)]
mod tests;
