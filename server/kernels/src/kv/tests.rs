//! Writing, copying, saving and reading of keys and values.

use super::*;
use crate::reference;

const KINDS: [KvType; 2] = [KvType::F16, KvType::Int8];

fn filled(kind: KvType, capacity: usize, m: usize) -> KvLayer {
    let mut layer = KvLayer::with_type(kind, 2, 20, capacity).unwrap();
    let rows = reference::random_floats(m * 80, 1);
    layer.write_rows(&Pool::new(2), 0, &rows, &rows[40..], 80, m).unwrap();
    layer
}

fn same(a: &KvLayer, b: &KvLayer, n: usize) -> bool {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    a.save_prefix(n, &mut left);
    b.save_prefix(n, &mut right);
    left == right && left.len() == a.prefix_bytes(n)
}

#[test]
fn batched_write_equals_single_writes() {
    for kind in KINDS {
        let together = filled(kind, 50, 37);
        let mut alone = KvLayer::with_type(kind, 2, 20, 50).unwrap();
        let rows = reference::random_floats(37 * 80, 1);
        for at in 0..37 {
            let row = &rows[at * 80..(at + 1) * 80];
            alone.write(at, &row[..40], &row[40..]).unwrap();
        }
        assert!(same(&together, &alone, 37));
    }
}

#[test]
fn copied_or_saved_prefix_is_equal() {
    for kind in KINDS {
        let layer = filled(kind, 64, 37);
        let mut copy = KvLayer::with_type(kind, 2, 20, 100).unwrap();
        copy.copy_prefix(&layer, 33).unwrap();
        assert!(same(&layer, &copy, 33));
        let mut bytes = Vec::new();
        layer.save_prefix(21, &mut bytes);
        let mut restored = KvLayer::with_type(kind, 2, 20, 32).unwrap();
        restored.read_prefix(21, &bytes).unwrap();
        assert!(same(&layer, &restored, 21));
        assert!(restored.read_prefix(22, &bytes).is_err());
        assert!(copy.copy_prefix(&layer, 65).is_err());
    }
    let mut other = KvLayer::new(2, 20, 64).unwrap();
    assert!(other.copy_prefix(&filled(KvType::Int8, 64, 1), 1).is_err());
}

#[test]
fn write_past_capacity_is_an_error() {
    let mut layer = KvLayer::new(1, 16, 16).unwrap();
    assert!(layer.write(16, &[0.0; 16], &[0.0; 16]).is_err());
    assert!(layer.write(0, &[0.0; 15], &[0.0; 16]).is_err());
    assert!(layer.write(15, &[1e9; 16], &[0.0; 16]).is_ok());
    assert!(KvLayer::new(usize::MAX, 64, 64).is_err());
    assert!(KvLayer::new(0, 64, 64).is_err());
}

#[test]
fn int8_error_is_at_most_half_a_step() {
    let row = [3.0_f32, -1.5, 0.01, 2.999, -3.0, 0.0];
    let scale = scale_of(&row);
    for value in row {
        let back = f32::from(to_byte(value, scale).cast_signed()) * scale;
        assert!((back - value).abs() <= 0.5001 * scale, "{value} became {back}");
    }
    assert_eq!(to_byte(0.0, scale_of(&[0.0; 4])), 0);
    assert!(scale_of(&[f32::INFINITY]).is_finite());
    assert_eq!(to_byte(f32::INFINITY, scale_of(&[f32::INFINITY])), 127);
    assert_eq!(to_byte(f32::NAN, 1.0), 0);
}
