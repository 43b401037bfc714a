//! Collectors: functions that choose the text from other files for a hole.

use std::path::{Path, PathBuf};

use lowkey_context::Snippet;
use lowkey_context::related::{Place, similar_chunks, window};
use lowkey_document::{ByteOffset, Language, Snapshot};

use super::given::GivenHole;

const N_CHUNKS: usize = 3;
/// Tokens that the chunks may have: three of twenty lines.
const CHUNK_TOKENS: usize = 600;

/// The words of `--context`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Collector {
    /// No text
    None,
    /// The signatures of the names that the line uses, which no real collector knows
    Oracle,
    /// The signatures that the completer chooses
    Signatures,
    /// The three most similar parts of other files
    Chunks,
    /// Signatures, and chunks before them
    Both,
}

impl Collector {
    /// Whether the completer chooses snippets.
    pub(super) fn is_automatic(self) -> bool {
        matches!(self, Collector::Signatures | Collector::Both)
    }

    /// Returns how many tokens the collector's own snippets may have in addition to those that the
    /// completer chooses.
    pub(super) fn n_extra_tokens(self) -> usize {
        if matches!(self, Collector::Chunks | Collector::Both) { CHUNK_TOKENS } else { 0 }
    }

    /// Returns the snippets for a hole, the most helpful last, without those that the completer
    /// chooses.
    pub(super) fn collect(
        self,
        hole: &GivenHole,
        snapshot: &Snapshot,
        cursor: usize,
    ) -> Vec<Snippet> {
        match self {
            Collector::None | Collector::Signatures => Vec::new(),
            Collector::Oracle => oracle(hole),
            Collector::Chunks | Collector::Both => chunks(hole, snapshot, cursor),
        }
    }
}

/// Returns the parts of the package's other files that are most similar to the text around a
/// cursor.
fn chunks(hole: &GivenHole, snapshot: &Snapshot, cursor: usize) -> Vec<Snippet> {
    let language = snapshot.language();
    let mut texts = Vec::new();
    for entry in walk(&hole.root) {
        let label = lowkey_context::label(Some(&hole.root), &entry);
        if label != hole.path
            && Language::by_path(&entry) == language
            && let Ok(text) = std::fs::read_to_string(&entry)
        {
            texts.push((label, text));
        }
    }
    let cursor = snapshot.cursor(ByteOffset(cursor));
    let context = window(snapshot, &cursor, &hole.path);
    let place =
        Place { context: &context, text: &snapshot.text(), language, path: "", edited: &[] };
    let texts = texts.iter().map(|(label, text)| (label.as_str(), text.as_str()));
    similar_chunks(&place, texts, N_CHUNKS)
}

/// Returns the files below a folder, ordered by path.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// Returns the signatures of the hole's names, one snippet for each file.
fn oracle(hole: &GivenHole) -> Vec<Snippet> {
    let mut snippets: Vec<Snippet> = Vec::new();
    for name in &hole.names {
        let signature = name.signature.join("\n");
        if signature.is_empty() {
            continue;
        }
        let file = snippets.iter_mut().find(|snippet| snippet.label == name.defined_in);
        match file {
            Some(file) => {
                let is_there = format!("\n{}", file.text).contains(&format!("\n{signature}\n"));
                if !is_there {
                    file.text += &signature;
                    file.text.push('\n');
                }
            }
            None => snippets.push(Snippet {
                label: name.defined_in.clone(),
                text: format!("{signature}\n"),
                reason: String::new(),
            }),
        }
    }
    snippets
}

#[cfg(test)]
mod tests {
    use super::super::given::tests::hole;
    use super::*;

    #[test]
    fn oracle_has_one_snippet_for_each_file() {
        let mut hole = hole();
        let snippet = |label: &str, text: &str| Snippet {
            label: label.into(),
            text: text.into(),
            reason: String::new(),
        };
        assert_eq!(
            oracle(&hole),
            [
                snippet("src/b.rs", "pub fn area(w: u32,\nh: u32) -> u32\n"),
                snippet("src/c.rs", "pub const UNIT: u32 = 1;\n")
            ]
        );

        let again = hole.names.clone();
        hole.names.extend(again);
        assert_eq!(oracle(&hole).len(), 2);
        hole.names[2].signature = vec!["pub fn other()".into()];
        assert_eq!(oracle(&hole)[0].text.lines().count(), 3);
    }
}
