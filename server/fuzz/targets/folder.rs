//! Fuzz target: a Hugging Face model folder, with its `config.json` and the header of its
//! safetensors.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

/// Rewritten for each input; in memory if the temporary folder is.
static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
    let place = std::env::temp_dir().join(format!("lowkey-fuzz-folder-{}", std::process::id()));
    std::fs::create_dir_all(&place).expect("the temporary folder cannot be written to");
    place
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lowkey_fuzz::folder(&PLACE, bytes);
});
