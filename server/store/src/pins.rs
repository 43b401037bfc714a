//! What this machine has pulled: for each name the commit and the checksum of its file.
//!
//! A small TOML file beside the settings. The first pull of a name writes its row; from then on a file of that name
//! is the one that the row describes, or an error.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cache;

const HEAD: &str =
    "# Written by `lowkey models pull`: which file each model name means on this machine.\n\n";

/// The file that one name means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// `owner/name` on the hub.
    pub repository: String,
    /// The file in the repository.
    pub file: String,
    /// The commit that it was pulled from; `None` where a server did not tell.
    pub commit: Option<String>,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
    /// Length in bytes.
    pub bytes: u64,
}

/// The file of pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pins {
    path: PathBuf,
}

impl Pins {
    /// The pins in this file, which need not exist.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self) -> io::Result<BTreeMap<String, Pin>> {
        let text = match std::fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            text => text?,
        };
        toml::from_str(&text).map_err(|error| io::Error::other(error.message().to_owned()))
    }

    /// The pin of a name.
    pub fn get(&self, name: &str) -> io::Result<Option<Pin>> {
        Ok(self.read()?.remove(name))
    }

    /// Sets the pin of a name, or takes it away.
    pub fn set(&self, name: &str, pin: Option<Pin>) -> io::Result<()> {
        if pin.is_none() && self.get(name)?.is_none() {
            return Ok(());
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        // Two pulls of two models may end at once; each must see the other's row.
        #[cfg(unix)]
        let held = std::fs::File::open(folder)?;
        #[cfg(unix)]
        held.lock()?;
        let mut pins = self.read()?;
        let same = match pin {
            Some(pin) => pins.insert(name.to_owned(), pin.clone()).as_ref() == Some(&pin),
            None => pins.remove(name).is_none(),
        };
        if same {
            return Ok(());
        }
        let text = toml::to_string(&pins).map_err(io::Error::other)?;
        cache::replace(&self.path, format!("{HEAD}{text}").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_stays_until_it_is_taken_away() {
        let folder = std::env::temp_dir().join(format!("lowkey-pins-{}", std::process::id()));
        let pins = Pins::at(folder.join("deep/models.toml"));
        let pin = |commit: Option<&str>| Pin {
            repository: "o/n".into(),
            file: "f.gguf".into(),
            commit: commit.map(str::to_owned),
            sha256: "ab".repeat(32),
            bytes: 7,
        };
        let get = |name| pins.get(name).unwrap_or_else(|e| panic!("{e}"));
        let set = |name, pin| pins.set(name, pin).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(get("a.b"), None);
        set("a.b", Some(pin(Some("c"))));
        set("d", Some(pin(None)));
        assert_eq!(get("a.b"), Some(pin(Some("c"))));
        assert_eq!(get("d"), Some(pin(None)));
        set("a.b", None);
        assert_eq!((get("a.b"), get("d")), (None, Some(pin(None))));
        std::fs::write(pins.path(), "d = 1").unwrap_or_else(|e| panic!("{e}"));
        assert!(pins.get("d").is_err(), "a file that is not ours is not overwritten");
        assert!(pins.set("d", None).is_err());
        let _ = std::fs::remove_dir_all(folder);
    }
}
