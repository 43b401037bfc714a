//! The thread over real folders: what it reads, what it never reads, and when it reads again.
#![expect(clippy::unwrap_used, reason = "a test without its folder cannot go on")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lowkey_document::{Document, Snapshot, Uri};

use super::super::{IndexLimits, Indexer, Pause, ReadLimits};
use crate::Rules;

/// A folder of files that is removed when the test ends.
struct Workspace {
    root: PathBuf,
}

impl Workspace {
    fn new(files: &[(&str, &str)]) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lowkey-index-{}-{count}", std::process::id());
        let root = std::env::temp_dir().join(name).join("workspace");
        fs::create_dir_all(&root).unwrap();
        let workspace = Self { root: root.canonicalize().unwrap() };
        for (path, text) in files {
            workspace.write(path, text);
        }
        workspace
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let file = self.path(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file
    }

    fn rules(&self, exclude: &[&str]) -> Arc<Rules> {
        let exclude: Vec<String> = exclude.iter().map(|&glob| glob.to_owned()).collect();
        Arc::new(Rules::new(Some(&self.root), &exclude).0)
    }

    fn indexer(&self, exclude: &[&str]) -> Indexer {
        let limits = (IndexLimits::default(), ReadLimits::default());
        let folders = vec![self.root.clone()];
        Indexer::start(folders, self.rules(exclude), Arc::default(), limits).unwrap()
    }

    fn document(&self, path: &str, text: &str) -> (PathBuf, Snapshot) {
        let path = self.path(path);
        let uri = Uri::of_path(&path);
        (path, Document::open(uri.as_str(), "rust", 1, text).snapshot())
    }

    /// Returns the indexed paths below the root, in order, after the indexer is idle.
    fn indexed(&self, indexer: &Indexer) -> Vec<String> {
        indexer.wait_until_idle();
        let table = indexer.snapshot();
        let inside = |path: &str| Path::new(path).strip_prefix(&self.root).unwrap().to_path_buf();
        let mut paths: Vec<String> =
            table.files().map(|file| inside(file.path()).to_string_lossy().into_owned()).collect();
        paths.sort();
        paths
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(self.root.parent().unwrap());
    }
}

#[test]
fn sources_are_indexed_and_nothing_else() {
    let workspace = Workspace::new(&[
        ("src/main.rs", "fn main() {}"),
        ("src/deep/er/tool.py", "def tool(): pass"),
        ("README.md", "# no definitions"),
        ("web/node_modules/left/pad.js", "function pad() {}"),
        ("build/CACHEDIR.TAG", ""),
        ("build/made.rs", "fn made() {}"),
        (".hidden/a.rs", "fn hidden() {}"),
        (".gitignore", "ignored/\n"),
        ("ignored/a.rs", "fn ignored() {}"),
        ("latin.c", ""),
        ("long.rs", &"fn a() {}\n".repeat(60_000)),
    ]);
    workspace.write("latin.c", b"/* caf\xe9 */ int f(void) { return 1; }");
    workspace.write("binary.rs", b"fn a() {}\0");
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink(&workspace.root, workspace.path("src/loop")).unwrap();
        symlink(workspace.path("src/main.rs"), workspace.path("src/link.rs")).unwrap();
        symlink("nowhere", workspace.path("src/dangling.rs")).unwrap();
    }
    let indexer = workspace.indexer(&[]);
    assert_eq!(workspace.indexed(&indexer), ["latin.c", "src/deep/er/tool.py", "src/main.rs"]);
    assert_eq!(indexer.snapshot().named("tool").len(), 1);
}

#[test]
fn denied_text_is_in_no_structure() {
    const MARKER: &str = "zq_marker";
    let text = format!("pub const {MARKER}: &str = \"{MARKER}\"; pub fn {MARKER}_f() {{}}");
    let workspace = Workspace::new(&[
        ("src/main.rs", "fn main() {}"),
        (".gitignore", "zq_marker_git.rs\n"),
        (".lowkeyignore", "zq_marker_own/\n"),
    ]);
    let denied = [
        "zq_marker_git.rs",
        "zq_marker_own/a.rs",
        "zq_marker_setting/a.rs",
        "src/.env.rs",
        ".env.zq_marker.rs",
    ];
    for path in denied {
        workspace.write(path, &text);
    }
    let indexer = workspace.indexer(&["zq_marker_setting/"]);
    for path in denied {
        let (path, snapshot) = workspace.document(path, &text);
        indexer.opened(path, snapshot);
    }
    indexer.changed(denied.iter().map(|path| workspace.path(path)).collect());
    assert_eq!(workspace.indexed(&indexer), ["src/main.rs"]);
    let progress = indexer.wait_until_idle();
    assert_eq!(progress.n_read, 1, "a denied file was read");
    assert!(!format!("{:?}", indexer.snapshot()).contains(MARKER));
    for path in denied {
        indexer.closed(workspace.path(path));
    }
    assert_eq!(indexer.wait_until_idle().n_read, 1);
    assert!(!format!("{:?}", indexer.snapshot()).contains(MARKER));

    // The text is found as soon as the rules permit it, and gone when they deny it again.
    indexer.set_rules(vec![workspace.root.clone()], workspace.rules(&[]));
    assert_eq!(workspace.indexed(&indexer), ["src/main.rs", "zq_marker_setting/a.rs"]);
    assert!(format!("{:?}", indexer.snapshot()).contains(MARKER));
    let rule = workspace.write("zq_marker_setting/.lowkeyignore", "*.rs\n");
    indexer.changed(vec![rule]);
    assert_eq!(workspace.indexed(&indexer), ["src/main.rs"]);
    assert!(!format!("{:?}", indexer.snapshot()).contains(MARKER));
}

