//! Unpacks one block of a GGUF file into quants and scales in our layouts' encoding.
//!
//! The bit arrangements are those of ggml's `block_*` structures. Values are copied; nothing is
//! rounded.

use crate::block::BlockType;
use crate::layout::Format;

/// One block of a row, with its quants as the layout stores them (including the offset), in column
/// order.
pub(crate) struct Block {
    /// The quants; only the first `block_len` are used.
    pub(crate) quants: [u8; 256],
    /// The f16 bits of the (outer) scale.
    pub(crate) scale: u16,
    /// The f16 bits of the (outer) minimum.
    pub(crate) minimum: u16,
    /// Inner scales of the K types, per 32 or per 16 columns.
    pub(crate) inner_scales: [u8; 16],
    /// Inner minimums of the K types, per 32 or per 16 columns.
    pub(crate) inner_minimums: [u8; 16],
}

impl Block {
    /// Returns a block of zeros.
    pub(crate) fn zero() -> Self {
        Self {
            quants: [0; 256],
            scale: 0,
            minimum: 0,
            inner_scales: [0; 16],
            inner_minimums: [0; 16],
        }
    }
}

/// The sixteen values of `IQ4NL`.
const IQ4NL_VALUES: [i8; 16] =
    [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/// Returns the format in which a block type is packed.
pub(crate) fn format_of(kind: BlockType) -> Format {
    match kind {
        BlockType::F32 => Format::F32,
        BlockType::F16 => Format::F16,
        BlockType::BF16 => Format::BF16,
        BlockType::Q4_0 => Format::Q4,
        BlockType::Q4_1 => Format::Q4Min,
        BlockType::Q8_0 | BlockType::IQ4NL => Format::Q8,
        BlockType::Q5_0 => Format::Q5,
        BlockType::Q5_1 => Format::Q5Min,
        BlockType::Q2K => Format::K8HalfMin,
        BlockType::Q3K => Format::K8Half,
        BlockType::Q4K => Format::K4,
        BlockType::Q5K => Format::K5,
        BlockType::Q6K => Format::K6Half,
    }
}

/// Reads one block; `bytes` has the type's `block_bytes`. Float types have no blocks, so `out` is
/// unchanged.
pub(crate) fn unpack(kind: BlockType, bytes: &[u8], out: &mut Block) {
    debug_assert_eq!(bytes.len(), kind.block_bytes());
    match kind {
        BlockType::F32 | BlockType::F16 | BlockType::BF16 => {}
        BlockType::Q8_0 => {
            out.scale = half_bits(bytes, 0);
            for (quant, byte) in out.quants.iter_mut().zip(&bytes[2..34]) {
                *quant = byte ^ 0x80;
            }
        }
        BlockType::Q4_0 => {
            out.scale = half_bits(bytes, 0);
            nibbles(&bytes[2..18], &mut out.quants, |nibble| nibble);
        }
        BlockType::IQ4NL => {
            out.scale = half_bits(bytes, 0);
            nibbles(&bytes[2..18], &mut out.quants, |nibble| {
                IQ4NL_VALUES[usize::from(nibble & 15)].cast_unsigned() ^ 0x80
            });
        }
        BlockType::Q4_1 => {
            out.scale = half_bits(bytes, 0);
            out.minimum = half_bits(bytes, 2);
            nibbles(&bytes[4..20], &mut out.quants, |nibble| nibble);
        }
        BlockType::Q5_0 => {
            out.scale = half_bits(bytes, 0);
            nibbles(&bytes[6..22], &mut out.quants, |nibble| nibble);
            fifth_bits(&bytes[2..6], &mut out.quants);
        }
        BlockType::Q5_1 => {
            out.scale = half_bits(bytes, 0);
            out.minimum = half_bits(bytes, 2);
            nibbles(&bytes[8..24], &mut out.quants, |nibble| nibble);
            fifth_bits(&bytes[4..8], &mut out.quants);
        }
        BlockType::Q2K => q2k(bytes, out),
        BlockType::Q3K => q3k(bytes, out),
        BlockType::Q4K => q4k(bytes, out),
        BlockType::Q5K => q5k(bytes, out),
        BlockType::Q6K => q6k(bytes, out),
    }
}

fn half_bits(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// Reads a block of 32: the low nibbles are the first half of the columns, the high ones the
/// second.
fn nibbles(bytes: &[u8], quants: &mut [u8; 256], value: impl Fn(u8) -> u8) {
    for (j, byte) in bytes.iter().enumerate() {
        quants[j] = value(byte & 15);
        quants[j + 16] = value(byte >> 4);
    }
}

/// Adds the fifth bit of each of 32 quants.
fn fifth_bits(bytes: &[u8], quants: &mut [u8; 256]) {
    for (j, quant) in quants[..32].iter_mut().enumerate() {
        *quant |= (bytes[j / 8] >> (j % 8) & 1) << 4;
    }
}

/// Reads `scales[16], quants[64], d, dmin`: a nibble of scale and one of minimum per 16 columns.
fn q2k(bytes: &[u8], out: &mut Block) {
    out.scale = half_bits(bytes, 80);
    out.minimum = half_bits(bytes, 82);
    for (j, byte) in bytes[..16].iter().enumerate() {
        out.inner_scales[j] = byte & 15;
        out.inner_minimums[j] = byte >> 4;
    }
    for (column, quant) in out.quants.iter_mut().enumerate() {
        let (part, plane, l) = (column / 128, column % 128 / 32, column % 32);
        *quant = (bytes[16 + part * 32 + l] >> (2 * plane) & 3) + 128;
    }
}

/// Reads `high[32], quants[64], scales[12], d`: 6-bit signed scales per 16 columns; a cleared high
/// bit subtracts 4.
fn q3k(bytes: &[u8], out: &mut Block) {
    out.scale = half_bits(bytes, 108);
    let packed = &bytes[96..108];
    for (j, scale) in out.inner_scales.iter_mut().enumerate() {
        let low = if j < 8 { packed[j] & 15 } else { packed[j - 8] >> 4 };
        let high = packed[8 + j % 4] >> (2 * (j / 4)) & 3;
        *scale = (low | high << 4).wrapping_sub(32);
    }
    for (column, quant) in out.quants.iter_mut().enumerate() {
        let (part, plane, l) = (column / 128, column % 128 / 32, column % 32);
        let low = bytes[32 + part * 32 + l] >> (2 * plane) & 3;
        let high = bytes[l] >> (column / 32) & 1;
        *quant = low + 4 * high + 128 - 4;
    }
}

/// Reads the eight 6-bit scales and eight 6-bit minimums of `Q4K` and `Q5K`, in 12 bytes.
fn six_bit_scales(packed: &[u8], out: &mut Block) {
    for j in 0..8 {
        let (scale, minimum) = if j < 4 {
            (packed[j] & 63, packed[j + 4] & 63)
        } else {
            (
                packed[j + 4] & 15 | packed[j - 4] >> 6 << 4, //
                packed[j + 4] >> 4 | packed[j] >> 6 << 4,
            )
        };
        out.inner_scales[j] = scale;
        out.inner_minimums[j] = minimum;
    }
}

/// Reads `d, dmin, scales[12], quants[128]`: per 64 columns, 32 low nibbles and then 32 high ones.
fn q4k(bytes: &[u8], out: &mut Block) {
    out.scale = half_bits(bytes, 0);
    out.minimum = half_bits(bytes, 2);
    six_bit_scales(&bytes[4..16], out);
    for (part, quants) in bytes[16..144].chunks_exact(32).enumerate() {
        for (l, byte) in quants.iter().enumerate() {
            out.quants[part * 64 + l] = byte & 15;
            out.quants[part * 64 + 32 + l] = byte >> 4;
        }
    }
}

/// Reads `d, dmin, scales[12], high[32], quants[128]`: as `Q4K`, with a plane of fifth bits.
fn q5k(bytes: &[u8], out: &mut Block) {
    out.scale = half_bits(bytes, 0);
    out.minimum = half_bits(bytes, 2);
    six_bit_scales(&bytes[4..16], out);
    for (column, quant) in out.quants.iter_mut().enumerate() {
        let (part, upper, l) = (column / 64, column % 64 / 32, column % 32);
        let low = bytes[48 + part * 32 + l] >> (4 * upper) & 15;
        let high = bytes[16 + l] >> (column / 32) & 1;
        *quant = low | high << 4;
    }
}

/// Reads `low[128], high[64], scales[16], d`: 6 bits, offset 32, signed scales per 16 columns.
fn q6k(bytes: &[u8], out: &mut Block) {
    out.scale = half_bits(bytes, 208);
    out.inner_scales.copy_from_slice(&bytes[192..208]);
    for (column, quant) in out.quants.iter_mut().enumerate() {
        let (part, plane, l) = (column / 128, column % 128 / 32, column % 32);
        let low = bytes[part * 64 + (plane % 2) * 32 + l] >> (4 * (plane / 2)) & 15;
        let high = bytes[128 + part * 32 + l] >> (2 * plane) & 3;
        *quant = low | high << 4;
    }
}
