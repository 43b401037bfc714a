//! Fuzz target: a `.gitignore` and a repository's configuration, and their verdicts on files.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

/// Rewritten for each input; in memory if the temporary folder is.
static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
    let place = std::env::temp_dir().join(format!("lowkey-fuzz-ignore-{}", std::process::id()));
    std::fs::create_dir_all(&place).expect("the temporary folder cannot be written to");
    place
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lowkey_fuzz::editors::ignore_file(&PLACE, bytes);
});
