//! Measures what a tokenizer costs: `tokenizer_cost MODEL.gguf FILE...` (build with `--release`).
//!
//! Prints how long it takes to build, how long to drop, and how long the files take to encode, the first time and
//! later. The hash of all ids tells whether two versions of this program encode alike.

#![expect(clippy::print_stdout, reason = "a measurement; its result is what it prints")]

#[path = "vocab_vectors/metadata.rs"]
mod metadata;

use lowkey_prompt::{TokenId, Tokenizer};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often each is done.
const ROUNDS: usize = 15;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let model = arguments.next().ok_or("usage: tokenizer_cost MODEL.gguf FILE...")?;
    let texts = arguments.map(std::fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
    let vocab = metadata::read_vocab(Path::new(&model))?;
    let (mut built, mut dropped, mut first, mut later) = (vec![], vec![], vec![], vec![]);
    let mut tokens: Vec<Vec<TokenId>> = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let tokenizer = Tokenizer::from_gguf(&vocab)?;
        built.push(begun.elapsed());
        for times in [&mut first, &mut later] {
            let begun = Instant::now();
            tokens = texts.iter().map(|text| tokenizer.encode(text)).collect();
            times.push(begun.elapsed());
        }
        let begun = Instant::now();
        drop(tokenizer);
        dropped.push(begun.elapsed());
    }
    println!("{} tokens, {} merges", vocab.tokens.len(), vocab.merges.len());
    println!("build:  {}", spread(built));
    println!("drop:   {}", spread(dropped));
    let n_bytes: usize = texts.iter().map(String::len).sum();
    let n_tokens = tokens.iter().map(Vec::len).sum::<usize>();
    let mut hasher = DefaultHasher::new();
    tokens.hash(&mut hasher);
    println!("{n_bytes} bytes, {n_tokens} tokens, their hash {:016x}", hasher.finish());
    println!("encode: first {}, later {}", spread(first), spread(later));
    Ok(())
}

/// The median, with the quickest and the slowest.
fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let ms = |at: usize| times.get(at).copied().unwrap_or_default().as_secs_f64() * 1e3;
    format!("{:.1} ms ({:.1} to {:.1})", ms(ROUNDS / 2), ms(0), ms(ROUNDS - 1))
}
