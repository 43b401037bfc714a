//! Token healing over a vocabulary of your choice: `healing VOCAB.gguf [FILE...]`.
//!
//! The model knows one line by heart, but only as whole tokens. The example requests a completion
//! at every cursor of that line, with healing and without. It uses the lines of the tests, or up to
//! 40 lines of each file named. The exit code is 1 if a healed answer is not the rest of the line,
//! except in a word of more tokens than healing removes (counted, and named).
#![expect(clippy::print_stdout, reason = "a command-line check; its result is what it prints")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use lowkey_prompt::{Format, Infill, Tokenizer};
use lowkey_test_support::{healing, vocabulary};

/// The number of cursors, and of right answers.
#[derive(Default)]
struct Tally {
    cursors: usize,
    inside_a_token: usize,
    healed: usize,
    unhealed: usize,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(vocabulary) = arguments.next() else {
        println!("usage: healing VOCAB.gguf [FILE...]");
        return ExitCode::from(2);
    };
    match prove(&vocabulary, &arguments.collect::<Vec<_>>()) {
        Ok(tally) => {
            println!(
                "{} cursors, {} of them inside a token: right with healing {}, without {}",
                tally.cursors, tally.inside_a_token, tally.healed, tally.unhealed
            );
            if tally.healed == tally.cursors { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(problem) => {
            println!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn prove(vocabulary: &str, files: &[String]) -> Result<Tally, String> {
    let mut vocab = vocabulary::read_vocab(Path::new(vocabulary))?;
    if vocab.fim_mid.is_none() {
        // A vocabulary published without sentinels: its last tokens, which no text spells, replace
        // them.
        let last = (vocab.tokens.len() as u32).checked_sub(1).ok_or("no tokens in this file")?;
        let before_last = |n| Some(last.saturating_sub(n));
        (vocab.fim_pre, vocab.fim_suf, vocab.fim_mid) =
            (before_last(2), before_last(1), before_last(0));
    }
    let tokenizer = Arc::new(Tokenizer::from_gguf(&vocab).map_err(|e| e.to_string())?);
    let format = Format::detect(&tokenizer, &vocab, Infill::Fim).map_err(|e| e.to_string())?;
    println!("{} tokens, format {}", tokenizer.vocab_size(), format.name());
    let mut lines: Vec<String> = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).map_err(|e| format!("reading {file}: {e}"))?;
        lines.extend(text.lines().filter(|l| !l.trim().is_empty()).take(40).map(str::to_owned));
    }
    if files.is_empty() {
        lines = healing::LINES.iter().map(|&line| line.to_owned()).collect();
    }
    let mut tally = Tally::default();
    for line in &lines {
        for result in healing::complete_at_every_cursor(&tokenizer, &format, line, true)? {
            tally.cursors += 1;
            tally.inside_a_token += usize::from(!result.at_token_boundary);
            if result.completed == result.expected {
                tally.healed += 1;
            } else {
                println!("column {} of {line:?}: {:?}", result.cursor, result.completed);
            }
        }
        for result in healing::complete_at_every_cursor(&tokenizer, &format, line, false)? {
            tally.unhealed += usize::from(result.completed == result.expected);
        }
    }
    Ok(tally)
}
