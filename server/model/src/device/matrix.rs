//! A weight matrix in a device's memory, and the product with it.
//!
//! Blocks that candle has products for stay as the file has them; floats are multiplied in their own type; other types
//! are converted to half floats. Stacked rows of several tensors are one product if their types agree, and several
//! products if not (in mixtures such as `Q4_K_M`).

use std::borrow::Cow;

use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor};
use candle_core::{DType, Device, Module, Result, Tensor};
use lowkey_kernels::{BlockType, Matrix, Pool, Rows};

use super::choice::Accelerator;

/// The alignment of blocks that candle's products may assume.
const ALIGNMENT: usize = 16;

/// Rows of weights, one for each output.
pub(crate) struct DeviceMatrix {
    parts: Vec<Part>,
    n: usize,
    k: usize,
    bytes: usize,
}

/// Rows of one type.
enum Part {
    /// In blocks, with activations quantized by the product itself.
    Blocks(QMatMul),
    /// Floats, transposed: (k, n).
    FloatProducts(Tensor),
}

impl DeviceMatrix {
    /// Uploads stored rows, stacked along their outputs.
    pub(super) fn new(accelerator: &Accelerator, rows: &[Rows<'_>]) -> Result<Self> {
        let mut parts = Vec::new();
        for same in rows.chunk_by(|a, b| a.kind == b.kind) {
            parts.push(Part::new(accelerator, same)?);
        }
        Ok(Self {
            parts,
            n: rows.iter().map(|rows| rows.n).sum(),
            k: rows.first().map_or(0, |rows| rows.k),
            bytes: rows.iter().map(|rows| rows.bytes.len()).sum(),
        })
    }

    /// The number of outputs.
    pub(super) fn n(&self) -> usize {
        self.n
    }

    /// The number of inputs.
    pub(super) fn k(&self) -> usize {
        self.k
    }

    /// The bytes that a product reads.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Multiplies `x`, (m, k), with every row: (m, n). Both are f32.
    pub(super) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        match self.parts.as_slice() {
            [one] => one.apply(x),
            several => {
                let results =
                    several.iter().map(|part| part.apply(x)).collect::<Result<Vec<_>>>()?;
                Tensor::cat(&results, 1)
            }
        }
    }
}

impl Part {
    fn new(accelerator: &Accelerator, rows: &[Rows<'_>]) -> Result<Self> {
        let Some(first) = rows.first() else { candle_core::bail!("a matrix without rows") };
        let (n, k) = (rows.iter().map(|rows| rows.n).sum::<usize>(), first.k);
        let bytes = match rows {
            [one] => Cow::Borrowed(one.bytes),
            several => {
                Cow::Owned(several.iter().flat_map(|rows| rows.bytes).copied().collect::<Vec<u8>>())
            }
        };
        let device = accelerator.device();
        let (tensor, stored) = match first.kind {
            BlockType::F32 => (floats(&bytes, DType::F32, (n, k), device)?, DType::F32),
            BlockType::F16 => (floats(&bytes, DType::F16, (n, k), device)?, DType::F16),
            BlockType::BF16 => (floats(&bytes, DType::BF16, (n, k), device)?, DType::BF16),
            kind => match ggml_type(kind) {
                Some(kind) => return Self::of_blocks(&bytes, kind, (n, k), device),
                None => (dequantized(rows, (n, k), device)?, DType::F16),
            },
        };
        let tensor = tensor.to_dtype(accelerator.product_type(stored))?;
        Ok(Self::FloatProducts(tensor.t()?))
    }

    fn of_blocks(
        bytes: &[u8],
        kind: GgmlDType,
        (n, k): (usize, usize),
        device: &Device,
    ) -> Result<Self> {
        let copy;
        let bytes = if bytes.as_ptr().align_offset(ALIGNMENT) == 0 {
            bytes
        } else {
            copy = Aligned::of(bytes);
            copy.bytes()
        };
        // candle divides without checking.
        if bytes.len() != n * k / kind.block_size() * kind.type_size() {
            candle_core::bail!("{} bytes for {n} × {k} numbers in {kind:?}", bytes.len());
        }
        let storage = QStorage::from_data(Cow::Borrowed(bytes), device, kind)?;
        Ok(Self::Blocks(QMatMul::from_qtensor(QTensor::new(storage, (n, k))?)?))
    }

    fn apply(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Blocks(matrix) => matrix.forward(x),
            Self::FloatProducts(matrix) => {
                x.to_dtype(matrix.dtype())?.matmul(matrix)?.to_dtype(DType::F32)
            }
        }
    }
}

