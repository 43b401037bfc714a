//! Decides which files the model may see.
//!
//! A file is visible only if nothing denies it: not its name (`secrets.rs`), not the setting, not
//! an ignore file of its repository (`git.rs`) or workspace, not a `.lowkeyignore` in any folder
//! above it. A link is judged by both its names. Every keystroke queries the rules, so verdicts are
//! cached for a second and ignore files until they change (`cache.rs`).
//!
//! Invariant: an undecidable path is denied, with the reason.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::git::GlobalConfig;
use crate::paths;
use crate::secrets;

mod cache;

use cache::{RuleCache, SharedCache};

/// The longest path that a file can have: Linux's `PATH_MAX`, and the limit of Windows with long
/// paths.
const MAX_PATH_BYTES: usize = if cfg!(windows) { 32_767 } else { 4096 };

/// Bytes of ignore files that one query may compile itself: a few milliseconds. Another thread
/// compiles the rest.
const SYNC_BYTES: u64 = 64 << 10;

/// Whether the model may see a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Verdict {
    Allowed,
    /// No content of the file may enter a prompt.
    Denied {
        /// The rule that denied it, in words for the user.
        rule: String,
    },
}

/// An invalid rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RuleProblem {
    /// The setting or the ignore file.
    pub source: String,
    /// Why the rule is invalid.
    pub reason: String,
}

impl fmt::Display for RuleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.reason)
    }
}

/// The rules of a workspace.
pub struct Rules {
    /// The workspace's folders, each as given and with links resolved; the innermost first.
    roots: Vec<PathBuf>,
    /// The folder that relative paths are in.
    first_root: Option<PathBuf>,
    setting: Gitignore,
    global_config: GlobalConfig,
    shared: Arc<SharedCache>,
}

/// The kind of a path's target; patterns that end with `/` match only folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PathKind {
    File,
    Folder,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("roots", &self.roots).finish_non_exhaustive()
    }
}

impl Verdict {
    /// Whether the model may see the file.
    pub fn is_allowed(&self) -> bool {
        *self == Self::Allowed
    }

    fn of(denial: Option<String>) -> Self {
        match denial {
            Some(rule) => Self::Denied { rule },
            None => Self::Allowed,
        }
    }
}

impl Rules {
    /// Creates the rules of a workspace with one folder or none; see [`Self::of_folders`].
    pub fn new(root: Option<&Path>, extra_globs: &[String]) -> (Self, Vec<RuleProblem>) {
        Self::of_folders(root.map(Path::to_path_buf).as_slice(), extra_globs)
    }

    /// Creates the rules of a workspace. `extra_globs` have `.gitignore` syntax and are anchored at
    /// its folders.
    ///
    /// An invalid glob is reported as a problem and does not apply; the others do.
    pub fn of_folders(folders: &[PathBuf], extra_globs: &[String]) -> (Self, Vec<RuleProblem>) {
        Self::with_git(folders, extra_globs, GlobalConfig::from_environment())
    }

    fn with_git(
        folders: &[PathBuf],
        extra_globs: &[String],
        global_config: GlobalConfig,
    ) -> (Self, Vec<RuleProblem>) {
        let mut problems = Vec::new();
        let setting = setting_rules(extra_globs, &mut problems);
        let mut roots: Vec<PathBuf> =
            folders.iter().flat_map(|folder| paths::given_and_real(None, folder)).collect();
        roots.sort_by_key(|root| std::cmp::Reverse(root.components().count()));
        let first_root = folders.first().cloned();
        let rules = Self { roots, first_root, setting, global_config, shared: Arc::default() };
        let mut cache = rules.shared.cache();
        for root in &rules.roots {
            // The verdict is ignored: this query reads the workspace's own ignore files, so that
            // their problems are reported now.
            let probe = root.join("file");
            let query = (probe.as_path(), PathKind::File, Instant::now());
            let mut budget = SYNC_BYTES;
            let _ = rules.denied_by_ignore_files(&mut cache, query, &mut budget);
        }
        problems.append(&mut cache.problems);
        drop(cache);
        (rules, problems)
    }

