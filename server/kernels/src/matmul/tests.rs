//! Products compared with the reference, and bit-equal across batches, threads and instruction
//! sets.

use proptest::prelude::*;

use super::*;
use crate::block::{BlockType, Rows};
use crate::isa::Isa;
use crate::reference;

/// Returns random blocks of a type with scales of moderate size.
fn random_rows(kind: BlockType, n: usize, k: usize, seed: u64) -> Vec<u8> {
    reference::random_blocks(kind, n * k / kind.block_len(), seed)
}

fn activations(m: usize, k: usize, seed: u64) -> Vec<f32> {
    reference::random_floats(m * k, seed)
}

fn product(pool: &Pool, w: &Matrix, x: &[f32], m: usize) -> Vec<f32> {
    let mut a = QuantizedActivations::new();
    a.quantize(pool, x, m, w.k()).expect("shapes agree");
    let mut out = vec![f32::NAN; m * w.n()];
    matmul(pool, w, &a, None, false, &mut out).expect("shapes agree");
    out
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Checks one shape of one type: against the reference, and bit-equal across instruction sets,
/// threads and batches.
fn check(kind: BlockType, n: usize, k: usize, m: usize, seed: u64) {
    let bytes = random_rows(kind, n, k, seed);
    let w = Matrix::pack(&[Rows { kind, n, k, bytes: &bytes }]).expect("rows are whole");
    let x = activations(m, k, seed + 1);
    let portable = Pool::with_isa(1, Isa::Portable);
    let expected = product(&portable, &w, &x, m);

    let mut a = QuantizedActivations::new();
    a.quantize(&portable, &x, m, k).expect("shapes agree");
    let mut seen = vec![0.0; k];
    for row in 0..m {
        a.float_row(row, &mut seen);
        for column in 0..n {
            let row_bytes = bytes.len() / n;
            let weights =
                reference::dequantize(kind, &bytes[column * row_bytes..(column + 1) * row_bytes]);
            let terms = weights.iter().zip(&seen).map(|(w, x)| w * f64::from(*x));
            let (exact, size) =
                terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()));
            let given = f64::from(expected[row * n + column]);
            assert!(
                (given - exact).abs() <= 1e-5 * size + 1e-9,
                "{kind:?} {n}×{k}: {given} is not {exact}"
            );
        }
    }

    for isa in Isa::all_usable() {
        for threads in 1..=3 {
            let pool = Pool::with_isa(threads, isa);
            let given = product(&pool, &w, &x, m);
            assert_eq!(
                bits(&given),
                bits(&expected),
                "{kind:?} {n}×{k}, m = {m}, {isa:?}, {threads} threads"
            );
        }
        let pool = Pool::with_isa(1, isa);
        for row in 0..m {
            let alone = product(&pool, &w, &x[row * k..(row + 1) * k], 1);
            assert_eq!(
                bits(&alone),
                bits(&expected[row * n..(row + 1) * n]),
                "{kind:?}, row {row} alone, {isa:?}"
            );
        }
    }
}

