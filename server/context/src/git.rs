//! Finds the sources of a repository's ignore rules besides its `.gitignore` files.
//!
//! `info/exclude` is in the folder that all worktrees of a repository share. In worktrees,
//! submodules and repositories with a separate git folder, a `.git` *file* names it.
//! `core.excludesFile` may be set in the system's, the user's and the repository's configuration,
//! and in files that these include. If it is not set, it is `git/ignore` in the user's
//! configuration folder. See gitignore(5), gitrepository-layout(5) and git-config(1).
//!
//! Invariant: never fewer files than git reads. Conditions of includes are not evaluated, and later
//! settings do not replace earlier ones. A file too many costs a suggestion; a file too few exposes
//! content that should be excluded.

use std::env;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Maximum length of a configuration file.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Maximum number of configuration files, because they can include each other.
const MAX_CONFIGS: usize = 64;

/// The configuration outside of repositories.
#[derive(Debug, Clone, Default)]
pub(crate) struct GlobalConfig {
    /// The user's home folder, for `~/`.
    pub(crate) home: Option<PathBuf>,
    /// The system's and the user's configuration files.
    pub(crate) configs: Vec<PathBuf>,
    /// The ignore file that applies if no configuration names another.
    pub(crate) ignore: Option<PathBuf>,
}

/// The files that git reads for one repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GitSources {
    /// Ignore files whose patterns are relative to the worktree's folder.
    pub(crate) ignore_files: Vec<PathBuf>,
    /// Why there may be more files that cannot be found.
    pub(crate) undecided: Option<String>,
}

impl GlobalConfig {
    /// Finds the files as git does, from the environment of this process.
    pub(crate) fn from_environment() -> Self {
        let set =
            |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = set("HOME").or_else(env::home_dir);
        let folder = set("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
        let folder = folder.map(|folder| folder.join("git"));
        let mut configs = match set("GIT_CONFIG_SYSTEM") {
            Some(system) => vec![system],
            None => system_configs(),
        };
        if let Some(global) = set("GIT_CONFIG_GLOBAL") {
            configs.push(global);
        } else {
            configs.extend(folder.as_ref().map(|folder| folder.join("config")));
            configs.extend(home.as_ref().map(|home| home.join(".gitconfig")));
        }
        Self { home, configs, ignore: folder.map(|folder| folder.join("ignore")) }
    }
}

/// Returns `/etc/gitconfig`, and the paths that packages of git for other systems use.
fn system_configs() -> Vec<PathBuf> {
    let places: &[&str] = if cfg!(windows) {
        &["C:/Program Files/Git/etc/gitconfig", "C:/ProgramData/Git/config"]
    } else {
        &["/etc/gitconfig", "/usr/local/etc/gitconfig", "/opt/homebrew/etc/gitconfig"]
    };
    places.iter().map(PathBuf::from).collect()
}

impl GitSources {
    /// Finds the sources of the repository whose worktree is `worktree`.
    pub(crate) fn find(worktree: &Path, global_config: &GlobalConfig) -> Self {
        let mut found = Self::default();
        found.ignore_files.extend(global_config.ignore.clone());
        let mut configs = global_config.configs.clone();
        match git_folders(&worktree.join(".git")) {
            Ok(Some(GitFolders { own, common })) => {
                found.ignore_files.push(common.join("info/exclude"));
                configs.extend([common.join("config"), own.join("config.worktree")]);
            }
            // Git itself finds no repository here.
            Ok(None) => {}
            Err(reason) => found.undecided = Some(reason),
        }
        found.read_configs(configs, worktree, global_config);
        found
    }