#[test]
fn changes_on_disk_are_read() {
    let workspace = Workspace::new(&[
        ("a.rs", "fn a() {}"),
        ("old/b.rs", "fn b() {}"),
        ("old/c.rs", "fn c() {}"),
    ]);
    let indexer = workspace.indexer(&[]);
    assert_eq!(workspace.indexed(&indexer), ["a.rs", "old/b.rs", "old/c.rs"]);
    let created = workspace.write("new.rs", "fn new() {}");
    let changed = workspace.write("a.rs", "fn changed() {}");
    fs::remove_dir_all(workspace.path("old")).unwrap();
    workspace.write("folder/d.rs", "fn d() {}");
    let skipped = workspace.write("node_modules/x.rs", "fn x() {}");
    indexer.changed(vec![
        created,
        changed,
        workspace.path("old"),
        workspace.path("folder"),
        skipped,
    ]);
    assert_eq!(workspace.indexed(&indexer), ["a.rs", "folder/d.rs", "new.rs"]);
    let table = indexer.snapshot();
    assert!(table.named("a").is_empty() && table.named("changed").len() == 1);
    fs::remove_file(workspace.path("a.rs")).unwrap();
    indexer.changed(vec![workspace.path("a.rs")]);
    assert_eq!(workspace.indexed(&indexer), ["folder/d.rs", "new.rs"]);
}

#[test]
fn open_document_is_indexed_until_closed() {
    let workspace = Workspace::new(&[("a.rs", "fn saved() {}")]);
    let indexer = workspace.indexer(&[]);
    let (path, snapshot) = workspace.document("a.rs", "fn typed() {}");
    indexer.opened(path.clone(), snapshot);
    indexer.changed(vec![path.clone()]);
    indexer.wait_until_idle();
    let table = indexer.snapshot();
    assert!(table.named("saved").is_empty() && table.named("typed").len() == 1);
    indexer.closed(path);
    indexer.wait_until_idle();
    let table = indexer.snapshot();
    assert!(table.named("typed").is_empty() && table.named("saved").len() == 1);
}

#[test]
fn nearest_files_of_a_monorepo_are_indexed() {
    let workspace = Workspace::new(&[]);
    for package in 0..60 {
        for file in 0..20 {
            let path = format!("packages/p{package:02}/src/f{file:02}.rs");
            workspace.write(&path, format!("pub fn f{package}_{file}() {{}}"));
        }
    }
    workspace.write("packages/p57/lib.rs", "pub fn near() {}");
    let limits = (
        IndexLimits { max_files: 100, ..IndexLimits::default() },
        ReadLimits { max_visited: 500, ..ReadLimits::default() },
    );
    let pause = Arc::new(Pause::default());
    // The walk waits for this request, and with it for the document.
    let in_flight = pause.begin();
    let folders = vec![workspace.root.clone()];
    let indexer =
        Indexer::start(folders, workspace.rules(&[]), Arc::clone(&pause), limits).unwrap();
    let (path, snapshot) = workspace.document("packages/p57/src/f00.rs", "pub fn f57_0() {}");
    indexer.opened(path, snapshot);
    drop(in_flight);
    let indexed = workspace.indexed(&indexer);
    let progress = indexer.wait_until_idle();
    assert_eq!(indexed.len(), 100);
    assert!(progress.is_cut && progress.n_visited <= 500, "{progress:?}");
    let of_package = indexed.iter().filter(|path| path.starts_with("packages/p57/")).count();
    assert_eq!(of_package, 21, "{indexed:?}");

    let limits = (IndexLimits::default(), ReadLimits { max_visited: 50, ..ReadLimits::default() });
    let folders = vec![workspace.root.clone()];
    let indexer = Indexer::start(folders, workspace.rules(&[]), Arc::default(), limits).unwrap();
    let progress = indexer.wait_until_idle();
    assert!(progress.is_cut && progress.n_visited == 50, "{progress:?}");
}

