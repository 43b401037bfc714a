//! From a model's name to a model that runs.
//!
//! Every failure becomes one message for the user that says what, where and what to
//! do next.

use lowkey_engine::{LoadFailed, Loaded};
use lowkey_model::ModelFile;
use lowkey_store::Source;

/// Loads the model that `named` means (see [`lowkey_store::resolve`]).
///
/// `threads` = 0 means one for each physical core. `progress` gets the share done.
pub fn load(
    named: &str,
    threads: usize,
    progress: &mut dyn FnMut(f32),
) -> Result<Loaded, LoadFailed> {
    let threads = if threads == 0 { physical_cores() } else { threads };
    Loaded::from_file(&open(named)?, threads, progress)
}

/// Opens and validates the file behind a model's name.
pub fn open(named: &str) -> Result<ModelFile, LoadFailed> {
    match lowkey_store::resolve(named).map_err(|e| e.to_string())? {
        Source::Embedded(model) => ModelFile::from_bytes(model.name, model.bytes),
        Source::Gguf(path) => ModelFile::open(&path),
    }
    .map_err(|e| e.to_string())
}

/// Cores, not hardware threads: two threads on one core share the units that int8 products fill.
pub fn physical_cores() -> usize {
    lowkey_kernels::features().cores.max(1)
}
