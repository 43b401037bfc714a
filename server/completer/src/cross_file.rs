//! Text of other files for the prompt: what the index gets, and the choice for a place.
//!
//! A choice holds while the text above the anchor is the same: typing on the cursor's line or below
//! the anchor never changes the prompt's beginning. When the anchor moves, the choice is made again,
//! and the held snippets stay if they have the best signatures for the new place. A place without
//! snippets gets a choice again when the index has more files.
//!
//! Invariants: a file that the rules deny is neither read by the indexer nor named here; a choice is
//! made from snapshots and waits for nothing.

use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use lowkey_context::index::{InFlight, Indexer, Table, key};
use lowkey_context::label;
use lowkey_context::related::{
    FileSnippet, MAX_SEARCHED_BYTES, Place, SignatureLimits, anchor, signatures, window,
};
use lowkey_document::{ByteOffset, Cursor, Snapshot, Uri};
use lowkey_engine::Status;
use lowkey_prompt::Placement;

use crate::request::CompletionRequest;
use crate::settings::CrossFileSetting;
use crate::state::{Completer, lock};
use crate::time_budget::tokens_within;
use crate::workspace_index::HeldSnippets;

/// Time limit for computing the snippets, in seconds. Decision 15 has the figures.
const SNIPPET_SECONDS: f64 = 0.2;
const SNIPPET_STEP_TOKENS: usize = 32;
const MIN_SNIPPET_TOKENS: usize = 64;
/// More signatures were not measured.
const MAX_SNIPPET_TOKENS: usize = 256;
/// Bytes of a signature per token, at least.
const BYTES_PER_TOKEN: usize = 3;

impl Completer {
    /// Makes the indexer follow the setting, the model, the folders and the rules. To be called when
    /// the model is loaded, which decides with the setting `auto`; a request does it too.
    pub fn start_index(&self) {
        let scope = self.uses_other_files().then(|| {
            let visibility = lock(&self.visibility);
            (visibility.folders().to_vec(), visibility.rules())
        });
        lock(&self.cross_file).apply(scope);
    }

    /// Whether prompts have text of other files; with the setting `auto` the model decides.
    fn uses_other_files(&self) -> bool {
        match self.settings().cross_file {
            CrossFileSetting::Always => true,
            CrossFileSetting::Never => false,
            CrossFileSetting::Auto => {
                matches!(&*self.status.borrow(), Status::Ready { cross_file: Some(_), .. })
            }
        }
    }

    /// Makes the indexer wait until the returned value is dropped.
    pub(crate) fn pause_index(&self) -> InFlight {
        lock(&self.cross_file).pause.begin()
    }

    /// Stops the indexer.
    pub(crate) fn stop_index(&self) {
        let stopped = lock(&self.cross_file).stop();
        drop(stopped);
    }

    /// Waits until the workspace is indexed, but not longer than `limit`; returns whether it is.
    pub fn wait_for_index(&self, limit: Duration) -> bool {
        let idle = match lock(&self.cross_file).indexer() {
            Some(indexer) => indexer.when_idle(),
            None => return true,
        };
        !matches!(idle.recv_timeout(limit), Err(RecvTimeoutError::Timeout))
    }

    /// Indexes a document that the editor opened.
    pub fn opened(&self, snapshot: &Snapshot) {
        self.edits_opened(snapshot);
        self.index_document(snapshot);
    }

    /// Reads files into the index again that were created, changed or deleted on disk.
    pub fn files_changed(&self, paths: Vec<PathBuf>) {
        if let Some(indexer) = lock(&self.cross_file).indexer() {
            indexer.changed(paths);
        }
    }

    /// Replaces a document's text in the index.
    pub(crate) fn index_document(&self, snapshot: &Snapshot) {
        if let Some(path) = snapshot.uri().file_path() {
            lock(&self.cross_file).set_document(path, snapshot.clone());
        }
    }

    /// Reads a closed document's file into the index again.
    pub(crate) fn index_closed(&self, uri: &Uri) {
        if let Some(path) = uri.file_path() {
            lock(&self.cross_file).close_document(path);
        }
    }

