//! The folder for data kept between starts, and the machine that the data is for.
//!
//! The folder is `lowkey` in the platform's cache folder, or the one in `LOWKEY_CACHE_DIR`. If that
//! variable is set and empty, nothing is kept. The user may delete the folder's contents at any
//! time; the next start then computes more.

use std::path::PathBuf;

use lowkey_engine::PersistOptions;
use lowkey_model::Hold;

use crate::load;
use crate::settings::{Settings, SharedWeights};

/// Returns the folder; `None` if there is none or the user disabled it.
pub fn folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("LOWKEY_CACHE_DIR") {
        return (!folder.is_empty()).then(|| folder.into());
    }
    let absolute = |variable: &str| {
        std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
    };
    let below_home = |folder: &str| std::env::home_dir().map(|home| home.join(folder));
    let folder = if cfg!(windows) {
        absolute("LOCALAPPDATA").map(|local| local.join("cache"))
    } else if cfg!(target_os = "macos") {
        below_home("Library/Caches")
    } else {
        // The XDG base directory specification says to ignore a relative path.
        absolute("XDG_CACHE_HOME").or_else(|| below_home(".cache"))
    };
    Some(folder?.join("lowkey"))
}

/// Returns what an engine with these settings may keep; `None` if nothing may be read or written.
pub fn keep(settings: &Settings) -> Option<PersistOptions> {
    if !settings.persistent_cache {
        return None;
    }
    let bytes = |megabytes: usize| (megabytes as u64).saturating_mul(1 << 20);
    let keep = PersistOptions::new(
        folder()?,
        bytes(settings.persistent_cache_mb),
        machine(settings.threads),
    );
    let hold = match settings.shared_weights {
        SharedWeights::Auto => Hold::Fast,
        SharedWeights::Always => Hold::Shared,
        SharedWeights::Never => Hold::Private,
    };
    Some(PersistOptions { packed_cap_bytes: bytes(settings.packed_weights_mb), hold, ..keep })
}

/// Describes the machine for its measured speed; any change of it causes a new measurement.
fn machine(threads: usize) -> String {
    let features = lowkey_kernels::features();
    let threads = load::threads_of(threads);
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
