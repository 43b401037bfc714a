//! Where each tensor of a model is: its type, its shape, its bytes.
//!
//! Invariant: every span is inside its shard.

use std::collections::HashMap;
use std::ops::Range;

use super::tensor_type::TensorType;
use crate::error::ModelError;

/// The tensors of a model by name, as llama.cpp's converter names them.
#[derive(Debug)]
pub(crate) struct Tensors {
    spans: HashMap<String, TensorSpan>,
}

/// One stored tensor.
#[derive(Clone, Debug)]
pub(crate) struct TensorSpan {
    /// How its numbers are stored.
    pub(crate) kind: TensorType,
    /// Its shape, outermost dimension first (rows before columns).
    pub(crate) shape: Vec<usize>,
    /// The product of all dimensions but the innermost.
    pub(crate) rows: usize,
    /// The innermost dimension.
    pub(crate) columns: usize,
    /// Its bytes in the shard.
    pub(crate) span: Range<usize>,
    /// The index of the file that holds it; 0 for a GGUF file.
    pub(crate) shard: usize,
    /// Added to each number of a vector: some folders store norms less 1.
    pub(crate) shift: f32,
}

impl Tensors {
    /// Takes the tensors by name.
    pub(crate) fn new(spans: HashMap<String, TensorSpan>) -> Self {
        Self { spans }
    }

    /// All tensors, in no order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &TensorSpan> {
        self.spans.values()
    }

    /// Whether there is a tensor of this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.spans.contains_key(name)
    }

    /// Returns a tensor; the error names `file`, the tensor, and the `expected` shape.
    pub(crate) fn get(
        &self,
        file: &str,
        name: &str,
        expected: &str,
    ) -> Result<&TensorSpan, ModelError> {
        let missing = || ModelError::MissingTensor {
            file: file.to_owned(),
            tensor: name.to_owned(),
            expected: expected.to_owned(),
        };
        self.spans.get(name).ok_or_else(missing)
    }
}
