//! The files of the workspace that may have definitions, the nearest to the open documents first.
//!
//! Only git's and lowkey's ignore files prune folders here. Whether a file may be read is for
//! [`Rules`](crate::Rules) to decide, file by file. Links are never followed, so there are no loops
//! and no file is visited under two names.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::{DirEntry, WalkBuilder};
use lowkey_document::Language;

use super::definitions::has_definitions;

/// Deeper folders are not visited.
const MAX_DEPTH: usize = 60;

/// Folders that wait to be visited.
const MAX_STAGES: usize = 256;

/// Folders of other people's code, where no ignore file names them.
const PRUNED: &[&str] = &["node_modules", "bower_components", "__pycache__", "site-packages"];

/// Files that mark a folder as generated or installed: build outputs of cargo and others, and
/// Python's virtual environments.
const MARKS: &[&str] = &["CACHEDIR.TAG", "pyvenv.cfg"];

/// A walk through the folders of a workspace.
pub(super) struct Walk {
    /// Folders to visit; the last one is next.
    stages: Vec<Stage>,
    finished: Arc<Mutex<HashSet<PathBuf>>>,
    n_visited: usize,
    max_visited: usize,
}

struct Stage {
    folder: PathBuf,
    entries: Option<ignore::Walk>,
}

impl Walk {
    /// Creates a walk through the folders in their order, which ends after `max_visited` files and
    /// folders.
    pub(super) fn new(folders: &[PathBuf], max_visited: usize) -> Self {
        let stages = folders.iter().rev().map(|folder| Stage::new(folder.clone())).collect();
        Self { stages, finished: Arc::default(), n_visited: 0, max_visited }
    }

    /// Visits the folder of a document next, then the folders around it, up to `root`.
    pub(super) fn prefer(&mut self, root: &Path, document: &Path) {
        let Ok(inside) = document.strip_prefix(root) else { return };
        let folder_parts = inside.components().count().saturating_sub(1);
        let mut folders = Vec::new();
        let mut folder = root.to_path_buf();
        for part in inside.components().take(folder_parts) {
            folder.push(part);
            if is_pruned(&folder) || is_hidden(&folder) {
                break;
            }
            folders.push(folder.clone());
        }
        for folder in folders {
            if self.stages.len() < MAX_STAGES && !self.is_finished(&folder) {
                self.stages.push(Stage::new(folder));
            }
        }
    }

    /// Visits a folder next.
    pub(super) fn add(&mut self, folder: PathBuf) {
        if self.stages.len() < MAX_STAGES {
            self.finished.lock().unwrap_or_else(PoisonError::into_inner).remove(&folder);
            self.stages.push(Stage::new(folder));
        }
    }

    /// Returns the number of files and folders that were visited.
    pub(super) fn n_visited(&self) -> usize {
        self.n_visited
    }

    fn is_finished(&self, folder: &Path) -> bool {
        let finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        folder.ancestors().any(|folder| finished.contains(folder))
    }
}

impl Iterator for Walk {
    /// A file that may have definitions; `None` for another entry, so that the caller can pause
    /// after each.
    type Item = Option<PathBuf>;

    fn next(&mut self) -> Option<Self::Item> {
        let stage = self.stages.last_mut()?;
        if self.n_visited >= self.max_visited {
            self.stages.clear();
            return None;
        }
        let finished = &self.finished;
        let folder = &stage.folder;
        let entries = stage.entries.get_or_insert_with(|| entries(folder, Arc::clone(finished)));
        if let Some(entry) = entries.next() {
            self.n_visited += 1;
            return Some(entry.ok().filter(is_source).map(DirEntry::into_path));
        }
        let stage = self.stages.pop()?;
        finished.lock().unwrap_or_else(PoisonError::into_inner).insert(stage.folder);
        Some(None)
    }
}

impl Stage {
    fn new(folder: PathBuf) -> Self {
        Self { folder, entries: None }
    }
}

/// Returns the entries of a folder in the order of their names, without finished folders.
fn entries(folder: &Path, finished: Arc<Mutex<HashSet<PathBuf>>>) -> ignore::Walk {
    WalkBuilder::new(folder)
        .follow_links(false)
        .hidden(true)
        .parents(true)
        // The rules know `.gitignore` without a repository too, and no `.ignore`.
        .require_git(false)
        .ignore(false)
        .add_custom_ignore_filename(".lowkeyignore")
        .max_depth(Some(MAX_DEPTH))
        .sort_by_file_name(Ord::cmp)
        .filter_entry(move |entry| {
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            !is_folder || {
                let finished = finished.lock().unwrap_or_else(PoisonError::into_inner);
                !finished.contains(entry.path()) && !is_pruned(entry.path())
            }
        })
        .build()
}

/// Whether an entry is a regular file of a language with definitions.
fn is_source(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_file()) && is_source_name(entry.path())
}

/// Whether a file's name is that of a language with definitions.
pub(super) fn is_source_name(path: &Path) -> bool {
    has_definitions(Language::by_path(path))
}

/// Whether the walk from `root` passes over a path: it is hidden, or in another's code.
pub(super) fn is_passed_over(root: &Path, path: &Path) -> bool {
    let Ok(inside) = path.strip_prefix(root) else { return true };
    let mut folder = root.to_path_buf();
    inside.components().any(|part| {
        folder.push(part);
        is_hidden(&folder) || (folder != path && is_pruned(&folder))
    })
}

fn is_pruned(folder: &Path) -> bool {
    let name = folder.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| PRUNED.contains(&name.as_ref()))
        || MARKS.iter().any(|mark| folder.join(mark).symlink_metadata().is_ok())
}

fn is_hidden(path: &Path) -> bool {
    let last = path.components().next_back();
    matches!(last, Some(Component::Normal(name)) if name.to_string_lossy().starts_with('.'))
}
