//! The seeds of the fuzz targets, through the targets' own entry functions: files of strangers, from bytes to a token.
//!
//! Whole they run; cut anywhere or with a byte changed they are refused or run, and nothing panics. `server/fuzz` does
//! the same for as long as one likes.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")]

#[path = "../../fuzz/entries.rs"]
#[expect(unreachable_pub, reason = "a library of its own in the fuzz targets")]
mod entries;

use std::fs;
use std::path::Path;

use lowkey_engine::Loaded;
use lowkey_model::ModelFile;
use lowkey_test_support::TestFolder;

/// The seeds of a target with their names.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
    let mut seeds: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), fs::read(path).unwrap()))
        .collect();
    seeds.sort();
    assert!(seeds.len() >= 5, "{} seeds in {}", seeds.len(), folder.display());
    seeds
}

/// Gives `entry` each seed whole, and damaged in some hundred places, the same ones every time.
fn check(target: &str, entry: impl Fn(&[u8]) -> bool) {
    let mut random = 0x5eed_u64;
    let mut below = |n: usize| {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (random >> 33) as usize % n
    };
    for (name, seed) in seeds(target) {
        assert!(entry(&seed), "{name} does not run");
        for _ in 0..20 {
            entry(&seed[..below(seed.len())]);
            let mut damaged = seed.clone();
            for _ in 0..=below(3) {
                damaged[below(seed.len())] = [0, 1, b'0', b'9', 0x7f, 0x80, 0xff, b'"'][below(8)];
            }
            entry(&damaged);
        }
    }
}

#[test]
fn gguf_files_run_whole_and_are_no_panic_damaged() {
    let folder = TestFolder::new("seeds-gguf");
    check("gguf", |bytes| entries::gguf(&folder.join("model.gguf"), bytes));
}

#[test]
fn folders_run_whole_and_are_no_panic_damaged() {
    let folder = TestFolder::new("seeds-folder");
    check("folder", |bytes| entries::folder(&folder, bytes));
}

#[test]
fn tokenizers_are_built_whole_and_are_no_panic_damaged() {
    check("tokenizer", entries::tokenizer);
}

#[test]
fn a_folder_in_the_style_of_sentence_piece_is_the_twin_of_its_gguf_file() {
    let folder = TestFolder::new("seeds-twin");
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    assert!(entries::folder(&folder, &fs::read(seeds.join("folder/vocabulary")).unwrap()));
    let load = |path: &Path| {
        let file = ModelFile::open(path).unwrap();
        Loaded::from_file(&file, 1, &mut |_| {}).map(|loaded| loaded.assembler)
    };
    let without = load(&folder).err().unwrap();
    assert!(without.contains("has no tokenizer: a folder needs tokenizer.json"), "{without}");
    fs::copy(seeds.join("tokenizer/sentence-piece.json"), folder.join("tokenizer.json")).unwrap();
    let (ours, gguf) =
        (load(&folder).unwrap(), load(&seeds.join("gguf/sentence-piece.gguf")).unwrap());
    for name in [ours.format().name(), gguf.format().name()] {
        assert_eq!(name, "by fill-in-the-middle, as codellama");
    }
    assert_eq!(ours.format().end_tokens(), gguf.format().end_tokens());
    for text in ["fn  fn   mn\n\tnm fn", " ", "é日🦀", "▁<PRE> <s>", "ffnn  m"] {
        let (ours, gguf) = (ours.tokenizer(), gguf.tokenizer());
        assert_eq!(ours.encode(text), gguf.encode(text), "{text:?}");
        assert_eq!(ours.decode(&ours.encode(text)), text);
    }
}
