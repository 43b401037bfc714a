//! The models that this machine has pulled: the commit and checksum of the file of each name.
//!
//! A small TOML file next to the settings. The first pull of a name writes its row. From then on a
//! file of that name must match the row; any other file is an error.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::folder::{Folder, small_text};

/// The file has a few hundred bytes per model.
const MAX_BYTES: u64 = 1 << 20;
const HEAD: &str =
    "# Written by `lowkey models pull`: which file each model name means on this machine.\n\n";

/// The file that a name refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// `owner/name` on the hub.
    pub repository: String,
    /// The file in the repository.
    pub file: String,
    /// The commit of the pulled file; `None` if the server did not report it.
    pub commit: Option<String>,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
    /// Length in bytes.
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pins {
    path: PathBuf,
}

impl Pins {
    /// Uses the pins in this file, which need not exist.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self) -> io::Result<BTreeMap<String, Pin>> {
        let text = match small_text(&self.path, MAX_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            text => text?,
        };
        toml::from_str(&text).map_err(|error| io::Error::other(error.message().to_owned()))
    }

    /// Returns the pin of a name.
    pub fn get(&self, name: &str) -> io::Result<Option<Pin>> {
        Ok(self.read()?.remove(name))
    }

    /// Sets the pin of a name. If another pull has set a different pin in the meantime, returns
    /// that pin and changes nothing: a name keeps its file unless the user asks for another one.
    ///
    /// `seen` is the pin that the caller has read; the new pin may replace it.
    pub fn set(&self, name: &str, pin: &Pin, seen: Option<&Pin>) -> io::Result<Option<Pin>> {
        self.change(|pins| {
            let other = pins.get(name).filter(|found| {
                let same_place = found.repository == pin.repository && found.file == pin.file;
                same_place && found.sha256 != pin.sha256 && Some(*found) != seen
            });
            if other.is_some() {
                return other.cloned();
            }
            pins.insert(name.to_owned(), pin.clone());
            None
        })
    }

    /// Removes the pin of a name.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match self.get(name)? {
            Some(_) => self.change(|pins| pins.remove(name)).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Reads, changes and writes the rows while holding the lock.
    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<String, Pin>) -> T) -> io::Result<T> {
        let path = self.path.parent().filter(|path| !path.as_os_str().is_empty());
        let folder = Folder::root(path.unwrap_or(Path::new(".")))?;
        // Two pulls of different models may end at the same time; each must see the other's row.
        #[cfg(unix)]
        let held = std::fs::File::open(folder.path())?;
        #[cfg(unix)]
        held.lock()?;
        let before = self.read()?;
        let mut pins = before.clone();
        let changed = change(&mut pins);
        if pins != before {
            let text = toml::to_string(&pins).map_err(io::Error::other)?;
            let name = self.path.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| io::Error::other("its name is not Unicode"))?;
            folder.replace(name, format!("{HEAD}{text}").as_bytes())?;
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pin_stays_until_removed() {
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
        let set = |name, pin: &Pin, seen: Option<&Pin>| {
            pins.set(name, pin, seen).unwrap_or_else(|e| panic!("{e}"))
        };
        let remove = |name| pins.remove(name).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(get("a.b"), None);
        assert_eq!(set("a.b", &pin(Some("c")), None), None);
        assert_eq!(set("d", &pin(None), None), None);
        assert_eq!(get("a.b"), Some(pin(Some("c"))));
        assert_eq!(get("d"), Some(pin(None)));
        // Another pull was faster: its file stays, unless this pull started from that file's pin.
        let other = Pin { sha256: "cd".repeat(32), ..pin(None) };
        assert_eq!(set("d", &other, None), Some(pin(None)));
        assert_eq!(get("d"), Some(pin(None)));
        assert_eq!(set("d", &other, Some(&pin(None))), None);
        assert_eq!(get("d"), Some(other.clone()));
        remove("a.b");
        assert_eq!((get("a.b"), get("d")), (None, Some(other)));
        std::fs::write(pins.path(), "d = 1").unwrap_or_else(|e| panic!("{e}"));
        assert!(pins.get("d").is_err(), "a file that is not ours is not overwritten");
        assert!(pins.set("e", &pin(None), None).is_err() && pins.remove("d").is_err());
        let _ = std::fs::remove_dir_all(folder);
    }
}
