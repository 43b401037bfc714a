//! The metadata of a model file, by key and type.
//!
//! Getters are lenient about width (a `u8` serves where a `u32` is asked for) and never about meaning: a value that
//! does not fit is `None`, and the caller decides whether it can do without.

use std::collections::HashMap;

use candle_core::quantized::gguf_file::Value;

/// The key–value pairs of a model file's header.
#[derive(Debug)]
pub struct Metadata {
    values: HashMap<String, Value>,
}

impl Metadata {
    pub(crate) fn new(values: HashMap<String, Value>) -> Self {
        Self { values }
    }

    /// Says whether the file has this key, whatever its type.
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
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a whole number of any width and sign that fits into 32 bits.
    pub fn u32(&self, key: &str) -> Option<u32> {
        u32::try_from(whole(self.values.get(key)?)?).ok()
    }

    /// Returns a number of either float width, or a whole number.
    pub fn f32(&self, key: &str) -> Option<f32> {
        match self.values.get(key)? {
            Value::F32(number) => Some(*number),
            Value::F64(number) => Some(*number as f32),
            other => whole(other).map(|number| number as f32),
        }
    }

    /// Returns a truth value.
    pub fn bool(&self, key: &str) -> Option<bool> {
        match self.values.get(key)? {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// Returns an array of strings; `None` if any element is something else.
    pub fn strings(&self, key: &str) -> Option<Vec<String>> {
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            _ => None,
        };
        self.array(key)?.iter().map(text).collect()
    }

    /// Returns an array of whole numbers; `None` if any element is something else or beyond 32 bits.
    pub fn ints(&self, key: &str) -> Option<Vec<i32>> {
        self.array(key)?.iter().map(|value| i32::try_from(whole(value)?).ok()).collect()
    }

    /// Returns an array of floats; `None` if any element is something else.
    pub fn floats(&self, key: &str) -> Option<Vec<f32>> {
        let number = |value: &Value| match value {
            Value::F32(number) => Some(*number),
            Value::F64(number) => Some(*number as f32),
            _ => None,
        };
        self.array(key)?.iter().map(number).collect()
    }

    /// Returns the number of elements of an array.
    pub fn array_len(&self, key: &str) -> Option<usize> {
        self.array(key).map(<[Value]>::len)
    }

    fn array(&self, key: &str) -> Option<&[Value]> {
        match self.values.get(key)? {
            Value::Array(values) => Some(values),
            _ => None,
        }
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::U8(number) => Some(i64::from(*number)),
        Value::I8(number) => Some(i64::from(*number)),
        Value::U16(number) => Some(i64::from(*number)),
        Value::I16(number) => Some(i64::from(*number)),
        Value::U32(number) => Some(i64::from(*number)),
        Value::I32(number) => Some(i64::from(*number)),
        Value::U64(number) => i64::try_from(*number).ok(),
        Value::I64(number) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn metadata() -> Metadata {
        let text = |text: &str| Value::String(text.to_owned());
        Metadata::new(HashMap::from([
            ("small".to_owned(), Value::U8(7)),
            ("negative".to_owned(), Value::I32(-1)),
            ("wide".to_owned(), Value::U64(1 << 40)),
            ("wide but small".to_owned(), Value::U64(9)),
            ("float".to_owned(), Value::F64(0.5)),
            ("truth".to_owned(), Value::Bool(true)),
            ("words".to_owned(), Value::Array(vec![text("a"), text("b c")])),
            ("kinds".to_owned(), Value::Array(vec![Value::I32(-3), Value::U8(1)])),
            ("mixed".to_owned(), Value::Array(vec![text("a"), Value::U8(1)])),
        ]))
    }

    #[test]
    fn numbers_of_other_widths_serve_while_they_fit() {
        let metadata = metadata();
        assert_eq!(metadata.u32("small"), Some(7));
        assert_eq!(metadata.u32("wide but small"), Some(9));
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
        assert_eq!(metadata.strings("mixed"), None);
        assert_eq!(metadata.ints("mixed"), None);
        assert_eq!(metadata.strings("nowhere"), None);
    }

    #[test]
    fn arrays_come_back_whole() {
        let metadata = metadata();
        assert_eq!(metadata.strings("words").unwrap(), ["a", "b c"]);
        assert_eq!(metadata.ints("kinds").unwrap(), [-3, 1]);
        assert_eq!(metadata.array_len("words"), Some(2));
    }
}
