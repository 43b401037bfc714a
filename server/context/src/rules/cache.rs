//! A cache of facts from disk: ignore files until they change, verdicts for a second.
//!
//! Long ignore files are compiled on a separate thread, so that a repository made to be slow delays
//! no keystroke. Until its ignore file is compiled, every path that the file may match is denied.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ignore::Match;

use super::{PathKind, RuleProblem, Verdict};
use crate::git::{GitSources, GlobalConfig};
use crate::ignore_file::{Content, IgnoreFile};

/// How long a verdict is valid: one look at the disk per second, not per keystroke.
const CACHE_TTL: Duration = Duration::from_secs(1);

/// Maximum number of cached paths; a session that opens more files clears the cache.
const MAX_CACHED_PATHS: usize = 4096;

/// Maximum bytes of all ignore files together: a compiled pattern takes up to a hundred times its
/// length.
const MAX_TOTAL_BYTES: u64 = 4 << 20;

/// The state shared with the compiling thread.
#[derive(Default)]
pub(super) struct SharedCache {
    cache: Mutex<RuleCache>,
}

/// Facts read from disk, and the verdicts derived from them.
#[derive(Default)]
pub(super) struct RuleCache {
    ignore_files: HashMap<PathBuf, IgnoreFile>,
    verdicts: HashMap<PathBuf, (Verdict, Instant)>,
    sources: HashMap<PathBuf, (GitSources, Instant)>,
    pub(super) problems: Vec<RuleProblem>,
}

/// Ignore files of one kind with the folders that their patterns are relative to, the deepest
/// first.
type Layer<'p> = [(&'p Path, PathBuf)];

impl SharedCache {
    pub(super) fn cache(&self) -> MutexGuard<'_, RuleCache> {
        // A panic elsewhere leaves at worst a missing entry.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compiles ignore files on a separate thread. Returns whether the thread could be started.
    pub(super) fn compile(self: &Arc<Self>, files: &[PathBuf]) -> bool {
        if files.is_empty() {
            return true;
        }
        let (shared, files) = (Arc::clone(self), files.to_vec());
        let work = move || {
            for file in files {
                let (mut reasons, mut budget) = (Vec::new(), u64::MAX);
                let read = IgnoreFile::read(&file, Instant::now(), &mut budget, &mut reasons);
                let mut cache = shared.cache();
                cache.insert(file, read, reasons);
                cache.clear_verdicts();
            }
        };
        std::thread::Builder::new().name("lowkey-ignore".into()).spawn(work).is_ok()
    }
}

impl RuleCache {
    /// Returns the verdict on a path if it is fresh.
    pub(super) fn verdict(&mut self, path: &Path, now: Instant) -> Option<Verdict> {
        let is_fresh = |at: Instant| now.saturating_duration_since(at) < CACHE_TTL;
        if let Some((verdict, at)) = self.verdicts.get(path)
            && is_fresh(*at)
        {
            return Some(verdict.clone());
        }
        // Cleared before the query and not during it: an ignore file that vanished during the query
        // would count as unreadable.
        if self.verdicts.len() >= MAX_CACHED_PATHS {
            self.verdicts.clear();
        }
        if self.ignore_files.len() >= MAX_CACHED_PATHS {
            self.ignore_files.clear();
        }
        if self.sources.len() >= MAX_CACHED_PATHS {
            self.sources.clear();
        }
        None
    }

    pub(super) fn insert_verdict(&mut self, path: &Path, verdict: &Verdict, now: Instant) {
        self.verdicts.insert(path.to_owned(), (verdict.clone(), now));
    }

    pub(super) fn clear_verdicts(&mut self) {
        self.verdicts.clear();
    }

    pub(super) fn is_compiling(&self) -> bool {
        self.ignore_files.values().any(|seen| matches!(seen.content, Content::Pending))
    }

    pub(super) fn clear(&mut self) {
        self.verdicts.clear();
        self.ignore_files.clear();
        self.sources.clear();
    }

    /// Returns the files that git reads for a repository, searched again once a second.
    pub(super) fn git_sources(
        &mut self,
        worktree: &Path,
        global_config: &GlobalConfig,
        now: Instant,
    ) -> GitSources {
        if let Some((sources, at)) = self.sources.get(worktree)
            && now.saturating_duration_since(*at) < CACHE_TTL
        {
            return sources.clone();
        }
        let sources = GitSources::find(worktree, global_config);
        self.sources.insert(worktree.to_owned(), (sources.clone(), now));
        sources
    }

