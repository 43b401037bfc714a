//! Loads the model of a name.
//!
//! Every failure becomes one message for the user: the fault, its location, and the next step.

use std::path::Path;
use std::sync::Arc;

use lowkey_engine::{LoadError, LoadOptions, Loaded, PersistOptions};
use lowkey_model::{MapPolicy, ModelFile, Quantization};
use lowkey_prompt::Assembler;
use lowkey_store::{DEFAULT_NAME, EmbeddedModel, FORMER_NAME, Hub, ModelSource, Pins, Weights};

use crate::dirs;
use crate::settings::{self, OrderSetting, Quantize, Settings, SharedWeights};

/// The environment variable with the model's name, if neither `--model` nor the settings have one.
const VARIABLE: &str = "LOWKEY_MODEL";

/// Opens and validates the embedded model.
pub fn open_embedded(model: &EmbeddedModel) -> Result<ModelFile, lowkey_model::ModelError> {
    match model.weights {
        Weights::Inside(bytes) => ModelFile::from_bytes(DEFAULT_NAME, bytes),
        Weights::Beside(path) => ModelFile::open(Path::new(path)),
    }
}

/// Loads the model `name` (see [`open`]) with the options of the settings, and with packed weights
/// from the folder in `keep`. `progress` receives the share done.
///
/// Fails if the selected device does not exist, or if the model does not support the selected
/// prompt format or order.
pub fn load(
    name: &str,
    settings: &Settings,
    embedded: Option<&EmbeddedModel>,
    keep: Option<&PersistOptions>,
    progress: &mut dyn FnMut(f32),
) -> Result<Loaded, LoadError> {
    let threads = threads_of(settings.threads);
    let accelerator = settings.device.open().map_err(|e| e.to_string())?;
    let options =
        LoadOptions { accelerator: accelerator.as_ref(), infill: settings.infill, persist: keep };
    in_order(
        Loaded::with_options(options, &open(name, settings, embedded)?, threads, progress)?,
        settings.order,
    )
}

/// Returns what an engine with these settings may keep; `None` if nothing may be read or written.
pub fn keep(settings: &Settings) -> Option<PersistOptions> {
    if !settings.persistent_cache {
        return None;
    }
    let bytes = |megabytes: usize| (megabytes as u64).saturating_mul(1 << 20);
    let keep = PersistOptions::new(
        dirs::cache()?,
        bytes(settings.persistent_cache_mb),
        machine(settings.threads),
    );
    let map_policy = match settings.shared_weights {
        SharedWeights::Auto => MapPolicy::Auto,
        SharedWeights::Always => MapPolicy::Always,
        SharedWeights::Never => MapPolicy::Never,
    };
    Some(PersistOptions { packed_cap_bytes: bytes(settings.packed_weights_mb), map_policy, ..keep })
}

/// Sets the order of the model's prompts to that of the settings.
fn in_order(loaded: Loaded, order: OrderSetting) -> Result<Loaded, LoadError> {
    let (fim_order, name) = match order {
        OrderSetting::Auto => return Ok(loaded),
        OrderSetting::Psm => (lowkey_prompt::FimOrder::Psm, "psm"),
        OrderSetting::Spm => (lowkey_prompt::FimOrder::Spm, "spm"),
    };
    let format = loaded.assembler.format().clone();
    let asked = format.name();
    let Some(format) = format.with_order(fim_order) else {
        return Err(format!(
            "the model {} was not trained on the order {name} (its prompt format: {asked}); set order to \"auto\"",
            loaded.name
        ));
    };
    let tokenizer = Arc::clone(loaded.assembler.tokenizer());
    let next_edit = loaded.assembler.next_edit().cloned();
    let assembler = Assembler::new(tokenizer, format).with_next_edit(next_edit);
    Ok(Loaded { assembler: Arc::new(assembler), ..loaded })
}

/// Opens and validates the model `name`: a catalog name, a file or a folder
/// (see [`lowkey_store::resolve`]). An empty name is that of the environment, or the model in the
/// program, `embedded`.
pub fn open(
    name: &str,
    settings: &Settings,
    embedded: Option<&EmbeddedModel>,
) -> Result<ModelFile, LoadError> {
    let hub = Hub::from_env();
    let named = named(name);
    if named.trim().eq_ignore_ascii_case(FORMER_NAME) {
        tracing::warn!(
            "the model {FORMER_NAME} is now named {DEFAULT_NAME}; leave the model setting empty, or set it to the new name"
        );
    }
    let source = lowkey_store::resolve(&named, embedded, &hub, &pins(&hub));
    let opened = match source.map_err(|e| e.to_string())? {
        ModelSource::Embedded(model) => open_embedded(&model),
        ModelSource::Gguf(path) | ModelSource::Folder(path) => ModelFile::open(&path),
    };
    let quantization = match settings.quantize {
        Quantize::None => None,
        Quantize::Q8_0 => Some(Quantization::Q8_0),
    };
    let file = opened.map_err(|e| e.to_string())?;
    Ok(file.with_kv_type(settings.kv_cache).quantized_on_load(quantization))
}

/// Returns the model's name: from the settings, or from the environment if they have none.
fn named(setting: &str) -> String {
    if setting.trim().is_empty() {
        std::env::var(VARIABLE).unwrap_or_default()
    } else {
        setting.to_owned()
    }
}

/// Opens the list of the files of pulled models: `models.toml` next to the settings.
pub fn pins(hub: &Hub) -> Pins {
    let settings = settings::config_file();
    let beside = settings.map(|settings| settings.with_file_name("models.toml"));
    Pins::at(beside.unwrap_or_else(|| hub.cache.root().join("lowkey-models.toml")))
}

/// Returns the number of threads for the setting; 0 is one per core.
///
/// Cores, not hardware threads: two threads on one core share the units that int8 products use
/// fully.
pub fn threads_of(setting: usize) -> usize {
    if setting == 0 { lowkey_kernels::features().cores.max(1) } else { setting }
}

/// Describes the machine for its measured speed; any change of it causes a new measurement.
fn machine(threads: usize) -> String {
    let features = lowkey_kernels::features();
    let threads = threads_of(threads);
    format!(
        "{} {} [{}], {} kernels, {threads} threads, lowkey {} numerics {}",
        features.architecture,
        features.processor,
        features.has.join(" "),
        features.kernels.name(),
        env!("CARGO_PKG_VERSION"),
        lowkey_model::NUMERICS,
    )
}
