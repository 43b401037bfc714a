//! Measures the kernels on this machine: matrix products per shape, attention, and what memory gives.
//!
//! `cargo run --release -p lowkey-kernels --example roofline -- [--threads N] [--isa avx512|avx2-vnni|avx2|portable] [--rounds N] [FILTER]`
//!
//! Every figure is the best of several rounds, so that what else runs on the machine disturbs least. Weights are taken in turn from a set larger than the caches, as decoding does.
#![expect(clippy::print_stdout, reason = "a program whose output is its result")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use lowkey_kernels::{
    BlockType, Isa, KvLayer, Matrix, Pool, Quantized, Queries, Rows, attention, features,
    int8_gop_s, matmul, read_gb_s,
};

struct Options {
    threads: usize,
    isa: Isa,
    rounds: usize,
    filter: String,
}

fn options() -> Options {
    let mut options =
        Options { threads: features().cores, isa: Isa::detect(), rounds: 7, filter: String::new() };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--threads" => {
                options.threads =
                    args.next().and_then(|n| n.parse().ok()).unwrap_or(options.threads);
            }
            "--rounds" => {
                options.rounds = args.next().and_then(|n| n.parse().ok()).unwrap_or(options.rounds);
            }
            "--isa" => {
                options.isa = match args.next().as_deref() {
                    Some("portable") => Isa::Portable,
                    Some("avx2") => Isa::Avx2,
                    Some("avx2-vnni") => Isa::Avx2Vnni,
                    _ => Isa::detect(),
                };
            }
            filter => filter.clone_into(&mut options.filter),
        }
    }
    options
}

