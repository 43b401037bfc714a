//! Which files the model may see.
//!
//! A file is seen only if nothing denies it: not its name (`secrets.rs`), not the setting, not a `.gitignore` of its
//! repository or workspace, not a `.lowkeyignore` in any folder above it. A link is judged by both its names.
//! Rules are looked up on every key, so verdicts are kept for a second and ignore files until they change.
//! Invariant: what cannot be decided is denied, with the reason.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::ignore_file::{Content, IgnoreFile};
use crate::paths;
use crate::secrets;

/// How long an answer stands before the disk is asked again: one look per second, not per key.
const FRESH: Duration = Duration::from_secs(1);

/// Bounds what is remembered; a session that opens more files than this starts over.
const MAX_REMEMBERED: usize = 4096;

/// Whether a file may be seen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Nothing denies it.
    Allowed,
    /// Nothing of it may enter a prompt.
    Denied {
        /// What denied it, in words for the user.
        rule: String,
    },
}

/// A rule that does not say what its author meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RuleProblem {
    /// The setting or the ignore file.
    pub source: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for RuleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.reason)
    }
}

/// The rules of one workspace.
pub struct Rules {
    /// The workspace's folder, as given and with links resolved.
    roots: Vec<PathBuf>,
    setting: Gitignore,
    memory: Mutex<Memory>,
}

/// What a path names; patterns that end with `/` speak about folders only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    File,
    Folder,
}

/// What was seen on disk, and what followed from it.
#[derive(Default)]
struct Memory {
    ignore_files: HashMap<PathBuf, IgnoreFile>,
    verdicts: HashMap<PathBuf, (Verdict, Instant)>,
    problems: Vec<RuleProblem>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("roots", &self.roots).finish_non_exhaustive()
    }
}

impl Verdict {
    /// Tells whether the file may be seen.
    pub fn is_allowed(&self) -> bool {
        *self == Self::Allowed
    }
}

impl Rules {
    /// Sets up the rules of a workspace; `extra_globs` have `.gitignore` syntax and are anchored at `root`.
    ///
    /// A glob that cannot be understood is a problem and no rule; the others hold.
    pub fn new(root: Option<&Path>, extra_globs: &[String]) -> (Self, Vec<RuleProblem>) {
        let mut problems = Vec::new();
        let setting = setting_rules(extra_globs, &mut problems);
        let roots = root.map_or_else(Vec::new, |root| paths::both_names(None, root));
        let rules = Self { roots, setting, memory: Mutex::default() };
        if let Some(root) = rules.roots.first() {
            // The verdict does not matter: asking reads the workspace's own ignore files, so their problems show now.
            let mut memory = rules.memory();
            let probe = root.join("file");
            let _ = rules.denied_by_ignore_files(&mut memory, &probe, Entry::File, Instant::now());
            problems.append(&mut memory.problems);
        }
        (rules, problems)
    }

    /// Says whether a file may be seen; it need not exist. Costs a look-up on most calls, a few `stat` once a second.
    pub fn verdict(&self, path: &Path) -> Verdict {
        self.verdict_at(path, Instant::now())
    }

    /// Says whether an ignore file keeps a file out, whatever the rules for secrets say of it.
    ///
    /// For copying a repository: what git does not know is not needed to build it.
    pub fn is_ignored(&self, path: &Path) -> bool {
        self.ignore_files_deny(path, Entry::File)
    }

    /// Says whether an ignore file keeps a folder out, with all that is in it: nothing below comes back in.
    pub fn is_folder_ignored(&self, path: &Path) -> bool {
        self.ignore_files_deny(path, Entry::Folder)
    }

    fn ignore_files_deny(&self, path: &Path, entry: Entry) -> bool {
        let mut memory = self.memory();
        let names = paths::both_names(self.roots.first().map(PathBuf::as_path), path);
        let now = Instant::now();
        let denied = |name| self.denied_by_ignore_files(&mut memory, name, entry, now).is_some();
        names.iter().map(PathBuf::as_path).any(denied)
    }

    /// Forgets every verdict and looks at every ignore file again on the next question.
    pub fn refresh(&self) {
        let mut memory = self.memory();
        memory.verdicts.clear();
        memory.ignore_files.clear();
    }

    /// Takes the problems that were found in ignore files since the last call.
    pub fn take_problems(&self) -> Vec<RuleProblem> {
        std::mem::take(&mut self.memory().problems)
    }

    pub(crate) fn verdict_at(&self, path: &Path, now: Instant) -> Verdict {
        let mut memory = self.memory();
        if let Some((verdict, at)) = memory.verdicts.get(path)
            && now.saturating_duration_since(*at) < FRESH
        {
            return verdict.clone();
        }
        // Before the question, not during it: an ignore file that vanished half-way would count as unreadable.
        if memory.verdicts.len() >= MAX_REMEMBERED {
            memory.verdicts.clear();
        }
        if memory.ignore_files.len() >= MAX_REMEMBERED {
            memory.ignore_files.clear();
        }
        let names = paths::both_names(self.roots.first().map(PathBuf::as_path), path);
        let verdict = match names.iter().find_map(|name| self.denial(&mut memory, name, now)) {
            Some(rule) => Verdict::Denied { rule },
            None => Verdict::Allowed,
        };
        memory.verdicts.insert(path.to_owned(), (verdict.clone(), now));
        verdict
    }

