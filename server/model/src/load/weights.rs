//! Reading weights out of a model file, each held against the shape that the metadata imply.
//!
//! Matrices go straight from the file into the layout of whatever multiplies them ([`Pack`]): our kernels here, a
//! device's in `device/upload.rs`. Norms and biases become f32.

use std::borrow::Cow;

use half::{bf16, f16};
use lowkey_kernels::{BlockType, Matrix, PackError, Packed, Pool, Reserve, Rows, Shape};

use crate::error::list;
use crate::file::TensorSpan;
use crate::{Config, ModelError, ModelFile, Quantization, quantize};

/// Makes matrices of stored rows, in the layout that a forward pass multiplies with.
pub(crate) trait Pack {
    /// A matrix in that layout.
    type Matrix;

    /// Packs rows of the same number of inputs, stacked along their outputs; `names` names them in messages.
    fn pack(
        &mut self,
        file: &ModelFile,
        rows: &[Rows<'_>],
        names: &dyn Fn() -> String,
    ) -> Result<Self::Matrix, ModelError>;

    /// Returns the next matrix as an earlier start packed it; nothing of the model's file is read then.
    fn packed(&mut self, _shapes: &[Shape]) -> Option<Self::Matrix> {
        None
    }

    /// Does the same for the embedding table.
    fn packed_embedding(&mut self, _shapes: &[Shape]) -> Option<Matrix> {
        None
    }

    /// Packs the embedding table, in which rows are looked up on the CPU.
    fn pack_embedding(
        &mut self,
        file: &ModelFile,
        rows: &[Rows<'_>],
        names: &dyn Fn() -> String,
    ) -> Result<Matrix, ModelError>;

    /// Whether the packed embedding table can be multiplied with, where it is the output matrix too.
    const EMBEDDING_MULTIPLIES: bool;
}

/// Packs for our own kernels.
pub(crate) struct ForKernels {
    pool: Pool,
    /// Room for all matrices, from the first one on.
    reserve: Option<Reserve>,
}

/// Reads the weights of one model and reports progress.
pub(crate) struct Weights<'a, P> {
    file: &'a ModelFile,
    packer: P,
    progress: &'a mut dyn FnMut(f32),
    done_bytes: usize,
}

/// A tensor, or an expert's part of one, that becomes rows of a matrix.
struct Piece {
    name: String,
    tensor: TensorSpan,
    rows: usize,
}

impl ForKernels {
    /// Packs on the threads of `pool`; `packed` holds what an earlier start packed.
    pub(crate) fn new(pool: Pool, packed: Option<Reserve>) -> Self {
        Self { pool, reserve: packed }
    }

    /// The threads, for the model to run on, and the weights where they were packed now.
    pub(crate) fn into_parts(self) -> (Pool, Option<Packed>) {
        (self.pool, self.reserve.and_then(Reserve::into_packed))
    }
}

impl Pack for ForKernels {
    type Matrix = Matrix;
    const EMBEDDING_MULTIPLIES: bool = true;