#[test]
fn all_types_equal_reference_in_any_batch() {
    for (idx, kind) in BlockType::ALL.into_iter().enumerate() {
        for m in 1..=20 {
            check(kind, 37, kind.block_len().max(32) * 3, m, (idx * 100 + m) as u64);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn random_shapes_equal_reference(
        kind in prop::sample::select(BlockType::ALL.to_vec()),
        n in 1_usize..100,
        blocks in 1_usize..6,
        odd in 0_usize..40,
        m in 1_usize..40,
        seed: u32,
    ) {
        let k = if kind.block_len() == 1 { blocks * 8 + odd } else { blocks * kind.block_len() };
        check(kind, n, k, m, u64::from(seed));
    }
}

#[test]
fn threaded_products_equal_reference() {
    for (kind, m) in [
        (BlockType::Q8_0, 1),
        (BlockType::Q8_0, 9),
        (BlockType::Q4K, 11),
        (BlockType::Q6K, 3),
        (BlockType::F16, 5),
    ] {
        check(kind, 301, 512, m, m as u64);
    }
}

#[test]
fn extreme_products_do_not_saturate() {
    let (n, k) = (16, 64);
    for (kind, quant) in [
        (BlockType::Q8_0, 0x80_u8),
        (BlockType::Q8_0, 0x7f),
        (BlockType::Q4_0, 0xff),
        (BlockType::Q4_1, 0xff),
        (BlockType::Q5_0, 0xff),
        (BlockType::Q5_0, 0),
        (BlockType::Q5_1, 0xff),
    ] {
        let block: Vec<u8> = match kind {
            // Scale 1, minimum 0.
            BlockType::Q4_1 => [0, 0x3c, 0, 0].into_iter().chain([quant; 16]).collect(),
            BlockType::Q5_1 => [0, 0x3c, 0, 0].into_iter().chain([quant; 20]).collect(),
            _ => [0, 0x3c]
                .into_iter()
                .chain(std::iter::repeat_n(quant, kind.block_bytes() - 2))
                .collect(),
        };
        let bytes = block.repeat(n * k / 32);
        let w = Matrix::pack(&[Rows { kind, n, k, bytes: &bytes }]).expect("rows are whole");
        let weight = reference::dequantize(kind, &block)[0] as f32;
        for sign in [1.0, -1.0] {
            let x = vec![127.0 * sign; k];
            for isa in Isa::all_usable() {
                let out = product(&Pool::with_isa(1, isa), &w, &x, 1);
                assert!(
                    out.iter().all(|out| *out == weight * 127.0 * sign * k as f32),
                    "{kind:?} {quant:#x} {isa:?}"
                );
            }
        }
    }
}

#[test]
fn stacked_parts_equal_separate_products() {
    let (k, m) = (256, 5);
    let pool = Pool::new(2);
    let x = activations(m, k, 3);
    let kinds =
        [(BlockType::Q4K, 20), (BlockType::Q6K, 16), (BlockType::Q8_0, 33), (BlockType::F16, 7)];
    let bytes: Vec<Vec<u8>> = kinds.iter().map(|(kind, n)| random_rows(*kind, *n, k, 9)).collect();
    let rows: Vec<Rows<'_>> = kinds
        .iter()
        .zip(&bytes)
        .map(|((kind, n), bytes)| Rows { kind: *kind, n: *n, k, bytes })
        .collect();
    let stacked = Matrix::pack(&rows).expect("rows are whole");
    let given = product(&pool, &stacked, &x, m);
    let mut first = 0;
    for rows in &rows {
        let alone = product(&pool, &Matrix::pack(&[*rows]).expect("rows are whole"), &x, m);
        for i in 0..m {
            let part = &given[i * stacked.n() + first..][..rows.n];
            assert_eq!(bits(part), bits(&alone[i * rows.n..(i + 1) * rows.n]));
        }
        first += rows.n;
    }
}

#[test]
fn bias_and_prior_output_are_added() {
    let (n, k, m) = (19, 64, 3);
    let bytes = random_rows(BlockType::Q8_0, n, k, 1);
    let w = Matrix::pack(&[Rows { kind: BlockType::Q8_0, n, k, bytes: &bytes }])
        .expect("rows are whole");
    let x = activations(m, k, 2);
    for isa in Isa::all_usable() {
        let pool = Pool::with_isa(2, isa);
        let plain = product(&pool, &w, &x, m);
        let bias: Vec<f32> = (0..n).map(|i| i as f32).collect();
        let mut a = QuantizedActivations::new();
        a.quantize(&pool, &x, m, k).expect("shapes agree");
        let mut out: Vec<f32> = (0..m * n).map(|i| 0.5 * i as f32).collect();
        let before = out.clone();
        matmul(&pool, &w, &a, Some(&bias), true, &mut out).expect("shapes agree");
        for i in 0..m * n {
            assert_eq!(out[i], (plain[i] + bias[i % n]) + before[i]);
        }
    }
}

#[test]
fn wrong_shapes_are_errors() {
    let pool = Pool::new(1);
    let bytes = random_rows(BlockType::Q8_0, 4, 32, 1);
    let w = Matrix::pack(&[Rows { kind: BlockType::Q8_0, n: 4, k: 32, bytes: &bytes }])
        .expect("rows are whole");
    let mut a = QuantizedActivations::new();
    a.quantize(&pool, &[0.0; 64], 1, 64).expect("shapes agree");
    assert!(matmul(&pool, &w, &a, None, false, &mut [0.0; 4]).is_err());
    a.quantize(&pool, &[0.0; 32], 1, 32).expect("shapes agree");
    assert!(matmul(&pool, &w, &a, None, false, &mut [0.0; 3]).is_err());
    assert!(matmul(&pool, &w, &a, Some(&[0.0; 3]), false, &mut [0.0; 4]).is_err());
    assert!(matmul(&pool, &w, &a, None, false, &mut [0.0; 4]).is_ok());
    assert!(a.quantize(&pool, &[0.0; 31], 1, 32).is_err());
}

#[test]
fn float_weights_see_unquantized_floats() {
    let (n, k) = (5, 45);
    let bytes = random_rows(BlockType::F32, n, k, 4);
    let w = Matrix::pack(&[Rows { kind: BlockType::F32, n, k, bytes: &bytes }])
        .expect("rows are whole");
    let x = activations(2, k, 5);
    let pool = Pool::new(1);
    let mut a = QuantizedActivations::with_floats();
    a.quantize(&pool, &x, 2, k).expect("shapes agree");
    let mut out = vec![0.0; 2 * n];
    matmul(&pool, &w, &a, None, false, &mut out).expect("shapes agree");
    for i in 0..2 * n {
        let weights =
            reference::dequantize(BlockType::F32, &bytes[i % n * 4 * k..(i % n + 1) * 4 * k]);
        let exact: f64 = weights.iter().zip(&x[i / n * k..]).map(|(w, x)| w * f64::from(*x)).sum();
        assert!((f64::from(out[i]) - exact).abs() < 1e-5);
    }
}

/// Computes the steps of [`gated`] one after another.
fn gated_by_steps(
    pool: &Pool,
    w: &Matrix,
    a: &QuantizedActivations,
    bias: Option<&[f32]>,
    activation: Activation,
    hidden: &mut QuantizedActivations,
) {
    let m = a.m();
    let mut gate_up = vec![f32::NAN; m * w.n()];
    matmul(pool, w, a, bias, false, &mut gate_up).expect("shapes agree");
    let done = match activation {
        Activation::Silu => hidden.silu_mul(pool, &gate_up, m, w.n() / 2),
        Activation::Gelu => hidden.gelu_mul(pool, &gate_up, m, w.n() / 2),
    };
    done.expect("shapes agree");
}

#[test]
fn gated_product_equals_its_steps() {
    for (idx, kind) in BlockType::ALL.into_iter().enumerate() {
        // Miri needs minutes; a few types show the same.
        if cfg!(miri) && !matches!(kind, BlockType::Q5_0 | BlockType::F16) {
            continue;
        }
        let (n, k) = (if cfg!(miri) { 32 } else { 96 }, kind.block_len().max(32) * 2);
        let gate = random_rows(kind, n, k, idx as u64);
        let up = random_rows(kind, n, k, 100 + idx as u64);
        let rows = |bytes| Rows { kind, n, k, bytes };
        let w = Matrix::pack(&[rows(&gate), rows(&up)]).expect("rows are whole");
        let is_float = matches!(kind, BlockType::F32 | BlockType::F16 | BlockType::BF16);
        assert_eq!(w.is_pair(), !is_float, "{kind:?}");
        // Row numbers are those of the file, wherever the row's tiles are.
        let row_bytes = gate.len() / n;
        for row in [0, 15, 16, n / 2, n - 1] {
            for (bytes, first) in [(&gate, 0), (&up, n)] {
                let mut given = vec![0.0; k];
                w.row(first + row, &mut given).expect("k values");
                let exact = reference::dequantize(kind, &bytes[row * row_bytes..][..row_bytes]);
                for (given, exact) in given.iter().zip(exact) {
                    assert!((f64::from(*given) - exact).abs() <= 1e-6 * exact.abs() + 1e-9);
                }
            }
        }
        if is_float {
            let mut a = QuantizedActivations::new();
            a.quantize(&Pool::new(1), &vec![1.0; k], 1, k).expect("shapes agree");
            let silu = Activation::Silu;
            assert!(
                gated(&Pool::new(1), &w, &a, None, silu, &mut QuantizedActivations::new()).is_err()
            );
            continue;
        }
        let bias = activations(1, 2 * n, 7);
        for m in if cfg!(miri) { (1..=1).chain([5]) } else { (1..=13).chain([40]) } {
            let x = activations(m, k, m as u64);
            let (bias, activation) = match m % 3 {
                0 => (None, Activation::Silu),
                1 => (Some(bias.as_slice()), Activation::Silu),
                _ => (None, Activation::Gelu),
            };
            for isa in Isa::all_usable() {
                let pool = Pool::with_isa(2, isa);
                let mut a = QuantizedActivations::new();
                a.quantize(&pool, &x, m, k).expect("shapes agree");
                let (mut expected, mut given) =
                    (QuantizedActivations::with_floats(), QuantizedActivations::with_floats());
                gated_by_steps(&pool, &w, &a, bias, activation, &mut expected);
                gated(&pool, &w, &a, bias, activation, &mut given).expect("shapes agree");
                assert_eq!((given.m(), given.k()), (m, n));
                assert!(given.equals(&expected), "{kind:?}, m = {m}, {isa:?}");
            }
        }
    }
}
