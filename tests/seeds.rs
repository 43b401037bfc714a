//! Runs the seeds of the fuzz targets for input from editors, repositories and user folders through
//! the targets' entry functions: whole seeds are accepted, and damaged ones cause no panic.
//! `server/fuzz` runs the same functions for any length of time.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../server/fuzz/editors.rs"]
#[expect(unreachable_pub, reason = "a library of its own in the fuzz targets")]
mod editors;
#[path = "harness/folder.rs"]
mod folder;

use std::path::Path;

use folder::TestFolder;

/// Passes each seed to `entry`, whole and with damage in some hundred positions, the same ones
/// every time.
fn check(target: &str, entry: impl Fn(&[u8]) -> bool) {
    let mut random = 0x5eed_u64;
    let mut below = |n: usize| {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (random >> 33) as usize % n
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("server/fuzz/seeds").join(target);
    let mut seeds: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    assert!(seeds.len() >= 5, "{} seeds in {}", seeds.len(), folder.display());
    for path in seeds {
        let seed = std::fs::read(&path).unwrap();
        assert!(entry(&seed), "{} is not accepted", path.display());
        for _ in 0..50 {
            entry(&seed[..below(seed.len())]);
            let mut damaged = seed.clone();
            for _ in 0..=below(3) {
                let bytes = [0, b'%', b'/', b'[', b'"', b'\\', b'\n', 0x80, 0xff, b'9'];
                damaged[below(seed.len())] = bytes[below(bytes.len())];
            }
            entry(&damaged);
        }
    }
}

#[test]
fn frame_seeds_do_not_panic() {
    check("frames", editors::frames);
}

#[test]
fn uri_seeds_do_not_panic() {
    check("uris", editors::uris);
}

#[test]
fn ignore_file_seeds_do_not_panic() {
    let folder = TestFolder::new("seeds-ignore");
    check("ignore_file", |bytes| editors::ignore_file(&folder, bytes));
}

#[test]
fn settings_seeds_do_not_panic() {
    check("settings", editors::settings);
}

#[test]
fn session_seeds_do_not_panic() {
    check("session", editors::session);
}
