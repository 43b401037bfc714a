//! Checks the tokenizer against published test vectors: `vocab_vectors FOLDER`.
//!
//! Vocabularies in the style of `SentencePiece` are checked twice more, in the form of a
//! `tokenizer.json`: against the vectors and against the `tokenizers` crate, which is the reference
//! of that format.
//!
//! The folder contains `ggml-vocab-NAME.gguf` (vocabulary only) with `.inp` (texts, separated by a
//! line `__ggml_vocab_test__`) and `.out` (the token ids of text k on line k), as published by
//! llama.cpp. Unsupported vocabularies are named and counted, not skipped silently; `qwen2` is
//! required. Exit code 1: a mismatch, an unreadable file, or nothing checked.

#![expect(clippy::print_stdout, reason = "a command-line check; its result is what it prints")]

mod twin;

use lowkey_prompt::{GgufVocab, Tokenizer, TokenizerError};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Vocabularies that must pass.
const REQUIRED: &[&str] = &[
    "ggml-vocab-qwen2.gguf",
    "ggml-vocab-starcoder.gguf",
    "ggml-vocab-deepseek-coder.gguf",
    "ggml-vocab-gpt-2.gguf",
    "ggml-vocab-llama-bpe.gguf",
    "ggml-vocab-refact.gguf",
    "ggml-vocab-llama-spm.gguf",
    "ggml-vocab-phi-3.gguf",
];

/// Separates two texts.
const SEPARATOR: &str = "\n__ggml_vocab_test__\n";

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        println!("usage: vocab_vectors FOLDER");
        return ExitCode::from(2);
    };
    match check_folder(Path::new(&folder)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(n_wrong) => {
            println!("{n_wrong} vectors differ");
            ExitCode::FAILURE
        }
        Err(problem) => {
            println!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the number of vectors that differ.
fn check_folder(folder: &Path) -> Result<usize, String> {
    let entries =
        std::fs::read_dir(folder).map_err(|e| format!("reading {}: {e}", folder.display()))?;
    let is_gguf = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "gguf");
    let mut files: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).filter(is_gguf).collect();
    files.sort();
    for required in REQUIRED {
        if !files.iter().any(|file| file.ends_with(required)) {
            return Err(format!("{required} is not in {}", folder.display()));
        }
    }
    let mut n_wrong = 0;
    for file in &files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let vocab = lowkey_test_support::vocabulary::read_vocab(file)
            .map_err(|problem| format!("{name}: {problem}"))?;
        // SentencePiece vocabularies put a blank before a separate text; the parts of a prompt do
        // not get one.
        let blank = if vocab.model == "llama" { " " } else { "" };
        match Tokenizer::from_gguf(&vocab) {
            Ok(tokenizer) => {
                n_wrong += check_file(file, &name, &tokenizer, blank)?;
                if vocab.model == "llama" {
                    n_wrong += check_twins(file, &name, &vocab)?;
                }
            }
            Err(
                e @ (TokenizerError::UnknownModel { .. }
                | TokenizerError::UnknownPreTokenizer { .. }),
            ) if !REQUIRED.contains(&&*name) => {
                println!("{name}: not supported yet ({e})");
            }
            Err(e) => return Err(format!("{name}: {e}")),
        }
    }
    Ok(n_wrong)
}

/// Checks the same vocabulary as a `tokenizer.json`, in each of its dialects.
fn check_twins(file: &Path, name: &str, vocab: &GgufVocab) -> Result<usize, String> {
    let mut n_wrong = 0;
    for dialect in twin::DIALECTS {
        let name = format!("{name} as tokenizer.json with {dialect}");
        let json = twin::tokenizer_json(vocab, dialect).to_string();
        let tokenizer =
            Tokenizer::from_json(json.as_bytes()).map_err(|e| format!("{name}: {e}"))?;
        n_wrong += check_file(file, &name, &tokenizer, " ")?;
        let reference = tokenizers::Tokenizer::from_bytes(json.as_bytes())
            .map_err(|e| format!("{name}: {e}"))?;
        for (text, _) in vectors(file, &name)? {
            let wanted = reference.encode(text.as_str(), false).map_err(|e| e.to_string())?;
            // The reference puts a blank before a text, before every text, or before none.
            let blank = match dialect {
                "Prepend" if !text.is_empty() => " ",
                "Metaspace" if !text.is_empty() && !text.starts_with(' ') => " ",
                _ => "",
            };
            let found = tokenizer.encode(&format!("{blank}{text}"));
            if found != wanted.get_ids() {
                println!(
                    "{name}: {text:?}\n  the crate {:?}\n  found     {found:?}",
                    wanted.get_ids()
                );
                n_wrong += 1;
            }
        }
    }
    Ok(n_wrong)
}

/// Compares every text of `NAME.inp` with its ids in `NAME.out`, and decodes the ids back.
fn check_file(
    file: &Path,
    name: &str,
    tokenizer: &Tokenizer,
    blank: &str,
) -> Result<usize, String> {
    let vectors = vectors(file, name)?;
    let mut n_wrong = 0;
    for (k, (text, wanted)) in vectors.iter().enumerate() {
        let text = if text.is_empty() { String::new() } else { format!("{blank}{text}") };
        let found = tokenizer.encode(&text);
        if found != *wanted || tokenizer.decode(&found) != text {
            println!("{name}: text {k} {text:?}\n  wanted {wanted:?}\n  found  {found:?}");
            n_wrong += 1;
        }
    }
    println!("{name}: {} of {} vectors pass", vectors.len() - n_wrong, vectors.len());
    Ok(n_wrong)
}

/// Returns the texts of `NAME.inp`, each with its ids in `NAME.out`.
fn vectors(file: &Path, name: &str) -> Result<Vec<(String, Vec<u32>)>, String> {
    let read = |ending: &str| {
        let path = PathBuf::from(format!("{}.{ending}", file.display()));
        std::fs::read_to_string(&path).map_err(|e| format!("reading {}: {e}", path.display()))
    };
    let (texts, ids) = (read("inp")?, read("out")?);
    // The separator also follows the last text.
    let texts: Vec<&str> =
        texts.strip_suffix(SEPARATOR).unwrap_or(&texts).split(SEPARATOR).collect();
    let ids: Vec<&str> = ids.lines().collect();
    if texts.len() != ids.len() {
        return Err(format!("{name}: {} texts but {} lines of ids", texts.len(), ids.len()));
    }
    let with_ids = |(k, (text, line)): (usize, (&&str, &&str))| {
        let ids = line.split_whitespace().map(str::parse).collect::<Result<Vec<u32>, _>>();
        let ids = ids.map_err(|e| format!("{name}: ids of text {k}: {e}"))?;
        Ok(((*text).to_owned(), ids))
    };
    texts.iter().zip(&ids).enumerate().map(with_ids).collect()
}
