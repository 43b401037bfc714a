//! Trains the small vocabulary of the tests: `train_fixture FILE… > fixtures/small.json`.
//!
//! 512 tokens: seven sentinels with the ids of the embedded model, the 256 bytes, and merges
//! learned from the files (the sources of `server/document` and `server/prompt` were used). The
//! tests compute their expectations from the file itself, except for messages that name a token;
//! `UPDATE_EXPECT=1` renews those.

#![expect(clippy::print_stdout, reason = "a generator; the vocabulary is what it prints")]

use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{
    AddedToken, DecoderWrapper, NormalizerWrapper, PostProcessorWrapper, SplitDelimiterBehavior,
    TokenizerBuilder,
};

const N_TOKENS: usize = 512;
const SENTINELS: &[&str] = &[
    "<|endoftext|>",
    "<|fim_prefix|>",
    "<|fim_suffix|>",
    "<|fim_middle|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
];
const PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Text that the sources lack and the tests need: runs of blank lines, blanks before line ends, and
/// letters of several bytes, some of whose first bytes become tokens as well.
const RARE: &str = "a\n\n\n\nb\n\n\n c\n\n  \n日 本 🦀 🦁 é\n";
const N_RARE: usize = 300;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut texts: Vec<String> =
        std::env::args_os().skip(1).map(std::fs::read_to_string).collect::<Result<_, _>>()?;
    texts.push(RARE.repeat(N_RARE));
    let split = Split::new(
        SplitPattern::Regex(PATTERN.to_owned()),
        SplitDelimiterBehavior::Isolated,
        false,
    )?;
    let byte_level = ByteLevel::new(false, true, false);
    let mut tokenizer = TokenizerBuilder::<
        BPE,
        NormalizerWrapper,
        Sequence,
        PostProcessorWrapper,
        DecoderWrapper,
    >::new()
    .with_model(BPE::default())
    .with_pre_tokenizer(Some(Sequence::new(vec![split.into(), byte_level.into()])))
    .build()?;
    let mut trainer = BpeTrainer::builder()
        .vocab_size(N_TOKENS)
        .special_tokens(SENTINELS.iter().map(|&text| AddedToken::from(text, true)).collect())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .show_progress(false)
        .build();
    tokenizer.train(&mut trainer, texts.iter())?;
    println!("{}", tokenizer.to_string(false)?);
    Ok(())
}
