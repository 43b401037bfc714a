//! Comments and pages avoid words that make them hard to read.
//!
//! The test counts the words of [`BANNED`] in Rust comments and in Markdown pages, per folder. The
//! limit is one per 1,000 lines of prose, and one in a folder that has fewer.
//!
//! A Rust comment is a line that begins with `//`, or the end of a line of code after `//`. Code
//! blocks of pages and text in backticks do not count.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::links::{is_ours, outside_fences, pages};
use super::{files, root};

/// The counted words and pairs of words. A pair may be split by a line break.
const BANNED: &[&str] = &[
    "behind", "nobody", "somebody", "stand", "standing", "stands", "tells", "whatever", "whoever",
    "so many", "what is",
];

/// Phrases in which a banned word is the usual one.
const ALLOWED: &[&str] = &["behind a proxy", "stands for"];

/// Lines of prose for each allowed use.
const LINES_PER_USE: usize = 1000;

/// The prose of one folder.
#[derive(Default)]
struct Folder {
    n_lines: usize,
    /// One line per use: file, line number and word.
    uses: Vec<String>,
}

#[test]
fn prose_uses_plain_words() {
    let mut folders: BTreeMap<String, Folder> = BTreeMap::new();
    let sources = ["server", "editors", "tests"].map(|folder| files(&root().join(folder), "rs"));
    let sources = sources.into_iter().flatten().filter(|file| is_ours(file));
    let mut paths: Vec<PathBuf> = pages().into_iter().chain(sources).collect();
    // The texts that editing traces start from are data: a trace's keys fit no other text.
    paths.retain(|path| !path.starts_with(root().join("tests/traces/start")));
    assert!(paths.len() > 100, "the walk found only {} files", paths.len());
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = match path.extension() {
            Some(extension) if extension == "rs" => comments(&text),
            _ => paragraphs(&text),
        };
        let name = path.strip_prefix(root()).unwrap();
        let folder = folders.entry(folder_of(name)).or_default();
        folder.n_lines += lines.len();
        for (line, word) in uses(&lines) {
            folder.uses.push(format!("  {}:{line}: {word}", name.display()));
        }
    }
    let mut faults = Vec::new();
    for (name, folder) in &folders {
        let limit = (folder.n_lines / LINES_PER_USE).max(1);
        if folder.uses.len() > limit {
            let n_uses = folder.uses.len();
            let uses = folder.uses.join("\n");
            faults.push(format!("{name} has {n_uses} banned words, {limit} is the limit:\n{uses}"));
        }
    }
    assert!(faults.is_empty(), "rewrite in plain words:\n{}", faults.join("\n"));
}

#[test]
fn banned_words_are_found() {
    // With `##` for the two slashes, so that these comments do not count.
    let text = "##/ The text\n##/ behind it, and what\n##/ is `behind` a proxy.\nfn f() {} ## It Stands.\n\
                let a = \"## tells\";\n## It is behind a proxy. So many.\n"
        .replace("##", "//");
    let found: Vec<(usize, &str)> = uses(&comments(&text));
    assert_eq!(found, [(2, "behind"), (2, "what is"), (4, "stands"), (6, "so many")]);
    let page = "# Whatever\n\n```\nbehind\n```\n\nwhat-is what. Is\n";
    assert_eq!(uses(&paragraphs(page)), [(1, "whatever")]);
}

/// Returns the folder that a file counts for: `server/NAME`, `editors`, `tests`, or `pages` for the
/// pages at the root and directly in `server`.
fn folder_of(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    match parts.as_slice() {
        [server, name, _, ..] if server == "server" => format!("server/{name}"),
        [server, _] if server == "server" => "pages".to_owned(),
        [folder, _, ..] => folder.to_string(),
        _ => "pages".to_owned(),
    }
}

/// Returns the comments of a Rust file with their line numbers from 1.
fn comments(text: &str) -> Vec<(usize, &str)> {
    let numbered = text.lines().enumerate().map(|(idx, line)| (idx + 1, line));
    numbered.filter_map(|(number, line)| Some((number, comment_of(line)?))).collect()
}

/// Returns the text after `//` of a line, unless `//` is inside a string literal.
fn comment_of(line: &str) -> Option<&str> {
    let (code, comment) = line.split_once("//")?;
    let is_comment = code.trim().is_empty() || code.matches('"').count() % 2 == 0;
    is_comment.then(|| comment.trim_start_matches(['/', '!']))
}

/// Returns the lines of a page outside code blocks, with their line numbers from 1.
fn paragraphs(page: &str) -> Vec<(usize, &str)> {
    let lines = outside_fences(page).into_iter().map(|(idx, line)| (idx + 1, line));
    lines.filter(|(_, line)| !line.trim().is_empty()).collect()
}

/// Returns the banned words in these lines, each with its line number.
fn uses(lines: &[(usize, &str)]) -> Vec<(usize, &'static str)> {
    let words: Vec<(usize, String)> = lines
        .iter()
        .flat_map(|(number, line)| line.split_whitespace().map(|word| (*number, word)))
        .map(|(number, word)| (number, word.to_lowercase()))
        .collect();
    (0..words.len()).filter_map(|at| banned_at(&words, at)).collect()
}

fn banned_at(words: &[(usize, String)], at: usize) -> Option<(usize, &'static str)> {
    let is_at = |phrase: &str, start: usize| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        let found = words.get(start..start + phrase.len())?;
        let adjacent = found.windows(2).all(|pair| pair[1].0 - pair[0].0 <= 1);
        // Punctuation is allowed before and after a phrase, but not inside.
        let last = phrase.len() - 1;
        let same = |(idx, word): (usize, &str)| {
            let found = found[idx].1.as_str();
            let found = if idx == 0 { found.trim_start_matches(is_punctuation) } else { found };
            word == if idx == last { found.trim_end_matches(is_punctuation) } else { found }
        };
        (adjacent && phrase.iter().copied().enumerate().all(same)).then_some(())
    };
    let word = BANNED.iter().find(|word| is_at(word, at).is_some())?;
    let is_allowed = ALLOWED.iter().any(|phrase| {
        let before = phrase.split(' ').position(|part| part == *word);
        before.and_then(|before| is_at(phrase, at.checked_sub(before)?)).is_some()
    });
    (!is_allowed).then_some((words[at].0, word))
}

/// Whether `c` may surround a word; a backtick may not, because it makes the word code.
fn is_punctuation(c: char) -> bool {
    !c.is_alphanumeric() && c != '`'
}
