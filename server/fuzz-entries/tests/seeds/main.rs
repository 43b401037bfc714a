//! Runs the seeds of the fuzz targets through the targets' entry functions: whole seeds are accepted,
//! and damaged ones cause no panic. `server/fuzz` runs the same functions for any length of time.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod editors;
mod models;
mod servers;

use std::path::{Path, PathBuf};

/// The folder with the seeds of all targets.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds")
}

/// Passes each seed to `entry`, whole and `n_damaged` times with other bytes in some positions, the
/// same ones every time.
fn check(target: &str, n_damaged: usize, bytes: &[u8], entry: impl Fn(&[u8]) -> bool) {
    let mut random = 0x5eed_u64;
    let mut below = |n: usize| {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (random >> 33) as usize % n
    };
    let folder = folder().join(target);
    let mut seeds: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    assert!(seeds.len() >= 5, "{} seeds in {}", seeds.len(), folder.display());
    for path in seeds {
        let seed = std::fs::read(&path).unwrap();
        assert!(entry(&seed), "{} is not accepted", path.display());
        for _ in 0..n_damaged {
            entry(&seed[..below(seed.len())]);
            let mut damaged = seed.clone();
            for _ in 0..=below(3) {
                damaged[below(seed.len())] = bytes[below(bytes.len())];
            }
            entry(&damaged);
        }
    }
}
