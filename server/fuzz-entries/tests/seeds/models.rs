//! Files of models, from bytes to a token.

use std::fs;
use std::path::Path;

use lowkey_engine::Loaded;
use lowkey_fuzz_entries::models;
use lowkey_model::ModelFile;
use lowkey_test_support::TestFolder;

/// Bytes that mean something in these files.
const BYTES: [u8; 8] = [0, 1, b'0', b'9', 0x7f, 0x80, 0xff, b'"'];

fn check(target: &str, entry: impl Fn(&[u8]) -> bool) {
    super::check(target, 20, &BYTES, entry);
}

#[test]
fn gguf_files_run_whole_and_are_no_panic_damaged() {
    let folder = TestFolder::new("seeds-gguf");
    check("gguf", |bytes| models::gguf(&folder.join("model.gguf"), bytes));
}

#[test]
fn folders_run_whole_and_are_no_panic_damaged() {
    let folder = TestFolder::new("seeds-folder");
    check("folder", |bytes| models::folder(&folder, bytes));
}

#[test]
fn tokenizers_are_built_whole_and_are_no_panic_damaged() {
    check("tokenizer", models::tokenizer);
}

#[test]
fn a_folder_in_the_style_of_sentence_piece_is_the_twin_of_its_gguf_file() {
    let folder = TestFolder::new("seeds-twin");
    let seeds = super::folder();
    assert!(models::folder(&folder, &fs::read(seeds.join("folder/vocabulary")).unwrap()));
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
