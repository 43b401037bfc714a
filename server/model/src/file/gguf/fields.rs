//! Validation of metadata keys and values.
//!
//! A value of one byte on disk becomes 32 bytes in candle's `Value`, so what is limited is the number of values, not
//! only their bytes: at most [`MAX_VALUES`], about 64 MB however the file is made.

use super::reader::{Place, Reader};
use crate::ModelError;

/// The longest name of a key; the format's own limit.
const MAX_KEY_BYTES: u64 = 65_535;
/// The most values in the header, counting array elements. Vocabularies of 262,144 tokens need about 1.3 million.
const MAX_VALUES: u64 = 1 << 21;
/// How deep arrays may hold arrays. No known file nests them at all.
const MAX_DEPTH: u32 = 4;

/// Checks the name of the key with this index; returns it and where it stands.
pub(super) fn check_key<'a>(
    reader: &mut Reader<'a>,
    index: u64,
) -> Result<(&'a str, u64), ModelError> {
    let offset = reader.offset();
    Ok((reader.name(&Place::KeyName(index), MAX_KEY_BYTES)?, offset))
}

/// Checks a type and the value behind it; returns the value if it is a `u32`.
pub(super) fn check_value(
    reader: &mut Reader<'_>,
    place: &Place<'_>,
) -> Result<Option<u32>, ModelError> {
    match reader.u32(place)? {
        // u32, the only type whose value matters to validation
        4 => {
            count_values(reader, place, 1)?;
            reader.u32(place).map(Some)
        }
        kind => check_values(reader, place, kind, 1, 0).map(|()| None),
    }
}

/// Checks `n` values of one type, standing one behind the other.
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
