//! Foreign files, two processes at once, the cap, an engine that ends.

use std::path::PathBuf;

use lowkey_model::{MapPolicy, ModelFile};
use lowkey_test_support::{TOY_BYTES, TOY_NAME};

use super::*;
use crate::persist::test_folder::TestFolder;
use crate::{LoadOptions, Loaded};

impl TestFolder {
    fn packing(&self) -> PersistOptions {
        PersistOptions {
            idle: Duration::ZERO,
            ..PersistOptions::new(self.0.clone(), 1 << 20, String::new())
        }
    }

    fn packed_files(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.0.join(FOLDER)) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

/// Loads the toy model; `None` if its weights came from disk.
fn load(persist: &PersistOptions) -> Option<UnsavedWeights> {
    let file = ModelFile::from_bytes(TOY_NAME, TOY_BYTES).unwrap();
    let wanted = LoadOptions { persist: Some(persist), ..LoadOptions::default() };
    Loaded::with_options(wanted, &file, 2, &mut |_| {}).unwrap().unsaved
}

/// Returns the pause of an engine that is idle until the sender is dropped.
fn resting() -> (Sender<()>, Throttle) {
    let (engine, engine_ended) = channel();
    (engine, Throttle { engine_ended, is_busy: Arc::default() })
}

fn save_now(persist: &PersistOptions, unsaved: &UnsavedWeights) -> io::Result<bool> {
    let (_engine, throttle) = resting();
    save(persist, unsaved, &throttle).map(|spent| spent.is_some())
}

#[test]
fn packed_weights_serve_the_next_start() {
    let folder = TestFolder::new("packed-found");
    let persist = folder.packing();
    let unsaved = load(&persist).expect("nothing is kept yet");
    assert!(save_now(&persist, &unsaved).unwrap());
    let [file] = &folder.packed_files()[..] else { panic!("one file") };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(file), mode(file.parent().unwrap())), (0o600, 0o700));
    }
    let bytes = std::fs::read(file).unwrap();
    for map_policy in [MapPolicy::Auto, MapPolicy::Always, MapPolicy::Never] {
        assert!(
            load(&PersistOptions { map_policy, ..persist.clone() }).is_none(),
            "{map_policy:?}"
        );
    }
    assert!(load(&persist.clone().reading_only()).is_none());
    assert_eq!(std::fs::read(file).unwrap(), bytes);
    persist.enabled.set(false);
    assert!(load(&persist).is_some(), "switched off, nothing is read");
}

#[cfg(unix)]
#[test]
fn unsafe_file_is_ignored() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TestFolder::new("packed-foreign");
    let persist = folder.packing();
    save_now(&persist, &load(&persist).unwrap()).unwrap();
    let file = folder.packed_files().remove(0);
    for mode in [0o644, 0o620, 0o606] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        assert!(load(&persist).is_some(), "{mode:o}");
    }
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(load(&persist).is_none());
    // Another user's file, if this test may change the owner.
    if std::os::unix::fs::chown(&file, Some(12345), None).is_ok() {
        assert!(load(&persist).is_some());
        std::os::unix::fs::chown(&file, Some(rustix::process::geteuid().as_raw()), None).unwrap();
    }
    let elsewhere = folder.0.join("elsewhere");
    std::fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    assert!(load(&persist).is_some(), "a link");
    // The new file replaces the link, not its target.
    assert!(save_now(&persist, &load(&persist).unwrap()).unwrap());
    assert!(file.symlink_metadata().unwrap().is_file() && elsewhere.exists());
    assert!(load(&persist).is_none());
}

#[test]
fn damaged_packed_file_is_replaced() {
    let folder = TestFolder::new("packed-damaged");
    let persist = folder.packing();
    save_now(&persist, &load(&persist).unwrap()).unwrap();
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
        let unsaved = load(&persist).expect("it is damaged");
        assert_eq!(std::fs::read(&file).unwrap(), bytes, "reading changes nothing");
        assert!(save_now(&persist, &unsaved).unwrap());
        assert!(std::fs::read(&file).unwrap() == whole);
        assert!(load(&persist).is_none());
    }
}

#[test]
fn one_process_writes_at_a_time() {
    let folder = TestFolder::new("packed-two");
    let persist = folder.packing();
    let [one, two] = [(); 2].map(|()| load(&persist).unwrap());
    let writing = Folder::open(&persist.folder, FOLDER, true).unwrap().unwrap();
    let partial = writing.create().unwrap();
    assert!(!save_now(&persist, &one).unwrap(), "the other one does");
    drop(partial);
    std::fs::write(folder.0.join(FOLDER).join("4000000-0.partial"), "half").unwrap();
    // Both write at the same time: one or both succeed, and the file is complete.
    std::thread::scope(|scope| {
        let persist = &persist;
        let both =
            [&one, &two].map(|unsaved| scope.spawn(move || save_now(persist, unsaved).unwrap()));
        let saved = both.map(|thread| thread.join().unwrap());
        assert!(saved.contains(&true));
    });
    assert_eq!(folder.packed_files().len(), 1, "{:?}", folder.packed_files());
    assert!(load(&persist).is_none());
}

#[test]
fn cap_evicts_least_recently_used() {
    let folder = TestFolder::new("packed-cap");
    let persist = folder.packing();
    let unsaved = load(&persist).unwrap();
    let bytes = PackedWeights::file_bytes(unsaved.packed.len());
    let too_small = PersistOptions { packed_cap_bytes: bytes - 1, ..persist.clone() };
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
    let persist = PersistOptions { packed_cap_bytes: bytes * 3, ..persist };
    assert!(save_now(&persist, &unsaved).unwrap());
    assert_eq!([1, 2, 3].map(|hours| other(hours).exists()), [true, true, false]);
    // A used file is the last to be removed.
    mark_used(&File::open(other(2)).unwrap());
    let persist = PersistOptions { packed_cap_bytes: bytes * 2, ..persist };
    assert!(save_now(&persist, &unsaved).unwrap());
    assert_eq!([1, 2].map(|hours| other(hours).exists()), [false, true]);
    assert!(load(&persist).is_none());
}

#[test]
fn writing_waits_for_an_idle_engine() {
    let folder = TestFolder::new("packed-ended");
    let persist = folder.packing();
    let unsaved = load(&persist).unwrap();
    let (engine, throttle) = resting();
    throttle.is_busy.store(true, Ordering::Release);
    let is_busy = Arc::clone(&throttle.is_busy);
    std::thread::scope(|scope| {
        let (persist, unsaved) = (&persist, &unsaved);
        let saving = scope.spawn(move || save(persist, unsaved, &throttle));
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(folder.packed_files(), [] as [PathBuf; 0], "it is busy");
        drop(engine);
        let ended = saving.join().unwrap().unwrap_err();
        assert_eq!(ended.kind(), ErrorKind::Interrupted);
    });
    assert_eq!(folder.packed_files(), [] as [PathBuf; 0]);
    is_busy.store(false, Ordering::Release);
    // The engine ends in the middle: no file is left.
    let (engine, throttle) = resting();
    let mut engine = Some(engine);
    let folder_of_ours = Folder::open(&persist.folder, FOLDER, true).unwrap().unwrap();
    let mut partial = folder_of_ours.create().unwrap();
    let ended = unsaved.packed.save(unsaved.key.bytes(), &mut |piece| {
        partial.write_all(piece)?;
        engine = None;
        throttle.wait(Duration::ZERO)
    });
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Interrupted);
    drop(partial);
    assert_eq!(folder.packed_files(), [] as [PathBuf; 0]);
}
