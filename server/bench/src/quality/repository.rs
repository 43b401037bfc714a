//! A repository's files as the benchmark sees them: those that the model may see, with text in them.
//!
//! Sorted by path, so that one repository gives one list on every machine. Links are not followed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use lowkey_context::Rules;
use lowkey_document::Language;

/// Longer files are data more often than code, and are not edited by hand.
const MAX_FILE_BYTES: u64 = 256 << 10;

/// Languages of prose and data, which are left out unless they are asked for by name.
const PROSE_AND_DATA: &[&str] = &["plaintext", "markdown", "json", "jsonc", "toml", "xml"];

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// Relative to the repository, with `/` between its parts.
    pub(super) label: String,
    /// Where it is.
    pub(super) path: PathBuf,
    pub(super) language: &'static Language,
    pub(super) text: String,
}

/// What a walk came to.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) sources: Vec<Source>,
    /// Files that an ignore file, the setting `exclude` or a secret's name keeps out.
    pub(super) n_denied: usize,
    /// Files in no language that was asked for, too long, or not UTF-8.
    pub(super) n_skipped: usize,
}

/// Reads the files below `root`; `languages` are ids, none means every language of code.
pub(super) fn walk(root: &Path, exclude: &[String], languages: &[String]) -> anyhow::Result<Walk> {
    for id in languages {
        if Language::find(id).is_none() {
            let known: Vec<&str> = Language::all().iter().map(|language| language.id).collect();
            bail!("{id:?} is no language that lowkey knows; there are: {}", known.join(", "));
        }
    }
    let wanted = |language: &Language| match languages {
        [] => !PROSE_AND_DATA.contains(&language.id),
        some => some.iter().any(|id| Language::by_id(id).id == language.id),
    };
    let rules = Rules::new(Some(root), exclude).0;
    let mut walk = Walk::default();
    for path in files(root, &rules)? {
        let language = Language::by_path(&path);
        let is_short = path.metadata().is_ok_and(|about| about.len() <= MAX_FILE_BYTES);
        if !wanted(language) || !is_short {
            walk.n_skipped += 1;
        } else if !rules.verdict(&path).is_allowed() {
            walk.n_denied += 1;
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let label = lowkey_context::label(Some(root), &path);
            walk.sources.push(Source { label, path, language, text });
        } else {
            walk.n_skipped += 1;
        }
    }
    Ok(walk)
}

/// Every regular file below `root` in a folder that no ignore file keeps out, sorted by path.
pub(super) fn files(root: &Path, rules: &Rules) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let reading = || format!("cannot read the folder {}", folder.display());
        for entry in std::fs::read_dir(&folder).with_context(reading)? {
            let entry = entry.with_context(reading)?;
            let (kind, path) = (entry.file_type().with_context(reading)?, entry.path());
            if kind.is_file() {
                files.push(path);
            } else if kind.is_dir()
                && entry.file_name() != ".git"
                && !rules.is_folder_ignored(&path)
            {
                folders.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
