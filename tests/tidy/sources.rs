//! Every Rust file starts with its purpose and has a readable length.

use super::{files, root};

/// Longer files are split by concept.
const MAX_LINES: usize = 450;

#[test]
fn files_start_with_purpose_and_are_short() {
    let mut faults = Vec::new();
    let paths = ["server", "tests"].map(|folder| files(&root().join(folder), "rs")).concat();
    assert!(paths.len() > 20, "the sources are not in the expected folder");
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(root()).unwrap().display();
        if !text.starts_with("//! ") {
            faults.push(format!("{name} does not open with `//!`"));
        }
        let n_lines = text.lines().count();
        if n_lines > MAX_LINES {
            faults.push(format!("{name} has {n_lines} lines, {MAX_LINES} is the limit"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Macros that panic if standard output or standard error cannot be written; a panic would end the
/// server.
const PANICS_ON_WRITE: &[&str] = &["println!", "print!", "eprintln!", "eprint!", "dbg!"];

#[test]
fn product_uses_no_panicking_print_macros() {
    let mut faults = Vec::new();
    for path in files(&root().join("server"), "rs") {
        let relative = path.strip_prefix(root()).unwrap();
        // A build script talks to cargo on its standard output.
        let is_a_tool = relative.components().any(|part| {
            let name = part.as_os_str().to_str();
            matches!(
                name,
                Some(
                    "examples"
                        | "benches"
                        | "tests"
                        | "tests.rs"
                        | "test-support"
                        | "fuzz"
                        | "build.rs"
                )
            )
        });
        if is_a_tool {
            continue;
        }
        for (idx, line) in std::fs::read_to_string(&path).unwrap().lines().enumerate() {
            let code = line.trim_start();
            let is_call =
                |name: &&&str| code.starts_with(**name) || code.contains(&format!(" {name}("));
            if let Some(name) = PANICS_ON_WRITE.iter().find(is_call)
                && !code.starts_with("//")
            {
                faults.push(format!("{}:{}: {name}", relative.display(), idx + 1));
            }
        }
    }
    assert!(faults.is_empty(), "use `print_stderr!` or `tracing`:\n{}", faults.join("\n"));
}

/// Calls that read URIs, and the places that may. A document's path and a workspace folder's meet in
/// the ignore rules, where two readers could disagree. The store reads addresses, not documents.
const READS_URIS: &[(&str, &[&str])] = &[
    (".to_file_path(", &[]),
    ("percent_decode", &["server/document/src/uri.rs", "server/store/src/"]),
];

#[test]
fn uris_have_one_reader() {
    let mut faults = Vec::new();
    for path in files(&root().join("server"), "rs") {
        let relative = path.strip_prefix(root()).unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        for (call, places) in READS_URIS {
            if text.contains(call) && !places.iter().any(|place| relative.starts_with(place)) {
                faults.push(format!("{relative}: {call}"));
            }
        }
    }
    assert!(faults.is_empty(), "use `lowkey_document::Uri`:\n{}", faults.join("\n"));
}
