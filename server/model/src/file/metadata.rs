//! The metadata of a model file, by key and type.
//!
//! Getters are lenient about width (a `u8` serves where a `u32` is asked for) and never about meaning: a value that
//! does not fit is `None`, and the caller decides whether it can do without.
//! Arrays are kept as the file stores them and decoded when a caller asks: a vocabulary of 150,000 tokens is one copy
//! of bytes, of which the tokenizer borrows.

use std::borrow::Cow;
use std::collections::HashMap;

/// The key–value pairs of a model file's header.
#[derive(Debug)]
pub struct Metadata {
    values: HashMap<String, Value>,
}

/// The value of a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A whole number of any width and sign that GGUF has.
    Whole(i128),
    /// A number of either float width.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A string; bytes that are not UTF-8 are replaced, NULs at the end removed.
    Text(String),
    /// Elements of one type.
    Array(Array),
}

/// The types of values. The numbers are those of `enum gguf_type` in ggml's `gguf.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueType {
    U8 = 0,
    I8 = 1,
    U16 = 2,
    I16 = 3,
    U32 = 4,
    I32 = 5,
    F32 = 6,
    Bool = 7,
    Text = 8,
    Array = 9,
    U64 = 10,
    I64 = 11,
    F64 = 12,
}

/// An array in GGUF's encoding.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array {
    kind: ValueType,
    len: usize,
    /// The elements, one after the other.
    bytes: Vec<u8>,
}

impl ValueType {
    const ALL: [Self; 13] = [
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
        Self::F32,
        Self::Bool,
        Self::Text,
        Self::Array,
        Self::U64,
        Self::I64,
        Self::F64,
    ];

    /// Finds a type by its number in the file.
    pub(crate) fn by_id(id: u32) -> Option<Self> {
        Self::ALL.get(id as usize).copied()
    }
}

impl Value {
    /// Decodes one value in GGUF's encoding; `None` if `bytes` are not exactly one value of this type.
    pub(crate) fn decode(kind: ValueType, bytes: &[u8]) -> Option<Self> {
        let whole = |number: Option<i128>| number.map(Self::Whole);
        match kind {
            ValueType::Text => {
                let (length, text) = bytes.split_first_chunk()?;
                let is_whole = u64::from_le_bytes(*length) == text.len() as u64;
                is_whole.then(|| Self::Text(decode_text(text).into_owned()))
            }
            ValueType::Array => {
                let (kind, rest) = bytes.split_first_chunk()?;
                let (length, elements) = rest.split_first_chunk()?;
                let kind = ValueType::by_id(u32::from_le_bytes(*kind))?;
                let len = usize::try_from(u64::from_le_bytes(*length)).ok()?;
                Some(Self::Array(Array { kind, len, bytes: elements.to_vec() }))
            }
            ValueType::Bool => match bytes {
                [0] => Some(Self::Bool(false)),
                [1] => Some(Self::Bool(true)),
                _ => None,
            },
            ValueType::F32 => one(bytes, |bytes| Self::Float(f64::from(f32::from_le_bytes(bytes)))),
            ValueType::F64 => one(bytes, |bytes| Self::Float(f64::from_le_bytes(bytes))),
            ValueType::U8 => whole(one(bytes, |bytes| u8::from_le_bytes(bytes).into())),
            ValueType::I8 => whole(one(bytes, |bytes| i8::from_le_bytes(bytes).into())),
            ValueType::U16 => whole(one(bytes, |bytes| u16::from_le_bytes(bytes).into())),
            ValueType::I16 => whole(one(bytes, |bytes| i16::from_le_bytes(bytes).into())),
            ValueType::U32 => whole(one(bytes, |bytes| u32::from_le_bytes(bytes).into())),
            ValueType::I32 => whole(one(bytes, |bytes| i32::from_le_bytes(bytes).into())),
            ValueType::U64 => whole(one(bytes, |bytes| u64::from_le_bytes(bytes).into())),
            ValueType::I64 => whole(one(bytes, |bytes| i64::from_le_bytes(bytes).into())),
        }
    }
}

