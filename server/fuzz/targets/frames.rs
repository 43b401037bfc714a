//! Fuzz target: an editor's input, from frames to edits.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lowkey_fuzz::editors::frames(bytes);
});
