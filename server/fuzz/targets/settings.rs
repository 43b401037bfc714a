//! Fuzz target: a `lowkey.toml`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lowkey_fuzz_entries::editors::settings(bytes);
});
