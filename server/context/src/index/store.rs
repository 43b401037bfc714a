//! The index: texts in, snapshots out.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lowkey_document::Language;

use super::definitions::{definitions, has_definitions};
use super::table::{File, Packed, Table};

/// Longer files are generated, or data.
pub const MAX_FILE_BYTES: usize = 512 << 10;

/// A text with longer lines on average is minified.
const MAX_MEAN_LINE_BYTES: usize = 300;

/// Limits on the index. Open documents are indexed beyond them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IndexLimits {
    pub max_files: usize,
    /// Maximum bytes of memory of all files together.
    pub max_bytes: usize,
}

impl Default for IndexLimits {
    fn default() -> Self {
        Self { max_files: 20_000, max_bytes: 96 << 20 }
    }
}

impl IndexLimits {
    /// Returns the limits on files near to open documents.
    fn nearby(self) -> Self {
        let more = |limit: usize| limit.saturating_add(limit / 10);
        Self { max_files: more(self.max_files), max_bytes: more(self.max_bytes) }
    }
}

/// What became of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Update {
    Indexed,
    /// The text is too long, binary or minified, or its language has no definitions. A previous
    /// text of the file is removed.
    Unsuitable,
    /// An open document has this path, and its text counts.
    IsOpen,
    /// The limits are reached. A previous text of the file is removed.
    Full,
}

/// The origin of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextOrigin {
    Disk,
    /// The same for a file near to a document that was opened when the limits were reached: a tenth
    /// more than the limits is for these.
    Nearby,
    /// An open document, whose text overrides the file's on disk.
    Editor,
}

/// The definitions of the workspace's files.
///
/// The index asks no rules. The caller asks them before it adds a text: see [`Indexer`](super::Indexer).
#[derive(Debug, Default)]
pub struct DefinitionIndex {
    state: Mutex<State>,
    limits: IndexLimits,
}

#[derive(Debug, Default)]
struct State {
    table: Arc<Table>,
    /// Numbers of removed files.
    free: Vec<u32>,
    next: u32,
}

impl DefinitionIndex {
    pub fn new(limits: IndexLimits) -> Self {
        Self { state: Mutex::default(), limits }
    }

    /// Returns the current state, which later updates do not change. Costs one pointer.
    pub fn snapshot(&self) -> Arc<Table> {
        Arc::clone(&self.state().table)
    }

    /// Replaces the definitions of a file by those of a text.
    pub fn update(
        &self,
        path: &Path,
        language: &'static Language,
        text: &str,
        origin: TextOrigin,
    ) -> Update {
        let key = key(path);
        if !is_suitable(text) || !has_definitions(language) {
            return if origin != TextOrigin::Editor && self.is_open(&key) {
                Update::IsOpen
            } else {
                self.remove_key(&key);
                Update::Unsuitable
            };
        }
        // Without the lock: a reader waits for no text.
        let packed = Packed::of(&definitions(text, language));
        let file = File::new(&key, language, packed, origin == TextOrigin::Editor);
        self.state().replace(file, origin, self.limits)
    }

    /// Removes a file.
    pub fn remove(&self, path: &Path) {
        self.remove_key(&key(path));
    }

    /// Ends the precedence of an open document's text. It remains until the file on disk replaces
    /// it.
    pub fn close(&self, path: &Path) {
        let key = key(path);
        let mut state = self.state();
        if let Some(id) = state.table.id(&key)
            && let Some(file) = state.table.file(&key)
            && file.is_open
        {
            let language = file.language();
            let all: Vec<_> =
                file.definitions().map(super::definitions::Definition::from).collect();
            let closed = File::new(&key, language, Packed::of(&all), false);
            let table = Arc::make_mut(&mut state.table);
            table.remove(id);
            table.insert(id, closed);
        }
    }

    /// Removes every file below a folder.
    pub fn remove_below(&self, folder: &Path) {
        let prefix = format!("{}/", key(folder));
        self.retain(|path| !path.starts_with(&prefix));
    }

    /// Removes the files whose path does not satisfy a predicate.
    pub fn retain(&self, keeps: impl Fn(&str) -> bool) {
        let table = self.snapshot();
        let gone: Vec<&str> = table.files().map(File::path).filter(|path| !keeps(path)).collect();
        for path in gone {
            self.remove_key(path);
        }
    }

    /// Whether a file is indexed.
    pub fn contains(&self, path: &Path) -> bool {
        self.state().table.id(&key(path)).is_some()
    }

    /// Whether no further file fits.
    pub fn is_full(&self) -> bool {
        let state = self.state();
        state.table.n_files() >= self.limits.max_files
            || state.table.n_bytes() >= self.limits.max_bytes
    }

    fn is_open(&self, key: &str) -> bool {
        self.state().table.file(key).is_some_and(|file| file.is_open)
    }

    fn remove_key(&self, key: &str) {
        self.state().remove(key);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves at worst a missing file.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn replace(&mut self, file: File, origin: TextOrigin, limits: IndexLimits) -> Update {
        let old = self.table.file(file.path());
        if origin != TextOrigin::Editor {
            if old.is_some_and(|old| old.is_open) {
                return Update::IsOpen;
            }
            let n_files = self.table.n_files() + usize::from(old.is_none());
            // A file that is indexed stays when it changes.
            let is_near = origin == TextOrigin::Nearby || old.is_some();
            let limits = if is_near { limits.nearby() } else { limits };
            if n_files > limits.max_files || self.table.bytes_with(&file) > limits.max_bytes {
                self.remove(file.path());
                return Update::Full;
            }
        }
        self.remove(file.path());
        let id = self.free.pop().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        });
        Arc::make_mut(&mut self.table).insert(id, file);
        Update::Indexed
    }

    fn remove(&mut self, key: &str) {
        if let Some(id) = self.table.id(key) {
            Arc::make_mut(&mut self.table).remove(id);
            self.free.push(id);
        }
    }
}

/// Returns a path as the index stores it: with `/` between its parts.
pub fn key(path: &Path) -> String {
    let path = path.to_string_lossy();
    if cfg!(windows) { path.replace('\\', "/") } else { path.into_owned() }
}

/// Whether a text is source code that a person wrote, as far as its length and lines show.
fn is_suitable(text: &str) -> bool {
    let n_lines = text.bytes().filter(|&byte| byte == b'\n').count() + 1;
    text.len() <= MAX_FILE_BYTES
        && !text.as_bytes().contains(&0)
        && (text.len() < 4 << 10 || text.len() / n_lines <= MAX_MEAN_LINE_BYTES)
}
