//! Fuzz target: an answer of a remote server.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lowkey_fuzz_entries::servers::answer(bytes);
});
