//! The hardware limits of this machine: bytes read from memory, and int8 operations, per second.
//!
//! Decoding reads every weight once per token, so memory bandwidth limits it. A long prompt
//! multiplies each weight many times, so the multipliers limit it. A benchmark that reports both
//! limits shows how far a kernel is from the possible speed.
//!
//! Invariant: the loops execute the same instructions as the kernels, without the work around them,
//! so a kernel can at most reach these figures.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::arena::AlignedBuffer;
use crate::error::PackError;
use crate::isa::Isa;
use crate::lanes::{LANES, Lanes, per_instruction_set};
use crate::pool::Pool;

/// Larger than any cache of a desktop machine.
const READ_BYTES: usize = 384 << 20;

/// Bytes that a thread reads in one piece.
const PIECE_BYTES: usize = 1 << 20;

/// Independent sums, so that no addition waits for another.
const N_SUMS: usize = 4;

/// Rounds of the inner loop that keeps the multipliers busy.
const MULTIPLY_ROUNDS: usize = 200_000;

/// Returns the speed at which the threads of `pool` read memory, in gigabytes per second; the best
/// of `rounds`.
///
/// Uses 384 MB of memory while it measures.
pub fn read_gb_s(pool: &Pool, rounds: usize) -> Result<f64, PackError> {
    let mut buffer = AlignedBuffer::new(READ_BYTES)?;
    // Written once; otherwise every page would be the shared zero page.
    buffer.bytes_mut().fill(1);
    let bytes = buffer.bytes();
    let seconds = best_time(rounds, || {
        pool.split(READ_BYTES / PIECE_BYTES, 2, |pieces| {
            for piece in pieces {
                let part = bytes.get(piece * PIECE_BYTES..(piece + 1) * PIECE_BYTES);
                // SAFETY: this CPU supports the pool's instruction set.
                black_box(part.map(|part| unsafe { sum(pool.isa(), part) }));
            }
        });
    });
    Ok(READ_BYTES as f64 / seconds / 1e9)
}

/// Returns the int8 speed of the threads of `pool` in 10⁹ operations per second; the best of
/// `rounds`. A multiplication with its addition counts as two.
///
/// Returns `None` if the kernels have no instruction for dot products of bytes.
pub fn int8_gop_s(pool: &Pool, rounds: usize) -> Option<f64> {
    let multiply = multiplier(pool.isa())?;
    let seconds = best_time(rounds, || {
        pool.run(|_| {
            // SAFETY: `multiplier` chooses by an instruction set that this CPU supports.
            black_box(unsafe { (multiply.run)(MULTIPLY_ROUNDS) });
        });
    });
    let ops = 2 * MULTIPLY_ROUNDS * multiply.products_per_round * pool.threads();
    Some(ops as f64 / seconds / 1e9)
}

/// Returns the nanoseconds that a cache line takes to another thread of `pool` and back, averaged
/// over thousands of round trips.
///
/// It shows where the host of a virtual machine has placed the cores: about 30 for two halves of
/// one core, 60 to 100 for cores that share a cache, several hundred for cores on different chips.
/// Returns `None` with one thread, or if the other thread did not answer.
pub fn round_trip_ns(pool: &Pool) -> Option<f64> {
    const MAX_WAIT: Duration = Duration::from_millis(100);
    const ROUND_TRIPS: u64 = 10_000;
    if pool.threads() < 2 {
        return None;
    }
    let line = AtomicU64::new(0);
    let start = Instant::now();
    let wait_for = |value: u64| {
        let mut spins = 0_u32;
        while line.load(Ordering::Acquire) != value {
            spins = spins.wrapping_add(1);
            if spins.is_multiple_of(1024) && start.elapsed() > MAX_WAIT {
                return false;
            }
            std::hint::spin_loop();
        }
        true
    };
    let seconds = Mutex::new(None);
    pool.run(|thread| {
        if thread > 1 {
            return;
        }
        // One thread waits for the even numbers, the other for the odd ones. The first rounds do
        // not count.
        let mut began = start;
        for round in 0..2 * ROUND_TRIPS {
            if round == ROUND_TRIPS {
                began = Instant::now();
            }
            let own = 2 * round + thread as u64;
            if !wait_for(own) {
                return;
            }
            line.store(own + 1, Ordering::Release);
        }
        if thread == 0 {
            *seconds.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(began.elapsed().as_secs_f64());
        }
    });
    let seconds = seconds.into_inner().unwrap_or_else(PoisonError::into_inner);
    seconds.map(|seconds| seconds * 1e9 / ROUND_TRIPS as f64)
}

/// Returns the seconds of the shortest of several rounds, after one that does not count.
fn best_time(rounds: usize, mut round: impl FnMut()) -> f64 {
    round();
    let timed = |()| {
        let start = Instant::now();
        round();
        start.elapsed().as_secs_f64()
    };
    std::iter::repeat_n((), rounds.max(1)).map(timed).fold(f64::INFINITY, f64::min).max(1e-9)
}

per_instruction_set! {
    /// Returns a value that depends on every byte.
    unsafe fn sum(bytes: &[u8]) -> f32 = sum_of
}

/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn sum_of<V: Lanes>(bytes: &[u8]) -> f32 {
    // From one end to the other, as a matrix product reads its tiles: several streams are slower.
    //
    // SAFETY: every load is within `bytes`; the caller guarantees the CPU.
    unsafe {
        let mut sums = [V::splat(0.0); N_SUMS];
        let step = 4 * LANES * N_SUMS;
        for at in (0..bytes.len() / step * step).step_by(step) {
            for (idx, sum) in sums.iter_mut().enumerate() {
                *sum = sum.max(V::load_f32(bytes.as_ptr().add(at + 4 * LANES * idx)));
            }
        }
        sums.into_iter().fold(0.0, |total, sum| total + sum.reduce_max())
    }
}

