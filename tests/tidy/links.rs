//! Every link in a page has a target, every path of the repository that a page names exists, and so does every test that
//! `tests/lsp/README.md` names for a clause.
//!
//! A link that leaves the repository is not followed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{files, root};

/// Folders whose pages are checked; pages in the root are too.
const FOLDERS: &[&str] = &["server", "editors", "tests"];

/// What a path in backticks begins with if it is one of the repository.
const ROOTED: &[&str] = &["server/", "editors/", "tests/", ".ci/", ".github/"];

/// Folders with pages that are not ours.
const FOREIGN: &[&str] = &["node_modules", "target", "corpus", "work"];

#[test]
fn links_and_paths_in_pages_exist() {
    let mut faults = Vec::new();
    let mut n_links = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let folder = page.parent().unwrap();
        let name = page.strip_prefix(root()).unwrap().display();
        for (idx, line) in outside_fences(&text) {
            for target in links(line) {
                n_links += 1;
                if let Err(problem) = resolve(&page, folder, target) {
                    faults.push(format!("{name}:{}: {target}: {problem}", idx + 1));
                }
            }
            for path in paths(line) {
                // A crate's page may name its own `tests/` folder.
                if !root().join(path).exists() && !folder.join(path).exists() {
                    faults.push(format!("{name}:{}: {path}: no such file", idx + 1));
                }
            }
        }
    }
    assert!(n_links > 100, "found {n_links} links: the pages are not where they are expected");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whether no tool has put the file into the working tree.
pub(super) fn is_ours(file: &Path) -> bool {
    let below = file.strip_prefix(root()).unwrap();
    !below.components().any(|part| FOREIGN.iter().any(|name| part.as_os_str() == *name))
}

/// Returns the repository's pages.
pub(super) fn pages() -> Vec<PathBuf> {
    let top = std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> =
        top.filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    pages.extend(FOLDERS.iter().flat_map(|folder| files(&root().join(folder), "md")));
    pages.into_iter().filter(|page| is_ours(page)).collect()
}

/// Returns the lines outside of fenced blocks, with their indices.
pub(super) fn outside_fences(text: &str) -> Vec<(usize, &str)> {
    let mut in_fence = false;
    let mut lines = Vec::new();
    for (idx, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        } else if !in_fence {
            lines.push((idx, line));
        }
    }
    lines
}

/// Returns the targets of the Markdown links and images in a line.
fn links(line: &str) -> Vec<&str> {
    let ends = line.match_indices("](").filter_map(|(at, opener)| {
        let rest = &line[at + opener.len()..];
        rest.split_once(')').map(|(target, _)| target)
    });
    ends.filter(|target| !target.contains(' ')).collect()
}

/// Returns the paths of the repository that a line has in backticks.
fn paths(line: &str) -> Vec<&str> {
    let quoted = line.split('`').skip(1).step_by(2);
    let words = quoted.filter_map(|code| code.split_whitespace().next());
    // `tests/parts.rs::a_test` names a test of the file.
    let files = words.map(|word| word.split_once("::").map_or(word, |(file, _)| file));
    let is_path = |path: &&str| {
        ROOTED.iter().any(|start| path.starts_with(start))
            && !path.contains(['*', '{', '…', '$', '<'])
            && !path.contains("NAME")
    };
    files.filter(is_path).collect()
}

/// Checks one target; `Err` has the problem in words.
fn resolve(page: &Path, folder: &Path, target: &str) -> Result<(), String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(());
    }
    let (path, anchor) = target.split_once('#').map_or((target, None), |(p, a)| (p, Some(a)));
    let file = if path.is_empty() { page.to_owned() } else { folder.join(path) };
    if !file.exists() {
        return Err("no such file".to_owned());
    }
    let Some(anchor) = anchor else { return Ok(()) };
    let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
    let problem = || format!("{path} has no heading with this anchor");
    headings(&text).contains(anchor).then_some(()).ok_or_else(problem)
}

/// Returns the anchors of a page's headings, as forges derive them.
fn headings(text: &str) -> HashSet<String> {
    let titles = outside_fences(text).into_iter().filter(|(_, line)| line.starts_with('#'));
    titles.map(|(_, line)| anchor(line.trim_start_matches('#').trim())).collect()
}

fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn tests_named_for_clauses_exist() {
    let folder = root().join("tests/lsp");
    let page = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let names = page.split('`').skip(1).step_by(2).filter_map(|code| code.split_once("::"));
    let mut faults = Vec::new();
    let mut n_names = 0;
    for (module, test) in names.filter(|(_, test)| *test != "*") {
        n_names += 1;
        let file = if module.contains('/') {
            root().join(module)
        } else {
            folder.join(format!("{module}.rs"))
        };
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if !text.contains(&format!("fn {test}(")) {
            faults.push(format!("{module}::{test}"));
        }
    }
    assert!(n_names > 30, "found {n_names} names of tests");
    assert!(
        faults.is_empty(),
        "tests/lsp/README.md names tests that do not exist:\n{}",
        faults.join("\n")
    );
}

#[test]
fn broken_link_is_found() {
    let page = root().join("README.md");
    let check = |target: &str| resolve(&page, root(), target);
    assert_eq!(check("LICENSE-MIT"), Ok(()));
    assert_eq!(check("#licence"), Ok(()));
    assert_eq!(check("https://example.org/a"), Ok(()));
    assert!(check("LICENSE-GPL").is_err());
    assert!(check("#no-such-heading").is_err());
    assert_eq!(links("see [a](b.md#c) and ![d](e.svg), not f(g)"), ["b.md#c", "e.svg"]);
    assert_eq!(
        paths("`server/a.rs`, `tests/b.rs::c`, `server/*.rs`, `a/b`"),
        ["server/a.rs", "tests/b.rs"]
    );
    assert_eq!(anchor("More candidates than one"), "more-candidates-than-one");
    assert_eq!(anchor("What `0.12` does, now"), "what-012-does-now");
}
