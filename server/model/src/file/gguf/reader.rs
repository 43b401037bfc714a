//! A reader over a file's bytes that can neither run past the end nor overflow.
//!
//! Every read gets the place that its error names.

use std::fmt;

use crate::error::{ModelError, shorten};

/// The field that is read, for messages.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'a> {
    /// A fixed field of the header.
    Header(&'static str),
    /// The name of the key with this index.
    KeyName(u64),
    /// The value of a key.
    Value(&'a str),
    /// The name of the tensor with this index.
    TensorName(u64),
    /// The entry of a tensor.
    Tensor(&'a str),
    /// The data of a tensor.
    Data(&'a str),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(field) => f.write_str(field),
            Self::KeyName(index) => write!(f, "the name of metadata key {index}"),
            Self::Value(key) => write!(f, "metadata key {}", shorten(key)),
            Self::TensorName(index) => write!(f, "the name of tensor {index}"),
            Self::Tensor(name) => write!(f, "the entry of tensor {}", shorten(name)),
            Self::Data(name) => write!(f, "the data of tensor {}", shorten(name)),
        }
    }
}

/// Reads little-endian fields one after the other.
pub(super) struct Reader<'a> {
    file: &'a str,
    /// The beginning of the file, with its header.
    bytes: &'a [u8],
    file_bytes: u64,
    at: usize,
    /// Metadata values met so far, counting array elements.
    pub(super) n_values: u64,
}

impl<'a> Reader<'a> {
    /// Starts at the first of `bytes`, the beginning of `file`, which has `file_bytes` bytes.
    pub(super) fn new(file: &'a str, bytes: &'a [u8], file_bytes: u64) -> Self {
        Self { file, bytes, file_bytes, at: 0, n_values: 0 }
    }

    /// The file's name.
    pub(super) fn file(&self) -> &'a str {
        self.file
    }

    /// The bytes that were read from `offset` on.
    pub(super) fn since(&self, offset: u64) -> &'a [u8] {
        self.bytes.get(offset as usize..self.at).unwrap_or_default()
    }

    /// How many bytes have been read.
    pub(super) fn offset(&self) -> u64 {
        self.at as u64
    }

    /// The length of the file in bytes.
    pub(super) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// The first `n` bytes of the file, or fewer where it has fewer.
    pub(super) fn first_bytes(&self, n: usize) -> &'a [u8] {
        &self.bytes[..n.min(self.bytes.len())]
    }

    /// Fails unless `n` more bytes follow.
    pub(super) fn require(&self, place: &Place<'_>, n: u64) -> Result<(), ModelError> {
        if n > (self.bytes.len() - self.at) as u64 {
            return Err(self.truncated(place, self.offset(), n));
        }
        Ok(())
    }

    /// Reads `n` bytes.
    pub(super) fn take(&mut self, place: &Place<'_>, n: u64) -> Result<&'a [u8], ModelError> {
        self.require(place, n)?;
        // Fits: not more than the rest of a slice.
        let end = self.at + n as usize;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// Reads a 32-bit number.
    pub(super) fn u32(&mut self, place: &Place<'_>) -> Result<u32, ModelError> {
        let bytes = self.take(place, 4)?;
        Ok(bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes)))
    }

    /// Reads a 64-bit number.
    pub(super) fn u64(&mut self, place: &Place<'_>) -> Result<u64, ModelError> {
        let bytes = self.take(place, 8)?;
        Ok(bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes)))
    }

    /// Reads a name: a length of at most `limit` bytes, then that many bytes of UTF-8 without NUL.
    ///
    /// Names are shown to users and compared: each must be text as it is.
    pub(super) fn name(&mut self, place: &Place<'_>, limit: u64) -> Result<&'a str, ModelError> {
        let offset = self.offset();
        let length = self.u64(place)?;
        if length > limit {
            return Err(self.too_large(place, offset, length, "bytes", limit));
        }
        let bytes = self.take(place, length)?;
        match std::str::from_utf8(bytes) {
            Ok("") => Err(self.malformed(place, offset, "is empty".to_owned())),
            Ok(name) if name.contains(char::is_control) => {
                Err(self.malformed(place, offset, "contains control characters".to_owned()))
            }
            Ok(name) => Ok(name),
            Err(_) => Err(self.malformed(place, offset, "is not UTF-8".to_owned())),
        }
    }

    /// The error for a field whose bytes the file does not have.
    pub(super) fn truncated(
        &self,
        place: &Place<'_>,
        offset: u64,
        needed_bytes: u64,
    ) -> ModelError {
        let (file, place) = (self.file.to_owned(), place.to_string());
        ModelError::Truncated { file, place, offset, needed_bytes, file_bytes: self.file_bytes() }
    }

    /// The error for a field that contradicts the format.
    pub(super) fn malformed(&self, place: &Place<'_>, offset: u64, problem: String) -> ModelError {
        ModelError::Malformed {
            file: self.file.to_owned(),
            place: place.to_string(),
            offset,
            problem,
        }
    }

    /// The error for a field beyond its limit.
    pub(super) fn too_large(
        &self,
        place: &Place<'_>,
        offset: u64,
        value: u64,
        unit: &'static str,
        limit: u64,
    ) -> ModelError {
        let (file, place) = (self.file.to_owned(), place.to_string());
        ModelError::TooLarge { file, place, offset, value, unit, limit }
    }
}