/// A loop of dot products in registers.
struct Multiplier {
    run: unsafe fn(usize) -> i32,
    /// Multiplications of two bytes in one round.
    products_per_round: usize,
}

/// Independent sums: enough to hide an instruction's latency on every port.
#[cfg(target_arch = "x86_64")]
const N_CHAINS: usize = 12;

fn multiplier(isa: Isa) -> Option<Multiplier> {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => {
            Some(Multiplier { run: x86::avx512_vnni, products_per_round: N_CHAINS * 64 })
        }
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2Vnni => Some(Multiplier { run: x86::avx_vnni, products_per_round: N_CHAINS * 32 }),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => Some(Multiplier { run: x86::avx2, products_per_round: N_CHAINS * 32 }),
        _ => None,
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! The loops, one per instruction set.

    use std::arch::x86_64::{
        __m256i, _mm256_add_epi16, _mm256_dpbusd_avx_epi32, _mm256_extract_epi32,
        _mm256_maddubs_epi16, _mm256_set1_epi8, _mm256_setzero_si256, _mm512_add_epi32,
        _mm512_cvtsi512_si32, _mm512_dpbusd_epi32, _mm512_set1_epi8, _mm512_setzero_si512,
    };
    use std::hint::black_box;

    use super::N_CHAINS;

    /// # Safety
    /// The CPU must support AVX-512 with VNNI.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub(super) unsafe fn avx512_vnni(rounds: usize) -> i32 {
        let (a, b) = (_mm512_set1_epi8(black_box(1)), _mm512_set1_epi8(black_box(2)));
        let mut sums = [_mm512_setzero_si512(); N_CHAINS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm512_dpbusd_epi32(*sum, a, b);
            }
        }
        let total = sums.into_iter().fold(_mm512_setzero_si512(), |a, b| _mm512_add_epi32(a, b));
        _mm512_cvtsi512_si32(total)
    }

    /// # Safety
    /// The CPU must support VNNI in AVX's encoding.
    #[target_feature(enable = "avx2,avxvnni")]
    pub(super) unsafe fn avx_vnni(rounds: usize) -> i32 {
        let (a, b) = (_mm256_set1_epi8(black_box(1)), _mm256_set1_epi8(black_box(2)));
        let mut sums = [_mm256_setzero_si256(); N_CHAINS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm256_dpbusd_avx_epi32(*sum, a, b);
            }
        }
        total(&sums)
    }

    /// The least work that AVX2 needs for 32 products: one `vpmaddubsw` and one addition.
    ///
    /// The sums are also factors: with constant factors the compiler would compute one product for
    /// all rounds.
    ///
    /// # Safety
    /// The CPU must support AVX2.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn avx2(rounds: usize) -> i32 {
        let (first, b) = (_mm256_set1_epi8(black_box(1)), _mm256_set1_epi8(black_box(2)));
        let mut sums = [first; N_CHAINS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm256_add_epi16(*sum, _mm256_maddubs_epi16(*sum, b));
            }
        }
        total(&sums)
    }

    #[target_feature(enable = "avx2")]
    fn total(sums: &[__m256i; N_CHAINS]) -> i32 {
        let total = sums.iter().fold(_mm256_setzero_si256(), |a, b| _mm256_add_epi16(a, *b));
        _mm256_extract_epi32::<0>(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_touches_every_byte() {
        let bytes = |at: usize| {
            let mut bytes = vec![0_u8; PIECE_BYTES];
            bytes[at / 4 * 4..at / 4 * 4 + 4].copy_from_slice(&1.0_f32.to_le_bytes());
            bytes
        };
        for isa in Isa::all_usable() {
            for at in [0, 63, 64, PIECE_BYTES / 2 - 1, PIECE_BYTES / 2, PIECE_BYTES - 1] {
                // SAFETY: the instruction set is usable.
                assert_eq!(unsafe { sum(isa, &bytes(at)) }, 1.0, "{isa:?} at {at}");
            }
        }
    }

    #[test]
    fn round_trip_needs_two_threads() {
        assert_eq!(round_trip_ns(&Pool::new(1)), None);
        // On a busy machine, or on one core, the other thread may not answer in time.
        let between = |threads| round_trip_ns(&Pool::new(threads)).is_none_or(|ns| ns > 0.0);
        assert!(between(2) && between(3));
    }

    #[test]
    fn loops_do_the_counted_products() {
        // Sums of 16 bits, each over the products of its own two bytes.
        let maddubs = |sum: u16| sum.wrapping_add(2 * (sum & 255)).wrapping_add(2 * (sum >> 8));
        let chain = (0..5).fold(0x0101, |sum, _| maddubs(sum));
        let twelve = (0..12).fold(0_u16, |total, _| total.wrapping_add(chain));
        for isa in Isa::all_usable() {
            // A CPU with AVX-512 need not support VNNI in AVX's encoding, though tests of the
            // products run there.
            let Some(multiply) = multiplier(isa).filter(|_| isa != Isa::Avx2Vnni) else { continue };
            // SAFETY: the instruction set is usable.
            let first_lane = unsafe { (multiply.run)(5) };
            let expected = match isa {
                Isa::Avx2 => u32::from(twelve) * 0x1_0001,
                _ => 5 * 12 * 4 * 2,
            };
            assert_eq!(first_lane.cast_unsigned(), expected, "{isa:?}");
        }
    }
}
