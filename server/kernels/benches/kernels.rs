//! Each kernel alone, in bytes and operations per second:
//! `cargo bench -p lowkey-kernels -- [FILTER]`.
//!
//! Small batches are counted in bytes of weights, because reading these limits them; large ones in
//! operations ("Gelem/s" means GOP/s). Weights are taken in turn from a set larger than the caches,
//! as in decoding. `LOWKEY_BENCH_THREADS` and `LOWKEY_BENCH_ISA` (portable, avx2, avx2-vnni)
//! override the machine's defaults.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use lowkey_kernels::{
    BlockType, Isa, KvLayer, Matrix, Pool, QuantizedActivations, Queries, Rows, argmax, attention,
    features, log_sum_exp, matmul,
};

/// Common types of weights.
const KINDS: [BlockType; 6] = [
    BlockType::Q8_0,
    BlockType::Q5_0,
    BlockType::Q4_0,
    BlockType::Q4K,
    BlockType::Q6K,
    BlockType::F16,
];

/// Qwen2.5-0.5B: gate and up of the feed-forward, down, and the vocabulary.
const SHAPES: [(&str, usize, usize); 3] =
    [("gate_up", 9728, 896), ("down", 896, 4864), ("vocabulary", 151_936, 896)];

/// Bytes of weights: more than any cache holds.
const BEYOND_CACHES: usize = 160_000_000;

/// The multipliers limit batches larger than this.
const SMALL_BATCH: usize = 8;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(15)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .configure_from_args();
    let pool = pool();
    products(&mut criterion, &pool);
    attentions(&mut criterion, &pool);
    rows(&mut criterion, &pool);
    criterion.final_summary();
}

/// Returns a pool with the number of threads and the instruction set that the environment selects.
fn pool() -> Pool {
    let asked = |name| std::env::var(name).ok();
    let threads = asked("LOWKEY_BENCH_THREADS").and_then(|n| n.parse().ok());
    let isa = match asked("LOWKEY_BENCH_ISA").as_deref() {
        Some("portable") => Isa::Portable,
        Some("avx2") => Isa::Avx2,
        Some("avx2-vnni") => Isa::Avx2Vnni,
        _ => Isa::detect(),
    };
    Pool::with_isa(threads.unwrap_or(features().cores), isa)
}

fn products(criterion: &mut Criterion, pool: &Pool) {
    for kind in KINDS {
        for (name, n, k) in SHAPES {
            // The K types come in blocks of 256 columns.
            let k = if kind.block_len() == 256 { k / 256 * 256 } else { k };
            let mut group = criterion.benchmark_group(format!("{kind:?}/{name}"));
            let mut weights = Vec::new();
            for m in [1, 2, 4, 8, 64, 512] {
                if n < 100_000 || m <= SMALL_BATCH {
                    product(&mut group, pool, kind, (m, n, k), &mut weights);
                }
            }
            group.finish();
        }
    }
}

/// Measures one product. Fills `weights` when the first benchmark of a shape actually runs, so that
/// a filtered one costs nothing.
fn product(
    group: &mut BenchmarkGroup<'_, WallTime>,
    pool: &Pool,
    kind: BlockType,
    (m, n, k): (usize, usize, usize),
    weights: &mut Vec<Matrix>,
) {
    let bytes = kind.row_bytes(k).unwrap_or_default() * n;
    group.throughput(match m {
        0..=SMALL_BATCH => Throughput::BytesDecimal(bytes as u64),
        _ => Throughput::Elements(2 * (m * n * k) as u64),
    });
    group.bench_function(format!("m={m}"), |bencher| {
        if weights.is_empty() {
            let copies = (BEYOND_CACHES / bytes.max(1)).clamp(1, 48);
            weights.extend((0..copies).map(|copy| random_matrix(pool, kind, n, k, copy as u64)));
        }
        let x = waves(m * k);
        let mut a = QuantizedActivations::new();
        let mut out = vec![0.0; m * n];
        let mut turn = weights.iter().cycle();
        bencher.iter(|| {
            let done = a.quantize(pool, &x, m, k).and_then(|()| match turn.next() {
                Some(w) => matmul(pool, w, &a, None, false, &mut out),
                None => Ok(()),
            });
            black_box(&out);
            done
        });
    });
}

