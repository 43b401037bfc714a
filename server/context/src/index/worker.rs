//! The thread that keeps the index current.
//!
//! It walks the workspace once, and then waits for messages: an open document changed, files
//! changed on disk, the rules changed. It polls nothing. Before each file it waits until no request
//! is in flight, and on Linux it has the lowest priority.
//!
//! Invariant: every file and document is judged by the rules before its text is read.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::time::Duration;

use lowkey_document::{Language, Snapshot};

use super::disk;
use super::neighbours::Neighbours;
use super::pause::Pause;
use super::store::{DefinitionIndex, TextOrigin, Update};
use super::walk::{Walk, is_passed_over, is_source_name};
use crate::Rules;

/// Files whose verdict waits for an ignore file.
const MAX_WAITING: usize = 10_000;
/// How long, and how often, these files wait: an ignore file is compiled in milliseconds.
const WAIT: Duration = Duration::from_millis(100);
const MAX_WAITS: usize = 50;

/// Limits on reading the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReadLimits {
    /// Maximum files and folders that one walk visits.
    pub max_visited: usize,
    /// Maximum bytes that one walk reads.
    pub max_bytes: u64,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self { max_visited: 200_000, max_bytes: 256 << 20 }
    }
}

/// What the indexer has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Progress {
    /// Files and folders that walks visited.
    pub n_visited: usize,
    /// Files that were read.
    pub n_read: usize,
    /// Bytes that were read.
    pub n_bytes: u64,
    /// Files that the rules deny.
    pub n_denied: usize,
    /// Whether a limit ended a walk.
    pub is_cut: bool,
}

/// A message to the thread.
pub(super) enum Message {
    Opened(PathBuf, Box<Snapshot>),
    Closed(PathBuf),
    Changed(Vec<PathBuf>),
    Rules(Vec<PathBuf>, Arc<Rules>),
    /// Answers with the progress when all earlier messages and the walk are done.
    WhenIdle(SyncSender<Progress>),
}

pub(super) struct Worker {
    pub(super) index: Arc<DefinitionIndex>,
    pub(super) rules: Arc<Rules>,
    pub(super) folders: Vec<PathBuf>,
    pub(super) limits: ReadLimits,
    pub(super) pause: Arc<Pause>,
    pub(super) is_stopped: Arc<AtomicBool>,
    pub(super) walk: Option<Walk>,
    /// Whether a limit ended the walk through the workspace.
    pub(super) is_cut: bool,
    pub(super) neighbours: Neighbours,
    /// The open documents.
    pub(super) open: HashSet<PathBuf>,
    pub(super) waiting: Vec<PathBuf>,
    pub(super) n_waits: usize,
    /// Bytes that the current walk has read.
    pub(super) walk_bytes: u64,
    pub(super) progress: Progress,
    pub(super) idle: Vec<SyncSender<Progress>>,
}

