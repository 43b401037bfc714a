//! Resolves the value of `--model` and of the setting `model`.
//!
//! The value is a catalog name, a `.gguf` file, or a folder with `config.json`, `tokenizer.json`
//! and `*.safetensors`. A value that resembles a path is a path; any other is a name.

use std::path::{Path, PathBuf};

use crate::catalog::{catalog, entry};
use crate::embedded::{DEFAULT_NAME, Embedded, is_default};
use crate::error::StoreError;
use crate::hub::Hub;
use crate::kept;
use crate::pins::Pins;

/// The location of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The model inside the binary.
    Embedded(Embedded),
    Gguf(PathBuf),
    /// A folder with `config.json`, `tokenizer.json` and safetensors.
    Folder(PathBuf),
}

/// Why a name or path does not resolve to a model.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The value resembles a path that does not exist.
    #[error(
        "model file {0} does not exist; give a .gguf file, or leave the model setting empty for the one inside, {DEFAULT_NAME}"
    )]
    Missing(PathBuf),
    /// The folder contains no model.
    #[error(
        "model folder {0} has no config.json; give a folder with config.json, tokenizer.json and safetensors, or a .gguf file, or leave the model setting empty for the one inside, {DEFAULT_NAME}"
    )]
    Folder(PathBuf),
    /// The value means the default model, and this program contains none.
    #[error(
        "this program was built without a model; name one: give --model NAME or FILE, or set `model` in lowkey.toml"
    )]
    NoDefault,
    /// The value is not a path, and the catalog does not contain it.
    #[error("there is no model named {0:?} in the catalog (it has: {known}); give one of these names or the path of a .gguf file", known = names())]
    UnknownName(String),
    /// The catalog contains the model, but this machine does not, or its cached file cannot be
    /// identified.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn names() -> String {
    let names = catalog().iter().map(|entry| &*entry.name);
    std::iter::once(DEFAULT_NAME).chain(names).collect::<Vec<_>>().join(", ")
}

/// Finds the model that `named` refers to; an empty string means `inside`, the model inside the
/// program.
///
/// Does not open the model: the loader validates the file. A catalog name refers to its file in the
/// shared cache, the pinned one if there is a pin. Never downloads.
pub fn resolve(
    named: &str,
    inside: Option<&Embedded>,
    hub: &Hub,
    pins: &Pins,
) -> Result<Source, SourceError> {
    let named = named.trim();
    if named.is_empty() || is_default(named) {
        return inside.copied().map(Source::Embedded).ok_or(SourceError::NoDefault);
    }
    let path = expand_home(named);
    if path.is_dir() {
        let is_model = path.join("config.json").is_file();
        return if is_model { Ok(Source::Folder(path)) } else { Err(SourceError::Folder(path)) };
    }
    if path.exists() {
        return Ok(Source::Gguf(path));
    }
    let has_extension = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf"));
    if has_extension || path.components().count() > 1 {
        return Err(SourceError::Missing(path));
    }
    let Some(entry) = entry(named) else {
        return Err(SourceError::UnknownName(named.to_owned()));
    };
    let pin = kept::pin(pins, entry)?;
    kept::here(hub, entry, pin.as_ref()).map(Source::Gguf).ok_or_else(|| {
        let folder = hub.cache.root().to_path_buf();
        StoreError::NotHere { name: entry.name.clone(), folder }.into()
    })
}

/// Expands `~/` at the start to the home folder, as users write it in settings files.
fn expand_home(named: &str) -> PathBuf {
    match (named.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => Path::new(named).to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

    use super::*;
    use crate::Weights;

    const INSIDE: Embedded = Embedded {
        weights: Weights::Inside(b"GGUF"),
        n_bytes: 4,
        sha256: "",
        card: "",
        is_fixture: true,
    };

    fn find(named: &str) -> Result<Source, String> {
        find_with(named, Some(&INSIDE))
    }

    /// With an empty cache.
    fn find_with(named: &str, inside: Option<&Embedded>) -> Result<Source, String> {
        let nowhere = std::env::temp_dir().join(format!("lowkey-nowhere-{}", std::process::id()));
        let variable = |name: &str| (name == "HF_HUB_CACHE").then(|| nowhere.clone().into());
        let hub = Hub::read(variable, &nowhere);
        resolve(named, inside, &hub, &Pins::at(nowhere.join("pins.toml")))
            .map_err(|e| e.to_string())
    }

    /// A file that certainly exists: a path known at compile time may belong to another working
    /// tree that shares the target folder and has been removed since.
    fn this_program() -> String {
        std::env::current_exe().unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn empty_name_means_embedded_model() {
        for name in [" ", "lowkey-default", "LOWKEY-DEFAULT ", "lowkey-embedded"] {
            assert_eq!(find(name), Ok(Source::Embedded(INSIDE)), "{name:?}");
            let message = find_with(name, None);
            assert!(message.is_err_and(|m| m.contains("without a model") && m.contains("--model")));
        }
    }

    #[test]
    fn missing_path_differs_from_unknown_name() {
        for path in ["./nowhere/x.gguf", "x.gguf"] {
            let message = find(path);
            assert!(message.is_err_and(|m| m.contains(path) && m.contains("does not exist")));
        }
        let message = find("gpt-9");
        let lists = |m: &String| m.contains("gpt-9") && m.contains("mellum-4b, codellama-7b");
        assert!(message.as_ref().is_err_and(lists), "{message:?}");
    }

    #[test]
    fn unpulled_name_says_how_to_pull() {
        let message = find("Qwen2.5-Coder-0.5B");
        let helps = |m: &String| m.contains("run `lowkey models pull qwen2.5-coder-0.5b`");
        assert!(message.as_ref().is_err_and(helps), "{message:?}");
    }

    #[test]
    fn folder_without_model_is_refused() {
        let program = this_program();
        let folder = Path::new(&program).parent().unwrap().to_str().unwrap();
        let message = find(folder);
        assert!(message.is_err_and(|m| m.contains(folder) && m.contains(".gguf")));
    }

    #[test]
    fn existing_file_needs_no_gguf_name() {
        let file = this_program();
        assert_eq!(find(&file), Ok(Source::Gguf(file.into())));
    }
}
