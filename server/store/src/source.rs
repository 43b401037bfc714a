//! What `--model` and the setting `model` may name.
//!
//! A catalog name, a `.gguf` file, or a folder with `config.json`,
//! `tokenizer.json` and `*.safetensors`. What looks like a path is one; the rest
//! is a name.

use std::path::{Path, PathBuf};

use crate::embedded::{EMBEDDED, Embedded};

/// A model that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The one inside the binary.
    Embedded(Embedded),
    /// A GGUF file.
    Gguf(PathBuf),
}

/// Why a name or path leads to no model.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SourceError {
    /// Looks like a path, but nothing is there.
    #[error("model file {0} does not exist; give a .gguf file, or leave the model setting empty for the embedded {embedded}", embedded = EMBEDDED.name)]
    Missing(PathBuf),
    /// A folder without a model that this version reads.
    #[error("model folder {0}: folders with safetensors are not supported yet; give a .gguf file of the same model, or leave the model setting empty for the embedded {embedded}", embedded = EMBEDDED.name)]
    Folder(PathBuf),
    /// Not a path, and the catalog does not have it.
    #[error("there is no model named {0:?} in the catalog (it has: {embedded}); give one of these names or the path of a .gguf file", embedded = EMBEDDED.name)]
    UnknownName(String),
}

/// Finds the model that `named` means; the embedded one for an empty string.
///
/// Opens nothing: whether the file is a model is for the loader to say.
pub fn resolve(named: &str) -> Result<Source, SourceError> {
    let named = named.trim();
    if named.is_empty() || named == EMBEDDED.name {
        return Ok(Source::Embedded(EMBEDDED));
    }
    let path = expand_home(named);
    if path.is_dir() {
        return Err(SourceError::Folder(path));
    }
    if path.exists() {
        return Ok(Source::Gguf(path));
    }
    let has_extension = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf"));
    if has_extension || path.components().count() > 1 {
        return Err(SourceError::Missing(path));
    }
    Err(SourceError::UnknownName(named.to_owned()))
}

/// `~/` at the start means the home folder, as people write it in settings files.
fn expand_home(named: &str) -> PathBuf {
    match (named.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => Path::new(named).to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_named_means_the_embedded_model() {
        assert_eq!(resolve(" "), Ok(Source::Embedded(EMBEDDED)));
        assert_eq!(resolve("lowkey-embedded"), Ok(Source::Embedded(EMBEDDED)));
    }

    #[test]
    fn a_path_that_leads_nowhere_is_told_from_an_unknown_name() {
        assert_eq!(
            resolve("./nowhere/x.gguf"),
            Err(SourceError::Missing("./nowhere/x.gguf".into()))
        );
        assert_eq!(resolve("x.gguf"), Err(SourceError::Missing("x.gguf".into())));
        assert_eq!(resolve("gpt-9"), Err(SourceError::UnknownName("gpt-9".into())));
    }

    #[test]
    fn a_folder_is_refused_with_a_way_out() {
        let folder = env!("CARGO_MANIFEST_DIR");
        let message = resolve(folder).map_err(|e| e.to_string());
        assert!(message.is_err_and(|m| m.contains(folder) && m.contains(".gguf")));
    }

    #[test]
    fn an_existing_file_is_taken_whatever_its_name() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        assert_eq!(resolve(file), Ok(Source::Gguf(file.into())));
    }
}
