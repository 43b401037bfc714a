//! Uploads weights to a device's memory.
//!
//! The embedding table is packed for our own kernels and stays on the CPU: a pass looks up a few rows of it, which are
//! small to upload, and nothing of the vocabulary's size is ever converted to f32.

use lowkey_kernels::{Matrix, Pool, Rows};

use super::choice::Accelerator;
use super::matrix::DeviceMatrix;
use crate::error::ModelError;
use crate::load::pack::{Origin, Pack};

/// Packs for a device.
pub(super) struct Upload<'a> {
    accelerator: &'a Accelerator,
    /// For the embedding table.
    pool: Pool,
}

impl<'a> Upload<'a> {
    pub(super) fn new(accelerator: &'a Accelerator) -> Self {
        Self { accelerator, pool: Pool::new(1) }
    }
}

impl Pack for Upload<'_> {
    type Matrix = DeviceMatrix;
    const EMBEDDING_MULTIPLIES: bool = false;

    fn pack(
        &mut self,
        rows: &[Rows<'_>],
        _origin: &Origin<'_>,
    ) -> Result<DeviceMatrix, ModelError> {
        DeviceMatrix::new(self.accelerator, rows).map_err(|error| self.accelerator.failed(&error))
    }

    fn pack_embedding(
        &mut self,
        rows: &[Rows<'_>],
        origin: &Origin<'_>,
    ) -> Result<Matrix, ModelError> {
        Matrix::pack_with(&self.pool, rows).map_err(|source| origin.not_packed(source))
    }
}
