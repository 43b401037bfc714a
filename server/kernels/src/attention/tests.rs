//! Attention compared with the reference, and bit-equal for every batching of the queries.

use half::f16;
use proptest::prelude::*;

use super::*;
use crate::kv::KvType;
use crate::reference;

/// A layer filled with random keys and values, and random queries.
struct Case {
    layer: KvLayer,
    keys: Vec<f32>,
    values: Vec<f32>,
    queries: Vec<f32>,
    head_dim: usize,
    n_heads: usize,
    n_kv_heads: usize,
    window: usize,
    soft_cap: Option<f32>,
}

impl Case {
    fn new(
        head_dim: usize,
        n_kv_heads: usize,
        group: usize,
        n_positions: usize,
        seed: u64,
    ) -> Self {
        let width = n_kv_heads * head_dim;
        // Values that f16 represents exactly, so that storing them rounds nothing.
        let halves = |seed| {
            let floats = reference::random_floats(n_positions * width, seed);
            floats.into_iter().map(|x| f16::from_f32(x).to_f32()).collect::<Vec<_>>()
        };
        let (keys, values) = (halves(seed), halves(seed + 1));
        let queries = reference::random_floats(n_positions * width * group, seed + 2);
        let mut layer = KvLayer::new(n_kv_heads, head_dim, n_positions).expect("small");
        layer
            .write_rows(&Pool::new(1), 0, &keys, &values, width, n_positions)
            .expect("shapes agree");
        let n_heads = n_kv_heads * group;
        let (window, soft_cap) = (usize::MAX, None);
        Self { layer, keys, values, queries, head_dim, n_heads, n_kv_heads, window, soft_cap }
    }

    /// Stores the layer as bytes; the reference gets the dequantized values.
    fn in_bytes(mut self) -> Self {
        let n_positions =
            self.layer.capacity().min(self.keys.len() / self.n_kv_heads / self.head_dim);
        let width = self.n_kv_heads * self.head_dim;
        let mut layer =
            KvLayer::with_type(KvType::Int8, self.n_kv_heads, self.head_dim, n_positions)
                .expect("small");
        layer
            .write_rows(&Pool::new(2), 0, &self.keys, &self.values, width, n_positions)
            .expect("shapes agree");
        self.layer = layer;
        for row in self
            .keys
            .chunks_exact_mut(self.head_dim)
            .chain(self.values.chunks_exact_mut(self.head_dim))
        {
            let scale = row.iter().fold(0.0_f32, |max, value| max.max(value.abs())) / 127.0;
            for value in row {
                *value = (*value / scale).round_ties_even() * scale;
            }
        }
        self
    }

    /// Attends with the queries of positions `position..position + m` in one call.
    fn attend(&self, pool: &Pool, position: usize, m: usize) -> Vec<f32> {
        let width = self.n_heads * self.head_dim;
        let queries = Queries {
            values: &self.queries[position * width..(position + m) * width],
            row_stride: width,
            m,
            n_heads: self.n_heads,
            position,
            scale: 1.0 / (self.head_dim as f32).sqrt(),
            window: self.window,
            soft_cap: self.soft_cap,
        };
        let mut out = vec![f32::NAN; m * width];
        attention(pool, &queries, &self.layer, &mut out).expect("shapes agree");
        out
    }

