//! Fuzz target: what an editor sends, from frames to edits.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lowkey_fuzz::editors::frames(bytes);
});
