//! Sixteen f32 lanes: the vector in which every floating-point kernel is written once.
//!
//! Norms, quantization, attention and float products are generic over [`Lanes`] and compiled once per instruction set; plain arrays serve every other CPU.
//! Invariant: every operation rounds as IEEE 754 says, lane by lane, so all implementations give the same bits.

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

/// Lanes of every implementation, whatever its registers hold.
pub(crate) const LANES: usize = 16;

/// Sixteen f32 values.
///
/// # Safety
/// Every method may be called only on a CPU that has the implementation's instructions; those that take pointers need 16 values there, unaligned.
pub(crate) trait Lanes: Copy {
    /// Whether there are registers enough for 16 vectors and more.
    const MANY_REGISTERS: bool;

    /// All lanes `value`.
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    /// Reads 16 floats that lie as bytes.
    #[inline(always)]
    unsafe fn load_f32(from: *const u8) -> Self {
        // SAFETY: the caller's promise; `load` takes any alignment.
        unsafe { Self::load(from.cast::<[u8; 4]>().cast()) }
    }
    unsafe fn load_f16(from: *const u8) -> Self;
    unsafe fn load_bf16(from: *const u8) -> Self;
    unsafe fn load_i8(from: *const u8) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// Writes 16 values that are integers within ±127 as bytes.
    unsafe fn store_i8(self, to: *mut i8);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    /// `self * factor + addend`, rounded once.
    unsafe fn fma(self, factor: Self, addend: Self) -> Self;
    /// The larger of each pair; `other` where one is NaN.
    unsafe fn max(self, other: Self) -> Self;
    /// The smaller of each pair; `other` where one is NaN.
    unsafe fn min(self, other: Self) -> Self;
    unsafe fn abs(self) -> Self;
    /// Two to the power of the integer in the low bits of each lane's representation: the last step of [`exp`].
    unsafe fn exp2_of_low_bits(self) -> Self;
    /// The sum of the lanes, always added in the same order: lanes 8 apart, then 4, 2 and 1.
    unsafe fn sum(self) -> f32;
    unsafe fn largest(self) -> f32;
    /// The largest lane of each row.
    #[inline(always)]
    unsafe fn largest_of_each(rows: [Self; 4]) -> [f32; 4] {
        let mut largest = [0.0; 4];
        for (row, largest) in rows.into_iter().zip(&mut largest) {
            // SAFETY: the caller's promise.
            *largest = unsafe { row.largest() };
        }
        largest
    }
    /// Writes four rows of integers within ±127 as bytes, four columns of each row side by side: `[4 quads][4 rows][4]`; returns each row's sum.
    #[inline(always)]
    unsafe fn store_quads(rows: [Self; 4], to: *mut i8) -> [i32; 4] {
        let mut sums = [0; 4];
        for (lane, row) in rows.into_iter().enumerate() {
            // SAFETY: the caller's promise, and 64 places at `to`.
            unsafe {
                let mut bytes = [[0_i8; 4]; 4];
                row.store_i8(bytes.as_mut_ptr().cast());
                for (quad, bytes) in bytes.into_iter().enumerate() {
                    to.cast::<[i8; 4]>().add(quad * 4 + lane).write_unaligned(bytes);
                }
                // Exact: integers of less than 2²⁴.
                sums[lane] = row.sum() as i32;
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
    // SAFETY: the array has 16 values; the CPU is the caller's promise.
    unsafe { lanes.store(array.as_mut_ptr()) };
    array
}

/// Adding this to a float of less than 2²² in size rounds it to an integer, ties to even, which then stands in the low bits.
pub(crate) const ROUND: f32 = 12_582_912.0;

/// Returns the exponential of each lane, within 2 units in the last place; arguments are clamped to ±87.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
pub(crate) unsafe fn exp<V: Lanes>(x: V) -> V {
    // ln 2 in two parts: the first has 9 trailing zero bits, so its product with the exponent is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Minimax polynomial of (exp(r) - 1 - r) / r² on ±ln2/2 (Cephes' expf).
    const TERMS: [f32; 5] = [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1];
    // SAFETY: the caller's promise.
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

/// Defines `$name`, which runs the generic `$kernel` on the lanes of the instruction set that its first argument names, and with a second type where one follows it.
///
/// Each instruction set gets its own copy, compiled with that set enabled; `$kernel` must be `#[inline(always)]` to become part of it, and so must all that it calls on lanes. A closure over lanes would be a function of its own, without the set: ten times slower (measured on `map` in the quantization), so there are none.
macro_rules! per_instruction_set {
    ($(#[$meta:meta])* $vis:vis unsafe fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? = $kernel:ident $(<$form:ty>)?) => {
        $(#[$meta])*
        ///
        /// # Safety
        /// The CPU must have `isa`; beyond that, as the generic kernel.
        $vis unsafe fn $name(isa: $crate::isa::Isa, $($arg: $type),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
            unsafe fn avx512($($arg: $type),*) $(-> $ret)? {
                // SAFETY: the caller's promise.
                unsafe { $kernel::<$crate::lanes::Avx512 $(, $form)?>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            unsafe fn avx2($($arg: $type),*) $(-> $ret)? {
                // SAFETY: the caller's promise.
                unsafe { $kernel::<$crate::lanes::Avx2 $(, $form)?>($($arg),*) }
            }
            // SAFETY: the caller's promise; plain Rust runs everywhere.
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
