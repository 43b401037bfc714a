//! How often the definition that a hole needs is among the collected signatures.
//!
//! `coverage HOLES.jsonl BYTES...`: holes as `server/training/crossfile.py` writes them, and limits
//! of the signatures' text. No model is asked. Without limits it prints the candidates of each hole
//! with the parts of their scores, for `server/training/crossfile_weights.py`.

#![expect(clippy::print_stdout, reason = "an example's result goes to standard output")]

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Instant;

use lowkey_context::index::{DefinitionIndex, IndexLimits, TextOrigin};
use lowkey_context::related::{
    FileSnippet, Place, Ranked, SignatureLimits, WEIGHTS, ranked, signatures, window,
};
use lowkey_document::{ByteOffset, Document, Language};
use serde_json::{Value, json};

fn main() {
    let mut args = std::env::args().skip(1);
    let holes = std::fs::read_to_string(args.next().expect("HOLES.jsonl")).expect("readable");
    let limits: Vec<usize> = args.map(|limit| limit.parse().expect("a number")).collect();
    let mut indexes: HashMap<PathBuf, DefinitionIndex> = HashMap::new();
    let mut counts: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    let mut micros = Vec::new();
    if limits.is_empty() {
        println!("{}", json!(WEIGHTS));
    }
    for hole in holes.lines() {
        let hole: Value = serde_json::from_str(hole).expect("JSON");
        let text_of = |key: &str| hole[key].as_str().unwrap_or_default().to_owned();
        let root = PathBuf::from(text_of("root"));
        let index = indexes.entry(root.clone()).or_insert_with(|| index(&root));
        let path = root.join(text_of("path"));
        let mut text = std::fs::read_to_string(&path).expect("readable");
        let offset = hole["offset"].as_u64().unwrap_or_default() as usize;
        text.replace_range(offset..offset + text_of("target").len(), "");
        let language = Language::by_path(&path);
        let document = Document::open(&format!("file://{}", path.display()), language.id, 0, &text);
        let snapshot = document.snapshot();
        let cursor = snapshot.cursor(ByteOffset(offset));
        let context = window(&snapshot, &cursor, &text_of("path"));
        let path = path.to_string_lossy().into_owned();
        let place = Place { context: &context, text: &text, language, path: &path, edited: &[] };
        let needed = &hole["names"][0];
        let (name, file) = (needed["name"].as_str(), needed["defined_in"].as_str());
        let base = root.to_string_lossy().into_owned();
        let label =
            |path: &str| Some(path.strip_prefix(&*base)?.trim_start_matches('/').to_owned());
        if limits.is_empty() {
            let table = index.snapshot();
            let rows = ranked(&place, &table);
            let rows: Vec<Value> = rows
                .iter()
                .map(|Ranked { path, definition, parts }| {
                    let label = label(path).unwrap_or_default();
                    let is_needed = Some(&*label) == file && Some(definition.name) == name;
                    json!([u8::from(is_needed), definition.signature.len(), label, parts])
                })
                .collect();
            let package = text_of("package");
            println!("{}", json!({"package": package, "visible": hole["visible"], "rows": rows}));
            continue;
        }
        let is_word = |c: char| !(c.is_alphanumeric() || c == '_');
        for (at, &limit) in limits.iter().enumerate() {
            let started = Instant::now();
            let limit = SignatureLimits { max_bytes: limit, max_held_bytes: limit };
            let snippets = signatures(&place, &index.snapshot(), limit, label, &[]);
            micros.push(started.elapsed().as_micros());
            let is_found = snippets.iter().any(|FileSnippet { snippet, .. }| {
                Some(snippet.label.as_str()) == file
                    && name.is_some_and(|name| snippet.text.split(is_word).any(|word| word == name))
            });
            for key in [
                (" all".to_owned(), text_of("visible")),
                (" all".to_owned(), "all".to_owned()),
                (text_of("language"), "all".to_owned()),
            ] {
                let row = counts.entry(key).or_insert_with(|| vec![0; limits.len() + 1]);
                row[at] += usize::from(is_found);
                row[limits.len()] += usize::from(at == 0);
            }
        }
    }
    for ((language, visible), row) in counts {
        let n = row[limits.len()];
        let shares = row.iter().take(limits.len()).map(|&n_found| n_found as f64 / n as f64);
        let shares: Vec<String> = shares.map(|share| format!("{:5.1} %", 100.0 * share)).collect();
        println!("{language:<12} {visible:<9} {n:>4}  {}", shares.join("  "));
    }
    micros.sort_unstable();
    let Some(last) = micros.len().checked_sub(1) else { return };
    println!("µs p50 {} p95 {}", micros[last / 2], micros[last * 95 / 100]);
}

/// Indexes every file below a folder.
fn index(root: &Path) -> DefinitionIndex {
    let index = DefinitionIndex::new(IndexLimits::default());
    for entry in ignore::WalkBuilder::new(root).standard_filters(false).build().flatten() {
        if let Ok(text) = std::fs::read_to_string(entry.path()) {
            index.update(entry.path(), Language::by_path(entry.path()), &text, TextOrigin::Disk);
        }
    }
    index
}
