//! Reads a GGUF file's header: its metadata and where its tensors are.
//!
//! A model file is input from a stranger. The whole header is walked with checked arithmetic, and no field's value alone
//! decides an allocation: only counts, lengths, alignments and offsets that the file has room for are accepted, and a
//! value is copied after its bytes were found. Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.
//! Invariant: every tensor of a [`Header`] is inside the file, and no two overlap.

mod fields;
mod reader;
mod tensors;

use std::collections::{HashMap, HashSet};

use crate::error::ModelError;
use crate::file::metadata::{Metadata, Value, ValueType};
use crate::file::stored::StoredBytes;
use crate::file::tensors::Tensors;
use fields::{read_key, read_value};
use reader::{Place, Reader};
use tensors::{check_apart, read_tensor};

/// The longest header (metadata and tensor list) that is read. Large vocabularies take about 15 MB.
const MAX_HEADER_BYTES: u64 = 128 << 20;
/// The most metadata keys. Real files have fewer than a hundred.
const MAX_KEYS: u64 = 4096;
/// The most tensors. The largest mixtures of experts have a few thousand.
const MAX_TENSORS: u64 = 1 << 16;
/// A key takes at least its length, a type and one byte of value.
const MIN_KEY_BYTES: u64 = 8 + 4 + 1;
/// A tensor's entry takes at least its name's length, a dimension count, one dimension, a type and an offset.
const MIN_TENSOR_BYTES: u64 = 8 + 4 + 8 + 4 + 8;
/// The alignment of tensors without the key `general.alignment`.
const DEFAULT_ALIGNMENT: u64 = 32;

/// A file's header.
#[derive(Debug)]
pub(crate) struct Header {
    /// The length of the header, from the start of the file.
    pub(crate) n_bytes: usize,
    /// The key–value pairs.
    pub(crate) metadata: Metadata,
    /// The tensors, all in shard 0.
    pub(crate) tensors: Tensors,
}

/// How much of a file is read at first to find its header in. Reading is most of the time of opening a file: headers of
/// 150,000 tokens have 6 MB, few have more than 16 MB.
const FIRST_READS: [usize; 2] = [8 << 20, 32 << 20];
/// How much is read for the longest header.
const LAST_READ: usize = (MAX_HEADER_BYTES + (1 << 20)) as usize;

/// Reads the header of a model that messages call `file`.
pub(crate) fn read_header(file: &str, bytes: &StoredBytes) -> Result<Header, ModelError> {
    let n_bytes = bytes.len() as u64;
    for n in FIRST_READS {
        let begin = bytes.first(n, file)?;
        match parse(file, &begin, n_bytes) {
            // The header may be longer than the bytes that were read of it.
            Err(ModelError::Truncated { .. }) if (begin.len() as u64) < n_bytes => {}
            parsed => return parsed,
        }
    }
    parse(file, &bytes.first(LAST_READ, file)?, n_bytes)
}

