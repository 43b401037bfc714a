//! Every Rust file says what it is for, and holds one idea.

use super::{files, root};

/// Past this, a file is split by concept.
const MAX_LINES: usize = 450;

#[test]
fn every_file_opens_with_its_purpose_and_has_a_readable_length() {
    let mut faults = Vec::new();
    let paths = ["server", "tests"].map(|folder| files(&root().join(folder), "rs")).concat();
    assert!(paths.len() > 20, "the sources are not where they are looked for");
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