    /// Returns what denies an absolute path, if anything does.
    fn denial(&self, memory: &mut Memory, path: &Path, now: Instant) -> Option<String> {
        if let Some(pattern) = secrets::rule_for(&paths::without_root(path)) {
            return Some(format!("built-in secret rule `{pattern}`"));
        }
        let inside = self.root_of(path).and_then(|root| path.strip_prefix(root).ok());
        let relative = inside.map_or_else(|| paths::without_root(path), Path::to_path_buf);
        if let Some(pattern) = denied_on_the_way(&self.setting, &relative) {
            return Some(format!("`{pattern}` in the setting"));
        }
        self.denied_by_ignore_files(memory, path, Entry::File, now)
    }

    fn denied_by_ignore_files(
        &self,
        memory: &mut Memory,
        path: &Path,
        entry: Entry,
        now: Instant,
    ) -> Option<String> {
        let folders: Vec<&Path> = path.ancestors().skip(1).collect();
        let repository =
            folders.iter().copied().find(|folder| folder.join(".git").symlink_metadata().is_ok());
        // The higher of repository and workspace: a workspace may be a part of a repository, or hold several.
        let top = [repository, self.root_of(path)]
            .into_iter()
            .flatten()
            .min_by_key(|folder| folder.components().count());
        let below_top = |folder: &&&Path| top.is_some_and(|top| folder.starts_with(top));

        let git: Vec<_> = folders
            .iter()
            .filter(below_top)
            .map(|folder| (*folder, folder.join(".gitignore")))
            .collect();
        let exclude: Vec<_> =
            repository.iter().map(|folder| (*folder, folder.join(".git/info/exclude"))).collect();
        let own: Vec<_> =
            folders.iter().map(|folder| (*folder, folder.join(".lowkeyignore"))).collect();
        [own, git, exclude].iter().find_map(|layer| memory.denied_by_layer(layer, path, entry, now))
    }

    /// Returns the workspace's folder, under the name by which `path` lies in it.
    fn root_of(&self, path: &Path) -> Option<&Path> {
        self.roots.iter().map(PathBuf::as_path).find(|root| path.starts_with(root))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // A panic elsewhere leaves at worst a missing entry.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    /// Asks ignore files of one kind, deepest folder first, as git does: the deepest that speaks about a path decides,
    /// and nothing below a folder that is kept out comes back in.
    fn denied_by_layer(
        &mut self,
        layer: &[(&Path, PathBuf)],
        path: &Path,
        entry: Entry,
        now: Instant,
    ) -> Option<String> {
        for (_, file) in layer {
            self.look_at(file, now);
        }
        let mut speaking = Vec::new();
        for (folder, file) in layer {
            match self.ignore_files.get(file).map(|seen| &seen.content) {
                Some(Content::Rules(rules)) if !rules.is_empty() => {
                    speaking.push((*folder, file, rules));
                }
                Some(Content::Unreadable(_)) | None => {
                    return Some(format!(
                        "{} cannot be read, so everything in its folder is kept out",
                        file.display()
                    ));
                }
                _ => {}
            }
        }
        let mut targets: Vec<&Path> = path.ancestors().collect();
        targets.reverse();
        for target in targets {
            let is_dir = entry == Entry::Folder || target != path;
            let decided = speaking.iter().find_map(|(folder, file, rules)| {
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

    /// Reads an ignore file unless what is known of it is fresh or has not changed.
    fn look_at(&mut self, file: &Path, now: Instant) {
        if let Some(seen) = self.ignore_files.get_mut(file) {
            if now.saturating_duration_since(seen.checked) < FRESH {
                return;
            }
            if seen.is_current(file) {
                seen.checked = now;
                return;
            }
        }
        let mut reasons = Vec::new();
        let read = IgnoreFile::read(file, now, &mut reasons);
        self.ignore_files.insert(file.to_owned(), read);
        let source = file.display().to_string();
        self.problems.extend(
            reasons.into_iter().map(|reason| RuleProblem { source: source.clone(), reason }),
        );
    }
}

/// Returns the pattern of one rule set that denies a path or a folder on the way to it.
fn denied_on_the_way(rules: &Gitignore, relative: &Path) -> Option<String> {
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
    // A class that is not closed is a mistake in a setting, though git takes it literally.
    builder.allow_unclosed_class(false);
    for glob in globs {
        if let Err(error) = builder.add_line(None, glob) {
            problems.push(RuleProblem {
                source: "setting".to_owned(),
                reason: format!("`{glob}` is no glob: {error}"),
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
