//! Fuzz target: URIs, one per line, and the names in them.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lowkey_fuzz::editors::uris(bytes);
});