    /// Reads the ignore files of a layer. Returns those that are too long to be compiled now.
    pub(super) fn read_layer(
        &mut self,
        layer: &Layer<'_>,
        now: Instant,
        budget: &mut u64,
    ) -> Vec<PathBuf> {
        let mut pending = Vec::new();
        for (_, file) in layer {
            self.read_if_stale(file, now, budget, &mut pending);
        }
        pending
    }

    /// Removes files that no thread compiles. They deny until the next query reads them.
    pub(super) fn drop_pending(&mut self, files: &[PathBuf]) {
        for file in files {
            self.ignore_files.remove(file);
        }
    }

    /// Reads an ignore file unless its cached content is fresh or the file has not changed.
    fn read_if_stale(
        &mut self,
        file: &Path,
        now: Instant,
        budget: &mut u64,
        pending: &mut Vec<PathBuf>,
    ) {
        if let Some(cached) = self.ignore_files.get_mut(file) {
            let is_compiled_now =
                matches!(cached.content, Content::Pending) && *budget > MAX_TOTAL_BYTES;
            if !is_compiled_now {
                if now.saturating_duration_since(cached.checked) < CACHE_TTL {
                    return;
                }
                if cached.is_current(file) {
                    cached.checked = now;
                    return;
                }
            }
        }
        let mut reasons = Vec::new();
        let read = IgnoreFile::read(file, now, budget, &mut reasons);
        if matches!(read.content, Content::Pending) {
            pending.push(file.to_owned());
        }
        self.insert(file.to_owned(), read, reasons);
    }

    fn insert(&mut self, file: PathBuf, mut read: IgnoreFile, mut reasons: Vec<String>) {
        let others = self.ignore_files.iter().filter(|(path, _)| **path != file);
        let total = others.map(|(_, cached)| cached.held_bytes()).sum::<u64>() + read.held_bytes();
        if total > MAX_TOTAL_BYTES {
            let reason = format!(
                "all ignore files together have {total} bytes, the limit is {MAX_TOTAL_BYTES}"
            );
            read.content = Content::Unreadable(reason.clone());
            reasons.push(reason);
        }
        let source = file.display().to_string();
        self.ignore_files.insert(file, read);
        self.problems.extend(
            reasons.into_iter().map(|reason| RuleProblem { source: source.clone(), reason }),
        );
    }

    /// Queries ignore files of one kind, deepest folder first, as git does: the deepest file that
    /// matches a path decides, and nothing below an excluded folder is included again.
    pub(super) fn denied_by_layer(
        &self,
        layer: &Layer<'_>,
        path: &Path,
        kind: PathKind,
    ) -> Option<String> {
        let mut with_rules = Vec::new();
        for (folder, file) in layer {
            match self.ignore_files.get(file).map(|cached| &cached.content) {
                Some(Content::Rules(rules)) if !rules.is_empty() => {
                    with_rules.push((*folder, file, rules));
                }
                Some(Content::Pending) => {
                    return Some(format!("{} is being read; ask again", file.display()));
                }
                Some(Content::Unreadable(reason)) => {
                    return Some(format!(
                        "{} cannot be read, so everything in its folder is excluded: {reason}",
                        file.display()
                    ));
                }
                None => return Some(format!("{} has not been read yet", file.display())),
                _ => {}
            }
        }
        if with_rules.is_empty() {
            return None;
        }
        let mut targets: Vec<&Path> = path.ancestors().collect();
        targets.reverse();
        for target in targets {
            let is_dir = kind == PathKind::Folder || target != path;
            let decided = with_rules.iter().find_map(|(folder, file, rules)| {
                let relative = target
                    .strip_prefix(folder)
                    .ok()
                    .filter(|relative| !relative.as_os_str().is_empty())?;
                match rules.matched(relative, is_dir) {
                    Match::None => None,
                    Match::Ignore(glob) => {
                        Some(Some(format!("`{}` in {}", glob.original(), file.display())))
                    }
                    Match::Whitelist(_) => Some(None),
                }
            });
            if let Some(Some(rule)) = decided {
                return Some(rule);
            }
        }
        None
    }
}
