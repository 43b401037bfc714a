//! Measures the perplexity of token ids, in the same way as llama-perplexity.
//!
//! `cargo run --release --example perplexity -- MODEL.gguf THREADS WINDOW [int8] < IDS`: the ids,
//! separated by spaces, are cut into windows that each start with an empty cache; the remainder is
//! dropped. Only the tokens in the second half of a window count, so that each has at least half a
//! window before it. With `int8` the cache stores keys and values as bytes. Prints the perplexity
//! and the number of counted tokens.
#![expect(clippy::print_stdout, reason = "an example's result goes to standard output")]
#![expect(clippy::unwrap_used, reason = "a tool for developers, run by hand")]

use std::path::Path;

use lowkey_engine::CHUNK_TOKENS;
use lowkey_model::{KvType, LogitsMode, ModelFile, load, log_sum_exp};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, threads, window, kv_type) = match arguments.as_slice() {
        [path, threads, window] => (path, threads, window, KvType::F16),
        [path, threads, window, int8] if int8 == "int8" => (path, threads, window, KvType::Int8),
        _ => {
            println!("usage: perplexity MODEL.gguf THREADS WINDOW [int8] < IDS");
            std::process::exit(2);
        }
    };
    let window: usize = window.parse().unwrap();
    let text = std::io::read_to_string(std::io::stdin()).unwrap();
    let tokens: Vec<u32> = text.split_whitespace().map(|id| id.parse().unwrap()).collect();

    let file = ModelFile::open(Path::new(path)).unwrap().with_kv_type(kv_type);
    let mut model = load(&file, threads.parse().unwrap(), &mut |_| {}).unwrap();
    let vocab = model.config().vocab;
    let mut cache = model.new_cache(window);
    let mut logits = Vec::new();
    let (mut sum, mut n_counted) = (0.0_f64, 0_u32);
    for window_tokens in tokens.chunks_exact(window) {
        cache.truncate(0);
        let mut position = 0;
        for chunk in window_tokens.chunks(CHUNK_TOKENS) {
            model.forward(chunk, &mut cache, LogitsMode::All, &mut logits, &|| false).unwrap();
            for row in logits.chunks_exact(vocab) {
                // The logits of a position are those of the next token.
                position += 1;
                if position > window / 2 && position < window {
                    let next = window_tokens[position] as usize;
                    sum += f64::from(log_sum_exp(row) - row[next]);
                    n_counted += 1;
                }
            }
        }
    }
    println!("{:.6} {n_counted}", (sum / f64::from(n_counted)).exp());
}
