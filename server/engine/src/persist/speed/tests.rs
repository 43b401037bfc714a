//! Which speed is kept, for which model and machine, and when it changes.

use std::path::PathBuf;

use super::*;
use crate::job::{Milliseconds, TokenCounts};
use crate::persist::test_folder::TestFolder;

impl TestFolder {
    fn persist(&self, machine: &str) -> PersistOptions {
        PersistOptions::new(self.0.clone(), 1 << 20, machine.to_owned())
    }

    fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.0.join(FOLDER)) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

const MEASURED: Speed = Speed { prefill: 500.0, decode: 40.0 };

fn stored(persist: &PersistOptions, model: &str) -> Option<Speed> {
    StoredSpeed::read(Some(persist), model).stored()
}

/// Returns a job with these token counts and speeds in tokens per second.
fn job(prefilled: usize, prefill: f64, decoded: usize, decode: f64) -> Generated {
    Generated {
        tokens: TokenCounts { prompt: prefilled, prefilled, decoded, ..TokenCounts::default() },
        ms: Milliseconds {
            prefill: prefilled as f64 * 1e3 / prefill,
            decode: (decoded - 1) as f64 * 1e3 / decode,
            ..Milliseconds::default()
        },
        ..Generated::default()
    }
}

#[test]
fn speed_survives_a_restart() {
    let folder = TestFolder::new("speed-keyed");
    let persist = folder.persist("processor, 2 threads");
    assert_eq!(stored(&persist, "digest"), None);
    StoredSpeed::read(Some(&persist), "digest").measured(MEASURED);
    assert_eq!(stored(&persist, "digest"), Some(MEASURED));
    assert_eq!(stored(&persist, "another"), None);
    assert_eq!(stored(&folder.persist("processor, 4 threads"), "digest"), None);
}

#[cfg(unix)]
#[test]
fn speed_file_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TestFolder::new("speed-rights");
    StoredSpeed::read(Some(&folder.persist("m")), "d").measured(MEASURED);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.0.join(FOLDER)), 0o700);
    assert_eq!(folder.files().iter().map(|file| mode(file)).collect::<Vec<_>>(), [0o600]);
}

#[test]
fn reader_or_switch_off_writes_nothing() {
    let folder = TestFolder::new("speed-reader");
    let persist = folder.persist("m");
    StoredSpeed::read(Some(&persist.clone().reading_only()), "d").measured(MEASURED);
    persist.enabled.set(false);
    StoredSpeed::read(Some(&persist), "d").measured(MEASURED);
    StoredSpeed::read(None, "d").measured(MEASURED);
    assert_eq!(folder.files(), [] as [PathBuf; 0]);
}

#[test]
fn damaged_speed_file_is_ignored() {
    let folder = TestFolder::new("speed-damaged");
    let persist = folder.persist("m");
    StoredSpeed::read(Some(&persist), "d").measured(MEASURED);
    let file = folder.files().remove(0);
    let text = std::fs::read_to_string(&file).unwrap();
    for end in 0..text.len() {
        std::fs::write(&file, &text[..end]).unwrap();
        assert_eq!(stored(&persist, "d"), None, "cut at {end}");
    }
    for (right, wrong) in [
        ("500.0", "-500.0"),
        ("500.0", "1e300"),
        ("500.0", "null"),
        ("\"lowkey_speed\":1", "\"lowkey_speed\":2"),
        ("\"model\":\"d\"", "\"model\":\"e\""),
        ("\"machine\":\"m\"", "\"machine\":\"n\""),
    ] {
        assert!(text.contains(right), "{text}");
        std::fs::write(&file, text.replace(right, wrong)).unwrap();
        assert_eq!(stored(&persist, "d"), None, "{wrong}");
    }
    std::fs::write(&file, vec![b'['; 1 << 20]).unwrap();
    assert_eq!(stored(&persist, "d"), None, "nested deeper and longer than anything we write");
    StoredSpeed::read(Some(&persist), "d").measured(MEASURED);
    assert_eq!(stored(&persist, "d"), Some(MEASURED), "and it is replaced");
}

#[test]
fn one_fast_job_raises_the_speed() {
    let folder = TestFolder::new("speed-load");
    let persist = folder.persist("m");
    let mut speed = StoredSpeed::read(Some(&persist), "d");
    speed.measured(Speed { prefill: 100.0, decode: 10.0 });
    speed.observe(&job(400, 480.0, 30, 42.0));
    speed.save();
    let stored = stored(&persist, "d").unwrap();
    assert!(
        (stored.prefill - 480.0).abs() < 1e-6 && (stored.decode - 42.0).abs() < 1e-6,
        "{stored:?}"
    );
}

#[test]
fn only_lasting_slowness_lowers_the_speed() {
    let folder = TestFolder::new("speed-slow");
    let persist = folder.persist("m");
    let mut speed = StoredSpeed::read(Some(&persist), "d");
    speed.measured(MEASURED);
    for _ in 0..3 {
        speed.observe(&job(400, 100.0, 30, 40.0));
        speed.save();
    }
    assert_eq!(stored(&persist, "d"), Some(MEASURED));
    for _ in 0..60 {
        speed.observe(&job(400, 100.0, 30, 40.0));
        speed.save();
    }
    let now = stored(&persist, "d").unwrap();
    assert!(now.prefill < 150.0, "{now:?}");
    assert_eq!(now.decode, MEASURED.decode);
}

#[test]
fn small_change_keeps_the_speed() {
    let folder = TestFolder::new("speed-near");
    let persist = folder.persist("m");
    let mut speed = StoredSpeed::read(Some(&persist), "d");
    speed.measured(MEASURED);
    speed.observe(&job(400, 600.0, 30, 48.0));
    speed.save();
    assert_eq!(stored(&persist, "d"), Some(MEASURED));
}

#[test]
fn short_jobs_do_not_change_the_speed() {
    let folder = TestFolder::new("speed-little");
    let persist = folder.persist("m");
    let mut speed = StoredSpeed::read(Some(&persist), "d");
    speed.measured(MEASURED);
    let whole = job(400, 4000.0, 30, 400.0);
    let mut interrupted = whole.clone();
    interrupted.tokens.prompt = 500;
    interrupted.tokens.decoded = 0;
    let mut drafted = whole;
    drafted.tokens.prefilled = 20;
    drafted.tokens.drafted = 5;
    for made in [interrupted, drafted] {
        speed.observe(&made);
        speed.save();
        assert_eq!(stored(&persist, "d"), Some(MEASURED));
    }
}
