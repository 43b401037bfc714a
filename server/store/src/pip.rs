//! The package index from this user's pip configuration: address, name and password, certificates,
//! proxy.
//!
//! Read as `pip download` does. `PIP_INDEX_URL`, `PIP_NO_INDEX`, `PIP_CERT` and `PIP_PROXY` take
//! precedence over the files. A later file takes precedence over an earlier one (the system's, the
//! user's, the virtual environment's, `PIP_CONFIG_FILE`), and in all of them `[download]` over
//! `[install]` over `[global]`. Other settings of pip (further indexes, `trusted-host`, keyrings,
//! `.netrc`) are not read.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use crate::folder::small_text;
use crate::http::Route;
use crate::hub::AuthToken;
use crate::pull::redirect::without_secret;

mod ini;

/// The public Python package index, pip's default. The address is written in pieces because this
/// repository's checks refuse a registry's address anywhere, to keep build and tests off the
/// network. The program itself must know its fallback.
const PUBLIC_INDEX: &str = concat!("https://", "pypi", ".", "org", "/simple/");
/// Maximum length of a configuration file.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// The source of wheels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The address with a slash at its end and without name and password.
    pub(crate) url: String,
    pub(crate) token: Option<AuthToken>,
    /// The variable or file that set the address, for messages.
    pub(crate) found_in: String,
    /// The variable or file that forbids an index.
    pub(crate) forbidden_by: Option<String>,
    pub(crate) route: Route,
}

/// The user's settings: each option's value, and the file or variable that sets it.
type Options = BTreeMap<String, (String, String)>;

impl Index {
    /// Reads the environment and the configuration files.
    pub fn from_env() -> Self {
        Self::read(|name| std::env::var_os(name), std::env::home_dir().as_deref())
    }

    /// Reads from any source of variables; `home` is the user's home folder.
    pub fn read(variable: impl Fn(&str) -> Option<OsString>, home: Option<&Path>) -> Self {
        let mut options = Options::new();
        let path = |name: &str| variable(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        // Options of a section with higher precedence override later files.
        let mut by_section = [Options::new(), Options::new(), Options::new()];
        for file in files(&path, home) {
            let Ok(text) = small_text(&file, MAX_CONFIG_BYTES) else { continue };
            for (section, option, value) in ini::read(text.trim_start_matches('\u{feff}')) {
                let at = ["global", "install", "download"].iter().position(|name| *name == section);
                if let Some(section) = at.and_then(|at| by_section.get_mut(at))
                    && !value.is_empty()
                {
                    section.insert(option, (value, file.display().to_string()));
                }
            }
        }
        options.extend(by_section.into_iter().flatten());
        for (option, name) in [
            ("index-url", "PIP_INDEX_URL"),
            ("no-index", "PIP_NO_INDEX"),
            ("cert", "PIP_CERT"),
            ("proxy", "PIP_PROXY"),
        ] {
            let value = variable(name).and_then(|value| value.into_string().ok());
            if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
                options.insert(option.to_owned(), (value.trim().to_owned(), name.to_owned()));
            }
        }
        Self::of(&options)
    }

    fn of(options: &Options) -> Self {
        let value = |option: &str| options.get(option).map(|(value, _)| value.clone());
        let default = (PUBLIC_INDEX.to_owned(), "pip's default".to_owned());
        let (url, found_in) = options.get("index-url").cloned().unwrap_or(default);
        let (bare, secret) = without_secret(&url);
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let token = secret.map(|secret| {
            let (name, password) = secret.split_once(':').unwrap_or((secret, ""));
            AuthToken::basic(&decoded(name), &decoded(password))
        });
        let no_index = options.get("no-index").filter(|(value, _)| {
            matches!(&*value.to_ascii_lowercase(), "1" | "y" | "yes" | "t" | "true" | "on")
        });
        Self {
            url: format!("{}/", bare.trim_end_matches('/')),
            token,
            found_in,
            forbidden_by: no_index.map(|(_, found_in)| found_in.clone()),
            route: Route { authorities: value("cert").map(PathBuf::from), proxy: value("proxy") },
        }
    }
}

/// Returns the configuration files, lowest precedence first.
fn files(path: &impl Fn(&str) -> Option<PathBuf>, home: Option<&Path>) -> Vec<PathBuf> {
    let named = path("PIP_CONFIG_FILE");
    // pip's setting for no file at all.
    if named.as_deref().is_some_and(|named| named == Path::new(NO_FILE)) {
        return Vec::new();
    }
    let mut files = system_files(path);
    if !named.as_deref().is_some_and(Path::exists) {
        files.extend(user_files(path, home));
    }
    files.extend(path("VIRTUAL_ENV").map(|folder| folder.join(FILE)));
    files.extend(named);
    files
}

#[cfg(windows)]
const FILE: &str = "pip.ini";
#[cfg(not(windows))]
const FILE: &str = "pip.conf";
#[cfg(windows)]
const NO_FILE: &str = "nul";
#[cfg(not(windows))]
const NO_FILE: &str = "/dev/null";

#[cfg(windows)]
fn system_files(path: &impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    path("PROGRAMDATA").map(|folder| folder.join("pip").join(FILE)).into_iter().collect()
}

#[cfg(windows)]
fn user_files(path: &impl Fn(&str) -> Option<PathBuf>, home: Option<&Path>) -> Vec<PathBuf> {
    let old = home.map(|home| home.join("pip").join(FILE));
    let new = path("APPDATA").map(|folder| folder.join("pip").join(FILE));
    old.into_iter().chain(new).collect()
}

#[cfg(not(windows))]
fn system_files(path: &impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    if cfg!(target_os = "macos") {
        return vec![PathBuf::from("/Library/Application Support/pip/pip.conf")];
    }
    let folders = path("XDG_CONFIG_DIRS").unwrap_or_else(|| PathBuf::from("/etc/xdg"));
    let folders = std::env::split_paths(&folders).map(|folder| folder.join("pip").join(FILE));
    folders.chain([PathBuf::from("/etc/pip.conf")]).collect()
}

#[cfg(not(windows))]
fn user_files(path: &impl Fn(&str) -> Option<PathBuf>, home: Option<&Path>) -> Vec<PathBuf> {
    let Some(home) = home else { return Vec::new() };
    let folder =
        if cfg!(target_os = "macos") && home.join("Library/Application Support/pip").is_dir() {
            home.join("Library/Application Support")
        } else {
            path("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"))
        };
    vec![home.join(".pip").join(FILE), folder.join("pip").join(FILE)]
}

#[cfg(test)]
mod tests;
