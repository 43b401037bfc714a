//! Entry functions of the fuzz targets for frames, URIs, ignore files, settings and session files:
//! input from editors, repositories and user folders.
//!
//! Each function follows the path of the server. No input may cause a panic, a long run, or an
//! allocation whose size comes from a field of the input.

use std::fs;
use std::path::Path;

use lowkey_completer::settings::Settings;
use lowkey_context::{Rules, Verdict};
use lowkey_document::{Carried, Uri};

/// Separates a `.gitignore` from a repository's configuration in one input.
const PART: u8 = 0;

/// Reads frames, sorts their messages and applies their edits. Returns whether a frame was
/// accepted.
pub fn frames(bytes: &[u8]) -> bool {
    lowkey::lsp::read_and_apply(bytes) > 0
}

/// Parses each line as a URI, with its canonical form, its path and its names. Returns whether one
/// contains a name.
pub fn uris(bytes: &[u8]) -> bool {
    let mut carries = false;
    for line in String::from_utf8_lossy(bytes).lines() {
        let uri = Uri::new(line);
        let again = Uri::new(&uri);
        assert_eq!(uri, again, "the canonical form is not its own");
        assert_eq!(uri.file_path(), again.file_path());
        if let Some(path) = uri.file_path() {
            assert_eq!(Uri::of_path(&path).file_path(), Some(path), "a path has a URI");
        }
        match uri.carried() {
            Carried::Names(names) => {
                assert!(!names.is_file || !names.paths.is_empty(), "a file has a name");
                carries |= !names.paths.is_empty();
            }
            Carried::Undecidable(why) => assert!(!why.is_empty()),
        }
        let _ = uri.last_part();
    }
    carries
}

/// Applies a `.gitignore`, and a repository's configuration after `PART`, to files of the folder
/// `place`. Returns whether a file is allowed.
pub fn ignore_file(place: &Path, bytes: &[u8]) -> bool {
    let mut parts = bytes.splitn(2, |byte| *byte == PART);
    let (ignore, config) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let written = fs::create_dir_all(place.join(".git"))
        .and_then(|()| fs::write(place.join(".gitignore"), ignore))
        .and_then(|()| fs::write(place.join(".git/config"), config));
    let (rules, problems) = Rules::new(Some(place), &[]);
    let verdicts = ["a.rs", "b/c.txt", "[x]"].map(|name| rules.verdict(&place.join(name)));
    for problem in problems {
        assert!(problem.to_string().len() < 10_000, "a message of a file's length");
    }
    assert!(!rules.verdict(&place.join(".env")).is_allowed(), "no rule may allow a secret file");
    written.is_ok() && verdicts.iter().any(Verdict::is_allowed)
}

/// Reads settings. Returns whether they have no problem.
pub fn settings(bytes: &[u8]) -> bool {
    let (_, problems) = Settings::from_toml(&String::from_utf8_lossy(bytes));
    problems.is_empty()
}

/// Reads the header of a session file. Returns whether it is valid.
pub fn session(bytes: &[u8]) -> bool {
    lowkey_engine::tokens_of_session(bytes).is_some()
}
