//! Naive references in f64, straight from the definitions; every kernel is tested against them.

use half::{bf16, f16};

use crate::block::BlockType;

pub(crate) fn rms_norm(x: &[f32], weight: &[f32], eps: f32) -> Vec<f64> {
    let mean = x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / x.len() as f64;
    let scale = 1.0 / (mean + f64::from(eps)).sqrt();
    x.iter().zip(weight).map(|(x, weight)| f64::from(*x) * scale * f64::from(*weight)).collect()
}

/// Rotates heads × `head_dim` values, all pairs of each head.
pub(crate) fn rope(
    x: &[f32],
    head_dim: usize,
    adjacent: bool,
    frequencies: &[f64],
    position: usize,
) -> Vec<f64> {
    let mut out: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
    for head in out.chunks_exact_mut(head_dim) {
        for (i, frequency) in frequencies.iter().enumerate() {
            let (sin, cos) = (position as f64 * frequency).sin_cos();
            let (a, b) = if adjacent { (2 * i, 2 * i + 1) } else { (i, i + frequencies.len()) };
            (head[a], head[b]) = (head[a] * cos - head[b] * sin, head[b] * cos + head[a] * sin);
        }
    }
    out
}

/// A small generator of random bits (xorshift), so that a seed reproduces a test.
struct Bits(u64);

