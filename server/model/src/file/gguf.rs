//! Validation of a GGUF file's bytes, before anything else reads them.
//!
//! A model file is input from a stranger. This pass walks the whole header with checked arithmetic and allocates
//! nothing by what a field says, so that candle's reader, which comes next, meets only counts, lengths, alignments and
//! offsets that the file really has room for. Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.
//! Invariant: every tensor of a [`Checked`] file lies inside it, apart from every other.

#[path = "gguf/fields.rs"]
mod fields;
#[path = "gguf/reader.rs"]
mod reader;
#[path = "gguf/tensors.rs"]
mod tensors;

use std::collections::HashSet;

use crate::ModelError;
use crate::tensor_type::TensorType;
use fields::{check_key, check_value};
use reader::{Place, Reader};
use tensors::{Entry, check_apart, check_tensor};

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
/// What tensors are aligned to where the file does not say.
const DEFAULT_ALIGNMENT: u64 = 32;

/// What validation found out about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Where the header ends, in bytes from the start.
    pub(crate) header_bytes: u64,
    /// Where tensor data begin: the header's end, aligned.
    pub(crate) data_start: u64,
    /// Tensors whose type candle's header reader does not know.
    pub(crate) renamed: Vec<Renamed>,
}

/// A tensor that goes by another type while candle reads the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Renamed {
    /// Its name.
    pub(crate) name: String,
    /// Where its type stands, in bytes from the start of the file.
    pub(crate) at: usize,
    /// Its type.
    pub(crate) kind: TensorType,
    /// The number of the type that candle is told.
    pub(crate) id: u32,
}

/// How much of a file is read to find its header in: enough for nearly all, and then for the longest.
pub(crate) const HEADER_READS: [usize; 2] = [16 << 20, (MAX_HEADER_BYTES + (1 << 20)) as usize];

/// Checks the whole header of a file called `file`, of which `bytes` are the beginning, and that every tensor is inside
/// its `file_bytes` bytes.
pub(crate) fn validate(file: &str, bytes: &[u8], file_bytes: u64) -> Result<Checked, ModelError> {
    let mut reader = Reader::new(file, bytes, file_bytes);
    check_version(&mut reader)?;
    let n_tensors = reader.u64(&Place::Header("the number of tensors"))?;
    let n_keys = reader.u64(&Place::Header("the number of metadata keys"))?;
    check_counts(&reader, n_tensors, n_keys)?;

    let mut keys = HashSet::new();
    let mut alignment = DEFAULT_ALIGNMENT;
    for index in 0..n_keys {
        let (key, offset) = check_key(&mut reader, index)?;
        let place = Place::Value(key);
        if !keys.insert(key) {
            return Err(reader.malformed(&place, offset, "stands in the header twice".to_owned()));
        }
        let at = reader.offset();
        let value = check_value(&mut reader, &place)?;
        if key == "general.alignment" {
            alignment = match value {
                Some(found) if found.is_power_of_two() => u64::from(found),
                _ => {
                    return Err(reader.malformed(
                        &place,
                        at,
                        "is not a power of two of type u32".to_owned(),
                    ));
                }
            };
        }
        check_header_size(&reader)?;
    }

    let mut names = HashSet::new();
    let mut tensors = Vec::new();
    for index in 0..n_tensors {
        let offset = reader.offset();
        let tensor = check_tensor(&mut reader, index, alignment)?;
        if !names.insert(tensor.name) {
            let place = Place::Tensor(tensor.name);
            return Err(reader.malformed(&place, offset, "stands in the header twice".to_owned()));
        }
        tensors.push(tensor);
        check_header_size(&reader)?;
    }

    let header_bytes = reader.offset();
    // Cannot overflow: the header fits in memory and the alignment in 31 bits.
    let data_start = header_bytes.div_ceil(alignment) * alignment;
    check_apart(&reader, data_start, &mut tensors)?;
    let renamed = tensors.iter().filter_map(|tensor| {
        let Entry { name, kind, type_at, .. } = *tensor;
        let (name, at) = (name.to_owned(), type_at as usize);
        Some(Renamed { name, at, kind, id: kind.id_for_candle()? })
    });
    let renamed = renamed.collect();
    Ok(Checked { header_bytes, data_start, renamed })
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
