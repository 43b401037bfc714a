//! From a model's name to a model that runs.
//!
//! Every failure becomes one message for the user that says what, where and what to
//! do next.

use std::sync::Arc;

use lowkey_engine::{LoadFailed, Loaded, Wanted};
use lowkey_model::{ModelFile, Quantization};
use lowkey_prompt::Assembler;
use lowkey_store::{Hub, Pins, Source};

use crate::settings::{self, Order, Quantize, Settings};

/// Loads the model that the settings name (see [`lowkey_store::resolve`]). `progress` gets the share done.
///
/// Fails when the device that they name is not there, or the model cannot be asked in the way or order that they want.
pub fn load(settings: &Settings, progress: &mut dyn FnMut(f32)) -> Result<Loaded, LoadFailed> {
    let threads = threads_of(settings.threads);
    let accelerator = settings.device.open().map_err(|e| e.to_string())?;
    let wanted = Wanted { accelerator: accelerator.as_ref(), infill: settings.infill };
    in_order(Loaded::wanted(wanted, &open(settings)?, threads, progress)?, settings.order)
}

/// Lays the model's prompts out in the order that the settings name.
fn in_order(loaded: Loaded, order: Order) -> Result<Loaded, LoadFailed> {
    let (wanted, name) = match order {
        Order::Auto => return Ok(loaded),
        Order::Psm => (lowkey_prompt::Order::Psm, "psm"),
        Order::Spm => (lowkey_prompt::Order::Spm, "spm"),
    };
    let format = loaded.assembler.format().clone();
    let asked = format.name();
    let Some(format) = format.with_order(wanted) else {
        return Err(format!(
            "the model {} was not trained on the order {name} (it is asked {asked}); set order to \"auto\"",
            loaded.name
        ));
    };
    let tokenizer = Arc::clone(loaded.assembler.tokenizer());
    Ok(Loaded { assembler: Arc::new(Assembler::new(tokenizer, format)), ..loaded })
}

/// Opens and validates the file or folder behind a model's name.
pub fn open(settings: &Settings) -> Result<ModelFile, LoadFailed> {
    let hub = Hub::from_env();
    let source = lowkey_store::resolve(&settings.model, &hub, &pins(&hub));
    let opened = match source.map_err(|e| e.to_string())? {
        Source::Embedded(model) => ModelFile::from_bytes(model.name, model.bytes),
        Source::Gguf(path) | Source::Folder(path) => ModelFile::open(&path),
    };
    let quantization = match settings.quantize {
        Quantize::None => None,
        Quantize::Q8_0 => Some(Quantization::Q8_0),
    };
    let file = opened.map_err(|e| e.to_string())?;
    Ok(file.with_kv_type(settings.kv_cache).quantized_on_load(quantization))
}

/// Which file each pulled name means on this machine: `models.toml` beside the settings.
pub fn pins(hub: &Hub) -> Pins {
    let settings = settings::config_file();
    let beside = settings.map(|settings| settings.with_file_name("models.toml"));
    Pins::at(beside.unwrap_or_else(|| hub.cache.root().join("lowkey-models.toml")))
}

/// The threads that the setting means; 0 is one for each core.
///
/// Cores, not hardware threads: two threads on one core share the units that int8 products fill.
pub fn threads_of(setting: usize) -> usize {
    if setting == 0 { lowkey_kernels::features().cores.max(1) } else { setting }
}
