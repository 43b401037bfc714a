//! Reads weights out of a model's tensors, each checked against the shape that the configuration implies.
//!
//! Matrices go straight from the file into the layout of the forward pass ([`Pack`]). Norms and biases become f32.

use std::borrow::Cow;

use half::{bf16, f16};
use lowkey_kernels::{BlockType, Matrix, Rows, Shape};

use super::pack::{Origin, Pack, packed_kind};
use super::quantize;
use crate::config::{Config, Quantization};
use crate::error::ModelError;
use crate::file::source::TensorSource;
use crate::file::tensors::TensorSpan;

/// Reads the weights of one model and reports progress.
pub(crate) struct WeightReader<'a, P> {
    source: &'a TensorSource,
    config: &'a Config,
    quantization: Option<Quantization>,
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

impl<'a, P: Pack> WeightReader<'a, P> {
    /// Begins to read the tensors of `source`; `progress` gets the share done, from 0 to 1.
    pub(crate) fn new(
        source: &'a TensorSource,
        config: &'a Config,
        quantization: Option<Quantization>,
        packer: P,
        progress: &'a mut dyn FnMut(f32),
    ) -> Self {
        progress(0.0);
        Self { source, config, quantization, packer, progress, done_bytes: 0 }
    }

    /// The model's shape.
    pub(crate) fn config(&self) -> &'a Config {
        self.config
    }

    /// Packs the embedding table and the output matrix; `None` if the packed embedding table is multiplied with.
    pub(crate) fn embedding_and_output(
        &mut self,
    ) -> Result<(Matrix, Option<P::Matrix>), ModelError> {
        let Config { hidden, vocab, tied_embeddings, .. } = *self.config;
        let table = [self.piece("token_embd.weight", vocab, hidden)?];
        let embedding = self.pack_pieces(
            &table,
            hidden,
            self.quantization,
            P::packed_embedding,
            P::pack_embedding,
        )?;
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
        self.pack_pieces(&pieces, columns, self.quantization, P::packed, P::pack)
    }

    /// Packs one tensor as it is stored, also when others are quantized.
    pub(crate) fn unquantized(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<P::Matrix, ModelError> {
        let piece = self.piece(name, rows, columns)?;
        self.pack_pieces(&[piece], columns, None, P::packed, P::pack)
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
        self.pack_pieces(&pieces, columns, self.quantization, P::packed, P::pack)
    }

    /// Reads a vector of `length` numbers as f32.
    pub(crate) fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, ModelError> {
        let tensor = self.tensor(name, &[length])?;
        let bytes = self.source.data(tensor)?;
        let mut vector = match tensor.kind.kind {
            BlockType::F32 => numbers(&bytes, f32::from_le_bytes),
            BlockType::F16 => numbers(&bytes, |bytes| f16::from_le_bytes(bytes).to_f32()),
            BlockType::BF16 => numbers(&bytes, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            _ => {
                return Err(ModelError::TensorType {
                    file: self.source.file().to_owned(),
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
    pub(crate) fn optional_vector(
        &mut self,
        name: &str,
        length: usize,
    ) -> Result<Option<Vec<f32>>, ModelError> {
        if self.has(name) { self.vector(name, length).map(Some) } else { Ok(None) }
    }

    /// Whether the model has a tensor of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.source.tensors().contains(name)
    }

    /// Reads vectors and joins them: `(name, length)` each.
    pub(crate) fn vectors(&mut self, parts: &[(&str, usize)]) -> Result<Vec<f32>, ModelError> {
        let mut joined = Vec::new();
        for (name, length) in parts {
            joined.extend(self.vector(name, *length)?);
        }
        Ok(joined)
    }

    /// Reports that all is read; returns the packer.
    pub(crate) fn finish(self) -> P {
        (self.progress)(1.0);
        self.packer
    }

    fn piece(&self, name: &str, rows: usize, columns: usize) -> Result<Piece, ModelError> {
        let tensor = self.tensor(name, &[rows, columns])?.clone();
        Ok(Piece { name: name.to_owned(), tensor, rows })
    }

    /// Hands the stored rows of `pieces` to the packer, unless it has them packed; floats are quantized first if asked.
    fn pack_pieces<M>(
        &mut self,
        pieces: &[Piece],
        columns: usize,
        quantization: Option<Quantization>,
        packed: impl Fn(&mut P, &[Shape]) -> Option<M>,
        pack: impl Fn(&mut P, &[Rows<'_>], &Origin<'_>) -> Result<M, ModelError>,
    ) -> Result<M, ModelError> {
        let source = self.source;
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
            let (kind, bytes) = (piece.tensor.kind.kind, source.data(&piece.tensor)?);
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
        let tensors = pieces.iter().map(|piece| piece.name.as_str()).collect();
        let matrix = pack(&mut self.packer, &rows, &Origin { file: source.file(), tensors })?;
        self.advance(n_bytes);
        Ok(matrix)
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<&'a TensorSpan, ModelError> {
        let expected = list_shape(shape);
        let tensor = self.source.tensors().get(self.source.file(), name, &expected)?;
        // Converters may leave a dimension of one; it changes nothing.
        let without_ones =
            |shape: &[usize]| shape.iter().copied().filter(|size| *size != 1).collect::<Vec<_>>();
        if tensor.columns == *shape.last().unwrap_or(&1)
            && without_ones(&tensor.shape) == without_ones(shape)
        {
            return Ok(tensor);
        }
        Err(ModelError::TensorShape {
            file: self.source.file().to_owned(),
            tensor: name.to_owned(),
            offset: tensor.span.start as u64,
            found: list_shape(&tensor.shape),
            expected,
        })
    }

    fn advance(&mut self, bytes: usize) {
        self.done_bytes += bytes;
        let share = self.done_bytes as f32 / self.source.n_bytes() as f32;
        (self.progress)(share.min(1.0));
    }
}

fn numbers<const WIDTH: usize>(bytes: &[u8], number: impl Fn([u8; WIDTH]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<WIDTH>().0.iter().map(|bytes| number(*bytes)).collect()
}

fn list_shape(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ")
}
