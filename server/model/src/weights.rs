//! Reading weights out of a model file, each held against the shape that the metadata imply.
//!
//! Matrices are packed straight from the map into the kernels' layout; norms and biases become f32.

use half::{bf16, f16};
use lowkey_kernels::{BlockType, Matrix, Pool, Reserve, Rows};

use crate::error::list;
use crate::file::TensorSpan;
use crate::{Config, ModelError, ModelFile, Quantization, quantize};

/// Reads the weights of one model and reports progress.
pub(crate) struct Weights<'a> {
    file: &'a ModelFile,
    pool: Pool,
    /// Room for all matrices, from the first one on.
    reserve: Option<Reserve>,
    progress: &'a mut dyn FnMut(f32),
    done_bytes: usize,
}

/// A tensor, or an expert's part of one, that becomes rows of a matrix.
struct Piece {
    name: String,
    tensor: TensorSpan,
    rows: usize,
}

impl<'a> Weights<'a> {
    /// Begins to read, on the threads of `pool`; `progress` gets the share done, from 0 to 1.
    pub(crate) fn new(file: &'a ModelFile, pool: Pool, progress: &'a mut dyn FnMut(f32)) -> Self {
        progress(0.0);
        Self { file, pool, reserve: None, progress, done_bytes: 0 }
    }

