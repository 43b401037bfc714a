//! Parts of other files that resemble the text around the cursor.
//!
//! A file is cut into chunks of 20 lines that overlap by half. A chunk's similarity is the Jaccard
//! index of its names and those around the cursor: the number of common names, divided by the
//! number of names in either.

use std::collections::HashSet;

use super::Place;
use super::near::names;
use crate::gather::{Context, Snippet};

/// Lines of a chunk.
const CHUNK_LINES: usize = 20;
const STRIDE_LINES: usize = CHUNK_LINES / 2;
/// Lines above and below the anchor that a chunk is compared with.
const QUERY_LINES_ABOVE: usize = 20;
const QUERY_LINES_BELOW: usize = 6;
/// Less similar chunks are not used.
const MIN_SIMILARITY: f64 = 0.15;
/// A line that is longer is data.
const MAX_LINE_BYTES: usize = 400;

/// A chunk of a file and its similarity to the text around the cursor, 0 to 1.
#[derive(Debug, Clone, PartialEq)]
struct Chunk<'t> {
    similarity: f64,
    label: &'t str,
    /// Index of its first line.
    line: usize,
    lines: Vec<&'t str>,
}

/// Returns the most similar chunks of texts of other files, given with their labels: at most `n`,
/// and at most one for each file.
pub fn similar_chunks<'t>(
    place: &Place<'_>,
    texts: impl IntoIterator<Item = (&'t str, &'t str)>,
    n: usize,
) -> Vec<Snippet> {
    similar(place.context, texts, n).iter().rev().map(Chunk::snippet).collect()
}

/// Returns the most similar chunks, most similar first.
fn similar<'t>(
    context: &Context,
    texts: impl IntoIterator<Item = (&'t str, &'t str)>,
    n: usize,
) -> Vec<Chunk<'t>> {
    let above = context.prefix.lines().rev().take(QUERY_LINES_ABOVE);
    let below = context.suffix.lines().take(QUERY_LINES_BELOW);
    let query: HashSet<&str> = above.chain(below).flat_map(names).collect();
    let mut chunks: Vec<Chunk<'t>> = texts
        .into_iter()
        .filter_map(|(label, text)| best_chunk(&query, label, text))
        .filter(|chunk| chunk.similarity >= MIN_SIMILARITY)
        .collect();
    chunks.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then_with(|| a.label.cmp(b.label)));
    chunks.truncate(n);
    chunks
}

fn best_chunk<'t>(query: &HashSet<&str>, label: &'t str, text: &'t str) -> Option<Chunk<'t>> {
    let lines: Vec<&str> = text.lines().collect();
    // The last chunk ends with the file and is not a mere rest of the one before.
    let starts = (0..lines.len())
        .step_by(STRIDE_LINES)
        .filter(|&start| start == 0 || start + STRIDE_LINES < lines.len());
    let chunk = |start: usize| {
        let end = (start + CHUNK_LINES).min(lines.len());
        let lines = lines.get(start..end).unwrap_or_default();
        let similarity = jaccard(query, lines);
        Chunk { similarity, label, line: start, lines: lines.to_vec() }
    };
    let is_code = |chunk: &Chunk<'_>| chunk.lines.iter().all(|line| line.len() <= MAX_LINE_BYTES);
    // The first of equal chunks.
    starts
        .map(chunk)
        .filter(is_code)
        .reduce(|best, next| if next.similarity > best.similarity { next } else { best })
}

fn jaccard(query: &HashSet<&str>, lines: &[&str]) -> f64 {
    let chunk: HashSet<&str> = lines.iter().copied().flat_map(names).collect();
    let n_common = chunk.iter().filter(|name| query.contains(*name)).count();
    let n_either = query.len() + chunk.len() - n_common;
    if n_either == 0 { 0.0 } else { n_common as f64 / n_either as f64 }
}

impl Chunk<'_> {
    /// Returns the chunk as a snippet.
    fn snippet(&self) -> Snippet {
        Snippet {
            label: self.label.to_owned(),
            text: format!("{}\n", self.lines.join("\n")),
            reason: "similar to the text at the cursor".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Anchor, WindowBudget};
    use lowkey_document::fixture;

    fn context(text: &str) -> Context {
        let (snapshot, cursor) = fixture::open("python", text);
        let budget = WindowBudget { prefix_bytes: 900, suffix_bytes: 900, whole_bytes: 1800 };
        Context::gather(&snapshot, &cursor, "a.py", &budget, Anchor::Lines(1))
    }

    #[test]
    fn most_similar_chunk_is_first() {
        let context = context("reader = Reader(path)\nrows = reader.read_rows(limit)\n$0\n");
        let other = "import sys\n".repeat(30) + "reader = Reader(path)\nreader.read_rows(limit)\n";
        let texts = [
            ("far.py", "nothing = common\n"),
            ("other.py", other.as_str()),
            ("some.py", "rows = Reader(path).more(limit)\n"),
        ];
        let found = similar(&context, texts, 3);
        let found: Vec<_> = found.iter().map(|chunk| (chunk.label, chunk.line)).collect();
        assert_eq!(found, [("other.py", 20), ("some.py", 0)]);
    }

    #[test]
    fn text_without_names_is_similar_to_nothing() {
        assert!(similar(&context("$0"), [("b.py", ""), ("c.py", "1 + 1\n")], 3).is_empty());
    }
}
