//! The handle of the indexing thread.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::JoinHandle;

use lowkey_document::Snapshot;

use super::neighbours::Neighbours;
use super::pause::Pause;
use super::store::{DefinitionIndex, IndexLimits};
use super::table::Table;
use super::worker::{Message, Progress, ReadLimits, Worker};
use crate::Rules;

/// Keeps an index of the workspace on a thread of its own. Dropping it stops the thread after the
/// current file.
#[derive(Debug)]
pub struct Indexer {
    index: Arc<DefinitionIndex>,
    pause: Arc<Pause>,
    is_stopped: Arc<AtomicBool>,
    messages: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl Indexer {
    /// Starts to index the files in `folders` that `rules` allow. The thread waits while `pause` has
    /// a request in flight.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub fn start(
        folders: Vec<PathBuf>,
        rules: Arc<Rules>,
        pause: Arc<Pause>,
        limits: (IndexLimits, ReadLimits),
    ) -> std::io::Result<Self> {
        let index = Arc::new(DefinitionIndex::new(limits.0));
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (sender, receiver) = channel();
        let worker = Worker {
            index: Arc::clone(&index),
            rules,
            folders,
            limits: limits.1,
            pause: Arc::clone(&pause),
            is_stopped: Arc::clone(&is_stopped),
            walk: None,
            is_cut: false,
            neighbours: Neighbours::default(),
            open: HashSet::new(),
            waiting: Vec::new(),
            n_waits: 0,
            walk_bytes: 0,
            progress: Progress::default(),
            idle: Vec::new(),
        };
        let thread = std::thread::Builder::new()
            .name("lowkey-index".into())
            .spawn(move || worker.run(&receiver))?;
        Ok(Self { index, pause, is_stopped, messages: Some(sender), thread: Some(thread) })
    }

    /// Returns the current definitions. Costs one pointer.
    pub fn snapshot(&self) -> Arc<Table> {
        self.index.snapshot()
    }

    /// Indexes the text of an open document instead of the file's. The folders around it are walked
    /// next; after a limit has ended the walk, the files nearest to it are read.
    ///
    /// The thread reads the whole text again: call this when a document is opened or saved, or when
    /// the anchor moves, and not for each key.
    pub fn opened(&self, path: PathBuf, snapshot: Snapshot) {
        self.send(Message::Opened(path, Box::new(snapshot)));
    }

    /// Indexes the file on disk again after its document is closed.
    pub fn closed(&self, path: PathBuf) {
        self.send(Message::Closed(path));
    }

    /// Reads files again that were created, changed or deleted on disk.
    pub fn changed(&self, paths: Vec<PathBuf>) {
        self.send(Message::Changed(paths));
    }

    /// Replaces the folders and rules. Files that the new rules deny are removed first.
    pub fn set_rules(&self, folders: Vec<PathBuf>, rules: Arc<Rules>) {
        self.send(Message::Rules(folders, rules));
    }

    /// Waits until everything sent so far is processed and the walk is done.
    pub fn wait_until_idle(&self) -> Progress {
        self.when_idle().recv().unwrap_or_default()
    }

    /// Returns a channel that gets the progress when everything sent so far is processed and the
    /// walk is done.
    pub fn when_idle(&self) -> Receiver<Progress> {
        let (sender, receiver) = sync_channel(1);
        self.send(Message::WhenIdle(sender));
        receiver
    }

    fn send(&self, message: Message) {
        if let Some(messages) = &self.messages {
            // The thread ends only with this value.
            _ = messages.send(message);
        }
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Release);
        self.messages = None;
        self.pause.wake();
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}
