//! The index of other files: when it starts, which folders it has, and what it passes over in them.

use std::process::Command;
use std::time::{Duration, Instant};

use lowkey_test_support::TestFolder;
use lowkey_test_support::server::{Options, Server, TIMEOUT, capabilities, uri};
use serde_json::{Value, json};

use crate::cross_file::{MAIN, Workspace, room};

/// Whether the server has the thread that indexes.
#[cfg(target_os = "linux")]
fn has_index(server: &Server) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.process_id())).unwrap();
    tasks.filter_map(Result::ok).any(|task| {
        let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        name.trim() == "lowkey-index"
    })
}

#[cfg(target_os = "linux")]
#[test]
fn index_starts_with_the_model_and_without_a_request() {
    let workspace = Workspace::new("index-start");
    let mut server = workspace.serve(Options::default(), &room(), &capabilities());
    let deadline = Instant::now() + TIMEOUT;
    while !has_index(&server) {
        assert!(Instant::now() < deadline, "no index after {TIMEOUT:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    server.finish();
}

#[test]
fn documents_opened_before_the_index_have_their_unsaved_text() {
    let workspace = Workspace::new("index-unsaved");
    let shapes = uri(&workspace.folder.join("src/shapes.rs"));
    let mut server = Server::spawn(Options::default());
    server.initialize(&capabilities(), &room(), Some(&workspace.folder));
    let unsaved = "pub fn area_of(width: u32) -> u32 {}\npub fn later_one(width: u32) -> u32 {}\n";
    server.open(&shapes, "rust", unsaved);
    server.open(&workspace.main, "rust", MAIN);
    server.ready();
    let why = workspace.wait_for(&mut server, "src/shapes.rs");
    assert!(why.contains("src/shapes.rs (2 lines); imported: area_of, later_one"), "{why}");
    server.finish();
}

/// The event of folders that are added and removed.
fn folders(added: &[&TestFolder], removed: &[&TestFolder]) -> Value {
    let all = |folders: &[&TestFolder]| -> Vec<Value> {
        folders.iter().map(|folder| json!({"uri": uri(folder), "name": "folder"})).collect()
    };
    json!({"event": {"added": all(added), "removed": all(removed)}})
}

#[test]
fn folders_are_added_and_removed() {
    let workspace = Workspace::new("index-folders");
    let second = TestFolder::new("index-second");
    let text = "pub fn later_one(width: u32) -> u32 {\n    width\n}\n";
    std::fs::write(second.join("late.rs"), text).unwrap();
    std::fs::write(second.join(".lowkeyignore"), "hidden.rs\n").unwrap();
    std::fs::write(second.join("hidden.rs"), "pub fn reveal_all() {}\n").unwrap();
    let mut server = workspace.serve(Options::default(), &room(), &capabilities());
    let why = workspace.wait_for(&mut server, "src/shapes.rs");
    assert!(!why.contains("late.rs"), "{why}");

    server.notify("workspace/didChangeWorkspaceFolders", &folders(&[&second], &[]));
    // A file is named relative to its own folder.
    let why = workspace.wait_for(&mut server, "late.rs");
    assert!(!why.contains("hidden.rs"), "{why}");

    server.notify("workspace/didChangeWorkspaceFolders", &folders(&[], &[&second]));
    let why = workspace.wait_until(&mut server, "the removal of late.rs", |why| {
        why.contains("src/shapes.rs") && !why.contains("late.rs")
    });
    assert!(!why.contains("hidden.rs"), "{why}");
    server.finish();
}

#[test]
fn deleted_file_leaves_the_prompt() {
    let workspace = Workspace::new("index-deleted");
    let late = "src/late.rs";
    workspace.write(late, "pub fn later_one(width: u32) -> u32 {\n    width\n}\n");
    let mut server = workspace.serve(Options::default(), &room(), &capabilities());
    workspace.wait_for(&mut server, late);
    std::fs::remove_file(workspace.folder.join(late)).unwrap();
    let change = json!({"uri": uri(&workspace.folder.join(late)), "type": 3});
    server.notify("workspace/didChangeWatchedFiles", &json!({"changes": [change]}));
    let is_gone = |why: &str| why.contains("src/shapes.rs") && !why.contains(late);
    workspace.wait_until(&mut server, "the removal of the file", is_gone);
    server.finish();
}

/// Takes a file's permissions away. Returns the program under which a server cannot read it: root
/// can, without these capabilities not.
#[cfg(unix)]
fn make_unreadable(paths: &[std::path::PathBuf]) -> Vec<String> {
    use std::os::unix::fs::PermissionsExt;
    for path in paths {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o000)).unwrap();
    }
    let is_root = std::fs::read(&paths[0]).is_ok();
    let under = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
    under.iter().filter(|_| is_root).map(|&word| word.to_owned()).collect()
}

/// Links in circles, to places outside, and to nothing; pipes, folders with the name of a file,
/// binary files, and what cannot be read. There is no repository.
#[cfg(unix)]
#[test]
fn odd_files_are_passed_over() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    const REVEAL: &str = "pub fn reveal_all(width: u32) -> u32 {\n    width\n}\n";
    const LATER: &str = "pub fn later_one(width: u32) -> u32 {\n    width\n}\n";
    let workspace = Workspace::new("index-odd");
    let root: &std::path::Path = &workspace.folder;
    let outside = TestFolder::new("index-outside");
    std::fs::write(outside.join("hidden.rs"), REVEAL).unwrap();
    symlink(outside.join("hidden.rs"), root.join("src/hidden.rs")).unwrap();
    symlink(&*outside, root.join("src/linked")).unwrap();
    symlink(root, root.join("src/again")).unwrap();
    symlink("circle", root.join("src/circle")).unwrap();
    symlink("circle.rs", root.join("src/circle.rs")).unwrap();
    symlink("nowhere.rs", root.join("src/dangling.rs")).unwrap();
    let made = Command::new("mkfifo").arg(root.join("src/pipe.rs")).status().unwrap();
    assert!(made.success());
    std::fs::create_dir(root.join("src/folder.rs")).unwrap();
    workspace.write("src/binary.rs", &format!("{REVEAL}\0"));
    workspace.write("src/locked.rs", REVEAL);
    workspace.write("src/locked/late.rs", LATER);
    // The walk reads a folder's files in order, so all others had their turn before this one.
    workspace.write("src/zoo.rs", LATER);
    let locked = [root.join("src/locked.rs"), root.join("src/locked")];
    let options = Options { under: make_unreadable(&locked), ..Options::default() };
    let mut server = workspace.serve(options, &room(), &capabilities());
    let why = workspace.wait_for(&mut server, "src/zoo.rs");
    assert!(why.contains("src/shapes.rs"), "{why}");
    for name in ["hidden", "linked", "again", "circle", "pipe", "folder.rs", "binary", "locked"] {
        assert!(!why.contains(name), "{name}: {why}");
    }

    // What can be read again is found again.
    for path in &locked {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let change = json!({"uri": uri(&locked[0]), "type": 2});
    server.notify("workspace/didChangeWatchedFiles", &json!({"changes": [change]}));
    workspace.wait_for(&mut server, "src/locked.rs");
    server.finish();
}
