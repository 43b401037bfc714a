//! Brings weights into a device's memory.
//!
//! The counterpart of packing for our own kernels. The embedding table is packed for these all the same: a pass looks
//! up a few rows of it, which are small to send, and nothing of the vocabulary's size is ever spread out in f32.

use lowkey_kernels::{Matrix, Pool, Rows};

use super::Accelerator;
use super::matrix::DeviceMatrix;
use crate::weights::{Pack, not_packed};
use crate::{ModelError, ModelFile};

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
        _file: &ModelFile,
        rows: &[Rows<'_>],
        _names: &dyn Fn() -> String,
    ) -> Result<DeviceMatrix, ModelError> {
        DeviceMatrix::new(self.accelerator, rows).map_err(|error| self.accelerator.failed(&error))
    }

    fn pack_embedding(
        &mut self,
        file: &ModelFile,
        rows: &[Rows<'_>],
        names: &dyn Fn() -> String,
    ) -> Result<Matrix, ModelError> {
        let failed = |source| not_packed(file, names, source);
        Matrix::pack_with(&self.pool, rows).map_err(failed)
    }
}
