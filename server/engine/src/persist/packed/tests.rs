//! Foreign files, two processes at once, the cap, an engine that ends.

use std::path::PathBuf;

use lowkey_model::{Hold, ModelFile};
use lowkey_test_support::{TOY_BYTES, TOY_NAME};

use super::*;
use crate::persist::test_folder::TestFolder;
use crate::{Loaded, Wanted};

impl TestFolder {
    fn packing(&self) -> Keep {
        Keep { idle: Duration::ZERO, ..Keep::new(self.0.clone(), 1 << 20, String::new()) }
    }

    fn packed_files(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.0.join(FOLDER)) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

/// Loads the toy model; `None` if its weights came from disk.
fn load(keep: &Keep) -> Option<UnsavedWeights> {
    let file = ModelFile::from_bytes(TOY_NAME, TOY_BYTES).unwrap();
    let wanted = Wanted { keep: Some(keep), ..Wanted::default() };
    Loaded::wanted(wanted, &file, 2, &mut |_| {}).unwrap().unsaved
}

/// Returns the pause of an engine that is idle until the sender is dropped.
fn resting() -> (Sender<()>, Pause) {
    let (engine, engine_ended) = channel();
    (engine, Pause { engine_ended, is_busy: Arc::default() })
}

fn save_now(keep: &Keep, unsaved: &UnsavedWeights) -> io::Result<bool> {
    let (_engine, pause) = resting();
    save(keep, unsaved, &pause).map(|spent| spent.is_some())
}

#[test]
fn packed_weights_serve_the_next_start() {
    let folder = TestFolder::new("packed-found");
    let keep = folder.packing();
    let unsaved = load(&keep).expect("nothing is kept yet");
    assert!(save_now(&keep, &unsaved).unwrap());
    let [file] = &folder.packed_files()[..] else { panic!("one file") };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(file), mode(file.parent().unwrap())), (0o600, 0o700));
    }
    let bytes = std::fs::read(file).unwrap();
    for hold in [Hold::Fast, Hold::Shared, Hold::Private] {
        assert!(load(&Keep { hold, ..keep.clone() }).is_none(), "{hold:?}");
    }
    assert!(load(&keep.clone().reading_only()).is_none());
    assert_eq!(std::fs::read(file).unwrap(), bytes);
    keep.enabled.set(false);
    assert!(load(&keep).is_some(), "switched off, nothing is read");
}

#[cfg(unix)]
#[test]
fn unsafe_file_is_ignored() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TestFolder::new("packed-foreign");
    let keep = folder.packing();
    save_now(&keep, &load(&keep).unwrap()).unwrap();
    let file = folder.packed_files().remove(0);
    for mode in [0o644, 0o620, 0o606] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        assert!(load(&keep).is_some(), "{mode:o}");
    }
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(load(&keep).is_none());
    // Another user's file, if this test may change the owner.
    if std::os::unix::fs::chown(&file, Some(12345), None).is_ok() {
        assert!(load(&keep).is_some());
        std::os::unix::fs::chown(&file, Some(rustix::process::geteuid().as_raw()), None).unwrap();
    }
    let elsewhere = folder.0.join("elsewhere");
    std::fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    assert!(load(&keep).is_some(), "a link");
    // The new file replaces the link, not its target.
    assert!(save_now(&keep, &load(&keep).unwrap()).unwrap());
    assert!(file.symlink_metadata().unwrap().is_file() && elsewhere.exists());
    assert!(load(&keep).is_none());
}

#[test]
fn damaged_packed_file_is_replaced() {
    let folder = TestFolder::new("packed-damaged");
    let keep = folder.packing();
    save_now(&keep, &load(&keep).unwrap()).unwrap();
    let file = folder.packed_files().remove(0);
    let whole = std::fs::read(&file).unwrap();
    let flipped = || {
        let mut bytes = whole.clone();
        bytes[whole.len() / 2] ^= 1;
        bytes
    };
    for bytes in [flipped(), whole[..whole.len() / 2].to_vec(), Vec::new()] {
        // The file changes in place, as on a failing disk. No process maps it now.
        std::fs::write(&file, &bytes).unwrap();
        let unsaved = load(&keep).expect("it is damaged");
        assert_eq!(std::fs::read(&file).unwrap(), bytes, "reading changes nothing");
        assert!(save_now(&keep, &unsaved).unwrap());
        assert!(std::fs::read(&file).unwrap() == whole);
        assert!(load(&keep).is_none());
    }
}