/// Pseudo-random bytes (xorshift).
fn random_bytes(n: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
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

/// Random blocks whose scales are plausible: f16 bits of a small number.
fn random_matrix(pool: &Pool, kind: BlockType, n: usize, k: usize, seed: u64) -> Matrix {
    let mut bytes = random_bytes(n * kind.row_bytes(k).unwrap_or(0), seed);
    let halves: &[usize] = match kind {
        BlockType::Q4K | BlockType::Q5K => &[0, 2],
        BlockType::Q6K => &[208],
        BlockType::F32 => &[2],
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

/// Returns the shortest of several rounds.
fn best(rounds: usize, mut round: impl FnMut()) -> Duration {
    round();
    (0..rounds)
        .map(|_| {
            let start = Instant::now();
            round();
            start.elapsed()
        })
        .min()
        .unwrap_or_default()
}

fn products(options: &Options, pool: &Pool) {
    // Qwen2.5-0.5B: gate|up and down of the feed-forward, and the vocabulary.
    let shapes = [
        ("gate|up", 4864 * 2, 896),
        ("up", 4864, 896),
        ("down", 896, 4864),
        ("head", 151_936, 896),
    ];
    let kinds = [BlockType::Q8_0, BlockType::Q4_0, BlockType::Q4K, BlockType::Q6K, BlockType::F16];
    for kind in kinds {
        for (name, n, k) in shapes {
            let k = if kind.block_len() == 256 { k / 256 * 256 } else { k };
            let label = format!("{kind:?} {name}");
            if !label.contains(&options.filter) {
                continue;
            }
            let first = random_matrix(pool, kind, n, k, 1);
            // More than any cache holds, unless one alone is.
            let copies = (160_000_000 / first.bytes()).clamp(1, 48);
            let mut weights = vec![first];
            weights
                .extend((1..copies).map(|copy| random_matrix(pool, kind, n, k, copy as u64 + 1)));
            for m in [1, 2, 3, 4, 8, 64, 512] {
                if n > 100_000 && m > 8 {
                    continue;
                }
                let x: Vec<f32> =
                    (0..m * k).map(|i| ((i * 2_654_435_761) % 1000) as f32 / 500.0 - 1.0).collect();
                let mut a = Quantized::new();
                let mut out = vec![0.0; m * n];
                let used = if m > 8 { copies.min(4) } else { copies };
                let time = best(options.rounds, || {
                    for w in &weights[..used] {
                        // Shapes agree by construction.
                        let _ = a.plain(pool, &x, m, k);
                        let _ = matmul(pool, w, &a, None, false, &mut out);
                        black_box(&out);
                    }
                });
                let seconds = time.as_secs_f64() / used as f64;
                let bytes = weights[0].bytes() as f64;
                println!(
                    "{label:16} n {n:6} k {k:5} m {m:4}: {:9.1} µs {:6.1} GB/s {:7.0} GOP/s",
                    seconds * 1e6,
                    bytes / seconds / 1e9,
                    2.0 * (m * n * k) as f64 / seconds / 1e9,
                );
            }
        }
    }
}

fn attentions(options: &Options, pool: &Pool) {
    for (name, n_kv_heads, group, head_dim) in
        [("0.5B", 2, 7, 64), ("1.5B", 2, 6, 128), ("MHA", 12, 1, 64)]
    {
        let label = format!("attention {name}");
        if !label.contains(&options.filter) {
            continue;
        }
        let n_heads = n_kv_heads * group;
        for (position, m) in
            [(128, 1), (1024, 1), (4096, 1), (1024, 4), (1024, 8), (0, 512), (1024, 512)]
        {
            let width = n_heads * head_dim;
            let Ok(mut layer) = KvLayer::new(n_kv_heads, head_dim, position + m) else { continue };
            let rows: Vec<f32> = (0..(position + m) * n_kv_heads * head_dim)
                .map(|i| (i as f32 * 0.37).sin())
                .collect();
            let _ = layer.write_rows(pool, 0, &rows, &rows, n_kv_heads * head_dim, position + m);
            let values: Vec<f32> = (0..m * width).map(|i| (i as f32 * 0.73).cos()).collect();
            let queries =
                Queries { values: &values, row_stride: width, m, n_heads, position, scale: 0.125 };
            let mut out = vec![0.0; m * width];
            let time = best(options.rounds, || {
                let _ = attention(pool, &queries, &layer, &mut out);
                black_box(&out);
            });
            let seen: usize = (0..m).map(|i| position + i + 1).sum();
            let flops = 4.0 * (seen * n_heads * head_dim) as f64;
            println!(
                "{label:16} {position:5} cached, m {m:4}: {:9.1} µs {:7.1} GFLOP/s",
                time.as_secs_f64() * 1e6,
                flops / time.as_secs_f64() / 1e9
            );
        }
    }
}

fn elementwise(options: &Options, pool: &Pool) {
    for (name, m, k) in
        [("quantize norm", 512, 896), ("quantize silu", 512, 4864), ("quantize silu", 1, 4864)]
    {
        if !name.contains(&options.filter) {
            continue;
        }
        let x: Vec<f32> = (0..2 * m * k).map(|i| (i as f32 * 0.37).sin()).collect();
        let weight = vec![1.0; k];
        let mut a = Quantized::new();
        let time = best(options.rounds, || {
            let _ = if name.ends_with("norm") {
                a.rms_norm(pool, &x[..m * k], &weight, 1e-6, m, k)
            } else {
                a.silu_mul(pool, &x, m, k)
            };
            black_box(&a);
        });
        println!("{name:16} m {m} k {k}: {:9.1} µs", time.as_secs_f64() * 1e6);
    }
    if "pool".contains(&options.filter) {
        let time = best(options.rounds, || (0..1000).for_each(|_| pool.run(|_| {})));
        println!("pool: {:.2} µs per job", time.as_secs_f64() * 1e3);
    }
}

/// What the machine gives at most: memory for decoding, multipliers for prefill.
fn walls(options: &Options, pool: &Pool) {
    if "read".contains(&options.filter)
        && let Ok(rate) = read_gb_s(pool, options.rounds)
    {
        println!("plain read: {rate:.1} GB/s");
    }
    if "int8".contains(&options.filter)
        && let Some(rate) = int8_gop_s(pool, options.rounds)
    {
        println!("int8 products in registers: {rate:.0} GOP/s");
    }
}

fn main() {
    let options = options();
    let pool = Pool::with_isa(options.threads, options.isa);
    println!(
        "{} threads, {} kernels, best of {}",
        pool.threads(),
        pool.isa().name(),
        options.rounds
    );
    walls(&options, &pool);
    products(&options, &pool);
    attentions(&options, &pool);
    elementwise(&options, &pool);
}
