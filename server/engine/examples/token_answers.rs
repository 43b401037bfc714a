//! Greedy answers to prompts of token ids, with the margin of each choice.
//!
//! `cargo run --release --example token_answers -- MODEL.gguf THREADS N_DECODE < PROMPTS`: one
//! prompt per line, with ids separated by spaces. Each prompt starts with an empty cache. A line of
//! answers has `id:second:gap` for each token: the best and the second best of the logits and their
//! difference. `tests/peers` compares these answers with those of other engines.
#![expect(clippy::print_stdout, reason = "an example's result goes to standard output")]
#![expect(clippy::unwrap_used, reason = "a tool for developers, run by hand")]

use std::path::Path;

use lowkey_engine::CHUNK_TOKENS;
use lowkey_model::{LogitsMode, ModelFile, argmax, load};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, threads, n_decode] = arguments.as_slice() else {
        println!("usage: token_answers MODEL.gguf THREADS N_DECODE < PROMPTS");
        std::process::exit(2);
    };
    let n_decode: usize = n_decode.parse().unwrap();
    let file = ModelFile::open(Path::new(path)).unwrap();
    let mut model = load(&file, threads.parse().unwrap(), &mut |_| {}).unwrap();
    let mut logits = Vec::new();
    for line in std::io::stdin().lines() {
        let prompt: Vec<u32> =
            line.unwrap().split_whitespace().map(|id| id.parse().unwrap()).collect();
        let mut cache = model.new_cache(prompt.len() + n_decode);
        for chunk in prompt.chunks(CHUNK_TOKENS) {
            model.forward(chunk, &mut cache, LogitsMode::Last, &mut logits, &|| false).unwrap();
        }
        let mut answer = Vec::new();
        for _ in 0..n_decode {
            let (best, second, gap) = two_best(&mut logits);
            answer.push(format!("{best}:{second}:{gap:.5}"));
            model.forward(&[best], &mut cache, LogitsMode::Last, &mut logits, &|| false).unwrap();
        }
        println!("{}", answer.join(" "));
    }
}

/// Returns the best and the second best token, and the difference of their logits.
fn two_best(logits: &mut [f32]) -> (u32, u32, f32) {
    let best = argmax(logits);
    let value = std::mem::replace(&mut logits[best], f32::NEG_INFINITY);
    let second = argmax(logits);
    (best as u32, second as u32, value - logits[second])
}
