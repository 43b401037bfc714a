//! Headers of arbitrary bytes.

use proptest::prelude::*;

use super::*;

const IDENTITY: [u8; IDENTITY_BYTES] = [7; IDENTITY_BYTES];

fn file(tokens: &[TokenId], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let sum = write_header(&mut bytes, &IDENTITY, tokens, payload.len() as u64).unwrap();
    let mut payload_checksum = PayloadChecksum::after(sum);
    payload_checksum.update(payload);
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(&payload_checksum.finish());
    bytes
}

fn verdict(bytes: &[u8]) -> HeaderCheck {
    read_header(&mut &*bytes, bytes.len() as u64, &IDENTITY).unwrap()
}

#[test]
fn header_round_trip() {
    for tokens in [&[][..], &[1, u32::MAX], &[5; 1500]] {
        let bytes = file(tokens, &[9; 100]);
        assert_eq!(bytes.len() as u64, file_bytes(tokens.len(), 100));
        let HeaderCheck::Usable(header) = verdict(&bytes) else { panic!("not ours") };
        assert_eq!(header.tokens, tokens);
        assert_eq!(header.payload_bytes, 100);
    }
}

#[test]
fn truncated_file_is_unreadable() {
    let bytes = file(&[1, 2, 3], &[9; 50]);
    for end in 0..bytes.len() {
        assert_eq!(verdict(&bytes[..end]), HeaderCheck::Damaged, "cut at {end}");
    }
    let longer = [&*bytes, &[0]].concat();
    assert_eq!(verdict(&longer), HeaderCheck::Damaged);
}

#[test]
fn changed_header_bit_is_detected() {
    let bytes = file(&[1, 2, 3], &[9; 50]);
    let header_bytes = FIXED_BYTES + 3 * 4 + CHECKSUM_BYTES;
    for at in 0..header_bytes {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let expected = match at {
                8..12 if changed[8..12] != [0; 4] => HeaderCheck::LaterVersion,
                _ => HeaderCheck::Damaged,
            };
            assert_eq!(verdict(&changed), expected, "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn other_identity_is_foreign() {
    let bytes = file(&[1, 2], &[]);
    let other = [8; IDENTITY_BYTES];
    let verdict = read_header(&mut &*bytes, bytes.len() as u64, &other).unwrap();
    assert_eq!(verdict, HeaderCheck::OtherModel);
}

/// A reader that fails the test if more bytes are requested than the file has.
struct Bounded<'a>(&'a [u8]);

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        assert!(buffer.len() <= self.0.len(), "asked for {} bytes", buffer.len());
        self.0.read(buffer)
    }
}

#[test]
fn false_lengths_allocate_nothing() {
    for n_tokens in [1_u32 << 20, u32::MAX / 4, u32::MAX] {
        for payload_bytes in [0, 1 << 40, u64::MAX - 3, u64::MAX] {
            let mut bytes = file(&[1], &[]);
            let at = MAGIC.len() + 4 + IDENTITY_BYTES;
            bytes[at..at + 4].copy_from_slice(&n_tokens.to_le_bytes());
            bytes[at + 4..at + 12].copy_from_slice(&payload_bytes.to_le_bytes());
            let verdict = read_header(&mut Bounded(&bytes), bytes.len() as u64, &IDENTITY);
            assert_eq!(verdict.unwrap(), HeaderCheck::Damaged);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_give_a_verdict(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        begins_right in any::<bool>(),
    ) {
        let mut bytes = bytes;
        if begins_right {
            let begin = file(&[], &[]);
            let n = begin.len().min(bytes.len()).min(12);
            bytes[..n].copy_from_slice(&begin[..n]);
        }
        let verdict = read_header(&mut Bounded(&bytes), bytes.len() as u64, &IDENTITY).unwrap();
        prop_assert!(!matches!(verdict, HeaderCheck::Usable(_)));
    }
}