    /// Returns the verdict on a file, which need not exist. Most calls cost a look-up, and once a
    /// second a few `stat` calls.
    pub fn verdict(&self, path: &Path) -> Verdict {
        self.verdict_at(path, Instant::now())
    }

    /// Returns the verdict on a name of a document that is not a file, by the secret names and the
    /// setting only.
    pub fn verdict_of_name(&self, name: &Path) -> Verdict {
        Verdict::of(too_long(name).or_else(|| self.denied_by_name(name)))
    }

    /// Whether an ignore file excludes a file, regardless of the rules for secrets.
    ///
    /// For copying a repository: a build does not need files that git ignores.
    pub fn is_ignored(&self, path: &Path) -> bool {
        self.ignore_files_deny(path, PathKind::File)
    }

    /// Whether an ignore file excludes a folder with its whole content: nothing below is included
    /// again.
    pub fn is_folder_ignored(&self, path: &Path) -> bool {
        self.ignore_files_deny(path, PathKind::Folder)
    }

    fn ignore_files_deny(&self, path: &Path, kind: PathKind) -> bool {
        let mut cache = self.shared.cache();
        let now = Instant::now();
        // A caller that copies a repository waits for its ignore files, even long ones.
        let mut budget = u64::MAX;
        let mut denied = |name: &PathBuf| {
            let query = (name.as_path(), kind, now);
            self.denied_by_ignore_files(&mut cache, query, &mut budget).is_some()
        };
        paths::given_and_real(self.first_root.as_deref(), path).iter().any(&mut denied)
    }

    /// Returns the innermost folder of the workspace that contains a path, under one of its names.
    pub fn root_of(&self, path: &Path) -> Option<&Path> {
        self.roots.iter().map(PathBuf::as_path).find(|root| path.starts_with(root))
    }

    /// Clears every verdict and ignore file, so that the next query reads them again.
    pub fn refresh(&self) {
        self.shared.cache().clear();
    }

    /// Whether a thread compiles ignore files: verdicts may be denials that change soon.
    pub(crate) fn is_compiling(&self) -> bool {
        self.shared.cache().is_compiling()
    }

    #[cfg(test)]
    fn refresh_verdicts(&self) {
        self.shared.cache().clear_verdicts();
    }

    /// Takes the problems found in ignore files since the last call.
    pub fn take_problems(&self) -> Vec<RuleProblem> {
        std::mem::take(&mut self.shared.cache().problems)
    }

    pub(crate) fn verdict_at(&self, path: &Path, now: Instant) -> Verdict {
        // Checked before the path's parts are examined: the work for each part makes the cost
        // quadratic in the length.
        if let Some(rule) = too_long(path) {
            return Verdict::Denied { rule };
        }
        let mut cache = self.shared.cache();
        if let Some(verdict) = cache.verdict(path, now) {
            return verdict;
        }
        let mut budget = SYNC_BYTES;
        let names = paths::given_and_real(self.first_root.as_deref(), path);
        let denial = names.iter().find_map(|name| {
            let denied = too_long(name).or_else(|| self.denied_by_name(name));
            denied.or_else(|| {
                self.denied_by_ignore_files(&mut cache, (name, PathKind::File, now), &mut budget)
            })
        });
        let verdict = Verdict::of(denial);
        cache.insert_verdict(path, &verdict, now);
        verdict
    }

    /// Returns the secret name or the setting's pattern that denies a path, if there is one.
    fn denied_by_name(&self, path: &Path) -> Option<String> {
        let whole = paths::without_root(path);
        if let Some(pattern) = secrets::rule_for(&whole) {
            return Some(format!("built-in secret rule `{pattern}`"));
        }
        // Anchored at each folder of the workspace that contains it, because one folder may be
        // inside another.
        let inside = self.roots.iter().filter_map(|root| path.strip_prefix(root).ok());
        let mut relative: Vec<&Path> = inside.collect();
        if relative.is_empty() {
            relative.push(&whole);
        }
        let pattern =
            relative.into_iter().find_map(|name| denied_by_pattern(&self.setting, name))?;
        Some(format!("`{pattern}` in the setting"))
    }

