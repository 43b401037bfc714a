//! Measures the cost of a key before the model runs: `key_cost TOKENIZER.json FILE` (build with
//! `--release`).
//!
//! Types a line into the middle of the file, letter by letter, then gathers the window and
//! assembles the prompt after each letter. Prints the window, the first prompt (with an empty
//! cache) and the median and the slowest of the later keys.

#![expect(clippy::print_stdout, reason = "a measurement; its result is what it prints")]

use lowkey_context::{Anchor, Context};
use lowkey_document::{ByteOffset, Document};
use lowkey_prompt::{Assembler, Budget, FimFormat, GgufVocab, Tokenizer};
use std::sync::Arc;
use std::time::Instant;

const TYPED: &str = "    let remaining = budget.prompt_tokens.saturating_sub(n_sentinels);";
const BUDGET: Budget = Budget::of(1200);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(tokenizer), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: key_cost TOKENIZER.json FILE".into());
    };
    let tokenizer = Arc::new(Tokenizer::from_json(&std::fs::read(tokenizer)?)?);
    let format = FimFormat::detect(&tokenizer, &GgufVocab::default())?;
    let assembler = Assembler::new(tokenizer, format);
    let text = std::fs::read_to_string(file)?;
    let start = text[..text.floor_char_boundary(text.len() / 2)].rfind('\n').map_or(0, |at| at + 1);
    let mut micros = Vec::new();
    for n_typed in 1..=TYPED.len() {
        let now = format!("{}{}\n{}", &text[..start], &TYPED[..n_typed], &text[start..]);
        let snapshot = Document::open("file:///a.rs", "rust", 1, &now).snapshot();
        let begun = Instant::now();
        let cursor = snapshot.cursor(ByteOffset(start + n_typed));
        let context =
            Context::gather(&snapshot, &cursor, "src/a.rs", &BUDGET.window(), Anchor::Lines(1));
        let gathered = begun.elapsed();
        let prompt = assembler.assemble(&context, &BUDGET);
        micros.push(begun.elapsed().as_micros());
        if n_typed == 1 {
            println!(
                "window: {} + {} bytes; {} tokens",
                context.prefix.len(),
                context.suffix.len(),
                prompt.tokens.len()
            );
            println!("first prompt: {:?}, of which the window {gathered:?}", begun.elapsed());
        }
    }
    micros.remove(0);
    micros.sort_unstable();
    if let (Some(median), Some(slowest)) = (micros.get(micros.len() / 2), micros.last()) {
        println!("keys after it: median {median} µs, slowest {slowest} µs");
    }
    Ok(())
}
