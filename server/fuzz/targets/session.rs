//! Fuzz target: the header of a session file.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lowkey_fuzz_entries::editors::session(bytes);
});
