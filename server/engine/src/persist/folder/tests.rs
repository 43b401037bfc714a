//! Permissions, links, partial files.

use std::io::Read as _;

use super::*;
use crate::persist::test_folder::TestFolder;

impl TestFolder {
    fn open(&self) -> Folder {
        Folder::open(&self.0, "ours", true).unwrap().unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.join("ours")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn write(folder: &Folder, name: &str, text: &str) {
    let mut file = folder.create().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.finish(name).unwrap();
}

fn read(folder: &Folder, name: &str) -> io::Result<String> {
    let mut text = String::new();
    folder.read(name)?.read_to_string(&mut text)?;
    Ok(text)
}

#[test]
fn finished_file_replaces_its_namesake() {
    let parent = TestFolder::new("folder-whole");
    let folder = parent.open();
    write(&folder, "a.x", "first");
    let mut second = folder.create().unwrap();
    second.write_all(b"second").unwrap();
    assert_eq!(read(&folder, "a.x").unwrap(), "first");
    second.finish("a.x").unwrap();
    assert_eq!(read(&folder, "a.x").unwrap(), "second");
    let given_up = folder.create().unwrap();
    drop(given_up);
    assert_eq!(parent.names(), ["a.x"]);
    let found = folder.files("x");
    assert_eq!(found.iter().map(|f| (&*f.name, f.bytes)).collect::<Vec<_>>(), [("a.x", 6)]);
}

#[test]
fn only_writers_create_the_folder() {
    let parent = TestFolder::new("folder-made");
    assert!(Folder::open(&parent.0.join("deeper"), "ours", false).unwrap().is_none());
    assert!(!parent.0.join("deeper").exists());
    assert!(Folder::open(&parent.0.join("deeper"), "ours", true).unwrap().is_some());
}

#[test]
fn sweep_spares_files_being_written() {
    let parent = TestFolder::new("folder-sweep");
    let folder = parent.open();
    write(&folder, "whole.x", "whole");
    std::fs::write(parent.0.join("ours/1-0.partial"), "half").unwrap();
    let mut running = folder.create().unwrap();
    running.write_all(b"half").unwrap();
    assert_eq!(folder.remove_stale_partial_files(), 1);
    assert_eq!(parent.names().len(), 2, "{:?}", parent.names());
    running.finish("done.x").unwrap();
    assert_eq!(parent.names(), ["done.x", "whole.x"]);
    // The process has ended and released its lock, but the file is complete.
    assert_eq!(folder.remove_stale_partial_files(), 0);
}

#[test]
fn stale_partial_name_is_skipped() {
    let parent = TestFolder::new("folder-names");
    let folder = parent.open();
    for counter in 0..200 {
        let name = format!("{}-{counter}.partial", std::process::id());
        std::fs::write(parent.0.join("ours").join(name), "").unwrap();
    }
    write(&folder, "a.x", "text");
    assert_eq!(read(&folder, "a.x").unwrap(), "text");
}

#[cfg(unix)]
mod on_unix {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folder_and_files_are_private_at_creation() {
        let parent = TestFolder::new("folder-rights");
        let folder = parent.open();
        assert_eq!(mode(&parent.0.join("ours")), 0o700);
        let partial = folder.create().unwrap();
        assert_eq!(mode(&partial.path), 0o600);
        partial.finish("a.x").unwrap();
        assert_eq!(mode(&parent.0.join("ours/a.x")), 0o600);
    }

    #[test]
    fn open_folder_becomes_private() {
        let parent = TestFolder::new("folder-closed");
        let path = parent.0.join("ours");
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(Folder::open(&parent.0, "ours", false).is_err(), "a reader changes nothing");
        parent.open();
        assert_eq!(mode(&path), 0o700);
    }

    #[test]
    fn links_are_not_followed() {
        let parent = TestFolder::new("folder-links");
        let elsewhere = parent.0.join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        std::fs::write(elsewhere.join("secret"), "secret").unwrap();
        symlink(&elsewhere, parent.0.join("linked")).unwrap();
        assert!(Folder::open(&parent.0, "linked", true).is_err());

        let folder = parent.open();
        let link = parent.0.join("ours/a.x");
        symlink(elsewhere.join("secret"), &link).unwrap();
        assert!(read(&folder, "a.x").is_err());
        assert_eq!(folder.files("x").len(), 0);
        // A complete file replaces the link, not its target.
        write(&folder, "a.x", "ours");
        assert_eq!(read(&folder, "a.x").unwrap(), "ours");
        assert_eq!(std::fs::read_to_string(elsewhere.join("secret")).unwrap(), "secret");
        // The target of a partial file's link is neither written nor removed.
        symlink(elsewhere.join("secret"), parent.0.join("ours/9-9.partial")).unwrap();
        assert_eq!(folder.remove_stale_partial_files(), 0);
        assert!(create_private(&parent.0.join("ours/9-9.partial")).is_err());
        assert_eq!(std::fs::read_to_string(elsewhere.join("secret")).unwrap(), "secret");
    }

    #[test]
    fn folder_is_not_read_as_a_file() {
        let parent = TestFolder::new("folder-kinds");
        let folder = parent.open();
        std::fs::create_dir(parent.0.join("ours/a.x")).unwrap();
        assert!(read(&folder, "a.x").is_err());
        assert_eq!(folder.files("x").len(), 0);
        std::fs::write(parent.0.join("file"), "").unwrap();
        assert!(Folder::open(&parent.0, "file", true).is_err());
        assert!(Folder::open(&parent.0, "file", false).is_err());
    }
}