    fn exact(&self, position: usize) -> Vec<f64> {
        let width = self.n_heads * self.head_dim;
        reference::attention(
            &self.queries[position * width..(position + 1) * width],
            &self.keys,
            &self.values,
            self.n_kv_heads,
            self.head_dim,
            (position + 1).saturating_sub(self.window)..position + 1,
            self.soft_cap,
        )
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn check(head_dim: usize, n_kv_heads: usize, group: usize, position: usize, m: usize, seed: u64) {
    check_case(&Case::new(head_dim, n_kv_heads, group, position + m, seed), position, m);
}

fn check_case(case: &Case, position: usize, m: usize) {
    let expected = case.attend(&Pool::with_isa(1, Isa::Portable), position, m);
    let width = case.n_heads * case.head_dim;
    for row in 0..m {
        for (given, exact) in
            expected[row * width..(row + 1) * width].iter().zip(case.exact(position + row))
        {
            assert!((f64::from(*given) - exact).abs() < 5e-6, "{given} is not {exact}");
        }
    }
    for isa in Isa::all_usable() {
        for threads in 1..=3 {
            let pool = Pool::with_isa(threads, isa);
            assert_eq!(
                bits(&case.attend(&pool, position, m)),
                bits(&expected),
                "{isa:?}, {threads} threads"
            );
        }
        let pool = Pool::with_isa(1, isa);
        for row in 0..m {
            let alone = case.attend(&pool, position + row, 1);
            assert_eq!(
                bits(&alone),
                bits(&expected[row * width..(row + 1) * width]),
                "row {row} alone, {isa:?}"
            );
        }
    }
}

#[test]
fn head_dims_and_groups_equal_reference() {
    for head_dim in [20, 32, 64, 80, 96, 128] {
        for group in [1, 2, 5, 7, 8] {
            check(head_dim, 2, group, 13, 7, head_dim as u64);
        }
    }
}

#[test]
fn int8_keys_and_values_equal_reference() {
    for (head_dim, n_kv_heads, group, position, m) in
        [(20, 2, 1, 3, 4), (64, 2, 7, 30, 5), (80, 1, 3, CHUNK - 2, 5), (128, 1, 8, CHUNK + 20, 9)]
    {
        let seed = head_dim as u64;
        let mut case = Case::new(head_dim, n_kv_heads, group, position + m, seed).in_bytes();
        check_case(&case, position, m);
        case.window = 21;
        check_case(&case, position, m);
    }
}

#[test]
fn chunk_boundaries_change_no_bits() {
    for position in [CHUNK - 3, CHUNK - 1, CHUNK, 2 * CHUNK - 2] {
        check(32, 1, 3, position, 5, position as u64);
    }
}

#[test]
fn window_hides_older_positions() {
    for window in [1, 2, 15, 16, 17, 40, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
        for position in [0, 14, CHUNK - 3, CHUNK, CHUNK + window - 3, 2 * CHUNK - 2] {
            let mut case = Case::new(20, 1, 3, position + 6, window as u64);
            case.window = window;
            check_case(&case, position, 6);
        }
    }
}

#[test]
fn capped_scores_equal_reference() {
    for soft_cap in [0.05, 0.5, 30.0] {
        let mut case = Case::new(32, 2, 2, CHUNK + 8, 77);
        case.soft_cap = Some(soft_cap);
        check_case(&case, 30, 5);
        case.window = 21;
        check_case(&case, CHUNK - 2, 6);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn random_shapes_equal_reference(
        head_dim in prop::sample::select(vec![32_usize, 64, 80, 96, 128]),
        n_kv_heads in 1_usize..4,
        group in 1_usize..9,
        position in 0_usize..100,
        m in 1_usize..12,
        seed: u16,
    ) {
        check(head_dim, n_kv_heads, group, position, m, u64::from(seed));
    }
}

#[test]
fn positions_after_last_query_are_unseen() {
    let mut case = Case::new(64, 1, 2, 40, 1);
    let pool = Pool::new(1);
    let before = case.attend(&pool, 20, 3);
    for position in 23..40 {
        case.layer
            .write(position, &[f32::INFINITY; 64], &[-f32::INFINITY; 64])
            .expect("shapes agree");
    }
    assert_eq!(bits(&case.attend(&pool, 20, 3)), bits(&before));
}

#[test]
fn wrong_shapes_are_errors() {
    let layer = KvLayer::new(2, 16, 32).expect("small");
    let pool = Pool::new(1);
    let values = [0.0; 96];
    let fitting = Queries {
        values: &values,
        row_stride: 64,
        m: 1,
        n_heads: 4,
        position: 0,
        scale: 1.0,
        window: usize::MAX,
        soft_cap: None,
    };
    let mut out = [0.0; 64];
    assert!(attention(&pool, &fitting, &layer, &mut out).is_ok());
    assert!(attention(&pool, &fitting, &layer, &mut out[1..]).is_err());
    assert!(attention(&pool, &Queries { position: 32, ..fitting }, &layer, &mut out).is_err());
    assert!(
        attention(&pool, &Queries { position: usize::MAX, ..fitting }, &layer, &mut out).is_err()
    );
    assert!(attention(&pool, &Queries { n_heads: 3, ..fitting }, &layer, &mut out[..48]).is_err());
    assert!(attention(&pool, &Queries { n_heads: 0, ..fitting }, &layer, &mut []).is_err());
    assert!(attention(&pool, &Queries { m: 2, ..fitting }, &layer, &mut [0.0; 128]).is_err());
}