    /// Adds text of other files to a request that has none, as [`complete`](Completer::complete)
    /// does.
    pub fn with_snippets(&self, mut request: CompletionRequest) -> CompletionRequest {
        if request.elsewhere.is_automatic()
            && let Some((held, tokens)) = self.snippets_for(&request)
        {
            let snippets = held.snippets.into_iter().map(|of_file| of_file.snippet);
            request.elsewhere.snippets = snippets.collect();
            request.elsewhere.tokens = tokens;
            request.elsewhere.placement.get_or_insert(self.placement());
        }
        request
    }

    /// Returns the place of the text in the prompt.
    fn placement(&self) -> Placement {
        match &*self.status.borrow() {
            Status::Ready { cross_file: Some(placement), .. } => *placement,
            _ => Placement::default(),
        }
    }

    fn snippets_for(&self, request: &CompletionRequest) -> Option<(HeldSnippets, usize)> {
        if !self.uses_other_files() {
            return None;
        }
        let table = lock(&self.cross_file).indexer().map(Indexer::snapshot);
        let Some(table) = table else {
            // The first request, before the model was seen to be loaded.
            self.start_index();
            self.index_document(&request.snapshot);
            return None;
        };
        let snapshot = &request.snapshot;
        let path = snapshot.uri().file_path()?;
        let tokens = match (request.elsewhere.tokens, &*self.status.borrow()) {
            (0, Status::Ready { speed, .. }) => affordable(speed.prefill),
            (0, Status::Loading(_) | Status::Failed(_)) => MIN_SNIPPET_TOKENS,
            (set, _) => set,
        };
        let cursor = snapshot.cursor(request.cursor);
        let anchor = anchor(snapshot, &cursor);
        let held = self.documents().get(snapshot.uri()).map(|state| state.snippets.clone());
        let mut held = held.unwrap_or_default();
        // Since the choice, a verdict may have changed, or the file is gone.
        let n_held = held.snippets.len();
        let rules = lock(&self.visibility).rules();
        held.snippets.retain(|held| {
            table.file(&held.path).is_some() && rules.verdict(Path::new(&held.path)).is_allowed()
        });
        let is_whole = held.snippets.len() == n_held;
        if !(is_whole && held.is_for(anchor, &table)) {
            held.snippets =
                self.choose(snapshot, (&path, &cursor), &table, tokens, &held.snippets)?;
            held.anchor = Some(anchor);
            held.n_files = table.n_files();
            self.documents().entry(snapshot.uri()).snippets = held.clone();
        }
        // Later places may add half as many.
        let tokens = tokens + tokens / 2;
        (!held.snippets.is_empty()).then_some((held, tokens))
    }

    /// Chooses the snippets for a cursor; `None` if the model must not see the document.
    fn choose(
        &self,
        snapshot: &Snapshot,
        (path, cursor): (&Path, &Cursor),
        table: &Table,
        tokens: usize,
        held: &[FileSnippet],
    ) -> Option<Vec<FileSnippet>> {
        let visibility = lock(&self.visibility);
        let visible = visibility.judge(snapshot.uri()).ok()?;
        let rules = visibility.rules();
        drop(visibility);
        let end = ByteOffset(snapshot.n_bytes().min(MAX_SEARCHED_BYTES));
        let edited: Vec<String> = self
            .documents()
            .edited_last()
            .iter()
            .filter_map(Uri::file_path)
            .map(|p| key(&p))
            .collect();
        let place = Place {
            context: &window(snapshot, cursor, &visible.label),
            text: &snapshot.slice(ByteOffset(0)..end),
            language: snapshot.language(),
            path: &key(path),
            edited: &edited,
        };
        let max_bytes = tokens * BYTES_PER_TOKEN;
        let limits = SignatureLimits { max_bytes, max_held_bytes: max_bytes + max_bytes / 2 };
        // The verdict may have changed since the file was indexed.
        let label = |path: &str| {
            let path = Path::new(path);
            rules.verdict(path).is_allowed().then(|| label(rules.root_of(path), path))
        };
        Some(signatures(&place, table, limits, label, held))
    }
}

/// Returns how many tokens of snippets fit into the time limit at `per_second` tokens per second.
fn affordable(per_second: f64) -> usize {
    tokens_within(SNIPPET_SECONDS, per_second, SNIPPET_STEP_TOKENS, MIN_SNIPPET_TOKENS)
        .min(MAX_SNIPPET_TOKENS)
}
