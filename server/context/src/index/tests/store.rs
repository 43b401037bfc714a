//! The store: updates, look-ups, limits.
#![expect(clippy::unwrap_used, reason = "a test without its file cannot go on")]

use std::collections::BTreeMap;
use std::path::Path;

use lowkey_document::Language;
use proptest::prelude::*;

use super::super::{Definition, DefinitionIndex, IndexLimits, Table, TextOrigin, Update};

fn rust() -> &'static Language {
    Language::by_id("rust")
}

/// Everything that a reader can see.
fn seen(table: &Table) -> BTreeMap<String, Vec<Definition>> {
    let listed = |file: &super::super::File| file.definitions().map(Definition::from).collect();
    table.files().map(|file| (file.path().to_owned(), listed(file))).collect()
}

#[test]
fn names_paths_and_modules_are_found() {
    let index = DefinitionIndex::default();
    for (path, text) in [
        ("/p/src/shop/mod.rs", "pub fn open() {}\nstruct Cart { size: u8 }\n"),
        ("/p/src/shop/cart.rs", "impl Cart { fn open(&self) {} }\n"),
        ("/p/other/cart.rs", "fn close() {}\n"),
    ] {
        assert_eq!(index.update(Path::new(path), rust(), text, TextOrigin::Disk), Update::Indexed);
    }
    let table = index.snapshot();
    let named: Vec<String> = table
        .named("open")
        .iter()
        .map(|(file, one)| {
            format!("{}:{} {:?} {}", file.path(), one.line, one.container, one.signature)
        })
        .collect();
    assert_eq!(
        named,
        [
            "/p/src/shop/cart.rs:0 Some(\"Cart\") fn open(&self)",
            "/p/src/shop/mod.rs:0 None pub fn open()",
        ]
    );
    assert!(table.named("absent").is_empty());
    let paths = |module: &str| -> Vec<String> {
        table.modules(module).iter().map(|file| file.path().to_owned()).collect()
    };
    assert_eq!(paths("cart"), ["/p/other/cart.rs", "/p/src/shop/cart.rs"]);
    assert_eq!(paths("shop/cart"), ["/p/src/shop/cart.rs"]);
    assert_eq!(paths("shop/cart.rs"), ["/p/src/shop/cart.rs"]);
    assert_eq!(paths("src/shop"), ["/p/src/shop/mod.rs"]);
    assert_eq!(paths("op/cart"), [""; 0]);
    let file = table.file("/p/src/shop/mod.rs").unwrap();
    assert_eq!(
        file.definitions().map(|one| one.name).collect::<Vec<_>>(),
        ["open", "Cart", "size"]
    );
}

#[test]
fn snapshot_does_not_change() {
    let index = DefinitionIndex::default();
    index.update(Path::new("/a.rs"), rust(), "fn one() {}", TextOrigin::Disk);
    let before = index.snapshot();
    index.update(Path::new("/a.rs"), rust(), "fn two() {}", TextOrigin::Disk);
    index.update(Path::new("/b.rs"), rust(), "fn one() {}", TextOrigin::Disk);
    assert_eq!(before.named("one").len(), 1);
    assert!(before.named("two").is_empty() && before.file("/b.rs").is_none());
    let after = index.snapshot();
    assert_eq!(after.named("one")[0].0.path(), "/b.rs");
    assert_eq!(after.named("two")[0].0.path(), "/a.rs");
}

#[test]
fn open_document_overrides_disk() {
    let index = DefinitionIndex::default();
    let path = Path::new("/a.rs");
    index.update(path, rust(), "fn typed() {}", TextOrigin::Editor);
    assert_eq!(index.update(path, rust(), "fn saved() {}", TextOrigin::Disk), Update::IsOpen);
    assert_eq!(index.update(path, rust(), "\0", TextOrigin::Disk), Update::IsOpen);
    assert_eq!(index.snapshot().named("typed").len(), 1);
    index.close(path);
    assert_eq!(index.snapshot().named("typed").len(), 1);
    assert_eq!(index.update(path, rust(), "fn saved() {}", TextOrigin::Disk), Update::Indexed);
    assert!(index.snapshot().named("typed").is_empty());
}

