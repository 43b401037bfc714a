//! Planted links, pipes and files of other users; small texts.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use super::*;

/// Creates a folder for this test, and a user's file that must survive.
fn place(name: &str) -> (std::path::PathBuf, Folder) {
    let path = std::env::temp_dir().join(format!("lowkey-folder-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    let folder = Folder::root(&path).unwrap().inside("cache").unwrap();
    std::fs::write(path.join("precious"), "precious").unwrap();
    (path, folder)
}

#[test]
fn replace_leaves_one_complete_file() {
    let (path, folder) = place("replace");
    folder.replace("main", b"one").unwrap();
    folder.replace("main", b"two").unwrap();
    assert_eq!(std::fs::read_to_string(folder.path().join("main")).unwrap(), "two");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let _ = std::fs::remove_dir_all(path);
}

#[cfg(unix)]
#[test]
fn planted_names_are_replaced() {
    use std::os::unix::fs::symlink;
    let (path, folder) = place("planted");
    let precious = path.join("precious");
    symlink(&precious, folder.path().join("link")).unwrap();
    std::fs::hard_link(&precious, folder.path().join("second-name")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.path().join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    for name in ["link", "second-name", "pipe"] {
        folder.own_file(name).unwrap().write_all(b"mine").unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), "mine");
        assert!(folder.path().join(name).symlink_metadata().unwrap().is_file(), "{name}");
    }
    symlink(&precious, folder.path().join("lock")).unwrap();
    let (mut lock, may_write) = folder.lock_file("lock").unwrap();
    assert!(may_write && lock.write_all(b"1").is_ok());
    symlink(&precious, folder.path().join("read")).unwrap();
    assert!(folder.read("read").unwrap().is_none(), "a link is no blob");
    symlink(&precious, folder.path().join("linked")).unwrap();
    folder.link(Path::new("elsewhere"), "linked").unwrap();
    folder.replace("read", b"mine").unwrap();
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
    let _ = std::fs::remove_dir_all(path);
}

#[cfg(unix)]
#[test]
fn folder_that_is_a_link_is_refused() {
    let (path, folder) = place("refused");
    std::os::unix::fs::symlink(&path, folder.path().join("blobs")).unwrap();
    std::fs::write(folder.path().join("snapshots"), "").unwrap();
    for name in ["blobs", "snapshots"] {
        let error = folder.inside(name).unwrap_err().to_string();
        assert!(error.contains("may have been planted"), "{error}");
    }
    let _ = std::fs::remove_dir_all(path);
}

/// Only root may change a file's owner.
#[cfg(unix)]
#[test]
fn other_users_file_is_not_written() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not root: files of other users are not tested");
        return;
    }
    let (path, folder) = place("owner");
    let theirs = folder.path().join("theirs");
    for name in ["theirs", "lock"] {
        std::fs::write(folder.path().join(name), "theirs").unwrap();
        std::os::unix::fs::chown(folder.path().join(name), Some(65_534), None).unwrap();
    }
    let handle = std::fs::File::open(&theirs).unwrap();
    folder.own_file("theirs").unwrap().write_all(b"mine").unwrap();
    assert_eq!(std::fs::read_to_string(&theirs).unwrap(), "mine");
    assert_eq!(handle.metadata().unwrap().len(), 6, "the other user's file has changed");
    let (_, may_write) = folder.lock_file("lock").unwrap();
    assert!(!may_write, "a lock is shared, a note in it is its owner's");
    let _ = std::fs::remove_dir_all(path);
}

#[cfg(unix)]
#[test]
fn file_identity_is_checked_by_handle() {
    let (path, folder) = place("exchanged");
    let file = folder.own_file("blob").unwrap();
    assert!(folder.is("blob", &file).unwrap());
    folder.replace("blob", b"another").unwrap();
    assert!(!folder.is("blob", &file).unwrap());
    let _ = std::fs::remove_dir_all(path);
}

#[test]
fn small_text_reads_only_small_files() {
    let (path, _) = place("small");
    assert_eq!(small_text(&path.join("precious"), 8).unwrap(), "precious");
    let long = small_text(&path.join("precious"), 7).unwrap_err().to_string();
    assert!(long.contains("more than 7 bytes"), "{long}");
    assert!(small_text(&path, 8).is_err(), "a folder is no text");
    #[cfg(unix)]
    {
        let pipe = path.join("pipe");
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).unwrap();
        let error = small_text(&pipe, 8).unwrap_err().to_string();
        assert!(error.contains("not an ordinary file"), "{error}");
    }
    let _ = std::fs::remove_dir_all(path);
}