    fn pack(
        &mut self,
        file: &ModelFile,
        rows: &[Rows<'_>],
        names: &dyn Fn() -> String,
    ) -> Result<Matrix, ModelError> {
        let failed = |source| not_packed(file, names, source);
        let reserve = match self.reserve.take() {
            Some(reserve) => reserve,
            None => Reserve::new(packed_bytes(file)).map_err(failed)?,
        };
        let matrix = Matrix::pack_into(&reserve, &self.pool, rows).map_err(failed)?;
        self.reserve = Some(reserve);
        Ok(matrix)
    }

    fn pack_embedding(
        &mut self,
        file: &ModelFile,
        rows: &[Rows<'_>],
        names: &dyn Fn() -> String,
    ) -> Result<Matrix, ModelError> {
        self.pack(file, rows, names)
    }

    fn packed(&mut self, shapes: &[Shape]) -> Option<Matrix> {
        Matrix::packed_in(self.reserve.as_ref()?, shapes)
    }

    fn packed_embedding(&mut self, shapes: &[Shape]) -> Option<Matrix> {
        self.packed(shapes)
    }
}

/// The error of a matrix whose rows cannot be packed.
pub(crate) fn not_packed(
    file: &ModelFile,
    names: &dyn Fn() -> String,
    source: PackError,
) -> ModelError {
    ModelError::Pack { file: file.file().to_owned(), matrix: names(), source }
}

impl<'a, P: Pack> Weights<'a, P> {
    /// Begins to read; `progress` gets the share done, from 0 to 1.
    pub(crate) fn new(file: &'a ModelFile, packer: P, progress: &'a mut dyn FnMut(f32)) -> Self {
        progress(0.0);
        Self { file, packer, progress, done_bytes: 0 }
    }

    /// The model's shape.
    pub(crate) fn config(&self) -> &'a Config {
        self.file.config()
    }

    /// Packs the embedding table, and the output matrix; `None` where the embedding serves for it as it is packed.
    pub(crate) fn ends(&mut self) -> Result<(Matrix, Option<P::Matrix>), ModelError> {
        let Config { hidden, vocab, tied_embeddings, .. } = *self.config();
        let table = [self.piece("token_embd.weight", vocab, hidden)?];
        let quantization = self.file.quantization();
        let embedding =
            self.with_rows(&table, hidden, quantization, P::packed_embedding, P::pack_embedding)?;
        let output = match (tied_embeddings, P::EMBEDDING_MULTIPLIES) {
            (true, true) => None,
            (true, false) => Some(self.matrix(&[("token_embd.weight", vocab)], hidden)?),
            (false, _) => Some(self.matrix(&[("output.weight", vocab)], hidden)?),
        };
        Ok((embedding, output))
    }

    /// Packs tensors of `columns` inputs, stacked along their outputs: `(name, outputs)` each.
    pub(crate) fn matrix(
        &mut self,
        parts: &[(&str, usize)],
        columns: usize,
    ) -> Result<P::Matrix, ModelError> {
        let piece = |(name, n): &(&str, usize)| self.piece(name, *n, columns);
        let pieces = parts.iter().map(piece).collect::<Result<Vec<_>, ModelError>>()?;
        self.with_rows(&pieces, columns, self.file.quantization(), P::packed, P::pack)
    }

    /// Packs one tensor as it is stored, whatever is asked of the others.
    pub(crate) fn unquantized(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<P::Matrix, ModelError> {
        let piece = self.piece(name, rows, columns)?;
        self.with_rows(&[piece], columns, None, P::packed, P::pack)
    }

    /// Packs the matrices of expert `index` of `n`, stacked along their outputs: `(name, outputs)` each, the name
    /// without `_exps.weight` (where a tensor holds all experts) or `.INDEX.weight`.
    pub(crate) fn expert(
        &mut self,
        parts: &[(&str, usize)],
        (index, n): (usize, usize),
        columns: usize,
    ) -> Result<P::Matrix, ModelError> {
        let piece = |(name, rows): &(&str, usize)| {
            let (all, one) = (format!("{name}_exps.weight"), format!("{name}.{index}.weight"));
            if !self.has(&all) {
                return self.piece(&one, *rows, columns);
            }
            let mut tensor = self.tensor(&all, &[n, *rows, columns])?.clone();
            let size = tensor.span.len() / n;
            let begin = tensor.span.start + index * size;
            tensor.span = begin..begin + size;
            Ok(Piece { name: all, tensor, rows: *rows })
        };
        let pieces = parts.iter().map(piece).collect::<Result<Vec<_>, ModelError>>()?;
        self.with_rows(&pieces, columns, self.file.quantization(), P::packed, P::pack)
    }

    /// Reads a vector of `length` numbers as f32.
    pub(crate) fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, ModelError> {
        let tensor = self.tensor(name, &[length])?;
        let bytes = self.file.data(tensor)?;
        let mut vector = match tensor.kind.kind {
            BlockType::F32 => numbers(&bytes, f32::from_le_bytes),
            BlockType::F16 => numbers(&bytes, |bytes| f16::from_le_bytes(bytes).to_f32()),
            BlockType::BF16 => numbers(&bytes, |bytes| bf16::from_le_bytes(bytes).to_f32()),
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

    /// Reports that everything is read; returns the packer.
    pub(crate) fn finish(self) -> P {
        (self.progress)(1.0);
        self.packer
    }

    fn piece(&self, name: &str, rows: usize, columns: usize) -> Result<Piece, ModelError> {
        let tensor = self.tensor(name, &[rows, columns])?.clone();
        Ok(Piece { name: name.to_owned(), tensor, rows })
    }

    /// Hands the stored rows of `pieces` to the packer, floats quantized where that is asked for; unless they are packed.
    fn with_rows<M>(
        &mut self,
        pieces: &[Piece],
        columns: usize,
        quantization: Option<Quantization>,
        packed: impl Fn(&mut P, &[Shape]) -> Option<M>,
        pack: impl Fn(&mut P, &ModelFile, &[Rows<'_>], &dyn Fn() -> String) -> Result<M, ModelError>,
    ) -> Result<M, ModelError> {
        let file = self.file;
        let n_bytes = pieces.iter().map(|piece| piece.tensor.span.len()).sum();
        let shape = |piece: &Piece| {
            let kind = packed_kind(piece.tensor.kind.kind, columns, quantization);
            Shape { kind, n: piece.rows, k: columns }
        };
        let shapes: Vec<Shape> = pieces.iter().map(shape).collect();
        if let Some(matrix) = packed(&mut self.packer, &shapes) {
            self.advance(n_bytes);
            return Ok(matrix);
        }
        let mut stored = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let (kind, bytes) = (piece.tensor.kind.kind, file.data(&piece.tensor)?);
            let quantized = match quantization {
                Some(Quantization::Q8_0) => quantize::q8_0(kind, &bytes, columns),
                None => None,
            };
            stored.push(match quantized {
                Some(bytes) => (BlockType::Q8_0, Cow::Owned(bytes)),
                None => (kind, bytes),
            });
        }
        let rows: Vec<Rows<'_>> = pieces
            .iter()
            .zip(&stored)
            .map(|(piece, (kind, bytes))| Rows { kind: *kind, n: piece.rows, k: columns, bytes })
            .collect();
        let names = || list(pieces.iter().map(|piece| &piece.name));
        let matrix = pack(&mut self.packer, file, &rows, &names)?;
        self.advance(n_bytes);
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

    fn advance(&mut self, bytes: usize) {
        self.done_bytes += bytes;
        let share = self.done_bytes as f32 / self.file.n_bytes() as f32;
        (self.progress)(share.min(1.0));
    }
}

/// The memory that all matrices of a file take once they are packed for our kernels.
pub(crate) fn packed_bytes(file: &ModelFile) -> usize {
    let matrices = file.tensors().all().filter(|tensor| tensor.shape.len() > 1);
    let packed = |tensor: &TensorSpan| {
        let kind = packed_kind(tensor.kind.kind, tensor.columns, file.quantization());
        Matrix::packed_bytes(kind, tensor.rows, tensor.columns)
    };
    matrices.filter_map(packed).fold(0, usize::saturating_add)
}

/// What rows of `columns` numbers are packed as: as they are stored, unless they are quantized when they are read.
fn packed_kind(kind: BlockType, columns: usize, quantization: Option<Quantization>) -> BlockType {
    match quantization {
        Some(Quantization::Q8_0) if quantize::takes(kind, columns) => BlockType::Q8_0,
        _ => kind,
    }
}

fn numbers<const WIDTH: usize>(bytes: &[u8], number: impl Fn([u8; WIDTH]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<WIDTH>().0.iter().map(|bytes| number(*bytes)).collect()
}

fn list_shape(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ")
}