impl Worker {
    /// Runs until the indexer is dropped.
    pub(super) fn run(mut self, messages: &Receiver<Message>) {
        lower_priority();
        self.restart();
        loop {
            let first = if self.walk.is_some() || self.neighbours.is_walking() {
                match messages.try_recv() {
                    Ok(message) => Some(message),
                    Err(TryRecvError::Empty) => None,
                    Err(TryRecvError::Disconnected) => return,
                }
            } else if !self.waiting.is_empty() && self.n_waits < MAX_WAITS {
                match messages.recv_timeout(WAIT) {
                    Ok(message) => Some(message),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            } else {
                self.waiting.clear();
                for idle in self.idle.drain(..) {
                    _ = idle.send(self.progress);
                }
                match messages.recv() {
                    Ok(message) => Some(message),
                    Err(_) => return,
                }
            };
            match first {
                Some(first) => {
                    let all = std::iter::once(first).chain(messages.try_iter()).collect();
                    self.process(all);
                }
                None if self.walk.is_some() => self.step(),
                None if self.neighbours.is_walking() => self.step_to_neighbour(),
                None => self.read_waiting(),
            }
            if self.is_stopped.load(Ordering::Acquire) {
                return;
            }
        }
    }

    /// Begins a walk through the workspace.
    fn restart(&mut self) {
        let mut walk = Walk::new(&self.folders, self.limits.max_visited);
        let mut open: Vec<&PathBuf> = self.open.iter().collect();
        open.sort();
        for document in open {
            if let Some(root) = self.root_of(document) {
                walk.prefer(root, document);
            }
        }
        self.walk_bytes = 0;
        self.is_cut = false;
        self.walk = Some(walk);
    }

    pub(super) fn root_of(&self, path: &Path) -> Option<&Path> {
        self.folders.iter().map(PathBuf::as_path).find(|folder| path.starts_with(folder))
    }

    /// Processes messages in their order. Of several texts of a document only the last is read.
    fn process(&mut self, messages: Vec<Message>) {
        let mut last: HashMap<PathBuf, usize> = HashMap::new();
        for (idx, message) in messages.iter().enumerate() {
            if let Message::Opened(path, _) = message {
                last.insert(path.clone(), idx);
            }
        }
        for (idx, message) in messages.into_iter().enumerate() {
            if self.is_stopped.load(Ordering::Acquire) {
                return;
            }
            match message {
                Message::Opened(path, snapshot) => {
                    let is_last = last.get(&path) == Some(&idx);
                    self.opened(&path, &snapshot, is_last);
                }
                Message::Closed(path) => {
                    self.open.remove(&path);
                    self.index.close(&path);
                    self.changed(&path);
                }
                Message::Changed(paths) => self.all_changed(&paths),
                Message::Rules(folders, rules) => {
                    self.rules = rules;
                    self.folders = folders;
                    self.judge_again();
                }
                Message::WhenIdle(idle) => self.idle.push(idle),
            }
        }
    }

    fn opened(&mut self, path: &Path, snapshot: &Snapshot, is_last: bool) {
        let is_new = self.open.insert(path.to_path_buf());
        if is_last {
            self.pause.wait(&self.is_stopped);
            if self.is_allowed(path) {
                let text = snapshot.text();
                self.index.update(path, snapshot.language(), &text, TextOrigin::Editor);
            } else {
                self.index.remove(path);
            }
        }
        let root = self.root_of(path).filter(|_| is_new).map(Path::to_path_buf);
        match (root, &mut self.walk) {
            (Some(root), Some(walk)) => walk.prefer(&root, path),
            (Some(_), None) if self.is_cut => self.surround(path),
            _ => {}
        }
    }

    fn all_changed(&mut self, paths: &[PathBuf]) {
        let is_rules = |path: &PathBuf| {
            let name = path.file_name().map(|name| name.to_string_lossy());
            name.is_some_and(|name| matches!(name.as_ref(), ".gitignore" | ".lowkeyignore"))
        };
        if paths.iter().any(is_rules) {
            self.judge_again();
        }
        for path in paths {
            if self.is_stopped.load(Ordering::Acquire) {
                return;
            }
            self.changed(path);
        }
    }

    /// Reads a file again that was created, changed or deleted.
    fn changed(&mut self, path: &Path) {
        if self.open.contains(path) {
            return;
        }
        let Ok(metadata) = path.symlink_metadata() else {
            // A folder has no entry of its own.
            if self.index.contains(path) {
                self.index.remove(path);
            } else {
                self.index.remove_below(path);
            }
            return;
        };
        if self.root_of(path).is_none_or(|root| is_passed_over(root, path)) {
            self.index.remove(path);
        } else if metadata.is_dir() {
            self.walk
                .get_or_insert_with(|| Walk::new(&[], self.limits.max_visited))
                .add(path.to_path_buf());
        } else if metadata.is_file() && is_source_name(path) {
            self.read(path);
        } else {
            self.index.remove(path);
        }
    }

    /// Removes what the rules deny now, and walks again for what they permit.
    fn judge_again(&mut self) {
        self.rules.refresh();
        let (rules, folders, open) = (&self.rules, &self.folders, &self.open);
        self.index.retain(|path| {
            let path = Path::new(path);
            let is_inside =
                open.contains(path) || folders.iter().any(|folder| path.starts_with(folder));
            is_inside && rules.verdict(path).is_allowed()
        });
        self.waiting.clear();
        self.n_waits = 0;
        self.restart();
    }

    /// Takes one step of the walk.
    fn step(&mut self) {
        self.pause.wait(&self.is_stopped);
        let Some(walk) = &mut self.walk else { return };
        let before = walk.n_visited();
        let step = walk.next();
        self.progress.n_visited += walk.n_visited() - before;
        let is_over = self.walk_bytes >= self.limits.max_bytes || self.index.is_full();
        match step {
            Some(Some(path)) if !self.index.contains(&path) && !is_over => {
                let bytes = self.read(&path);
                self.walk_bytes += bytes;
            }
            Some(_) if !is_over => {}
            _ => {
                let is_long = |walk: Walk| walk.n_visited() >= self.limits.max_visited;
                let is_long = self.walk.take().is_some_and(is_long);
                self.is_cut |= is_long || is_over;
                if self.is_cut {
                    self.progress.is_cut = true;
                    // Their folder may have been added to a full index.
                    let mut open: Vec<PathBuf> = self.open.iter().cloned().collect();
                    open.sort();
                    for document in &open {
                        self.surround(document);
                    }
                }
            }
        }
    }

    fn read_waiting(&mut self) {
        self.n_waits += 1;
        for path in std::mem::take(&mut self.waiting) {
            self.pause.wait(&self.is_stopped);
            self.read(&path);
        }
    }

    /// Reads a file into the index if the rules permit it. Returns the number of bytes.
    fn read(&mut self, path: &Path) -> u64 {
        let before = self.progress.n_bytes;
        self.read_from(path, TextOrigin::Disk);
        self.progress.n_bytes - before
    }

    /// Reads a file into the index; `None` if the rules deny it or it cannot be read.
    pub(super) fn read_from(&mut self, path: &Path, origin: TextOrigin) -> Option<Update> {
        if self.is_stopped.load(Ordering::Acquire) {
            return None;
        }
        if !self.is_allowed(path) {
            self.index.remove(path);
            if self.rules.is_compiling() && self.waiting.len() < MAX_WAITING {
                self.waiting.push(path.to_path_buf());
            } else {
                self.progress.n_denied += 1;
            }
            return None;
        }
        let Some(text) = disk::read(path) else {
            self.index.remove(path);
            return None;
        };
        self.progress.n_read += 1;
        self.progress.n_bytes += text.len() as u64;
        let update = self.index.update(path, Language::by_path(path), &text, origin);
        self.progress.is_cut |= update == Update::Full;
        Some(update)
    }

    fn is_allowed(&self, path: &Path) -> bool {
        self.rules.verdict(path).is_allowed()
    }
}

/// Gives this thread the lowest priority, where a thread has its own.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    {
        // Without it the thread only takes turns with others.
        _ = rustix::process::setpriority_process(None, 19);
    }
}
