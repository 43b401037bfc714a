//! Fuzz target: a `tokenizer.json`, from its bytes to the round trip of a text.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lowkey_fuzz::tokenizer(bytes);
});