impl Bits {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Returns random floats within ±2.
pub(crate) fn random_floats(n: usize, seed: u64) -> Vec<f32> {
    let mut bits = Bits::new(seed);
    (0..n).map(|_| (bits.next() >> 40) as f32 / (1 << 22) as f32 - 2.0).collect()
}

/// Returns random blocks of a type: arbitrary quants and inner scales, outer scales of moderate
/// size.
pub(crate) fn random_blocks(kind: BlockType, n: usize, seed: u64) -> Vec<u8> {
    let mut bits = Bits::new(seed);
    let mut bytes: Vec<u8> =
        (0..n * kind.block_bytes()).map(|_| (bits.next() >> 32) as u8).collect();
    let halves: &[usize] = match kind {
        BlockType::F32 => {
            let floats = random_floats(n, seed);
            return floats.iter().flat_map(|value| value.to_le_bytes()).collect();
        }
        BlockType::F16 => {
            let floats = random_floats(n, seed);
            return floats.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
        }
        BlockType::BF16 => {
            let floats = random_floats(n, seed);
            return floats.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect();
        }
        BlockType::Q4_0 | BlockType::Q5_0 | BlockType::Q8_0 | BlockType::IQ4NL => &[0],
        BlockType::Q4_1 | BlockType::Q5_1 | BlockType::Q4K | BlockType::Q5K => &[0, 2],
        BlockType::Q2K => &[80, 82],
        BlockType::Q3K => &[108],
        BlockType::Q6K => &[208],
    };
    for block in bytes.chunks_exact_mut(kind.block_bytes()) {
        for at in halves {
            let scale = f16::from_f32((bits.next() >> 40) as f32 / (1 << 24) as f32 * 0.02 - 0.005);
            block[*at..at + 2].copy_from_slice(&scale.to_le_bytes());
        }
    }
    bytes
}

/// Dequantizes whole blocks, value by value, from the type's definition.
pub(crate) fn dequantize(kind: BlockType, bytes: &[u8]) -> Vec<f64> {
    let per_block = kind.block_len();
    let blocks = bytes.chunks_exact(kind.block_bytes());
    blocks.flat_map(|block| (0..per_block).map(|i| value_of(kind, block, i))).collect()
}

/// Returns value `i` of a block.
fn value_of(kind: BlockType, b: &[u8], i: usize) -> f64 {
    let half = |at: usize| f64::from(f16::from_le_bytes([b[at], b[at + 1]]).to_f32());
    // Blocks of 32: nibble i of the 16 bytes that begin at `at`, low nibbles first.
    let nibble = |at: usize| f64::from(b[at + i % 16] >> (4 * (i / 16)) & 15);
    let bit = |at: usize, i: usize| f64::from(b[at + i / 8] >> (i % 8) & 1);
    // `Q4_K` and `Q5_K`: 6-bit scale and minimum of 32 columns, low parts in bytes 4..12 and those
    // of the last four in 12..16.
    let scale_min = |j: usize| {
        let s = &b[4..16];
        if j < 4 {
            (f64::from(s[j] % 64), f64::from(s[j + 4] % 64))
        } else {
            let scale = s[j + 4] % 16 + s[j - 4] / 64 * 16;
            let minimum = s[j + 4] / 16 + s[j] / 64 * 16;
            (f64::from(scale), f64::from(minimum))
        }
    };
    match kind {
        BlockType::F32 => f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
        BlockType::F16 => half(0),
        BlockType::BF16 => f64::from(bf16::from_le_bytes([b[0], b[1]]).to_f32()),
        BlockType::Q8_0 => half(0) * f64::from(b[2 + i].cast_signed()),
        BlockType::Q4_0 => half(0) * (nibble(2) - 8.0),
        BlockType::Q4_1 => half(0) * nibble(4) + half(2),
        BlockType::Q5_0 => half(0) * (nibble(6) + 16.0 * bit(2, i) - 16.0),
        BlockType::Q5_1 => half(0) * (nibble(8) + 16.0 * bit(4, i)) + half(2),
        BlockType::IQ4NL => {
            let table = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
            half(0) * f64::from(table[nibble(2) as usize])
        }
        BlockType::Q2K => {
            let scale = b[i / 16];
            let quant = b[16 + i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
            half(80) * f64::from(scale % 16) * f64::from(quant) - half(82) * f64::from(scale / 16)
        }
        BlockType::Q3K => {
            let j = i / 16;
            let low = if j < 8 { b[96 + j] % 16 } else { b[96 + j - 8] / 16 };
            let high = b[104 + j % 4] >> (j / 4 * 2) & 3;
            let scale = f64::from(low + 16 * high) - 32.0;
            let quant = f64::from(b[32 + i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3);
            let above = f64::from(b[i % 32] >> (i / 32) & 1);
            half(108) * scale * (quant - 4.0 * (1.0 - above))
        }
        BlockType::Q4K => {
            let (scale, minimum) = scale_min(i / 32);
            let quant = b[16 + i / 64 * 32 + i % 32] >> (i / 32 % 2 * 4) & 15;
            half(0) * scale * f64::from(quant) - half(2) * minimum
        }
        BlockType::Q5K => {
            let (scale, minimum) = scale_min(i / 32);
            let quant = b[48 + i / 64 * 32 + i % 32] >> (i / 32 % 2 * 4) & 15;
            let fifth = b[16 + i % 32] >> (i / 32) & 1;
            half(0) * scale * f64::from(quant + 16 * fifth) - half(2) * minimum
        }
        BlockType::Q6K => {
            let scale = f64::from(b[192 + i / 16].cast_signed());
            let low = b[i / 128 * 64 + i % 64] >> (i % 128 / 64 * 4) & 15;
            let high = b[128 + i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
            half(208) * scale * (f64::from(low + 16 * high) - 32.0)
        }
    }
}

/// Computes attention of one query token over the `seen` positions, with keys and values rounded to
/// f16 as in the cache.
pub(crate) fn attention(
    query: &[f32],
    keys: &[f32],
    values: &[f32],
    n_kv_heads: usize,
    head_dim: usize,
    seen: std::ops::Range<usize>,
    soft_cap: Option<f32>,
) -> Vec<f64> {
    let n_heads = query.len() / head_dim;
    let width = n_kv_heads * head_dim;
    let mut out = Vec::new();
    for (head, query) in query.chunks_exact(head_dim).enumerate() {
        let at = head / (n_heads / n_kv_heads) * head_dim;
        let row = |all: &[f32], position: usize| all[position * width + at..][..head_dim].to_vec();
        let score = |position: usize| {
            let key = row(keys, position);
            let dot: f64 = key.iter().zip(query).map(|(k, q)| f64::from(*k) * f64::from(*q)).sum();
            let score = dot / (head_dim as f64).sqrt();
            soft_cap.map_or(score, |cap| f64::from(cap) * (score / f64::from(cap)).tanh()).exp()
        };
        let weights: Vec<f64> = seen.clone().map(score).collect();
        let total: f64 = weights.iter().sum();
        for d in 0..head_dim {
            let sum: f64 = weights
                .iter()
                .zip(seen.clone())
                .map(|(w, p)| w * f64::from(row(values, p)[d]))
                .sum();
            out.push(sum / total);
        }
    }
    out
}
