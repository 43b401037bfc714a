//! Reads a folder's small files, each within its limit.

use std::path::Path;

use serde_json::Value as Json;

use crate::error::{ModelError, shorten};

/// The longest configuration that is read, in bytes. Real ones have a few thousand.
pub(super) const MAX_JSON_BYTES: u64 = 16 << 20;

/// Reads a JSON file of the folder that messages call `file`.
pub(super) fn read_json(path: &Path, file: &str) -> Result<Json, ModelError> {
    parse_json(&read_limited(path, file, MAX_JSON_BYTES)?, path, file)
}

/// Parses the JSON file of the folder that is at `path`.
pub(super) fn parse_json(bytes: &[u8], path: &Path, file: &str) -> Result<Json, ModelError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let refused =
        |problem: String| folder_error(file, format!("has a {name} that is no JSON: {problem}"));
    serde_json::from_slice(bytes).map_err(|error| refused(shorten(&error.to_string())))
}

/// Reads a file of at most `limit` bytes.
pub(super) fn read_limited(path: &Path, file: &str, limit: u64) -> Result<Vec<u8>, ModelError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let about = match std::fs::metadata(path) {
        Ok(about) if about.is_file() => about,
        _ => return Err(folder_error(file, format!("has no {name}"))),
    };
    if about.len() > limit {
        let problem = format!("has a {name} of {} bytes, the limit is {limit}", about.len());
        return Err(folder_error(file, problem));
    }
    std::fs::read(path).map_err(|source| ModelError::Io { file: format!("{file}/{name}"), source })
}

/// The error for a folder that cannot be loaded; `problem` is a clause.
pub(super) fn folder_error(file: &str, problem: String) -> ModelError {
    ModelError::Folder { file: file.to_owned(), problem }
}
