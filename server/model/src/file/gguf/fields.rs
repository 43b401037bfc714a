//! Reads metadata keys and values.
//!
//! A value is walked before it is copied. The number of values is limited to [`MAX_VALUES`], not only their bytes: a
//! decoded string takes 24 bytes and an allocation, an empty one in the file 8 bytes.

use super::reader::{Place, Reader};
use crate::error::ModelError;
use crate::file::metadata::{Value, ValueType};

/// The longest name of a key; the format's own limit.
const MAX_KEY_BYTES: u64 = 65_535;
/// The most values in the header, counting array elements. Vocabularies of 262,144 tokens need about 1.3 million.
const MAX_VALUES: u64 = 1 << 21;
/// How deep arrays may hold arrays. No known file nests them at all.
const MAX_DEPTH: u32 = 4;

/// Reads the name of the key with this index; returns it and its offset.
pub(super) fn read_key<'a>(
    reader: &mut Reader<'a>,
    index: u64,
) -> Result<(&'a str, u64), ModelError> {
    let offset = reader.offset();
    Ok((reader.name(&Place::KeyName(index), MAX_KEY_BYTES)?, offset))
}

/// Reads a type and the value after it.
pub(super) fn read_value(
    reader: &mut Reader<'_>,
    place: &Place<'_>,
) -> Result<(ValueType, Value), ModelError> {
    let id = reader.u32(place)?;
    let begin = reader.offset();
    check_values(reader, place, id, 1, 0)?;
    let decoded = ValueType::by_id(id)
        .and_then(|kind| Some((kind, Value::decode(kind, reader.since(begin))?)));
    // Never taken: the walk accepts what can be decoded, and nothing else.
    decoded.ok_or_else(|| reader.malformed(place, begin, "cannot be decoded".to_owned()))
}

/// Walks over `n` values of one type, one after the other.
fn check_values(
    reader: &mut Reader<'_>,
    place: &Place<'_>,
    kind: u32,
    n: u64,
    depth: u32,
) -> Result<(), ModelError> {
    let offset = reader.offset();
    count_values(reader, place, n)?;
    match kind {
        // u8, i8 · u16, i16 · u32, i32, f32 · u64, i64, f64
        0 | 1 => reader.take(place, n).map(drop),
        2 | 3 => reader.take(place, n * 2).map(drop),
        4..=6 => reader.take(place, n * 4).map(drop),
        10..=12 => reader.take(place, n * 8).map(drop),
        // bool
        7 => match reader.take(place, n)?.iter().position(|byte| *byte > 1) {
            Some(index) => {
                let offset = offset + index as u64;
                Err(reader.malformed(
                    place,
                    offset,
                    "holds a truth value other than 0 and 1".to_owned(),
                ))
            }
            None => Ok(()),
        },
        // string
        8 => {
            reader.require(place, n * 8)?;
            for _ in 0..n {
                let length = reader.u64(place)?;
                reader.take(place, length)?;
            }
            Ok(())
        }
        // array
        9 if depth >= MAX_DEPTH => Err(reader.too_large(
            place,
            offset,
            u64::from(depth) + 1,
            "levels of nested arrays",
            u64::from(MAX_DEPTH),
        )),
        9 => {
            reader.require(place, n * 12)?;
            for _ in 0..n {
                let element_kind = reader.u32(place)?;
                let length = reader.u64(place)?;
                check_values(reader, place, element_kind, length, depth + 1)?;
            }
            Ok(())
        }
        other => {
            let problem = format!("has value type {other}, the format defines 0 to 12");
            Err(reader.malformed(place, offset, problem))
        }
    }
}

/// Counts `n` more values; after this `n` is small enough to multiply without a check.
fn count_values(reader: &mut Reader<'_>, place: &Place<'_>, n: u64) -> Result<(), ModelError> {
    reader.n_values = reader.n_values.saturating_add(n);
    if reader.n_values > MAX_VALUES {
        return Err(reader.too_large(
            place,
            reader.offset(),
            reader.n_values,
            "metadata values so far",
            MAX_VALUES,
        ));
    }
    Ok(())
}
