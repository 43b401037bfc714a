//! The key of the user's account at the server: from the environment, or from a private file.
//!
//! Invariant: no message, log line or `Debug` output has the key.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;

use crate::config::ConfigError;

/// Longest accepted key; tokens of identity providers have about 2,000 bytes.
const MAX_KEY_BYTES: u64 = 8 << 10;

/// A key. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

impl ApiKey {
    /// Checks a key; the text around it may have blanks and a line end.
    pub fn new(text: &str) -> Result<Self, ConfigError> {
        let key = text.trim();
        if key.is_empty() {
            return Err(ConfigError::KeyEmpty);
        }
        if key.len() as u64 > MAX_KEY_BYTES || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConfigError::KeyCharacters);
        }
        Ok(Self(key.to_owned()))
    }

    /// Reads the key from the environment variable `name`.
    pub fn from_env(name: &str) -> Result<Self, ConfigError> {
        let text = std::env::var(name)
            .map_err(|_| ConfigError::KeyVariable { name: lowkey_network::printable(name) })?;
        Self::new(&text)
    }

    /// Reads the key from a file that only its owner may read.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let unreadable =
            |why: String| ConfigError::KeyFile { path: path.display().to_string(), why };
        let checked = |found: std::io::Result<Metadata>| {
            let found = found.map_err(|error| unreadable(error.to_string()))?;
            if !found.is_file() {
                return Err(unreadable("it is not a regular file".into()));
            }
            if others_may_read(&found) {
                return Err(ConfigError::KeyFileOpen { path: path.display().to_string() });
            }
            Ok(found)
        };
        // Checked before opening, which would wait for a pipe's writer, and again after, because
        // the file may have been replaced.
        checked(std::fs::metadata(path))?;
        let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
        checked(file.metadata())?;
        let mut text = String::new();
        let read = file.take(MAX_KEY_BYTES + 2).read_to_string(&mut text);
        read.map_err(|error| unreadable(error.to_string()))?;
        Self::new(&text)
    }

    /// Returns the value of the `Authorization` header.
    pub(crate) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

#[cfg(unix)]
fn others_may_read(found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    found.mode() & 0o077 != 0
}

/// Other systems have no such bits; the folder's access list protects the file.
#[cfg(not(unix))]
fn others_may_read(_found: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use lowkey_test_support::TestFolder;

    use super::*;

    #[test]
    fn debug_output_hides_the_key() {
        let key = ApiKey::new("  sk-secret\n").unwrap();
        assert_eq!(format!("{key:?}"), "ApiKey(hidden)");
        assert_eq!(key.header(), "Bearer sk-secret");
    }

    #[test]
    fn unusable_keys_are_refused_without_quoting_them() {
        for text in ["", " \n", "two words", "schlüssel", "a\u{7f}b", &"x".repeat(9000)] {
            let error = ApiKey::new(text).unwrap_err().to_string();
            assert!(text.trim().is_empty() || !error.contains(text.trim()), "{error}");
        }
        let error = ApiKey::from_env("LOWKEY_TEST_NO_SUCH_KEY").unwrap_err().to_string();
        assert!(error.contains("LOWKEY_TEST_NO_SUCH_KEY"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn key_file_must_be_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = TestFolder::new("api-key");
        let path = folder.join("key");
        std::fs::write(&path, "sk-secret\n").unwrap();
        let with_mode = |mode: u32| {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            ApiKey::from_file(&path)
        };
        assert_eq!(with_mode(0o600), ApiKey::new("sk-secret"));
        for mode in [0o640, 0o604, 0o660, 0o622] {
            let error = with_mode(mode).unwrap_err().to_string();
            assert!(error.contains("chmod 600") && !error.contains("sk-secret"), "{error}");
        }
        assert!(ApiKey::from_file(&folder).is_err(), "a folder");
        assert!(ApiKey::from_file(&folder.join("none")).is_err());
        assert!(ApiKey::from_file(Path::new("/dev/zero")).is_err());
    }
}
