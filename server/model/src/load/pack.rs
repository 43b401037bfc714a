//! Makes matrices of stored rows, in the layout that a forward pass multiplies with.

use lowkey_kernels::{BlockType, Matrix, PackError, PackedWeights, Pool, Rows, Shape, WeightArena};

use super::quantize;
use crate::config::Quantization;
use crate::error::{ModelError, list};
use crate::file::tensors::{TensorSpan, Tensors};

/// A maker of matrices.
pub(crate) trait Pack {
    /// A matrix in the layout of the forward pass.
    type Matrix;

    /// Whether the packed embedding table can be multiplied with, if it is the output matrix too.
    const EMBEDDING_MULTIPLIES: bool;

    /// Packs rows of the same number of inputs, stacked along their outputs.
    fn pack(&mut self, rows: &[Rows<'_>], origin: &Origin<'_>) -> Result<Self::Matrix, ModelError>;

    /// Packs the embedding table, whose rows are looked up on the CPU.
    fn pack_embedding(
        &mut self,
        rows: &[Rows<'_>],
        origin: &Origin<'_>,
    ) -> Result<Matrix, ModelError>;

    /// Returns the next matrix if an earlier start has packed it; then nothing of the model's file is read.
    fn packed(&mut self, _shapes: &[Shape]) -> Option<Self::Matrix> {
        None
    }

    /// Does the same for the embedding table.
    fn packed_embedding(&mut self, _shapes: &[Shape]) -> Option<Matrix> {
        None
    }
}

/// The tensors that a matrix is made of, for messages.
pub(crate) struct Origin<'a> {
    /// The model's file.
    pub(crate) file: &'a str,
    /// The tensors' names.
    pub(crate) tensors: Vec<&'a str>,
}

impl Origin<'_> {
    /// The error of a matrix whose rows cannot be packed.
    pub(crate) fn not_packed(&self, source: PackError) -> ModelError {
        ModelError::Pack { file: self.file.to_owned(), matrix: list(&self.tensors), source }
    }
}

/// Packs for our own kernels.
pub(crate) struct PackForKernels {
    pool: Pool,
    /// Memory for all matrices, reserved with the first one.
    arena: Option<WeightArena>,
    n_bytes: usize,
}

impl PackForKernels {
    /// Packs on the threads of `pool` into `n_bytes` of memory; `packed` has the matrices of an earlier start.
    pub(crate) fn new(pool: Pool, packed: Option<WeightArena>, n_bytes: usize) -> Self {
        Self { pool, arena: packed, n_bytes }
    }

    /// Returns the threads, for the model to run on, and the matrices if they were packed now.
    pub(crate) fn into_parts(self) -> (Pool, Option<PackedWeights>) {
        (self.pool, self.arena.and_then(WeightArena::into_packed_weights))
    }
}

impl Pack for PackForKernels {
    type Matrix = Matrix;
    const EMBEDDING_MULTIPLIES: bool = true;

    fn pack(&mut self, rows: &[Rows<'_>], origin: &Origin<'_>) -> Result<Matrix, ModelError> {
        let failed = |source| origin.not_packed(source);
        let arena = match self.arena.take() {
            Some(arena) => arena,
            None => WeightArena::new(self.n_bytes).map_err(failed)?,
        };
        let matrix = Matrix::pack_into(&arena, &self.pool, rows).map_err(failed)?;
        self.arena = Some(arena);
        Ok(matrix)
    }

    fn pack_embedding(
        &mut self,
        rows: &[Rows<'_>],
        origin: &Origin<'_>,
    ) -> Result<Matrix, ModelError> {
        self.pack(rows, origin)
    }

    fn packed(&mut self, shapes: &[Shape]) -> Option<Matrix> {
        Matrix::from_filled(self.arena.as_ref()?, shapes)
    }

    fn packed_embedding(&mut self, shapes: &[Shape]) -> Option<Matrix> {
        self.packed(shapes)
    }
}

/// The memory of all matrices once they are packed for our kernels, in bytes.
pub(crate) fn packed_bytes(tensors: &Tensors, quantization: Option<Quantization>) -> usize {
    let matrices = tensors.all().filter(|tensor| tensor.shape.len() > 1);
    let packed = |tensor: &TensorSpan| {
        let kind = packed_kind(tensor.kind.kind, tensor.columns, quantization);
        Matrix::packed_bytes(kind, tensor.rows, tensor.columns)
    };
    matrices.filter_map(packed).fold(0, usize::saturating_add)
}

/// The type in which rows of `columns` numbers are packed: their own, unless they are quantized as they are read.
pub(super) fn packed_kind(
    kind: BlockType,
    columns: usize,
    quantization: Option<Quantization>,
) -> BlockType {
    match quantization {
        Some(Quantization::Q8_0) if quantize::can_quantize(kind, columns) => BlockType::Q8_0,
        _ => kind,
    }
}