#[test]
fn one_process_writes_at_a_time() {
    let folder = TestFolder::new("packed-two");
    let keep = folder.packing();
    let [one, two] = [(); 2].map(|()| load(&keep).unwrap());
    let writing = Folder::open(&keep.folder, FOLDER, true).unwrap().unwrap();
    let partial = writing.create().unwrap();
    assert!(!save_now(&keep, &one).unwrap(), "the other one does");
    drop(partial);
    std::fs::write(folder.0.join(FOLDER).join("4000000-0.partial"), "half").unwrap();
    // Both write at the same time: one or both succeed, and the file is complete.
    std::thread::scope(|scope| {
        let keep = &keep;
        let both =
            [&one, &two].map(|unsaved| scope.spawn(move || save_now(keep, unsaved).unwrap()));
        let saved = both.map(|thread| thread.join().unwrap());
        assert!(saved.contains(&true));
    });
    assert_eq!(folder.packed_files().len(), 1, "{:?}", folder.packed_files());
    assert!(load(&keep).is_none());
}

#[test]
fn cap_evicts_least_recently_used() {
    let folder = TestFolder::new("packed-cap");
    let keep = folder.packing();
    let unsaved = load(&keep).unwrap();
    let bytes = Packed::file_bytes(unsaved.packed.len());
    let too_small = Keep { packed_cap_bytes: bytes - 1, ..keep.clone() };
    assert!(!save_now(&too_small, &unsaved).unwrap());
    assert_eq!(folder.packed_files(), [] as [PathBuf; 0]);
    // Three files of other models, an hour apart; the cap has room for two beside the new one.
    let inside = folder.0.join(FOLDER);
    let other = |hours: u64| inside.join(format!("{hours}.{EXTENSION}"));
    for hours in [2, 1, 3] {
        let file = File::create(other(hours)).unwrap();
        file.set_len(bytes).unwrap();
        let ago = Duration::from_secs(hours * 3600);
        file.set_modified(std::time::SystemTime::now() - ago).unwrap();
    }
    let keep = Keep { packed_cap_bytes: bytes * 3, ..keep };
    assert!(save_now(&keep, &unsaved).unwrap());
    assert_eq!([1, 2, 3].map(|hours| other(hours).exists()), [true, true, false]);
    // A used file is the last to be removed.
    touch(&File::open(other(2)).unwrap());
    let keep = Keep { packed_cap_bytes: bytes * 2, ..keep };
    assert!(save_now(&keep, &unsaved).unwrap());
    assert_eq!([1, 2].map(|hours| other(hours).exists()), [false, true]);
    assert!(load(&keep).is_none());
}

#[test]
fn writing_waits_for_an_idle_engine() {
    let folder = TestFolder::new("packed-ended");
    let keep = folder.packing();
    let unsaved = load(&keep).unwrap();
    let (engine, pause) = resting();
    pause.is_busy.store(true, Ordering::Release);
    let is_busy = Arc::clone(&pause.is_busy);
    std::thread::scope(|scope| {
        let (keep, unsaved) = (&keep, &unsaved);
        let saving = scope.spawn(move || save(keep, unsaved, &pause));
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(folder.packed_files(), [] as [PathBuf; 0], "it is busy");
        drop(engine);
        let ended = saving.join().unwrap().unwrap_err();
        assert_eq!(ended.kind(), ErrorKind::Interrupted);
    });
    assert_eq!(folder.packed_files(), [] as [PathBuf; 0]);
    is_busy.store(false, Ordering::Release);
    // The engine ends in the middle: no file is left.
    let (engine, pause) = resting();
    let mut engine = Some(engine);
    let folder_of_ours = Folder::open(&keep.folder, FOLDER, true).unwrap().unwrap();
    let mut partial = folder_of_ours.create().unwrap();
    let ended = unsaved.packed.save(unsaved.key.bytes(), &mut |piece| {
        partial.write_all(piece)?;
        engine = None;
        pause.wait(Duration::ZERO)
    });
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Interrupted);
    drop(partial);
    assert_eq!(folder.packed_files(), [] as [PathBuf; 0]);
}
