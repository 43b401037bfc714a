//! The default model's parts in the build script: correct, missing, truncated, altered.
//!
//! Uses the build script's own module on small files.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "harness/folder.rs"]
mod folder;
#[path = "../server/app/build/parts.rs"]
mod parts;

use std::fs;

use folder::TestFolder;
use parts::{Outcome, join};
use sha2::{Digest, Sha256};

const NAME: &str = "model.gguf";

fn sha256(bytes: &[u8]) -> String {
    let hex: Vec<String> = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    hex.concat()
}

fn line(bytes: &[u8], name: &str) -> String {
    format!("{} {} {name}\n", sha256(bytes), bytes.len())
}

/// A model in three parts with its list and card, and the output folder.
struct Case {
    folder: TestFolder,
    out: TestFolder,
    whole: Vec<u8>,
}

impl Case {
    fn new(heading: &str) -> Case {
        let (folder, out) = (TestFolder::new("parts"), TestFolder::new("joined"));
        // Longer than one read.
        let whole: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(n) / 7) as u8).collect();
        let mut list = heading.to_owned() + &line(&whole, NAME);
        for (n, part) in whole.chunks(1_200_000).enumerate() {
            let name = format!("{NAME}.part{}", n + 1);
            list += &line(part, &name);
            fs::write(folder.join(name), part).unwrap();
        }
        fs::write(folder.join("model.gguf.parts"), list).unwrap();
        fs::write(folder.join("model.md"), "# A card\n").unwrap();
        fs::write(folder.join("NOTICE"), "").unwrap();
        Case { folder, out, whole }
    }

    fn join(&self) -> Result<Outcome, String> {
        join(&self.folder, &self.out)
    }

    /// Asserts one message that contains these words.
    #[track_caller]
    fn assert_fails(&self, words: &[&str]) {
        let message = self.join().unwrap_err();
        assert!(!message.contains('\n'), "one line: {message}");
        for word in words {
            assert!(message.contains(word), "{message:?} lacks {word:?}");
        }
        assert!(fs::read_dir(&*self.out).unwrap().next().is_none(), "a partial file is left");
    }
}

#[test]
fn parts_are_joined_and_result_is_kept() {
    for heading in ["", "incomplete\n"] {
        let case = Case::new(heading);
        let Outcome::Joined(model) = case.join().unwrap() else { panic!("all are there") };
        assert_eq!(model.path, case.out.join(NAME));
        assert_eq!(model.card, case.folder.join("model.md"));
        assert_eq!((model.n_bytes, &model.sha256), (3_000_000, &sha256(&case.whole)));
        assert_eq!(fs::read(&model.path).unwrap(), case.whole);
        let written = || fs::metadata(&model.path).unwrap().modified().unwrap();
        let before = written();
        assert_eq!(case.join(), Ok(Outcome::Joined(model.clone())));
        assert_eq!(written(), before, "a correct file is not written again");
        // A wrong file is.
        for wrong in [b"short".to_vec(), vec![7; 3_000_000]] {
            fs::write(case.out.join(NAME), wrong).unwrap();
            assert!(case.join().is_ok());
            assert_eq!(fs::read(case.out.join(NAME)).unwrap(), case.whole);
        }
    }
}

#[test]
fn missing_part_fails_build() {
    for file in ["model.gguf.part2", "model.md"] {
        let case = Case::new("");
        fs::remove_file(case.folder.join(file)).unwrap();
        case.assert_fails(&[file, "missing", "git checkout", "clone"]);
        let case = Case::new("incomplete\n");
        fs::remove_file(case.folder.join(file)).unwrap();
        let Ok(Outcome::Incomplete(reason)) = case.join() else { panic!("not complete yet") };
        assert!(reason.contains(file), "{reason}");
    }
    let case = Case::new("");
    fs::remove_file(case.folder.join("model.gguf.parts")).unwrap();
    assert!(matches!(case.join(), Ok(Outcome::Incomplete(_))));
}

#[test]
fn damaged_part_always_fails_build() {
    for heading in ["", "incomplete\n"] {
        let case = Case::new(heading);
        fs::remove_file(case.folder.join("model.gguf.part1")).unwrap();
        let part = case.folder.join("model.gguf.part3");
        let right = fs::read(&part).unwrap();
        fs::write(&part, &right[..599_999]).unwrap();
        case.assert_fails(&["model.gguf.part3", "599999", "600000", "git checkout"]);
        let mut altered = right.clone();
        altered[300_000] ^= 1;
        fs::write(&part, &altered).unwrap();
        case.assert_fails(&[
            "model.gguf.part3",
            &sha256(&altered),
            &sha256(&right),
            "git checkout",
        ]);
    }
}

#[test]
fn invalid_list_is_named() {
    let with = |list: &str| {
        let case = Case::new("");
        fs::write(case.folder.join("model.gguf.parts"), list).unwrap();
        case
    };
    let digest = "0".repeat(64);
    with("").assert_fails(&["model.gguf.parts", "names no parts"]);
    with("incomplet\n").assert_fails(&["model.gguf.parts", "incomplet"]);
    with(&format!("{digest} 3 ../model.gguf\n")).assert_fails(&["model.gguf.parts", ".."]);
    let short = format!("{digest} 9 {NAME}\n{digest} 3 {NAME}.part1\n");
    with(&short).assert_fails(&["model.gguf.parts", "3 bytes", "whole 9"]);
    // The parts are as listed, but the joined file is not.
    let case = Case::new("");
    let list = fs::read_to_string(case.folder.join("model.gguf.parts")).unwrap();
    let list = list.replace(&sha256(&case.whole), &digest);
    fs::write(case.folder.join("model.gguf.parts"), list).unwrap();
    let message = case.join().unwrap_err();
    assert!(message.contains(&digest) && message.contains("the list is wrong"), "{message}");
    let case = Case::new("");
    fs::write(case.folder.join("other.gguf.parts"), "").unwrap();
    case.assert_fails(&["model.gguf.parts", "other.gguf.parts", "two models"]);
}