/// Parses the header of a file of `file_bytes` bytes that begins with `bytes`.
fn parse(file: &str, bytes: &[u8], file_bytes: u64) -> Result<Header, ModelError> {
    let mut reader = Reader::new(file, bytes, file_bytes);
    check_version(&mut reader)?;
    let n_tensors = reader.u64(&Place::Header("the number of tensors"))?;
    let n_keys = reader.u64(&Place::Header("the number of metadata keys"))?;
    check_counts(&reader, n_tensors, n_keys)?;

    let mut values = HashMap::new();
    let mut alignment = DEFAULT_ALIGNMENT;
    for index in 0..n_keys {
        let (key, offset) = read_key(&mut reader, index)?;
        let place = Place::Value(key);
        if values.contains_key(key) {
            return Err(reader.malformed(&place, offset, "stands in the header twice".to_owned()));
        }
        let at = reader.offset();
        let (kind, value) = read_value(&mut reader, &place)?;
        if key == "general.alignment" {
            let found = if kind == ValueType::U32 { alignment_of(&value) } else { None };
            alignment = found.ok_or_else(|| {
                reader.malformed(&place, at, "is not a power of two of type u32".to_owned())
            })?;
        }
        values.insert(key.to_owned(), value);
        check_header_size(&reader)?;
    }

    let mut names = HashSet::new();
    let mut entries = Vec::new();
    for index in 0..n_tensors {
        let offset = reader.offset();
        let entry = read_tensor(&mut reader, index, alignment)?;
        if !names.insert(entry.name) {
            let place = Place::Tensor(entry.name);
            return Err(reader.malformed(&place, offset, "stands in the header twice".to_owned()));
        }
        entries.push(entry);
        check_header_size(&reader)?;
    }

    let header_bytes = reader.offset();
    // Cannot overflow: the header fits in memory and the alignment in 31 bits.
    let data_start = header_bytes.div_ceil(alignment) * alignment;
    check_apart(&reader, data_start, &mut entries)?;
    let spans = entries.iter().map(|entry| (entry.name.to_owned(), entry.span(data_start)));
    Ok(Header {
        n_bytes: header_bytes as usize,
        metadata: Metadata::new(values),
        tensors: Tensors::new(spans.collect()),
    })
}

/// The alignment of data, if it is one: a power of two.
fn alignment_of(value: &Value) -> Option<u64> {
    match value {
        Value::Whole(number) => u64::try_from(*number).ok().filter(|found| found.is_power_of_two()),
        _ => None,
    }
}

fn check_version(reader: &mut Reader<'_>) -> Result<(), ModelError> {
    let begins = reader.first_bytes(4);
    if begins != b"GGUF" {
        let found = match begins {
            b"FUGG" => "begins with the bytes \"FUGG\" (GGUF backwards)".to_owned(),
            [] => "is empty".to_owned(),
            other => format!("begins with the bytes {other:02x?}"),
        };
        return Err(ModelError::NotGguf { file: reader.file().to_owned(), found });
    }
    let _magic = reader.u32(&Place::Header("the magic number"))?;
    let version = reader.u32(&Place::Header("the version"))?;
    match version {
        2 | 3 => Ok(()),
        other => {
            // A small number in the upper half is what a big-endian version looks like from here.
            let big_endian = other.swap_bytes() < 0x1_0000;
            Err(ModelError::Version {
                file: reader.file().to_owned(),
                found: if big_endian {
                    format!("byte 4 says GGUF version {} in big-endian order", other.swap_bytes())
                } else {
                    format!("byte 4 says GGUF version {other}")
                },
                supported: "versions 2 and 3, little-endian",
                next: "convert the model anew or download a newer file",
            })
        }
    }
}

fn check_counts(reader: &Reader<'_>, n_tensors: u64, n_keys: u64) -> Result<(), ModelError> {
    let checks = [
        (8, "the number of tensors", n_tensors, "tensors", MAX_TENSORS, MIN_TENSOR_BYTES),
        (16, "the number of metadata keys", n_keys, "keys", MAX_KEYS, MIN_KEY_BYTES),
    ];
    for (offset, what, value, unit, limit, min_bytes) in checks {
        let place = Place::Header(what);
        if value > limit {
            return Err(reader.too_large(&place, offset, value, unit, limit));
        }
        // Cannot overflow: the limits are small.
        reader.require(&place, value * min_bytes)?;
    }
    if n_tensors == 0 {
        let place = Place::Header("the number of tensors");
        return Err(reader.malformed(
            &place,
            8,
            "is 0 (a vocabulary alone cannot be run)".to_owned(),
        ));
    }
    Ok(())
}

fn check_header_size(reader: &Reader<'_>) -> Result<(), ModelError> {
    match reader.offset() {
        size if size > MAX_HEADER_BYTES => {
            Err(reader.too_large(&Place::Header("the header"), 0, size, "bytes", MAX_HEADER_BYTES))
        }
        _ => Ok(()),
    }
}
