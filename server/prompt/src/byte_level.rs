//! The byte-level alphabet: one printable character for each of the 256 bytes.
//!
//! Vocabularies of the GPT-2 kind write tokens as text in this alphabet, so that JSON and GGUF can hold tokens which
//! are no valid UTF-8. Printable bytes of Latin-1 stand for themselves; the other 68 are counted up from U+0100.

/// Returns the character that stands for `byte`.
pub(crate) const fn char_of(byte: u8) -> char {
    if is_printable(byte) {
        return byte as char;
    }
    // The n-th byte that is not printable becomes U+0100 + n.
    let mut n = 0;
    let mut below = 0;
    while below < byte {
        if !is_printable(below) {
            n += 1;
        }
        below += 1;
    }
    match char::from_u32(0x100 + n) {
        Some(character) => character,
        None => char::REPLACEMENT_CHARACTER,
    }
}

/// The whole alphabet, by byte.
const ALPHABET: [char; 256] = {
    let mut alphabet = ['\0'; 256];
    let mut byte = 0;
    while byte < 256 {
        alphabet[byte] = char_of(byte as u8);
        byte += 1;
    }
    alphabet
};

/// The byte of each character up to the alphabet's last.
const BYTES: [Option<u8>; 0x144] = {
    let mut bytes = [None; 0x144];
    let mut byte = 0;
    while byte < 256 {
        bytes[ALPHABET[byte] as usize] = Some(byte as u8);
        byte += 1;
    }
    bytes
};

/// Returns the byte that `character` stands for; `None` outside the alphabet.
pub(crate) fn byte_of(character: char) -> Option<u8> {
    BYTES.get(character as usize).copied().flatten()
}

/// Appends the bytes of a token that is written in the alphabet to `bytes`; appends nothing and says `false` when a
/// character is outside it.
pub(crate) fn append_bytes(token: &str, bytes: &mut Vec<u8>) -> bool {
    let before = bytes.len();
    for character in token.chars() {
        let Some(byte) = byte_of(character) else {
            bytes.truncate(before);
            return false;
        };
        bytes.push(byte);
    }
    true
}

/// Says whether text in UTF-8 can hold `byte` at all: thirteen bytes never occur.
pub(crate) const fn occurs_in_text(byte: u8) -> bool {
    !matches!(byte, 0xc0 | 0xc1 | 0xf5..=0xff)
}

/// Says whether `byte` stands for itself.
const fn is_printable(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_own_character_and_comes_back() {
        let mut seen = std::collections::HashSet::new();
        for byte in 0..=255u8 {
            assert!(seen.insert(char_of(byte)));
            assert_eq!(byte_of(char_of(byte)), Some(byte));
        }
        assert_eq!(byte_of('\u{144}'), None);
        assert_eq!(byte_of(' '), None);
        assert_eq!(byte_of('日'), None);
    }

    #[test]
    fn a_token_outside_the_alphabet_leaves_no_bytes() {
        let mut bytes = b"a".to_vec();
        assert!(append_bytes("Ġb", &mut bytes));
        assert!(!append_bytes("c d", &mut bytes));
        assert_eq!(bytes, b"a b");
    }

    #[test]
    fn space_newline_and_the_last_byte_are_where_gpt_2_put_them() {
        assert_eq!((char_of(b' '), char_of(b'\n'), char_of(0xad)), ('Ġ', 'Ċ', '\u{143}'));
    }
}
