//! Quantizes float matrices to `Q8_0` blocks: 32 numbers as bytes and their scale as a half float.
//!
//! As llama.cpp quantizes: the scale is the largest magnitude / 127, and each number is rounded to the nearest multiple
//! of it, halves away from zero.

use half::{bf16, f16};
use lowkey_kernels::BlockType;

/// The numbers of a block.
const BLOCK: usize = 32;

/// Quantizes rows of floats; `None` where `kind` is no float or rows of `columns` fill no whole blocks.
pub(crate) fn q8_0(kind: BlockType, bytes: &[u8], columns: usize) -> Option<Vec<u8>> {
    if !can_quantize(kind, columns) {
        return None;
    }
    match kind {
        BlockType::F32 => Some(blocks(bytes, f32::from_le_bytes)),
        BlockType::F16 => Some(blocks(bytes, |bytes| f16::from_le_bytes(bytes).to_f32())),
        BlockType::BF16 => Some(blocks(bytes, |bytes| bf16::from_le_bytes(bytes).to_f32())),
        _ => None,
    }
}

/// Whether rows of `columns` numbers can be quantized.
pub(crate) fn can_quantize(kind: BlockType, columns: usize) -> bool {
    matches!(kind, BlockType::F32 | BlockType::F16 | BlockType::BF16)
        && columns > 0
        && columns.is_multiple_of(BLOCK)
}

fn blocks<const WIDTH: usize>(bytes: &[u8], number: impl Fn([u8; WIDTH]) -> f32) -> Vec<u8> {
    let numbers = bytes.as_chunks::<WIDTH>().0;
    let mut out = Vec::with_capacity(numbers.len() / BLOCK * BlockType::Q8_0.block_bytes());
    for block in numbers.as_chunks::<BLOCK>().0 {
        let values = block.map(&number);
        let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let scale = largest / 127.0;
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        out.extend(f16::from_f32(scale).to_le_bytes());
        // Within a byte, also where the inverse was rounded up; NaN becomes 0.
        out.extend(values.map(|value| (value * inverse).round().clamp(-127.0, 127.0) as i8 as u8));
    }
    out
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_within_half_a_step() {
        let values: Vec<f32> =
            (0..96).map(|i| (i as f32 * 0.7).sin() * (1 + i / 32) as f32).collect();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let blocks = q8_0(BlockType::F32, &bytes, 96).unwrap();
        assert_eq!(blocks.len(), 3 * 34);
        for (block, values) in blocks.chunks(34).zip(values.chunks(32)) {
            let scale = f16::from_le_bytes([block[0], block[1]]).to_f32();
            for (quant, value) in block[2..].iter().zip(values) {
                let again = scale * f32::from(quant.cast_signed());
                // The scale itself is rounded to a half float: up to 127 × 2⁻¹¹ of a step more.
                assert!((again - value).abs() <= 0.57 * scale, "{value} became {again}");
            }
        }
        assert!(q8_0(BlockType::F32, &bytes, 48).is_none());
        assert!(q8_0(BlockType::Q4_0, &bytes, 96).is_none());
        assert_eq!(q8_0(BlockType::F32, &[0; 128], 32).unwrap(), [0; 34]);
    }
}
