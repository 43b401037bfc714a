//! The file stays valid after every interruption.

use lowkey_test_support::TestFolder;

use super::*;

struct Folder(TestFolder);

impl Folder {
    fn new(name: &str) -> Self {
        Self(TestFolder::new(name))
    }

    fn ledger(&self) -> Ledger {
        Ledger::new(self.0.join("below").join("stats.jsonl"))
    }
}

fn entry(day: Day, language: &str, shown: u64) -> StatsEntry {
    StatsEntry::new(day, language, "m", Tally { shown, ..Tally::default() })
}

fn shown(ledger: &Ledger) -> u64 {
    ledger.read().unwrap().entries.iter().map(|entry| entry.tally.shown).sum()
}

#[test]
fn entries_are_summed_by_day_and_language() {
    let folder = Folder::new("adds");
    let ledger = folder.ledger();
    assert_eq!(ledger.read().unwrap(), Counted::default());
    let day = Day::default();
    ledger.add(&[entry(day, "rust", 2), entry(day, "go", 1)]).unwrap();
    ledger.add(&[entry(day.next(), "rust", 5), entry(day, "rust", 3)]).unwrap();
    let counted = ledger.read().unwrap();
    let rows: Vec<_> =
        counted.entries.iter().map(|e| (e.day, e.language.as_str(), e.tally.shown)).collect();
    assert_eq!(rows, [(day, "go", 1), (day, "rust", 5), (day.next(), "rust", 5)]);
    assert!(ledger.forget().unwrap());
    assert!(!ledger.forget().unwrap());
    assert_eq!(ledger.read().unwrap(), Counted::default());
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("mode");
    let ledger = folder.ledger();
    ledger.add(&[entry(Day::default(), "rust", 1)]).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(ledger.path()), 0o600);
    assert_eq!(mode(ledger.path().parent().unwrap()), 0o700);
    ledger.compact(Day::default()).unwrap();
    assert_eq!(mode(ledger.path()), 0o600);
}

#[test]
fn broken_line_is_skipped() {
    let folder = Folder::new("broken");
    let ledger = folder.ledger();
    ledger.add(&[entry(Day::default(), "rust", 1)]).unwrap();
    let mut bytes = std::fs::read(ledger.path()).unwrap();
    bytes.extend(b"\xff\xfe\x00\n{\"lowkey_stats\":9}\n[1]\n{\"lowkey_stats\":1,\"day\":\"2026-");
    std::fs::write(ledger.path(), bytes).unwrap();
    ledger.add(&[entry(Day::default(), "rust", 4)]).unwrap();
    assert_eq!((shown(&ledger), ledger.read().unwrap().unreadable), (5, 4));
    ledger.compact(Day::default()).unwrap();
    assert_eq!((shown(&ledger), ledger.read().unwrap().unreadable), (5, 0));
}

#[test]
fn any_bytes_are_read() {
    for bytes in [&b""[..], b"\n\n", b"\0", b"{", &[b'['; 4096]] {
        assert!(parse(bytes).entries.is_empty());
    }
}

#[test]
fn concurrent_writes_lose_nothing() {
    let folder = Folder::new("several");
    let (n_servers, n_turns) = (4, 25);
    std::thread::scope(|scope| {
        for server in 0..n_servers {
            let ledger = folder.ledger();
            scope.spawn(move || {
                for turn in 0..n_turns {
                    ledger.add(&[entry(Day::default(), "rust", 1)]).unwrap();
                    if (server + turn) % 9 == 0 {
                        // A server that finds another one writing gives up and sums up later.
                        if let Err(error) = ledger.compact(Day::default()) {
                            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                        }
                    }
                }
            });
        }
    });
    let counted = folder.ledger().read().unwrap();
    assert_eq!((shown(&folder.ledger()), counted.unreadable), (n_servers * n_turns, 0));
}

#[test]
fn large_file_is_summed_up() {
    let folder = Folder::new("grows");
    let ledger = folder.ledger();
    let many = vec![entry(Day::today(), "rust", 1); 6000];
    ledger.add(&many).unwrap();
    assert_eq!(shown(&ledger), 6000);
    let n_bytes = std::fs::metadata(ledger.path()).unwrap().len();
    assert!(n_bytes < 1000, "{n_bytes} bytes");
}

#[test]
fn oldest_days_are_removed() {
    let folder = Folder::new("oldest");
    let ledger = folder.ledger();
    let today = Day::today();
    let days: Vec<_> = (0..5000).map(|days| entry(today.before(days), "rust", 1)).collect();
    ledger.add(&days).unwrap();
    let counted = ledger.read().unwrap();
    assert_eq!(counted.entries.len(), KEPT_DAYS as usize + 1);
    assert_eq!(counted.entries.last().unwrap().day, today);
}
