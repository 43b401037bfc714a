//! Compares our logits with candle-transformers' f32 ones on a model file, and measures opening, loading and running it.
//!
//! `cargo run --release -p lowkey-model --example against_candle -- MODEL.gguf [TOKENS [speed]]`, for qwen2 models. The
//! dequantized reference takes four bytes per weight; `speed` skips it, 0 tokens only load. Tests do the same on
//! tiny models; this is for real ones.
#![expect(clippy::print_stdout, reason = "an example's result goes to standard output")]
#![expect(clippy::unwrap_used, reason = "a tool for developers, run by hand")]

use std::path::Path;
use std::time::Instant;

use lowkey_model::{LogitsMode, ModelFile, load};
use lowkey_test_support::model::{Distance, distance, reference_logits};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| {
        println!("usage: against_candle MODEL.gguf [TOKENS [speed]]");
        std::process::exit(2);
    });
    let n_tokens = arguments.next().map_or(256, |text| text.parse().unwrap());

    let clock = Instant::now();
    let file = ModelFile::open(Path::new(&path)).unwrap();
    let opened = clock.elapsed();
    let clock = Instant::now();
    let digest = file.digest();
    let digested = clock.elapsed();
    println!("{} ({}), digest {}…", file.name(), file.architecture(), &digest[..12]);
    let before = resident_kb();
    let clock = Instant::now();
    let mut model = load(&file, lowkey_kernels::features().cores, &mut |_| {}).unwrap();
    println!("open {opened:.1?}, digest {digested:.1?}, load {:.1?}", clock.elapsed());
    let vocab = file.config().vocab;
    drop(file);
    println!("resident: {} KiB before loading, {} KiB with the file closed", before, resident_kb());

    if n_tokens == 0 {
        return;
    }

    // Any ids serve; a fixed stride through the vocabulary is the same everywhere.
    let tokens: Vec<u32> =
        (0..n_tokens).map(|index| (index * 7919 + 13) as u32 % vocab as u32).collect();
    let mut cache = model.new_cache(n_tokens + 32);
    let mut logits = Vec::new();
    for _ in 0..2 {
        cache.truncate(0);
        let clock = Instant::now();
        model.forward(&tokens, &mut cache, LogitsMode::Last, &mut logits, &|| false).unwrap();
        println!(
            "prefill {n_tokens}: {:.0} tokens/s",
            n_tokens as f64 / clock.elapsed().as_secs_f64()
        );
    }
    let clock = Instant::now();
    for id in 0..32 {
        model.forward(&[id], &mut cache, LogitsMode::Last, &mut logits, &|| false).unwrap();
    }
    println!("decode at {n_tokens}: {:.0} tokens/s", 32.0 / clock.elapsed().as_secs_f64());

    if arguments.next().as_deref() == Some("speed") {
        return;
    }
    cache.truncate(0);
    model.forward(&tokens, &mut cache, LogitsMode::All, &mut logits, &|| false).unwrap();
    let reference = reference_logits(&std::fs::read(&path).unwrap(), &tokens);
    let Distance { max, rms, same_argmax } = distance(&logits, &reference, vocab);
    println!("against candle: largest {max:.4}, root mean square {rms:.4} standard deviations");
    println!("the same likeliest token at {:.1} % of positions", 100.0 * same_argmax);
}

/// The resident memory of this process in KiB; 0 where the system does not tell in Linux's way.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}
