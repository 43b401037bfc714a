//! The index of the workspace, and the snippets that a document's prompts have.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use lowkey_context::Rules;
use lowkey_context::index::{IndexLimits, Indexer, Pause, ReadLimits, Table, has_definitions};
use lowkey_context::related::FileSnippet;
use lowkey_document::{ByteOffset, Language, Snapshot};

/// The index of the workspace; none while the setting disables it.
#[derive(Default)]
pub(crate) struct WorkspaceIndex {
    indexer: Option<Indexer>,
    pub(crate) pause: Arc<Pause>,
    /// What the indexer was started with, or got since.
    scope: Option<Scope>,
    /// The open documents as the index should have them: an indexer may start after them.
    open: HashMap<PathBuf, Snapshot>,
}

/// The folders that are indexed, under these rules.
struct Scope {
    folders: Vec<PathBuf>,
    rules: Arc<Rules>,
}

/// The snippets in a document's prompts.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldSnippets {
    pub(crate) anchor: Option<ByteOffset>,
    /// Files of the index when the choice was made.
    pub(crate) n_files: usize,
    pub(crate) snippets: Vec<FileSnippet>,
}

impl WorkspaceIndex {
    /// Starts the indexer, or gives it new folders and rules; without a scope, stops it.
    pub(crate) fn apply(&mut self, scope: Option<(Vec<PathBuf>, Arc<Rules>)>) {
        let Some((folders, rules)) = scope else {
            drop(self.stop());
            return;
        };
        let is_same = |scope: &Scope| scope.folders == folders && Arc::ptr_eq(&scope.rules, &rules);
        if self.indexer.is_some() && self.scope.as_ref().is_some_and(is_same) {
            return;
        }
        self.scope = Some(Scope { folders: folders.clone(), rules: Arc::clone(&rules) });
        if let Some(indexer) = &self.indexer {
            indexer.set_rules(folders, rules);
            return;
        }
        let limits = (IndexLimits::default(), ReadLimits::default());
        match Indexer::start(folders, rules, Arc::clone(&self.pause), limits) {
            Ok(indexer) => {
                for (path, snapshot) in &self.open {
                    indexer.opened(path.clone(), snapshot.clone());
                }
                self.indexer = Some(indexer);
            }
            Err(error) => tracing::warn!(%error, "the workspace cannot be indexed"),
        }
    }

    /// Returns the indexer to stop: dropping it waits for its current file.
    #[must_use]
    pub(crate) fn stop(&mut self) -> Option<Indexer> {
        self.scope = None;
        self.indexer.take()
    }

    pub(crate) fn indexer(&self) -> Option<&Indexer> {
        self.indexer.as_ref()
    }

    /// Indexes an open document's text.
    pub(crate) fn set_document(&mut self, path: PathBuf, snapshot: Snapshot) {
        if let Some(indexer) = &self.indexer {
            indexer.opened(path.clone(), snapshot.clone());
        }
        self.open.insert(path, snapshot);
    }

    /// Indexes the file of a document that was closed.
    pub(crate) fn close_document(&mut self, path: PathBuf) {
        self.open.remove(&path);
        if let Some(indexer) = &self.indexer {
            indexer.closed(path);
        }
    }
}

impl HeldSnippets {
    /// Whether the choice holds at this place. A choice without snippets is made again when the
    /// index has more files: the first may have been made before any was read.
    pub(crate) fn is_for(&self, anchor: ByteOffset, table: &Table) -> bool {
        self.anchor == Some(anchor)
            && (!self.snippets.is_empty() || self.n_files == table.n_files())
    }
}

/// Returns the extensions of the files whose definitions are indexed, without the dot.
pub fn indexed_extensions() -> Vec<&'static str> {
    let languages = Language::all().iter().filter(|language| has_definitions(language));
    languages.flat_map(|language| language.extensions).copied().collect()
}
