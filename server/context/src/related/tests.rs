//! Choices of signatures from small indexes.

use std::path::Path;

use lowkey_document::{Language, fixture};

use super::{FileSnippet, Place, SignatureLimits, signatures, window};
use crate::index::{DefinitionIndex, IndexLimits, TextOrigin};

const LIMITS: SignatureLimits = SignatureLimits { max_bytes: 600, max_held_bytes: 900 };

/// An index of files below `/w/`, given with their names.
fn index(files: &[(&str, &str)]) -> DefinitionIndex {
    let index = DefinitionIndex::new(IndexLimits::default());
    for (name, text) in files {
        let path = Path::new("/w").join(name);
        index.update(&path, Language::by_path(&path), text, TextOrigin::Disk);
    }
    index
}

/// Returns the signatures for a cursor in `/w/src/main.rs`; files named `denied` are hidden.
fn choose(
    index: &DefinitionIndex,
    text: &str,
    limits: SignatureLimits,
    held: &[FileSnippet],
) -> Vec<FileSnippet> {
    choose_edited(index, text, limits, held, &[])
}

/// The same after edits in the files at `edited`.
fn choose_edited(
    index: &DefinitionIndex,
    text: &str,
    limits: SignatureLimits,
    held: &[FileSnippet],
    edited: &[String],
) -> Vec<FileSnippet> {
    let (snapshot, cursor) = fixture::open("rust", text);
    let context = window(&snapshot, &cursor, "main.rs");
    let text = snapshot.text();
    let language = Language::by_id("rust");
    let place = Place { context: &context, text: &text, language, path: "/w/src/main.rs", edited };
    let label = |path: &str| {
        let label = path.strip_prefix("/w/")?;
        (!label.contains("denied")).then(|| label.to_owned())
    };
    signatures(&place, &index.snapshot(), limits, label, held)
}

fn written(snippets: &[FileSnippet]) -> String {
    let parts: Vec<String> = snippets
        .iter()
        .map(|FileSnippet { snippet, .. }| format!("# {}\n{}", snippet.label, snippet.text))
        .collect();
    parts.concat()
}

const SHAPES: &str = "pub struct Shape {\n    pub width: u32,\n}\n\nimpl Shape {\n    pub fn area(&self) -> u32 {\n        1\n    }\n}\n\n\
                      pub fn unrelated(x: u8) {}\n";

#[test]
fn imported_type_comes_with_its_members() {
    let index = index(&[("src/shapes.rs", SHAPES), ("src/other.rs", "pub fn far_away() {}\n")]);
    let found = choose(&index, "use crate::shapes::Shape;\n\nfn f() {\n    $0\n}\n", LIMITS, &[]);
    let written = written(&found);
    assert!(written.starts_with("# src/shapes.rs\npub struct Shape"), "{written}");
    assert!(written.contains("\n    pub fn area(&self) -> u32\n"), "{written}");
    assert!(!written.contains("far_away"), "{written}");
}

#[test]
fn most_helpful_file_is_last() {
    let index =
        index(&[("src/a.rs", "pub fn used() {}\n"), ("src/b.rs", "pub fn imported() {}\n")]);
    let text =
        "use crate::b::imported;\nfn f() {\n    used();\n    g();\n}\n\nfn g() {\n    $0\n}\n";
    let found = choose(&index, text, LIMITS, &[]);
    let labels: Vec<&str> = found.iter().map(|found| found.snippet.label.as_str()).collect();
    assert_eq!(labels.last(), Some(&"src/b.rs"), "{}", written(&found));
}

#[test]
fn files_that_the_session_has_edited_are_searched() {
    let index = index(&[("far/away/b.rs", "pub fn draw_shape(width: u32) {}\n")]);
    let calls = "    shape.draw();\n".repeat(9);
    let text = &format!("fn f(width: u32) {{\n{calls}    $0\n}}\n");
    assert!(choose(&index, text, LIMITS, &[]).is_empty());
    let edited = ["/w/src/main.rs".to_owned(), "/w/far/away/b.rs".to_owned()];
    let found = choose_edited(&index, text, LIMITS, &[], &edited);
    assert_eq!(written(&found), "# far/away/b.rs\npub fn draw_shape(width: u32)\n");
    assert_eq!(found[0].snippet.reason, "in a file edited lately: draw_shape");
}

#[test]
fn denied_and_own_definitions_are_left_out() {
    let index = index(&[
        ("src/denied.rs", "pub fn secret_one() {}\n"),
        ("src/main.rs", "fn own_one() {}\n"),
        ("src/b.rs", "pub fn own_one() {}\npub fn other_one() {}\n"),
    ]);
    let text =
        "use crate::{denied::secret_one, b::other_one};\nfn own_one() {}\nfn f() {\n    $0\n}\n";
    let written = written(&choose(&index, text, LIMITS, &[]));
    assert!(written.contains("other_one"), "{written}");
    assert!(!written.contains("secret_one") && !written.contains("own_one"), "{written}");
}

#[test]
fn limit_counts_the_whole_text() {
    let lines: Vec<String> =
        (0..200).map(|n| format!("pub fn shape_{n}(width: u32) {{}}\n")).collect();
    let text = lines.concat();
    let index = index(&[("src/shapes.rs", &text)]);
    let place = "use crate::shapes;\nfn shape(width: u32) {\n    $0\n}\n";
    for max_bytes in [0, 50, 333, 5000] {
        let limits = SignatureLimits { max_bytes, max_held_bytes: max_bytes };
        assert!(written(&choose(&index, place, limits, &[])).len() <= max_bytes + "# ".len());
    }
}

#[test]
fn held_snippets_stay_while_they_have_the_best() {
    let index = index(&[("src/shapes.rs", SHAPES), ("src/b.rs", "pub fn new_one(a: u8) {}\n")]);
    let first = choose(&index, "use crate::shapes::Shape;\nfn f() {\n    $0\n}\n", LIMITS, &[]);
    let moved = "use crate::shapes::Shape;\nfn f() {\n    let a = 1;\n    $0\n}\n";
    assert_eq!(choose(&index, moved, LIMITS, &first), first);
    let imports = "use crate::shapes::Shape;\nuse crate::b::new_one;\nfn f() {\n    $0\n}\n";
    let added = choose(&index, imports, LIMITS, &first);
    assert_eq!(added[..first.len()], first, "nothing before the addition changes");
    assert!(written(&added[first.len()..]).contains("new_one"));
    let no_room = SignatureLimits { max_held_bytes: 0, ..LIMITS };
    let anew = choose(&index, imports, no_room, &first);
    assert!(written(&anew).contains("new_one"), "without room the choice is made anew");
    assert_eq!(choose(&index, "fn f() {\n    $0\n}\n", LIMITS, &first), first);
}