#[test]
fn unsuitable_text_is_removed() {
    let index = DefinitionIndex::default();
    let path = Path::new("/a.rs");
    let minified = "fn a(){}".repeat(2000);
    let long = "fn a() {}\n".repeat(60_000);
    for text in ["fn a() {}\0", minified.as_str(), long.as_str()] {
        index.update(path, rust(), "fn a() {}", TextOrigin::Disk);
        assert!(index.contains(path));
        assert_eq!(index.update(path, rust(), text, TextOrigin::Disk), Update::Unsuitable);
        assert!(!index.contains(path));
    }
    let toml =
        index.update(Path::new("/a.toml"), Language::by_id("toml"), "a = 1", TextOrigin::Disk);
    assert_eq!(toml, Update::Unsuitable);
}

#[test]
fn limits_hold_for_files_on_disk() {
    let index = DefinitionIndex::new(IndexLimits { max_files: 2, max_bytes: 1 << 20 });
    let update = |path: &str, origin| index.update(Path::new(path), rust(), "fn a() {}", origin);
    assert_eq!(update("/a.rs", TextOrigin::Disk), Update::Indexed);
    assert_eq!(update("/b.rs", TextOrigin::Disk), Update::Indexed);
    assert_eq!(update("/c.rs", TextOrigin::Disk), Update::Full);
    assert_eq!(update("/b.rs", TextOrigin::Disk), Update::Indexed, "a file may be replaced");
    assert_eq!(
        update("/d.rs", TextOrigin::Editor),
        Update::Indexed,
        "an open document has its place"
    );
    assert!(index.is_full());

    let index = DefinitionIndex::new(IndexLimits { max_files: 100, max_bytes: 2000 });
    let mut results = (0..20).map(|idx| {
        index.update(Path::new(&format!("/{idx}.rs")), rust(), "fn a() {}", TextOrigin::Disk)
    });
    assert!(results.any(|update| update == Update::Full));
    assert!(index.snapshot().n_bytes() <= 2000);
}

#[derive(Debug, Clone)]
enum Step {
    Write(usize, Vec<usize>),
    Remove(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6usize, proptest::collection::vec(0..12usize, 0..6)).prop_map(|(file, names)| Step::Write(file, names)),
        1 => (0..6usize).prop_map(Step::Remove),
    ]
}

proptest! {
    #[test]
    fn updates_equal_a_fresh_index(steps in proptest::collection::vec(step(), 0..40)) {
        let path = |file: usize| format!("/src/{}/f{file}.rs", file % 2);
        let text = |names: &[usize]| -> String {
            let one = |name: &usize| format!("struct T{name} {{ x{name}: u8 }}\nfn f{name}() {{}}\n");
            names.iter().map(one).collect::<Vec<_>>().concat()
        };
        let (index, mut texts) = (DefinitionIndex::default(), BTreeMap::new());
        let mut held = Vec::new();
        for step in steps {
            match step {
                Step::Write(file, names) => {
                    index.update(Path::new(&path(file)), rust(), &text(&names), TextOrigin::Disk);
                    texts.insert(path(file), text(&names));
                }
                Step::Remove(file) => {
                    index.remove(Path::new(&path(file)));
                    texts.remove(&path(file));
                }
            }
            // Readers keep old states alive, so that updates copy.
            let table = index.snapshot();
            held.push((seen(&table), table));
        }
        let fresh = DefinitionIndex::default();
        for (path, text) in &texts {
            fresh.update(Path::new(path), rust(), text, TextOrigin::Disk);
        }
        let (table, fresh) = (index.snapshot(), fresh.snapshot());
        prop_assert_eq!(seen(&table), seen(&fresh));
        prop_assert_eq!(
            (table.n_files(), table.n_definitions(), table.n_bytes()),
            (fresh.n_files(), fresh.n_definitions(), fresh.n_bytes())
        );
        for name in (0..12).flat_map(|name| [format!("T{name}"), format!("x{name}"), format!("f{name}")]) {
            let paths = |table: &Table| -> Vec<(String, u32)> {
                table.named(&name).iter().map(|(file, one)| (file.path().to_owned(), one.line)).collect()
            };
            prop_assert_eq!(paths(&table), paths(&fresh));
        }
        for (before, table) in held {
            prop_assert_eq!(seen(&table), before);
        }
    }
}
