//! Fuzz target: URIs, one a line, from their text to the names that they carry.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lowkey_fuzz::editors::uris(bytes);
});
