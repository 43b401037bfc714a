//! lowkey's folders on each platform.
//!
//! | | Linux and other Unix | macOS | Windows |
//! |---|---|---|---|
//! | cache | `$XDG_CACHE_HOME`, `~/.cache` | `~/Library/Caches` | `%LOCALAPPDATA%\cache` |
//! | state | `$XDG_STATE_HOME`, `~/.local/state` | `~/Library/Application Support` | `%LOCALAPPDATA%` |
//! | config | `$XDG_CONFIG_HOME`, `~/.config` | `~/Library/Application Support` | `%APPDATA%` |
//!
//! In each of these the folder is `lowkey`. `LOWKEY_CACHE_DIR` names another folder for cache and
//! state; if it is set and empty, nothing is kept. The user may delete the contents of the cache at
//! any time; the next start then computes more.

use std::path::PathBuf;

use etcetera::base_strategy::{Apple, BaseStrategy, Windows, Xdg};

/// What a folder is for.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Cache,
    State,
    Config,
}

/// Returns the folder of the cache; `None` if there is none or the user disabled it.
pub(crate) fn cache() -> Option<PathBuf> {
    kept(Purpose::Cache)
}

/// Returns the folder of the statistics; `None` if there is none or the user disabled it.
pub(crate) fn state() -> Option<PathBuf> {
    kept(Purpose::State)
}

/// Returns the folder of the settings file; `None` if this account has no home folder.
pub(crate) fn config() -> Option<PathBuf> {
    of_platform(Purpose::Config)
}

fn kept(purpose: Purpose) -> Option<PathBuf> {
    match std::env::var_os("LOWKEY_CACHE_DIR") {
        Some(folder) => (!folder.is_empty()).then(|| folder.into()),
        None => of_platform(purpose),
    }
}

fn of_platform(purpose: Purpose) -> Option<PathBuf> {
    let base = if cfg!(windows) {
        windows(purpose, &Windows::new().ok()?)
    } else if cfg!(target_os = "macos") {
        apple(purpose, &Apple::new().ok()?)
    } else {
        xdg(purpose, &Xdg::new().ok()?)
    };
    // A relative folder would depend on where the editor was started.
    base.is_absolute().then(|| base.join("lowkey"))
}

fn xdg(purpose: Purpose, folders: &Xdg) -> PathBuf {
    match purpose {
        Purpose::Cache => folders.cache_dir(),
        Purpose::State => folders.state_dir().unwrap_or_else(|| folders.data_dir()),
        Purpose::Config => folders.config_dir(),
    }
}

fn apple(purpose: Purpose, folders: &Apple) -> PathBuf {
    match purpose {
        Purpose::Cache => folders.cache_dir(),
        // Not `config_dir`, which is `Library/Preferences`: Apple keeps it for property lists.
        Purpose::State | Purpose::Config => folders.data_dir(),
    }
}

fn windows(purpose: Purpose, folders: &Windows) -> PathBuf {
    match purpose {
        // The state is in the same folder, so the cache has its own below it.
        Purpose::Cache => folders.cache_dir().join("cache"),
        Purpose::State => folders.cache_dir(),
        Purpose::Config => folders.config_dir(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The folders of releases: a change would lose the user's settings and statistics.
    /// `tests/cli/folders.rs` checks those of Linux, which variables change.
    #[test]
    fn folders_without_variables() {
        let home = std::env::home_dir().unwrap();
        let check = |found: PathBuf, expected: &str| {
            assert_eq!(found.strip_prefix(&home), Ok(Path::new(expected)));
        };
        let folders = Apple::new().unwrap();
        check(apple(Purpose::Cache, &folders), "Library/Caches");
        check(apple(Purpose::State, &folders), "Library/Application Support");
        check(apple(Purpose::Config, &folders), "Library/Application Support");
        let folders = Windows::new().unwrap();
        check(windows(Purpose::Cache, &folders), "AppData/Local/cache");
        check(windows(Purpose::State, &folders), "AppData/Local");
        check(windows(Purpose::Config, &folders), "AppData/Roaming");
    }
}
