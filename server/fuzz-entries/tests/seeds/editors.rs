//! Input from editors, repositories and user folders.

use lowkey_fuzz_entries::editors;
use lowkey_test_support::TestFolder;

/// Bytes that mean something in these files.
const BYTES: [u8; 10] = [0, b'%', b'/', b'[', b'"', b'\\', b'\n', 0x80, 0xff, b'9'];

fn check(target: &str, entry: impl Fn(&[u8]) -> bool) {
    super::check(target, 50, &BYTES, entry);
}

#[test]
fn frame_seeds_do_not_panic() {
    check("frames", editors::frames);
}

#[test]
fn uri_seeds_do_not_panic() {
    check("uris", editors::uris);
}

#[test]
fn ignore_file_seeds_do_not_panic() {
    let folder = TestFolder::new("seeds-ignore");
    check("ignore_file", |bytes| editors::ignore_file(&folder, bytes));
}

#[test]
fn settings_seeds_do_not_panic() {
    check("settings", editors::settings);
}

#[test]
fn session_seeds_do_not_panic() {
    check("session", editors::session);
}