    fn read_configs(
        &mut self,
        mut configs: Vec<PathBuf>,
        worktree: &Path,
        global_config: &GlobalConfig,
    ) {
        let mut at = 0;
        while let Some(config) = configs.get(at).cloned() {
            at += 1;
            if at > MAX_CONFIGS {
                self.undecided = Some(format!("more than {MAX_CONFIGS} git configuration files"));
                return;
            }
            let text = match read(&config) {
                Ok(Some(text)) => text,
                Ok(None) => continue,
                Err(reason) => {
                    self.undecided = Some(reason);
                    continue;
                }
            };
            let folder = config.parent().unwrap_or(worktree);
            for (key, value) in path_values(&text) {
                let below = if key == Key::ExcludesFile { worktree } else { folder };
                let Some(path) = global_config.expanded(&value, below) else {
                    let config = config.display();
                    self.undecided = Some(format!(
                        "{config} names a file in a form that lowkey does not support"
                    ));
                    continue;
                };
                let known =
                    if key == Key::ExcludesFile { &mut self.ignore_files } else { &mut configs };
                if !known.contains(&path) {
                    known.push(path);
                }
            }
        }
    }
}

impl GlobalConfig {
    /// Expands a path in a configuration file; `None` for another user's home.
    fn expanded(&self, value: &str, below: &Path) -> Option<PathBuf> {
        match value.strip_prefix('~') {
            Some("") => self.home.clone(),
            Some(rest) => Some(self.home.as_ref()?.join(rest.strip_prefix('/')?)),
            None if value.starts_with("%(") => None,
            None => Some(below.join(value)),
        }
    }
}

/// A repository's folders: the worktree's own, and the one that all worktrees share.
struct GitFolders {
    own: PathBuf,
    common: PathBuf,
}

/// Follows `.git`, which is a folder or a file that names one.
fn git_folders(dot_git: &Path) -> Result<Option<GitFolders>, String> {
    let own = match fs::metadata(dot_git) {
        Ok(metadata) if metadata.is_dir() => dot_git.to_owned(),
        Ok(_) => {
            let Some(text) = read(dot_git)? else { return Ok(None) };
            let Some(named) = text.trim_start().strip_prefix("gitdir:") else { return Ok(None) };
            dot_git.parent().unwrap_or(dot_git).join(named.trim_matches([' ', '\t', '\r', '\n']))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{} cannot be read: {error}", dot_git.display())),
    };
    let common = match read(&own.join("commondir"))? {
        Some(named) => own.join(named.trim_end_matches(['\r', '\n'])),
        None => own.clone(),
    };
    Ok(Some(GitFolders { own, common }))
}

/// Reads a small file; `Ok(None)` only if it certainly does not exist.
fn read(path: &Path) -> Result<Option<String>, String> {
    let failed = |error: io::Error| format!("{} cannot be read: {error}", path.display());
    let absent = |error: &io::Error| {
        matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
    };
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        // `/dev/null` switches a source off.
        Ok(_) => return Ok(None),
        Err(error) if absent(&error) => return Ok(None),
        Err(error) => return Err(failed(error)),
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(MAX_CONFIG_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_CONFIG_BYTES {
        return Err(format!("{} has more than {MAX_CONFIG_BYTES} bytes", path.display()));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The kind of path in a configuration value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    ExcludesFile,
    Include,
}

/// Returns the values of `core.excludesFile`, `include.path` and `includeIf.….path`, in order.
fn path_values(config: &str) -> Vec<(Key, String)> {
    let mut values = Vec::new();
    let mut section = String::new();
    // A backslash at a line's end continues the value.
    for line in config.replace("\\\r\n", "").replace("\\\n", "").lines() {
        let mut line = line.trim_start();
        while let Some(header) = line.strip_prefix('[') {
            let (name, rest) = header.split_once(']').unwrap_or((header, ""));
            section = name.to_ascii_lowercase();
            line = rest.trim_start();
        }
        let Some((name, value)) = line.split_once('=') else { continue };
        let key = match (section.trim(), name.trim().to_ascii_lowercase().as_str()) {
            ("core", "excludesfile") => Key::ExcludesFile,
            (section, "path") if section.starts_with("include") => Key::Include,
            _ => continue,
        };
        let value = unquoted(value.trim());
        if !value.is_empty() {
            values.push((key, value));
        }
    }
    values
}

/// Returns a value without its quotes, escapes and comment.
fn unquoted(value: &str) -> String {
    let mut text = String::new();
    let mut is_quoted = false;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => is_quoted = !is_quoted,
            '\\' => match chars.next() {
                Some('t') => text.push('\t'),
                Some('n') => text.push('\n'),
                Some(escaped) => text.push(escaped),
                None => {}
            },
            '#' | ';' if !is_quoted => break,
            _ => text.push(c),
        }
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_values_parse_as_in_git() {
        let config = "[user]\n\tname = x\n[Core]\n  excludesFile = \"~/my ignores\" # mine\n[core] ExcludesFile=a\\\\b\n\
                      [include]\npath = other\n[includeIf \"gitdir:~/w/\"]\n path = ~/w.conf\n[core]\nexcludesfile =\n\
                      [alias]\npath = no\nexcludesfile = no\n[core]\nexcludesfile = long\\\n-name\n";
        let values = path_values(config);
        let expected = [
            (Key::ExcludesFile, "~/my ignores"),
            (Key::ExcludesFile, "a\\b"),
            (Key::Include, "other"),
            (Key::Include, "~/w.conf"),
            (Key::ExcludesFile, "long-name"),
        ];
        assert_eq!(values, expected.map(|(key, value)| (key, value.to_owned())));
    }

    #[test]
    fn config_paths_expand_as_in_git() {
        let global_config =
            GlobalConfig { home: Some("/home/u".into()), ..GlobalConfig::default() };
        let expanded = |value| global_config.expanded(value, Path::new("/below"));
        assert_eq!(expanded("~/x"), Some("/home/u/x".into()));
        assert_eq!(expanded("x"), Some("/below/x".into()));
        assert_eq!(expanded("/x"), Some("/x".into()));
        assert_eq!(expanded("~other/x"), None);
        assert_eq!(expanded("%(prefix)/x"), None);
    }
}
