//! Indexes folders as the server does, and prints what it costs.
//!
//! ```sh
//! cargo run --release -p lowkey-context --example index FOLDER...
//! ```
#![expect(clippy::print_stdout, reason = "an example's result goes to standard output")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use lowkey_context::Rules;
use lowkey_context::index::{IndexLimits, Indexer, ReadLimits};

fn main() -> std::io::Result<()> {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let folders =
        folders.iter().map(|folder| folder.canonicalize()).collect::<Result<Vec<_>, _>>()?;
    let (rules, problems) = Rules::of_folders(&folders, &[]);
    for problem in problems {
        println!("{problem}");
    }
    let before = resident_kib();
    let start = Instant::now();
    let limits = (IndexLimits::default(), ReadLimits::default());
    let indexer = Indexer::start(folders, Arc::new(rules), Arc::default(), limits)?;
    let progress = indexer.wait_until_idle();
    let seconds = start.elapsed().as_secs_f64();
    let table = indexer.snapshot();
    println!("{progress:?}");
    println!(
        "{} files with {} definitions in {seconds:.2} s: {:.0} files/s; {:.1} MB by its own count, {:.1} MB resident",
        table.n_files(),
        table.n_definitions(),
        table.n_files() as f64 / seconds,
        table.n_bytes() as f64 / 1e6,
        (resident_kib() - before) * 1024.0 / 1e6,
    );
    let mut names: Vec<&str> =
        table.files().flat_map(|file| file.definitions().map(|one| one.name)).collect();
    names.sort_unstable();
    names.dedup();
    let start = Instant::now();
    let n_found: usize = names.iter().map(|name| table.named(name).len()).sum();
    let micros = start.elapsed().as_secs_f64() * 1e6;
    println!(
        "{} names with {n_found} definitions: {:.1} us per look-up",
        names.len(),
        micros / names.len() as f64
    );
    Ok(())
}

/// Returns the resident memory of this process; 0 where `/proc` does not exist.
fn resident_kib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0.0)
}