/// candle's name of a type of blocks that it multiplies with.
fn ggml_type(kind: BlockType) -> Option<GgmlDType> {
    match kind {
        BlockType::Q4_0 => Some(GgmlDType::Q4_0),
        BlockType::Q4_1 => Some(GgmlDType::Q4_1),
        BlockType::Q5_0 => Some(GgmlDType::Q5_0),
        BlockType::Q5_1 => Some(GgmlDType::Q5_1),
        BlockType::Q8_0 => Some(GgmlDType::Q8_0),
        BlockType::Q2K => Some(GgmlDType::Q2K),
        BlockType::Q3K => Some(GgmlDType::Q3K),
        BlockType::Q4K => Some(GgmlDType::Q4K),
        BlockType::Q5K => Some(GgmlDType::Q5K),
        BlockType::Q6K => Some(GgmlDType::Q6K),
        BlockType::F32 | BlockType::F16 | BlockType::BF16 | BlockType::IQ4NL => None,
    }
}

fn floats(bytes: &[u8], kind: DType, shape: (usize, usize), device: &Device) -> Result<Tensor> {
    Tensor::from_raw_buffer(bytes, kind, &[shape.0, shape.1], device)
}

/// Converts blocks that candle does not know to half floats.
fn dequantized(rows: &[Rows<'_>], (n, k): (usize, usize), device: &Device) -> Result<Tensor> {
    let packed = Matrix::pack_with(&Pool::new(1), rows).map_err(candle_core::Error::wrap)?;
    let mut row = vec![0.0; k];
    let mut numbers = Vec::with_capacity(n * k);
    for i in 0..n {
        packed.row(i, &mut row).map_err(candle_core::Error::wrap)?;
        numbers.extend(row.iter().map(|number| half::f16::from_f32(*number)));
    }
    Tensor::from_vec(numbers, (n, k), device)
}

/// A copy of bytes at the alignment of blocks.
struct Aligned {
    buffer: Vec<u8>,
    begin: usize,
}

impl Aligned {
    fn of(bytes: &[u8]) -> Self {
        let mut buffer: Vec<u8> = Vec::with_capacity(bytes.len() + ALIGNMENT);
        let begin = buffer.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        buffer.resize(begin, 0);
        buffer.extend_from_slice(bytes);
        Self { buffer, begin }
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[self.begin..]
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// `Q8_0` blocks of one row each: the scale 1 and the numbers `begin..begin + 32`.
    fn q8_0(begins: &[i8]) -> Vec<u8> {
        let block = |begin: &i8| {
            let numbers = (*begin..*begin + 32).map(i8::cast_unsigned);
            half::f16::ONE.to_le_bytes().into_iter().chain(numbers).collect::<Vec<_>>()
        };
        begins.iter().flat_map(block).collect()
    }

    fn ones() -> Tensor {
        Tensor::ones((2, 32), DType::F32, &Device::Cpu).unwrap()
    }

    #[test]
    fn rows_of_several_types_are_several_products() {
        let (blocks, floats) = (q8_0(&[0, 1]), 0.5_f32.to_le_bytes().repeat(32));
        let rows = [
            Rows { kind: BlockType::Q8_0, n: 2, k: 32, bytes: &blocks },
            Rows { kind: BlockType::F32, n: 1, k: 32, bytes: &floats },
        ];
        let matrix = DeviceMatrix::new(&Accelerator::candle_cpu(), &rows).unwrap();
        assert_eq!((matrix.n(), matrix.k(), matrix.bytes()), (3, 32, 68 + 128));
        let found = matrix.apply(&ones()).unwrap().to_vec2::<f32>().unwrap();
        for row in found {
            for (found, expected) in row.into_iter().zip([496.0, 528.0, 16.0]) {
                // Activations are quantized beside blocks.
                assert!((found - expected).abs() < 0.01 * expected, "{found}, not {expected}");
            }
        }
    }

    #[test]
    fn unaligned_blocks_are_copied() {
        let accelerator = Accelerator::candle_cpu();
        for shift in 0..4 {
            let mut bytes = vec![0; shift];
            bytes.extend(q8_0(&[3]));
            let rows = Rows { kind: BlockType::Q8_0, n: 1, k: 32, bytes: &bytes[shift..] };
            let matrix = DeviceMatrix::new(&accelerator, &[rows]).unwrap();
            let found = matrix.apply(&ones()).unwrap().to_vec2::<f32>().unwrap();
            assert!((found[1][0] - 592.0).abs() < 6.0, "{found:?}");
        }
    }

    #[test]
    fn bytes_of_another_length_are_refused() {
        let bytes = q8_0(&[0]);
        let rows = Rows { kind: BlockType::Q8_0, n: 2, k: 32, bytes: &bytes };
        assert!(DeviceMatrix::new(&Accelerator::candle_cpu(), &[rows]).is_err());
        assert!(DeviceMatrix::new(&Accelerator::candle_cpu(), &[]).is_ok_and(|none| none.n() == 0));
    }
}
