//! From a model's name to a model that runs.
//!
//! Every failure becomes one message for the user that says what, where and what to
//! do next.

use std::path::Path;
use std::sync::Arc;

use lowkey_engine::{Keep, LoadFailed, Loaded, Wanted};
use lowkey_model::{ModelFile, Quantization};
use lowkey_prompt::Assembler;
use lowkey_store::{DEFAULT_NAME, Embedded, FORMER_NAME, Hub, Pins, Source, Weights};

use crate::settings::{self, Order, Quantize, Settings};

/// Names the model where neither `--model` nor the settings do.
const VARIABLE: &str = "LOWKEY_MODEL";

/// Opens and validates the model inside the program.
pub fn open_embedded(model: &Embedded) -> Result<ModelFile, lowkey_model::ModelError> {
    match model.weights {
        Weights::Inside(bytes) => ModelFile::from_bytes(DEFAULT_NAME, bytes),
        Weights::Beside(path) => ModelFile::open(Path::new(path)),
    }
}

/// Loads the model that the settings name (see [`lowkey_store::resolve`]), its packed weights from where `keep` says.
/// `embedded` is the model inside the program; `progress` gets the share done.
///
/// Fails when the device that they name is not there, or the model cannot be asked in the way or order that they want.
pub fn load(
    settings: &Settings,
    embedded: Option<&Embedded>,
    keep: Option<&Keep>,
    progress: &mut dyn FnMut(f32),
) -> Result<Loaded, LoadFailed> {
    let threads = threads_of(settings.threads);
    let accelerator = settings.device.open().map_err(|e| e.to_string())?;
    let wanted = Wanted { accelerator: accelerator.as_ref(), infill: settings.infill, keep };
    in_order(Loaded::wanted(wanted, &open(settings, embedded)?, threads, progress)?, settings.order)
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

/// Opens and validates the file or folder that the settings name, or the model inside the program.
pub fn open(settings: &Settings, embedded: Option<&Embedded>) -> Result<ModelFile, LoadFailed> {
    let hub = Hub::from_env();
    let named = named(&settings.model);
    if named.trim().eq_ignore_ascii_case(FORMER_NAME) {
        tracing::warn!(
            "the model {FORMER_NAME} is now named {DEFAULT_NAME}; leave the model setting empty, or set it to the new name"
        );
    }
    let source = lowkey_store::resolve(&named, embedded, &hub, &pins(&hub));
    let opened = match source.map_err(|e| e.to_string())? {
        Source::Embedded(model) => open_embedded(&model),
        Source::Gguf(path) | Source::Folder(path) => ModelFile::open(&path),
    };
    let quantization = match settings.quantize {
        Quantize::None => None,
        Quantize::Q8_0 => Some(Quantization::Q8_0),
    };
    let file = opened.map_err(|e| e.to_string())?;
    Ok(file.with_kv_type(settings.kv_cache).quantized_on_load(quantization))
}

/// The model's name: from the settings, or from the environment where they are silent.
fn named(setting: &str) -> String {
    if setting.trim().is_empty() {
        std::env::var(VARIABLE).unwrap_or_default()
    } else {
        setting.to_owned()
    }
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