    /// The model's shape.
    pub(crate) fn config(&self) -> &'a Config {
        self.file.config()
    }

    /// Packs tensors of `columns` inputs, stacked along their outputs: `(name, outputs)` each.
    pub(crate) fn matrix(
        &mut self,
        parts: &[(&str, usize)],
        columns: usize,
    ) -> Result<Matrix, ModelError> {
        let piece = |(name, n): &(&str, usize)| {
            let tensor = self.tensor(name, &[*n, columns])?;
            Ok(Piece { name: (*name).to_owned(), tensor: tensor.clone(), rows: *n })
        };
        let pieces = parts.iter().map(piece).collect::<Result<Vec<_>, ModelError>>()?;
        self.pack(&pieces, columns)
    }

    /// Packs one tensor as it is stored, whatever is asked of the others.
    pub(crate) fn unquantized(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Matrix, ModelError> {
        let tensor = self.tensor(name, &[rows, columns])?.clone();
        let piece = Piece { name: name.to_owned(), tensor, rows };
        self.pack_as(&[piece], columns, None)
    }

    /// Packs the matrices of expert `index` of `n`, stacked along their outputs: `(name, outputs)` each, the name
    /// without `_exps.weight` (where a tensor holds all experts) or `.INDEX.weight`.
    pub(crate) fn expert(
        &mut self,
        parts: &[(&str, usize)],
        (index, n): (usize, usize),
        columns: usize,
    ) -> Result<Matrix, ModelError> {
        let piece = |(name, rows): &(&str, usize)| {
            let (all, one) = (format!("{name}_exps.weight"), format!("{name}.{index}.weight"));
            if !self.has(&all) {
                let tensor = self.tensor(&one, &[*rows, columns])?.clone();
                return Ok(Piece { name: one, tensor, rows: *rows });
            }
            let mut tensor = self.tensor(&all, &[n, *rows, columns])?.clone();
            let size = tensor.span.len() / n;
            let begin = tensor.span.start + index * size;
            tensor.span = begin..begin + size;
            Ok(Piece { name: all, tensor, rows: *rows })
        };
        let pieces = parts.iter().map(piece).collect::<Result<Vec<_>, ModelError>>()?;
        self.pack(&pieces, columns)
    }

    /// Reads a vector of `length` numbers as f32.
    pub(crate) fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, ModelError> {
        let tensor = self.tensor(name, &[length])?;
        let bytes = self.file.data(tensor);
        let mut vector = match tensor.kind.kind {
            BlockType::F32 => numbers(bytes, f32::from_le_bytes),
            BlockType::F16 => numbers(bytes, |bytes| f16::from_le_bytes(bytes).to_f32()),
            BlockType::BF16 => numbers(bytes, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            _ => {
                return Err(ModelError::TensorType {
                    file: self.file.file().to_owned(),
                    tensor: name.to_owned(),
                    offset: tensor.span.start as u64,
                    found: format!("{}, which norms and biases cannot have", tensor.kind.name),
                    supported: "F32, F16, BF16".to_owned(),
                });
            }
        };
        if tensor.shift != 0.0 {
            for number in &mut vector {
                *number += tensor.shift;
            }
        }
        let size = bytes.len();
        self.advance(size);
        Ok(vector)
    }

    /// Reads a vector that not every model has.
    pub(crate) fn vector_if_any(
        &mut self,
        name: &str,
        length: usize,
    ) -> Result<Option<Vec<f32>>, ModelError> {
        if self.has(name) { self.vector(name, length).map(Some) } else { Ok(None) }
    }

    /// Says whether the file has a tensor of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.file.tensors().contains(name)
    }

    /// Reads vectors, one behind the other.
    pub(crate) fn vectors(&mut self, parts: &[(&str, usize)]) -> Result<Vec<f32>, ModelError> {
        let mut joined = Vec::new();
        for (name, length) in parts {
            joined.extend(self.vector(name, *length)?);
        }
        Ok(joined)
    }

    /// Reports that everything is read; returns the threads, for the model to run on.
    pub(crate) fn finish(self) -> Pool {
        (self.progress)(1.0);
        self.pool
    }

    fn pack(&mut self, pieces: &[Piece], columns: usize) -> Result<Matrix, ModelError> {
        self.pack_as(pieces, columns, self.file.quantization())
    }

    fn pack_as(
        &mut self,
        pieces: &[Piece],
        columns: usize,
        quantization: Option<Quantization>,
    ) -> Result<Matrix, ModelError> {
        let file = self.file;
        let quantized = |piece: &Piece| match quantization? {
            Quantization::Q8_0 => {
                quantize::q8_0(piece.tensor.kind.kind, file.data(&piece.tensor), columns)
            }
        };
        let quantized: Vec<Option<Vec<u8>>> = pieces.iter().map(quantized).collect();
        let mut rows = Vec::with_capacity(pieces.len());
        for (piece, quantized) in pieces.iter().zip(&quantized) {
            let (kind, bytes) = match quantized {
                Some(bytes) => (BlockType::Q8_0, bytes.as_slice()),
                None => (piece.tensor.kind.kind, file.data(&piece.tensor)),
            };
            rows.push(Rows { kind, n: piece.rows, k: columns, bytes });
        }
        let failed = |source| ModelError::Pack {
            file: file.file().to_owned(),
            matrix: list(pieces.iter().map(|piece| &piece.name)),
            source,
        };
        let reserve = match self.reserve.take() {
            Some(reserve) => reserve,
            None => Reserve::new(self.packed_bytes()).map_err(failed)?,
        };
        let matrix = Matrix::pack_into(&reserve, &self.pool, &rows).map_err(failed)?;
        self.reserve = Some(reserve);
        // What is packed is not read again, and would otherwise count twice.
        for piece in pieces {
            file.release(&piece.tensor);
        }
        self.advance(pieces.iter().map(|piece| piece.tensor.span.len()).sum());
        Ok(matrix)
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<&'a TensorSpan, ModelError> {
        let expected = list_shape(shape);
        let tensor = self.file.tensors().get(self.file.file(), name, &expected)?;
        // Converters may leave a dimension of one; it changes nothing.
        let without_ones =
            |shape: &[usize]| shape.iter().copied().filter(|size| *size != 1).collect::<Vec<_>>();
        if tensor.columns == *shape.last().unwrap_or(&1)
            && without_ones(&tensor.shape) == without_ones(shape)
        {
            return Ok(tensor);
        }
        Err(ModelError::TensorShape {
            file: self.file.file().to_owned(),
            tensor: name.to_owned(),
            offset: tensor.span.start as u64,
            found: list_shape(&tensor.shape),
            expected,
        })
    }

    /// The memory that all matrices of the file take once they are packed.
    fn packed_bytes(&self) -> usize {
        let matrices = self.file.tensors().all().filter(|tensor| tensor.shape.len() > 1);
        let packed = |tensor: &TensorSpan| {
            let kind = match (self.file.quantization(), tensor.kind.kind) {
                (Some(Quantization::Q8_0), BlockType::F32 | BlockType::F16 | BlockType::BF16) => {
                    BlockType::Q8_0
                }
                (_, kind) => kind,
            };
            Matrix::packed_bytes(kind, tensor.rows, tensor.columns)
        };
        matrices.filter_map(packed).fold(0, usize::saturating_add)
    }

    fn advance(&mut self, bytes: usize) {
        self.done_bytes += bytes;
        let share = self.done_bytes as f32 / self.file.n_bytes() as f32;
        (self.progress)(share.min(1.0));
    }
}

fn numbers<const WIDTH: usize>(bytes: &[u8], number: impl Fn([u8; WIDTH]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<WIDTH>().0.iter().map(|bytes| number(*bytes)).collect()
}

fn list_shape(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ")
}
