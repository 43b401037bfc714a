//! Reads an architecture's metadata keys, each within the range that is accepted.
//!
//! All keys of an architecture begin with its name. Every error names the key, the value and the supported range.

use std::ops::RangeInclusive;

use crate::error::ModelError;
use crate::file::metadata::Metadata;

/// The keys of one model.
pub(crate) struct Keys<'a> {
    /// The file's name, for messages.
    pub(crate) file: &'a str,
    /// The architecture's name, with which its keys begin.
    pub(crate) architecture: &'a str,
    /// All keys.
    pub(crate) metadata: &'a Metadata,
}

impl Keys<'_> {
    /// The whole key, as the file has it.
    pub(crate) fn full_name(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    /// Whether the file has this key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.metadata.contains(&self.full_name(key))
    }

    /// The error for a value that is not accepted.
    pub(crate) fn invalid(&self, key: &str, problem: String) -> ModelError {
        ModelError::Key { file: self.file.to_owned(), key: self.full_name(key), problem }
    }

    /// A text.
    pub(crate) fn string(&self, key: &str) -> Option<&str> {
        self.metadata.string(&self.full_name(key))
    }

    /// A size from 1 to `limit`.
    pub(crate) fn size(&self, key: &str, limit: usize) -> Result<usize, ModelError> {
        if !self.has(key) {
            return Err(self.invalid(key, format!("is missing (a whole number from 1 to {limit})")));
        }
        match self.metadata.u32(&self.full_name(key)) {
            Some(size) if (1..=limit).contains(&(size as usize)) => Ok(size as usize),
            Some(size) => Err(self.invalid(key, format!("is {size}, supported are 1 to {limit}"))),
            None => Err(self.invalid(key, format!("is not a whole number from 1 to {limit}"))),
        }
    }

    /// A size, or the default where the file has none.
    pub(crate) fn size_or(
        &self,
        key: &str,
        limit: usize,
        default: usize,
    ) -> Result<usize, ModelError> {
        if self.has(key) { self.size(key, limit) } else { Ok(default) }
    }

    /// A size that may be absent, for which some files write 0.
    pub(crate) fn optional_size(
        &self,
        key: &str,
        limit: usize,
    ) -> Result<Option<usize>, ModelError> {
        match self.metadata.u32(&self.full_name(key)) {
            Some(0) => Ok(None),
            _ if self.has(key) => self.size(key, limit).map(Some),
            _ => Ok(None),
        }
    }

    /// A number within `range`.
    pub(crate) fn float(&self, key: &str, range: RangeInclusive<f32>) -> Result<f32, ModelError> {
        match self.metadata.f32(&self.full_name(key)) {
            Some(number) if range.contains(&number) => Ok(number),
            Some(number) => {
                let (low, high) = (range.start(), range.end());
                Err(self.invalid(key, format!("is {number}, supported are {low:e} to {high:e}")))
            }
            None => Err(self.invalid(key, "is missing or not a number".to_owned())),
        }
    }

    /// A number, or the default where the file has none.
    pub(crate) fn float_or(
        &self,
        key: &str,
        range: RangeInclusive<f32>,
        default: f32,
    ) -> Result<f32, ModelError> {
        if self.has(key) { self.float(key, range) } else { Ok(default) }
    }

    /// A number that may be absent.
    pub(crate) fn optional_float(
        &self,
        key: &str,
        range: RangeInclusive<f32>,
    ) -> Result<Option<f32>, ModelError> {
        if self.has(key) { self.float(key, range).map(Some) } else { Ok(None) }
    }
}
