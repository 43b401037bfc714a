//! Loads a model to run on our own kernels.

use lowkey_kernels::{PackedWeights, Pool, WeightArena};

use super::decoder::Decoder;
use crate::causal_lm::CausalLm;
use crate::error::ModelError;
use crate::load::layers;
use crate::load::pack::{PackForKernels, packed_bytes};
use crate::load::weights::WeightReader;
use crate::model_file::ModelFile;

/// Loads the weights of a model, to run on `threads` threads; reports the share done to `progress`, from 0 to 1.
///
/// Memory: the packed weights, about the size of the file. The file can be dropped afterwards.
pub fn load(
    file: &ModelFile,
    threads: usize,
    progress: &mut dyn FnMut(f32),
) -> Result<Box<dyn CausalLm>, ModelError> {
    load_on(file, Pool::new(threads), progress)
}

/// Does the same as [`load`], to run on the threads and with the kernels of `pool`.
pub fn load_on(
    file: &ModelFile,
    pool: Pool,
    progress: &mut dyn FnMut(f32),
) -> Result<Box<dyn CausalLm>, ModelError> {
    load_packed(file, pool, None, progress).map(|(model, _)| model)
}

/// Loads a model whose matrices may be packed already; returns them if they were packed by this call.
pub(super) fn load_packed(
    file: &ModelFile,
    pool: Pool,
    packed: Option<WeightArena>,
    progress: &mut dyn FnMut(f32),
) -> Result<(Box<dyn CausalLm>, Option<PackedWeights>), ModelError> {
    let n_bytes = packed_bytes(file.source().tensors(), file.quantization());
    let packer = PackForKernels::new(pool, packed, n_bytes);
    let mut reader =
        WeightReader::new(file.source(), file.config(), file.quantization(), packer, progress);
    let weights = layers::load(&mut reader, file.layer_spec())?;
    let (pool, packed) = reader.finish().into_parts();
    Ok((Box::new(Decoder::new(file.config(), weights, pool)), packed))
}
