//! Human-readable byte counts: decimal units, two or three digits.

/// Returns a byte count such as `531 MB` or `8.1 GB`, with decimal units as disks and the hub use
/// them.
pub fn amount(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_000 => return format!("{bytes} bytes"),
        1_000..1_000_000 => (1e3, "kB"),
        1_000_000..1_000_000_000 => (1e6, "MB"),
        _ => (1e9, "GB"),
    };
    let value = bytes as f64 / unit;
    if value < 10.0 { format!("{value:.1} {name}") } else { format!("{value:.0} {name}") }
}

#[test]
fn amounts_have_two_or_three_digits() {
    let amounts = [0, 999, 1_000, 53_000, 531_000_000, 999_000_000, 8_100_000_000, 18_600_000_000];
    assert_eq!(
        amounts.map(amount),
        ["0 bytes", "999 bytes", "1.0 kB", "53 kB", "531 MB", "999 MB", "8.1 GB", "19 GB"]
    );
}
