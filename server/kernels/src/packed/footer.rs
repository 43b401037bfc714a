//! The part of a packed file after the weights: their checksums, and the file's identity.

use std::fs::File;
use std::io;

use twox_hash::XxHash3_64;

use super::{CHUNK, KEY_BYTES, PACKING_VERSION, PackedFileError, PackedWeights};

const MAGIC: [u8; 16] = *b"lowkey packed w\n";

/// The footer's length: magic, version, key, length, checksum.
pub(super) const BYTES: usize = IDENTITY_BYTES + size_of::<u64>();
const IDENTITY_BYTES: usize = MAGIC.len() + 8 + KEY_BYTES + 8;

/// The footer's fields before its checksum: the file's identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Footer([u8; IDENTITY_BYTES]);

impl Footer {
    /// Returns this version's footer for `len` bytes of weights under `key`.
    pub(super) fn new(key: &[u8; KEY_BYTES], len: usize) -> Self {
        let mut bytes = [0; IDENTITY_BYTES];
        let parts: [&[u8]; 4] =
            [&MAGIC, &u64::from(PACKING_VERSION).to_le_bytes(), key, &(len as u64).to_le_bytes()];
        for (place, byte) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *place = *byte;
        }
        Self(bytes)
    }

    /// Appends the footer, and the checksum of all bytes in `end`.
    pub(super) fn append_to(&self, end: &mut Vec<u8>) {
        end.extend(self.0);
        end.extend(XxHash3_64::oneshot(end).to_le_bytes());
    }
}

/// Reads the checksums of a file with `len` bytes of weights whose footer must equal `expected`.
pub(super) fn read(
    file: &File,
    len: usize,
    expected: &Footer,
) -> Result<Vec<u64>, PackedFileError> {
    let file_bytes = file.metadata()?.len();
    let mut footer = [0; BYTES];
    let at = file_bytes.checked_sub(BYTES as u64).ok_or(PackedFileError::Damaged)?;
    read_at(file, &mut footer, at)?;
    if !footer.starts_with(&MAGIC) {
        return Err(PackedFileError::Damaged);
    }
    if !footer.starts_with(&expected.0) {
        return Err(PackedFileError::OtherWeights);
    }
    if file_bytes != PackedWeights::file_bytes(len) {
        return Err(PackedFileError::Damaged);
    }
    let mut end = vec![0; len.div_ceil(CHUNK) * size_of::<u64>() + BYTES];
    read_at(file, &mut end, len as u64)?;
    let (content, sum) = end.split_at(end.len() - size_of::<u64>());
    if XxHash3_64::oneshot(content).to_le_bytes() != *sum {
        return Err(PackedFileError::Damaged);
    }
    let sums = content.as_chunks().0.iter().map(|sum| u64::from_le_bytes(*sum));
    Ok(sums.take(len.div_ceil(CHUNK)).collect())
}

/// Fills `bytes` from position `at` of the file, independently of other readers. Fails if the file
/// ends before.
#[cfg(unix)]
pub fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

/// Fills `bytes` from position `at` of the file, independently of other readers. Fails if the file
/// ends before.
#[cfg(windows)]
pub fn read_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let n = match std::os::windows::fs::FileExt::seek_read(file, bytes, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        bytes = bytes.get_mut(n..).unwrap_or_default();
        at += n as u64;
    }
    Ok(())
}
