//! The index of the workspace, and the snippets that a document's prompts have.

use std::path::PathBuf;
use std::sync::Arc;

use lowkey_context::Rules;
use lowkey_context::index::{IndexLimits, Indexer, Pause, ReadLimits, Table, has_definitions};
use lowkey_context::related::FileSnippet;
use lowkey_document::{ByteOffset, Language};

/// The index of the workspace; none while the setting disables it.
#[derive(Default)]
pub(crate) struct WorkspaceIndex {
    pub(crate) indexer: Option<Indexer>,
    pub(crate) pause: Arc<Pause>,
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
    /// Starts or stops the indexer, or replaces its rules.
    pub(crate) fn apply(&mut self, is_enabled: bool, folders: Vec<PathBuf>, rules: Arc<Rules>) {
        if !is_enabled {
            self.indexer = None;
        } else if let Some(indexer) = &self.indexer {
            indexer.set_rules(folders, rules);
        } else {
            let limits = (IndexLimits::default(), ReadLimits::default());
            match Indexer::start(folders, rules, Arc::clone(&self.pause), limits) {
                Ok(indexer) => self.indexer = Some(indexer),
                Err(error) => tracing::warn!(%error, "the workspace cannot be indexed"),
            }
        }
    }
}

impl HeldSnippets {
    /// Whether the choice holds at this place. The first choice may have been made before any file
    /// was indexed.
    pub(crate) fn is_for(&self, anchor: ByteOffset, table: &Table) -> bool {
        self.anchor == Some(anchor) && (self.n_files > 0 || table.n_files() == 0)
    }
}

/// Returns the extensions of the files whose definitions are indexed, without the dot.
pub fn indexed_extensions() -> Vec<&'static str> {
    let languages = Language::all().iter().filter(|language| has_definitions(language));
    languages.flat_map(|language| language.extensions).copied().collect()
}
