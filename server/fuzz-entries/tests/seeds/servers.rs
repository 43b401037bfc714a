//! Answers of remote servers.

use lowkey_fuzz_entries::servers;

/// Bytes that mean something in answers.
const BYTES: [u8; 10] = [0, b'\n', b'\r', b':', b' ', b'"', b'{', b'd', 0x80, 0xff];

#[test]
fn answer_seeds_are_read_in_any_pieces() {
    super::check("answer", 50, &BYTES, servers::answer);
}

#[test]
fn other_texts_are_no_answer() {
    for text in
        ["", "<!doctype html>\n", "data: [DONE]\n\n", "{\"response\":", "[1]\n", "data: 7\n\n"]
    {
        assert!(!servers::answer(text.as_bytes()), "{text}");
    }
}