    fn denied_by_ignore_files(
        &self,
        cache: &mut RuleCache,
        (path, kind, now): (&Path, PathKind, Instant),
        budget: &mut u64,
    ) -> Option<String> {
        let folders = existing_folders(path);
        let repository =
            folders.iter().copied().find(|folder| folder.join(".git").symlink_metadata().is_ok());
        // The higher one of repository and workspace: a workspace may be part of a repository, or
        // contain several.
        let outermost_root = self.roots.iter().rev().find(|root| path.starts_with(root));
        let top = [repository, outermost_root.map(PathBuf::as_path)]
            .into_iter()
            .flatten()
            .min_by_key(|folder| folder.components().count());
        let below_top = |folder: &&&Path| top.is_some_and(|top| folder.starts_with(top));

        let own: Vec<_> =
            folders.iter().map(|folder| (*folder, folder.join(".lowkeyignore"))).collect();
        let git: Vec<_> = folders
            .iter()
            .filter(below_top)
            .map(|folder| (*folder, folder.join(".gitignore")))
            .collect();
        let mut layers = vec![own, git];
        if let Some(repository) = repository {
            let sources = cache.git_sources(repository, &self.global_config, now);
            if let Some(reason) = sources.undecided {
                return Some(format!("cannot determine what git ignores here: {reason}"));
            }
            layers.extend(sources.ignore_files.into_iter().map(|file| vec![(repository, file)]));
        }
        layers.iter().find_map(|layer| {
            let pending = cache.read_layer(layer, now, budget);
            if !self.shared.compile(&pending) {
                cache.drop_pending(&pending);
            }
            cache.denied_by_layer(layer, path, kind)
        })
    }
}

/// Returns an error if the path is longer than any file's can be.
fn too_long(path: &Path) -> Option<String> {
    let n_bytes = path.as_os_str().len();
    (n_bytes > MAX_PATH_BYTES)
        .then(|| format!("its path has {n_bytes} bytes, the limit is {MAX_PATH_BYTES}"))
}

/// Returns the existing folders above a path, the deepest first; the others contain no ignore file.
fn existing_folders(path: &Path) -> Vec<&Path> {
    let mut folders: Vec<&Path> = path.ancestors().skip(1).collect();
    folders.reverse();
    let is_absent = |folder: &Path| {
        folder.symlink_metadata().is_err_and(|error| {
            matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
        })
    };
    let n_existing = folders.iter().position(|folder| is_absent(folder)).unwrap_or(folders.len());
    folders.truncate(n_existing);
    folders.reverse();
    folders
}

/// Returns the pattern of one rule set that denies a path or a folder above it.
fn denied_by_pattern(rules: &Gitignore, relative: &Path) -> Option<String> {
    let mut targets: Vec<&Path> =
        relative.ancestors().filter(|target| !target.as_os_str().is_empty()).collect();
    targets.reverse();
    targets.into_iter().find_map(|target| match rules.matched(target, target != relative) {
        Match::Ignore(glob) => Some(glob.original().to_owned()),
        _ => None,
    })
}

fn setting_rules(globs: &[String], problems: &mut Vec<RuleProblem>) -> Gitignore {
    let mut builder = GitignoreBuilder::new(".");
    // An unclosed class is a mistake in a setting, though git takes it literally.
    builder.allow_unclosed_class(false);
    for glob in globs {
        if let Err(error) = builder.add_line(None, glob) {
            problems.push(RuleProblem {
                source: "setting".to_owned(),
                reason: format!("`{glob}` is not a valid glob: {error}"),
            });
        }
    }
    builder.build().unwrap_or_else(|error| {
        problems.push(RuleProblem { source: "setting".to_owned(), reason: error.to_string() });
        Gitignore::empty()
    })
}

#[cfg(test)]
mod tests;