impl Array {
    fn texts(&self) -> Option<Vec<Cow<'_, str>>> {
        if self.kind != ValueType::Text {
            return self.is_empty().then(Vec::new);
        }
        let mut rest = self.bytes.as_slice();
        // Each takes at least its length of eight bytes.
        let mut texts = Vec::with_capacity(self.len.min(rest.len() / 8));
        for _ in 0..self.len {
            let (length, after) = rest.split_first_chunk()?;
            let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
            let (text, after) = after.split_at_checked(length)?;
            texts.push(decode_text(text));
            rest = after;
        }
        Some(texts)
    }

    fn ints(&self) -> Option<Vec<i32>> {
        let bytes = &self.bytes;
        match self.kind {
            ValueType::U8 => all(bytes, |bytes| Some(u8::from_le_bytes(bytes).into())),
            ValueType::I8 => all(bytes, |bytes| Some(i8::from_le_bytes(bytes).into())),
            ValueType::U16 => all(bytes, |bytes| Some(u16::from_le_bytes(bytes).into())),
            ValueType::I16 => all(bytes, |bytes| Some(i16::from_le_bytes(bytes).into())),
            ValueType::U32 => all(bytes, |bytes| u32::from_le_bytes(bytes).try_into().ok()),
            ValueType::I32 => all(bytes, |bytes| Some(i32::from_le_bytes(bytes))),
            ValueType::U64 => all(bytes, |bytes| u64::from_le_bytes(bytes).try_into().ok()),
            ValueType::I64 => all(bytes, |bytes| i64::from_le_bytes(bytes).try_into().ok()),
            _ => self.is_empty().then(Vec::new),
        }
    }

    fn floats(&self) -> Option<Vec<f32>> {
        match self.kind {
            ValueType::F32 => all(&self.bytes, |bytes| Some(f32::from_le_bytes(bytes))),
            ValueType::F64 => all(&self.bytes, |bytes| Some(f64::from_le_bytes(bytes) as f32)),
            _ => self.is_empty().then(Vec::new),
        }
    }

    fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Decodes a string: invalid bytes are replaced, and the NULs that some writers append are removed.
fn decode_text(bytes: &[u8]) -> Cow<'_, str> {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default())
}

fn one<const WIDTH: usize, T>(bytes: &[u8], decode: impl Fn([u8; WIDTH]) -> T) -> Option<T> {
    bytes.try_into().ok().map(decode)
}

fn all<const WIDTH: usize, T>(
    bytes: &[u8],
    decode: impl Fn([u8; WIDTH]) -> Option<T>,
) -> Option<Vec<T>> {
    bytes.as_chunks().0.iter().map(|bytes| decode(*bytes)).collect()
}

impl Metadata {
    /// Takes the values by key.
    pub(crate) fn new(values: HashMap<String, Value>) -> Self {
        Self { values }
    }

