//! Loads a model into a device's memory.

use super::choice::Accelerator;
use super::decoder::DeviceDecoder;
use super::upload::Upload;
use crate::causal_lm::CausalLm;
use crate::error::ModelError;
use crate::load::layers;
use crate::load::weights::WeightReader;
use crate::model_file::ModelFile;

/// Loads the weights of a model into a device's memory; reports the share done to `progress`, from 0 to 1.
///
/// Memory: there, the weights as the file stores them; here, the embedding table. The file can be dropped afterwards.
/// Caches hold half floats, also if the file asks for another type.
pub fn load_on_device(
    file: &ModelFile,
    accelerator: &Accelerator,
    progress: &mut dyn FnMut(f32),
) -> Result<Box<dyn CausalLm>, ModelError> {
    let upload = Upload::new(accelerator);
    let mut reader =
        WeightReader::new(file.source(), file.config(), file.quantization(), upload, progress);
    let weights = layers::load(&mut reader, file.layer_spec())?;
    let _uploaded = reader.finish();
    let decoder = DeviceDecoder::new(file.config(), weights, accelerator);
    Ok(Box::new(decoder.map_err(|error| accelerator.failed(&error))?))
}