#[test]
fn far_document_has_neighbours_after_a_cut_walk() {
    let workspace = Workspace::new(&[]);
    for package in 0..20 {
        for file in 0..20 {
            let path = format!("p{package:02}/f{file:02}.rs");
            workspace.write(&path, format!("pub fn f{package}_{file}() {{}}"));
        }
    }
    let limits = (IndexLimits { max_files: 100, ..IndexLimits::default() }, ReadLimits::default());
    let folders = vec![workspace.root.clone()];
    let indexer = Indexer::start(folders, workspace.rules(&[]), Arc::default(), limits).unwrap();
    let of_package = |package: &str| {
        let indexed = workspace.indexed(&indexer);
        indexed.iter().filter(|path| path.starts_with(package)).count()
    };
    assert_eq!((of_package("p04/"), of_package("p05/")), (20, 0));
    let open = |path: &str| {
        let (path, snapshot) = workspace.document(path, "pub fn typed() {}");
        indexer.opened(path, snapshot);
    };
    // A tenth more than the limit, and open documents beyond it; the newest have the place.
    open("p15/f00.rs");
    assert_eq!(of_package("p15/"), 10);
    open("p17/f00.rs");
    assert_eq!((of_package("p15/"), of_package("p17/")), (1, 9));
    // A document with neighbours needs no others.
    let n_read = indexer.wait_until_idle().n_read;
    open("p02/f07.rs");
    open("p17/f01.rs");
    assert_eq!(indexer.wait_until_idle().n_read, n_read);
    assert_eq!((of_package("p02/"), of_package("p17/")), (20, 9));

    // An indexed file stays when it changes.
    let changed = workspace.write("p01/f01.rs", "pub fn changed() {}");
    indexer.changed(vec![changed]);
    assert_eq!(of_package("p01/"), 20);
    assert_eq!(indexer.snapshot().named("changed").len(), 1);
}

#[test]
fn newest_neighbourhoods_are_kept() {
    let workspace = Workspace::new(&[]);
    for package in 0..210 {
        for file in 0..2 {
            workspace.write(&format!("p{package:03}/f{file}.rs"), "pub fn f() {}");
        }
    }
    let limits = (IndexLimits { max_files: 400, ..IndexLimits::default() }, ReadLimits::default());
    let folders = vec![workspace.root.clone()];
    let indexer = Indexer::start(folders, workspace.rules(&[]), Arc::default(), limits).unwrap();
    indexer.wait_until_idle();
    for package in 200..209 {
        let (path, snapshot) =
            workspace.document(&format!("p{package}/f0.rs"), "pub fn typed() {}");
        indexer.opened(path, snapshot);
        indexer.wait_until_idle();
    }
    let indexed = workspace.indexed(&indexer);
    let far: Vec<&str> =
        indexed.iter().map(String::as_str).filter(|path| *path >= "p200").collect();
    let both = |package: usize| [format!("p{package}/f0.rs"), format!("p{package}/f1.rs")];
    let expected: Vec<String> =
        std::iter::once("p200/f0.rs".to_owned()).chain((201..209).flat_map(both)).collect();
    assert_eq!(far, expected, "the oldest neighbourhood is forgotten, its document is not");
}

#[test]
fn document_of_a_folder_that_is_added_late_has_neighbours() {
    let workspace = Workspace::new(&[]);
    for file in 0..30 {
        workspace.write(&format!("first/f{file:02}.rs"), "pub fn first() {}");
        workspace.write(&format!("second/deep/f{file:02}.rs"), "pub fn second() {}");
    }
    let limits = (IndexLimits { max_files: 20, ..IndexLimits::default() }, ReadLimits::default());
    let first = vec![workspace.path("first")];
    let indexer =
        Indexer::start(first.clone(), workspace.rules(&[]), Arc::default(), limits).unwrap();
    let (path, snapshot) = workspace.document("second/deep/f00.rs", "pub fn second() {}");
    indexer.opened(path, snapshot);
    let of_second = |indexer: &Indexer| {
        let indexed = workspace.indexed(indexer);
        indexed.iter().filter(|path| path.starts_with("second/")).count()
    };
    assert_eq!(of_second(&indexer), 1, "the document alone");
    let both = [first, vec![workspace.path("second")]].concat();
    indexer.set_rules(both, workspace.rules(&[]));
    assert!(of_second(&indexer) > 1);
}

#[test]
fn indexer_stops_while_a_request_is_in_flight() {
    let workspace = Workspace::new(&[("a.rs", "fn a() {}")]);
    let pause = Arc::new(Pause::default());
    let _in_flight = pause.begin();
    let limits = (IndexLimits::default(), ReadLimits::default());
    let folders = vec![workspace.root.clone()];
    let indexer =
        Indexer::start(folders, workspace.rules(&[]), Arc::clone(&pause), limits).unwrap();
    let table = indexer.snapshot();
    drop(indexer);
    assert_eq!(table.n_files(), 0);
    assert_eq!(Arc::strong_count(&pause), 2, "the thread has not ended");
}