    /// Whether the file has this key, with a value of any type.
    pub fn contains(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// Lists the keys, in no particular order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Returns a string.
    pub fn string(&self, key: &str) -> Option<&str> {
        match self.values.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a whole number of any width and sign that fits into 32 bits.
    pub fn u32(&self, key: &str) -> Option<u32> {
        match self.values.get(key)? {
            Value::Whole(number) => u32::try_from(*number).ok(),
            _ => None,
        }
    }

    /// Returns a number of either float width, or a whole number.
    pub fn f32(&self, key: &str) -> Option<f32> {
        match self.values.get(key)? {
            Value::Float(number) => Some(*number as f32),
            Value::Whole(number) => Some(*number as f32),
            _ => None,
        }
    }

    /// Returns a truth value.
    pub fn bool(&self, key: &str) -> Option<bool> {
        match self.values.get(key)? {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// Lends the strings of an array; `None` if the elements are of another type.
    pub fn strings(&self, key: &str) -> Option<Vec<Cow<'_, str>>> {
        self.array(key)?.texts()
    }

    /// Decodes an array of whole numbers; `None` if the elements are of another type or one needs more than 32 bits.
    pub fn ints(&self, key: &str) -> Option<Vec<i32>> {
        self.array(key)?.ints()
    }

    /// Decodes an array of floats; `None` if the elements are of another type.
    pub fn floats(&self, key: &str) -> Option<Vec<f32>> {
        self.array(key)?.floats()
    }

    /// Returns the number of elements of an array.
    pub fn array_len(&self, key: &str) -> Option<usize> {
        self.array(key).map(|array| array.len)
    }

    fn array(&self, key: &str) -> Option<&Array> {
        match self.values.get(key)? {
            Value::Array(array) => Some(array),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn array(kind: ValueType, len: usize, elements: &[&[u8]]) -> Value {
        Value::Array(Array { kind, len, bytes: elements.concat() })
    }

    fn text(text: &[u8]) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes(), text].concat()
    }

    fn metadata() -> Metadata {
        let (a, b_c) = (text(b"a"), text(b"b c\0\0"));
        let scores = 0.5_f64.to_le_bytes();
        let ids = [(-3_i64).to_le_bytes(), (1_i64 << 31).to_le_bytes()];
        Metadata::new(HashMap::from([
            ("small".to_owned(), Value::Whole(7)),
            ("negative".to_owned(), Value::Whole(-1)),
            ("wide".to_owned(), Value::Whole(1 << 40)),
            ("float".to_owned(), Value::Float(0.5)),
            ("truth".to_owned(), Value::Bool(true)),
            ("words".to_owned(), array(ValueType::Text, 2, &[&a, &b_c])),
            ("bad words".to_owned(), array(ValueType::Text, 3, &[&a, &b_c])),
            ("kinds".to_owned(), array(ValueType::I16, 2, &[&[0xfd, 0xff], &[1, 0]])),
            ("ids".to_owned(), array(ValueType::I64, 2, &[&ids[0], &ids[1]])),
            ("scores".to_owned(), array(ValueType::F64, 1, &[&scores])),
            ("none".to_owned(), array(ValueType::U8, 0, &[])),
        ]))
    }

    #[test]
    fn numbers_of_other_widths_serve_while_they_fit() {
        let metadata = metadata();
        assert_eq!(metadata.u32("small"), Some(7));
        assert_eq!(metadata.u32("wide"), None);
        assert_eq!(metadata.u32("negative"), None);
        assert_eq!(metadata.f32("float"), Some(0.5));
        assert_eq!(metadata.f32("small"), Some(7.0));
    }

    #[test]
    fn another_type_is_none() {
        let metadata = metadata();
        assert_eq!(metadata.string("small"), None);
        assert_eq!(metadata.bool("small"), None);
        assert_eq!(metadata.u32("truth"), None);
        assert_eq!(metadata.strings("kinds"), None);
        assert_eq!(metadata.strings("bad words"), None);
        assert_eq!(metadata.ints("words"), None);
        assert_eq!(metadata.ints("ids"), None);
        assert_eq!(metadata.floats("kinds"), None);
        assert_eq!(metadata.strings("nowhere"), None);
    }

    #[test]
    fn arrays_are_decoded_whole() {
        let metadata = metadata();
        assert_eq!(metadata.strings("words").unwrap(), ["a", "b c"]);
        assert_eq!(metadata.ints("kinds").unwrap(), [-3, 1]);
        assert_eq!(metadata.floats("scores").unwrap(), [0.5]);
        assert_eq!(metadata.array_len("words"), Some(2));
        assert_eq!(metadata.strings("none").unwrap(), [""; 0]);
        assert_eq!(metadata.floats("none").unwrap(), [0.0; 0]);
    }

    #[test]
    fn values_are_decoded_by_their_type() {
        let decode = |id, bytes: &[u8]| Value::decode(ValueType::by_id(id).unwrap(), bytes);
        for id in 0..13 {
            assert_eq!(ValueType::by_id(id).unwrap() as u32, id);
            assert_eq!(decode(id, &[]), None, "type {id}");
        }
        assert_eq!(ValueType::by_id(13), None);
        assert_eq!(decode(0, &[255]), Some(Value::Whole(255)));
        assert_eq!(decode(1, &[255]), Some(Value::Whole(-1)));
        assert_eq!(decode(3, &[0, 128]), Some(Value::Whole(-32_768)));
        assert_eq!(decode(10, &[255; 8]), Some(Value::Whole(u64::MAX.into())));
        assert_eq!(decode(11, &[255; 8]), Some(Value::Whole(-1)));
        assert_eq!(decode(6, &1.5_f32.to_le_bytes()), Some(Value::Float(1.5)));
        assert_eq!(decode(12, &1.5_f64.to_le_bytes()), Some(Value::Float(1.5)));
        assert_eq!(decode(7, &[1]), Some(Value::Bool(true)));
        assert_eq!(decode(7, &[2]), None);
        assert_eq!(decode(8, &text(b"ab\0")), Some(Value::Text("ab".to_owned())));
        assert_eq!(decode(8, &text(b"\xff")), Some(Value::Text("\u{fffd}".to_owned())));
        assert_eq!(decode(8, &text(b"ab")[..9]), None);
        let array_of_u16 = [&[2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0][..], &[7, 0]].concat();
        assert_eq!(decode(9, &array_of_u16), Some(array(ValueType::U16, 1, &[&[7, 0]])));
    }
}
