//! The cache folder that the tools of the hub share, in the layout of `huggingface_hub`.
//!
//! ```text
//! models--OWNER--NAME/blobs/ETAG                 the bytes; the etag of a large file is its SHA-256
//! models--OWNER--NAME/blobs/ETAG.incomplete      the bytes so far
//! models--OWNER--NAME/snapshots/COMMIT/FILE      a link to the blob (without links, the bytes)
//! models--OWNER--NAME/refs/main                  the commit
//! .locks/models--OWNER--NAME/ETAG.lock           held while one writes
//! ```
//!
//! Invariant: what comes from a server becomes part of a path only after [`is_plain`] has seen it.

use std::io;
use std::path::{Path, PathBuf};

/// The folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    root: PathBuf,
}

/// Whether a text can be the name of a file and nothing else.
pub(crate) fn is_plain(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.len() <= 128 && !text.starts_with('.') && text.chars().all(fits)
}

/// Whether a text is a SHA-256 as etags of large files are.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

impl Cache {
    /// The cache below this folder, which need not exist.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn folder_name(repository: &str) -> String {
        format!("models--{}", repository.replace('/', "--"))
    }

    /// The folder of a repository.
    pub(crate) fn repository(&self, repository: &str) -> PathBuf {
        self.root.join(Self::folder_name(repository))
    }

    pub(crate) fn blob(&self, repository: &str, etag: &str) -> PathBuf {
        self.repository(repository).join("blobs").join(etag)
    }

    pub(crate) fn incomplete(&self, repository: &str, etag: &str) -> PathBuf {
        self.blob(repository, &format!("{etag}.incomplete"))
    }

    pub(crate) fn lock(&self, repository: &str, etag: &str) -> PathBuf {
        let folder = self.root.join(".locks").join(Self::folder_name(repository));
        folder.join(format!("{etag}.lock"))
    }

    fn snapshots(&self, repository: &str) -> PathBuf {
        self.repository(repository).join("snapshots")
    }

    /// The commit that `main` was at when somebody last asked.
    fn main(&self, repository: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.repository(repository).join("refs/main")).ok()?;
        let commit = text.trim();
        is_plain(commit).then(|| commit.to_owned())
    }

    /// Finds a file that is here whole: at `commit` if given, else at `main`, else at any commit.
    pub fn find(&self, repository: &str, file: &str, commit: Option<&str>) -> Option<PathBuf> {
        let snapshots = self.snapshots(repository);
        let at = |commit: &str| Some(snapshots.join(commit).join(file)).filter(|p| p.is_file());
        let named = commit.map(str::to_owned).or_else(|| self.main(repository));
        named.as_deref().and_then(at).or_else(|| {
            let mut all: Vec<PathBuf> = self.everywhere(repository, file);
            all.sort();
            all.into_iter().find(|path| path.is_file())
        })
    }

    /// The places of a file in all snapshots, links that lead nowhere included.
    pub(crate) fn everywhere(&self, repository: &str, file: &str) -> Vec<PathBuf> {
        let Ok(snapshots) = std::fs::read_dir(self.snapshots(repository)) else {
            return Vec::new();
        };
        let places = snapshots.flatten().map(|snapshot| snapshot.path().join(file));
        places.filter(|path| path.symlink_metadata().is_ok()).collect()
    }

    /// Every file of every snapshot of a repository.
    pub(crate) fn all_files(&self, repository: &str) -> Vec<PathBuf> {
        let Ok(snapshots) = std::fs::read_dir(self.snapshots(repository)) else {
            return Vec::new();
        };
        let folders = snapshots.flatten().filter_map(|s| std::fs::read_dir(s.path()).ok());
        folders.flat_map(|files| files.flatten().map(|file| file.path())).collect()
    }

    /// Makes a blob appear as `file` at `commit`, and `main` mean that commit. Returns the file's path.
    pub(crate) fn publish(
        &self,
        repository: &str,
        commit: &str,
        file: &str,
        etag: &str,
    ) -> io::Result<PathBuf> {
        let snapshot = self.snapshots(repository).join(commit);
        std::fs::create_dir_all(&snapshot)?;
        let path = snapshot.join(file);
        if path.symlink_metadata().is_ok() {
            std::fs::remove_file(&path)?;
        }
        link(&self.blob(repository, etag), Path::new("../../blobs").join(etag).as_path(), &path)?;
        let refs = self.repository(repository).join("refs");
        std::fs::create_dir_all(&refs)?;
        replace(&refs.join("main"), commit.as_bytes())?;
        Ok(path)
    }
}

#[cfg(unix)]
fn link(_blob: &Path, relative: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(relative, path)
}

/// Windows allows links to some users only; without one the bytes move into the snapshot, as other tools do it.
#[cfg(windows)]
fn link(blob: &Path, relative: &Path, path: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(relative, path).or_else(|_| std::fs::rename(blob, path))
}

/// Writes a small file so that nobody ever reads half of it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    std::fs::write(&new, bytes)?;
    std::fs::rename(&new, path).inspect_err(|_| {
        let _ = std::fs::remove_file(&new);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_name_a_place_outside() {
        for name in ["", ".", "..", "../x", "a/b", "a\\b", "a\0b", ".hidden", "ä", "a b"] {
            assert!(!is_plain(name), "{name:?}");
        }
        assert!(is_plain("d0f8cd6c49bab52a") && is_plain("a-b_c.d"));
        assert!(!is_sha256("d0f8") && is_sha256(&"0a".repeat(32)) && !is_sha256(&"0A".repeat(32)));
    }

    #[test]
    fn a_file_is_found_at_the_wanted_commit_first_and_then_anywhere() {
        let root = std::env::temp_dir().join(format!("lowkey-cache-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        let cache = Cache::new(root.clone());
        assert_eq!(cache.find("o/n", "f", None), None);
        for commit in ["c1", "c2", "c3"] {
            let blob = cache.blob("o/n", commit);
            std::fs::create_dir_all(blob.parent().unwrap_or(&root))
                .unwrap_or_else(|e| panic!("{e}"));
            std::fs::write(blob, commit).unwrap_or_else(|e| panic!("{e}"));
            cache.publish("o/n", commit, "f", commit).unwrap_or_else(|e| panic!("{e}"));
        }
        let text = |commit| {
            let path = cache.find("o/n", "f", commit);
            path.map(|path| std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{e}")))
        };
        assert_eq!(text(None).as_deref(), Some("c3"), "where main is");
        assert_eq!(text(Some("c1")).as_deref(), Some("c1"));
        assert_eq!(text(Some("gone")).as_deref(), Some("c1"), "some other commit has it");
        std::fs::remove_file(cache.blob("o/n", "c3")).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(text(None).as_deref(), Some("c1"), "a link that leads nowhere is no file");
        let _ = std::fs::remove_dir_all(root);
    }
}
