//! Compares the ways to hold packed weights: time to load, prefill and decoding, in turns; medians, and the best.
//!
//! `cargo run --release -p lowkey-model --example packed_weights -- MODEL.gguf FOLDER [ROUNDS [THREADS]]`. FOLDER takes
//! the packed file, twice: written in pieces of 2 MiB, which Linux caches in huge pages where the file system can, and
//! of 4 KiB, as every other system does. On one thread its own time is measured, so that it matters less what else runs.
#![expect(clippy::print_stdout, reason = "an example's result goes to standard output")]
#![expect(clippy::unwrap_used, reason = "a tool for developers, run by hand")]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use lowkey_model::{
    CausalLm, LoadedWeights, LogitsMode, MapPolicy, ModelFile, PackingKey, SavedWeights,
    load_with_saved_weights,
};

const N_PREFILL: usize = 512;
const N_DECODE: usize = 32;

struct Row {
    name: &'static str,
    model: Box<dyn CausalLm>,
    load_ms: f64,
    prefill: Vec<f64>,
    decode: Vec<f64>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, folder, rest @ ..] = arguments.as_slice() else {
        println!("usage: packed_weights MODEL.gguf FOLDER [ROUNDS]");
        std::process::exit(2);
    };
    let n_rounds = rest.first().map_or(7, |text| text.parse().unwrap());
    let file = ModelFile::open(Path::new(path)).unwrap();
    let key = PackingKey::new(&file, &file.digest());
    let threads =
        rest.get(1).map_or(lowkey_kernels::features().cores, |text| text.parse().unwrap());
    let clock_of_thread = threads == 1;
    let paths = ["huge", "small"].map(|name| Path::new(folder).join(format!("{name}.weights")));

    let clock = Instant::now();
    let (model, weights) =
        load_with_saved_weights(&file, threads, None, &key, &mut |_| {}).unwrap();
    let load_ms = clock.elapsed().as_secs_f64() * 1e3;
    let Some(LoadedWeights::PackedNow(packed, _)) = weights else { unreachable!() };
    for (path, piece) in paths.iter().zip([2 << 20, 4 << 10]) {
        let mut out = File::create(path).unwrap();
        let clock = Instant::now();
        packed
            .save(key.bytes(), &mut |bytes| {
                bytes.chunks(piece).try_for_each(|piece| out.write_all(piece))
            })
            .unwrap();
        let written = clock.elapsed();
        out.sync_all().unwrap();
        println!("written in {written:.1?}, with the disk {:.1?}", clock.elapsed());
    }
    drop(packed);
    let mut rows = vec![Row::new("packed now", model, load_ms)];
    for (name, path, map_policy) in [
        ("mapped, written by 2 MiB", &paths[0], MapPolicy::Always),
        ("mapped, written by 4 KiB", &paths[1], MapPolicy::Always),
        ("copied", &paths[0], MapPolicy::Never),
    ] {
        let kept = File::open(path).unwrap();
        let clock = Instant::now();
        let kept = SavedWeights { file: &kept, map_policy };
        let (model, weights) =
            load_with_saved_weights(&file, threads, Some(kept), &key, &mut |_| {}).unwrap();
        let load_ms = clock.elapsed().as_secs_f64() * 1e3;
        let Some(LoadedWeights::FromFile(held)) = weights else { panic!("{name}: packed anew") };
        println!("{name}: {held:?}");
        rows.push(Row::new(name, model, load_ms));
    }
    for round in 0..n_rounds {
        let n = rows.len();
        for index in 0..n {
            rows[(index + round) % n].measure(clock_of_thread);
        }
    }
    println!("{:28} {:>8} {:>17} {:>17}", "", "load ms", "prefill/s, best", "decode/s, best");
    for Row { name, load_ms, prefill, decode, .. } in &mut rows {
        let ([prefill, most], [decode, fastest]) = (summary(prefill), summary(decode));
        println!("{name:28} {load_ms:8.0} {prefill:8.1} {most:8.1} {decode:8.2} {fastest:8.2}");
    }
}

impl Row {
    fn new(name: &'static str, model: Box<dyn CausalLm>, load_ms: f64) -> Self {
        Self { name, model, load_ms, prefill: Vec::new(), decode: Vec::new() }
    }

    fn measure(&mut self, of_thread: bool) {
        let vocab = self.model.config().vocab;
        let tokens: Vec<u32> = (0..N_PREFILL).map(|i| ((i * 7919 + 13) % vocab) as u32).collect();
        let mut cache = self.model.new_cache(N_PREFILL + N_DECODE);
        let mut logits = Vec::new();
        let begun = seconds(of_thread);
        self.model.forward(&tokens, &mut cache, LogitsMode::Last, &mut logits, &|| false).unwrap();
        self.prefill.push(N_PREFILL as f64 / (seconds(of_thread) - begun));
        let begun = seconds(of_thread);
        for token in &tokens[..N_DECODE] {
            self.model
                .forward(&[*token], &mut cache, LogitsMode::Last, &mut logits, &|| false)
                .unwrap();
        }
        self.decode.push(N_DECODE as f64 / (seconds(of_thread) - begun));
    }
}

/// The time, or what the main thread had of a processor (Linux).
fn seconds(of_thread: bool) -> f64 {
    if of_thread {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        return text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9;
    }
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64()
}

/// The median and the best.
fn summary(rates: &mut [f64]) -> [f64; 2] {
    rates.sort_by(f64::total_cmp);
    [rates[rates.len() / 2], rates[rates.len() - 1]]
}
