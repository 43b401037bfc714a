//! The header of a safetensors file: eight bytes of length, then JSON with each tensor's type, shape and offsets.
//!
//! This is total over any bytes of a stranger's file: the length is checked against the file before the JSON is read,
//! and every offset before it is used. Format: <https://github.com/huggingface/safetensors>.
//!
//! The `safetensors` crate, which candle brings, is not used here. Its `read_metadata` takes the whole file as one
//! slice, and lowkey reads headers without mapping a file. Parsing the header alone into its `Metadata` would do, but
//! then a negative size, an overflowing shape, an unknown type and a length that does not fit are errors without the
//! tensor's name, and an unknown type refuses the file even in a tensor that no architecture reads.

use std::collections::HashMap;
use std::ops::Range;

use serde::Deserialize;

use crate::error::{ModelError, shorten};
use crate::file::stored::StoredBytes;

/// The longest header that is read: room for 100,000 tensors. The reference reads 100 MB, which take nearly 2 GB of
/// memory as JSON values.
const MAX_HEADER_BYTES: u64 = 16 << 20;
/// The most dimensions of a tensor; models have four.
const MAX_DIMENSIONS: usize = 8;
/// The bytes before the header.
const LENGTH_BYTES: usize = 8;

/// A file's header.
#[derive(Debug)]
pub(super) struct Header {
    /// The offset of the data, in bytes from the start of the file.
    pub(super) bytes: usize,
    /// The tensors by name.
    pub(super) tensors: HashMap<String, Stored>,
}

/// One tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    /// The file's name of its type.
    pub(super) kind: String,
    /// Its shape, outermost dimension first; the product of its dimensions fits.
    pub(super) shape: Vec<usize>,
    /// Its bytes, from the start of the file; inside it.
    pub(super) span: Range<usize>,
}

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

/// Reads the header of `bytes`, a file called `file`.
pub(super) fn read_header(file: &str, bytes: &StoredBytes) -> Result<Header, ModelError> {
    let length = bytes.first(LENGTH_BYTES, file)?;
    let length =
        length.first_chunk::<LENGTH_BYTES>().map_or(0, |length| u64::from_le_bytes(*length));
    let header = bytes.first(LENGTH_BYTES + length.min(MAX_HEADER_BYTES) as usize, file)?;
    read(file, &header, bytes.len())
}

/// Reads the header of a file of `file_bytes` bytes; `bytes` are its beginning, with the whole header.
fn read(file: &str, bytes: &[u8], file_bytes: usize) -> Result<Header, ModelError> {
    let truncated = |place: &str, offset: u64, needed_bytes: u64| ModelError::Truncated {
        file: file.to_owned(),
        place: place.to_owned(),
        offset,
        needed_bytes,
        file_bytes: file_bytes as u64,
    };
    let malformed = |place: String, offset: usize, problem: String| ModelError::Malformed {
        file: file.to_owned(),
        place,
        offset: offset as u64,
        problem,
    };
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
        return Err(truncated("the length of the header", 0, LENGTH_BYTES as u64));
    };
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER_BYTES {
        return Err(ModelError::TooLarge {
            file: file.to_owned(),
            place: "the length of the header".to_owned(),
            offset: 0,
            value: length,
            unit: "bytes",
            limit: MAX_HEADER_BYTES,
        });
    }
    // Below the limit, so it fits.
    let length_bytes = length as usize;
    let Some((header, _)) = rest.split_at_checked(length_bytes) else {
        return Err(truncated("the header", LENGTH_BYTES as u64, length));
    };
    let refused = |error: serde_json::Error| {
        malformed(
            "the header".to_owned(),
            LENGTH_BYTES,
            format!("is none: {}", shorten(&error.to_string())),
        )
    };
    let mut entries: HashMap<String, serde_json::Value> =
        serde_json::from_slice(header).map_err(refused)?;
    entries.remove("__metadata__");
    let data_start = LENGTH_BYTES + length_bytes;
    let mut tensors = HashMap::with_capacity(entries.len());
    for (name, entry) in entries {
        let place = || format!("the entry of tensor {}", shorten(&name));
        let entry = Entry::deserialize(entry).map_err(|error| {
            malformed(place(), LENGTH_BYTES, format!("is none: {}", shorten(&error.to_string())))
        })?;
        let Entry { dtype: kind, shape, data_offsets: [begin, end] } = entry;
        if shape.len() > MAX_DIMENSIONS {
            let problem = format!("has {} dimensions, the limit is {MAX_DIMENSIONS}", shape.len());
            return Err(malformed(place(), LENGTH_BYTES, problem));
        }
        if begin > end || shape.iter().try_fold(1_usize, |all, n| all.checked_mul(*n)).is_none() {
            let problem = format!("has shape {shape:?} and data from {begin} to {end}");
            return Err(malformed(place(), LENGTH_BYTES, problem));
        }
        if end > file_bytes.saturating_sub(data_start) {
            let offset = (data_start as u64).saturating_add(begin as u64);
            return Err(truncated(&place(), offset, (end - begin) as u64));
        }
        let span = data_start + begin..data_start + end;
        tensors.insert(name, Stored { kind, shape, span });
    }
    Ok(Header { bytes: data_start, tensors })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(vec![7; data]);
        bytes
    }

    const HEADER: &str = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},
        "b":{"dtype":"BF16","shape":[],"data_offsets":[24,26]}}"#;

    #[test]
    fn tensors_are_found() {
        let bytes = file(HEADER, 26);
        let header = read("x", &bytes, bytes.len()).unwrap();
        assert_eq!(header.bytes, bytes.len() - 26);
        assert_eq!(header.tensors.len(), 2);
        assert_eq!(header.tensors["a"].shape, [2, 3]);
        assert_eq!(header.tensors["a"].span, header.bytes..header.bytes + 24);
        assert_eq!(header.tensors["b"].kind, "BF16");
    }

    #[test]
    fn errors_name_the_tensor() {
        let message = |bytes: &[u8]| read("x", bytes, bytes.len()).unwrap_err().to_string();
        assert!(message(&[1, 2, 3]).contains("the length of the header at byte 0 needs 8 bytes"));
        assert!(message(&u64::MAX.to_le_bytes()).contains("the limit is 16777216"));
        assert!(
            message(&file(HEADER, 26)[..60]).contains("model x is cut short: the header at byte 8")
        );
        assert!(message(&file("[1]", 0)).contains("the header at byte 8 is none"));
        assert!(message(&file(HEADER, 25)).contains("tensor b at byte"));
        let overflow =
            r#"{"a":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,4]}}"#;
        assert!(message(&file(overflow, 4)).contains("has shape"));
        let backwards = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#;
        assert!(message(&file(backwards, 4)).contains("data from 4 to 0"));
        let negative = r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#;
        assert!(message(&file(negative, 4)).contains("the entry of tensor a"));
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_header_inside_the_file_or_an_error(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            as_header: bool,
        ) {
            let bytes = if as_header { file(&String::from_utf8_lossy(&bytes), 9) } else { bytes };
            if let Ok(header) = read("x", &bytes, bytes.len()) {
                prop_assert!(header.tensors.values().all(|tensor| tensor.span.end <= bytes.len()));
            }
        }

        #[test]
        fn a_damaged_header_gives_a_header_inside_the_file_or_an_error(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            length in any::<prop::sample::Index>(),
        ) {
            let mut bytes = file(HEADER, 26);
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(length.index(bytes.len()) + 1);
            if let Ok(header) = read("x", &bytes, bytes.len()) {
                prop_assert!(header.tensors.values().all(|tensor| tensor.span.end <= bytes.len()));
            }
        }
    }
}