fn attentions(criterion: &mut Criterion, pool: &Pool) {
    for (name, n_kv_heads, heads_per_kv, head_dim) in
        [("0.5B", 2, 7, 64), ("1.5B", 2, 6, 128), ("one head each", 12, 1, 64)]
    {
        let mut group = criterion.benchmark_group(format!("attention/{name}"));
        let n_heads = n_kv_heads * heads_per_kv;
        for (position, m) in [(1024, 1), (4096, 1), (1024, 4), (1024, 8), (0, 512), (1024, 512)] {
            let seen: usize = (0..m).map(|row| position + row + 1).sum();
            group.throughput(Throughput::Elements(4 * (seen * n_heads * head_dim) as u64));
            group.bench_function(format!("cached={position}, m={m}"), |bencher| {
                let (width, kv_width) = (n_heads * head_dim, n_kv_heads * head_dim);
                let Ok(mut layer) = KvLayer::new(n_kv_heads, head_dim, position + m) else {
                    return;
                };
                let rows = waves((position + m) * kv_width);
                if layer.write_rows(pool, 0, &rows, &rows, kv_width, position + m).is_err() {
                    return;
                }
                let values = waves(m * width);
                let queries = Queries {
                    values: &values,
                    row_stride: width,
                    m,
                    n_heads,
                    position,
                    scale: 0.125,
                    window: usize::MAX,
                    soft_cap: None,
                };
                let mut out = vec![0.0; m * width];
                bencher.iter(|| {
                    let done = attention(pool, &queries, &layer, &mut out);
                    black_box(&out);
                    done
                });
            });
        }
        group.finish();
    }
}

/// Measures the operations on rows between the products, and on logits.
fn rows(criterion: &mut Criterion, pool: &Pool) {
    let mut group = criterion.benchmark_group("rows");
    for (m, k) in [(1, 896), (512, 896)] {
        let (x, weight) = (waves(m * k), vec![1.0; k]);
        let mut a = QuantizedActivations::new();
        group.throughput(Throughput::BytesDecimal(4 * (m * k) as u64));
        group.bench_function(format!("quantize with norm, {m} of {k}"), |bencher| {
            bencher.iter(|| black_box(a.rms_norm(pool, &x, &weight, 1e-6, m, k)));
        });
    }
    for (m, k) in [(1, 4864), (512, 4864)] {
        let x = waves(2 * m * k);
        let mut a = QuantizedActivations::new();
        group.throughput(Throughput::BytesDecimal(8 * (m * k) as u64));
        group.bench_function(format!("quantize with silu, {m} of {k}"), |bencher| {
            bencher.iter(|| black_box(a.silu_mul(pool, &x, m, k)));
        });
    }
    let logits = waves(151_936);
    group.throughput(Throughput::BytesDecimal(4 * logits.len() as u64));
    group.bench_function("argmax of a vocabulary", |bencher| {
        bencher.iter(|| black_box(argmax(&logits)));
    });
    group.bench_function("log_sum_exp of a vocabulary", |bencher| {
        bencher.iter(|| black_box(log_sum_exp(&logits)));
    });
    group.finish();
    criterion.bench_function("pool/an empty job", |bencher| bencher.iter(|| pool.run(|_| {})));
}

/// Returns numbers between -1 and 1.
fn waves(n: usize) -> Vec<f32> {
    (0..n).map(|i| (i as f32 * 0.37).sin()).collect()
}

/// Returns pseudo-random bytes (xorshift).
fn random_bytes(n: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(n + 8);
    while bytes.len() < n {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(n);
    bytes
}

/// Returns random blocks with plausible scales: f16 bits of a small number.
fn random_matrix(pool: &Pool, kind: BlockType, n: usize, k: usize, seed: u64) -> Matrix {
    let mut bytes = random_bytes(n * kind.row_bytes(k).unwrap_or(0), seed);
    let halves: &[usize] = match kind {
        BlockType::Q4K | BlockType::Q5K => &[0, 2],
        BlockType::Q6K => &[208],
        _ => &[0],
    };
    for block in bytes.chunks_exact_mut(kind.block_bytes()) {
        for at in halves {
            block[at + 1] = 0x11;
        }
    }
    match Matrix::pack_with(pool, &[Rows { kind, n, k, bytes: &bytes }]) {
        Ok(matrix) => matrix,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}
