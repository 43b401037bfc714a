//! The exponential compared with f64, and every implementation bit-equal to the portable one.

use proptest::prelude::*;

use super::*;
use crate::isa::Isa;

fn exp_of<V: Lanes>(x: f32) -> f32 {
    // SAFETY: callers pass implementations that this CPU supports.
    unsafe { to_array(exp(V::splat(x)))[0] }
}

#[test]
fn exp_is_within_two_ulps() {
    let mut x = -87.0_f32;
    while x < 87.0 {
        let exact = f64::from(x).exp();
        let error = (f64::from(exp_of::<Portable>(x)) - exact).abs() / exact;
        assert!(error < 2.4e-7, "exp({x}): relative error {error:e}");
        x += 0.0137;
    }
    assert_eq!(exp_of::<Portable>(0.0), 1.0);
    assert!(exp_of::<Portable>(-1e30) < 1e-37);
}

/// Runs every operation on one set of inputs and returns the bits of all results.
#[inline(always)]
unsafe fn all_operations<V: Lanes>(
    a: &[f32; LANES],
    b: &[f32; LANES],
    halves: &[u16; LANES],
) -> Vec<u32> {
    // SAFETY: callers pass implementations that this CPU supports; the arrays have 16 values.
    unsafe {
        let (x, y) = (V::load(a.as_ptr()), V::load(b.as_ptr()));
        let mut results = Vec::new();
        for lanes in [
            x.add(y),
            x.sub(y),
            x.mul(y),
            x.div(y),
            x.fma(y, x),
            x.max(y),
            x.min(y),
            x.abs(),
            exp(x),
            x.add(V::splat(ROUND)).exp2_of_low_bits(),
            V::load_f16(halves.as_ptr().cast()),
            V::load_bf16(halves.as_ptr().cast()),
            V::load_i8(halves.as_ptr().cast()),
        ] {
            results.extend(to_array(lanes).map(f32::to_bits));
        }
        results.extend([x.reduce_sum().to_bits(), x.reduce_max().to_bits()]);
        let mut bytes = [0_i8; LANES];
        let rounded = x.add(V::splat(ROUND)).sub(V::splat(ROUND));
        rounded.store_i8(bytes.as_mut_ptr());
        results.extend(bytes.map(|byte| u32::from(byte.cast_unsigned())));
        results
    }
}

per_instruction_set! {
    unsafe fn operations(a: &[f32; LANES], b: &[f32; LANES], halves: &[u16; LANES]) -> Vec<u32> = all_operations
}

proptest! {
    #[test]
    fn all_implementations_give_equal_bits(
        a in prop::array::uniform16(-120.0_f32..120.0),
        b in prop::array::uniform16(-120.0_f32..120.0),
        halves in prop::array::uniform16(0_u16..0x7c00),
    ) {
        // SAFETY: plain Rust runs everywhere.
        let expected = unsafe { operations(Isa::Portable, &a, &b, &halves) };
        for isa in Isa::all_usable() {
            // SAFETY: this CPU supports every usable set.
            prop_assert_eq!(&unsafe { operations(isa, &a, &b, &halves) }, &expected);
        }
    }
}
