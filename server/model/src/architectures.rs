//! The architectures that can be loaded, as a table.
//!
//! To add one: a file that defines its layers ([`spec::LayerSpec`]), and an entry here. Loading and every forward pass
//! follow it.

mod gemma;
mod gemma2;
mod granite;
mod llama;
mod phi3;
mod qwen2;
mod qwen3;
mod qwen3moe;
pub(crate) mod spec;
mod starcoder2;

use lowkey_kernels::RopeLayout::{self, Interleaved, NeoX};

use crate::config::Config;
use crate::config::keys::Keys;
use crate::error::{ModelError, list, shorten};
use crate::file::hub::spec::FolderSpec;
use crate::file::metadata::Metadata;
use spec::Architecture;

static SUPPORTED: [Architecture; 9] = [
    Architecture { layers: |_, _| qwen2::LAYERS, ..like_llama("qwen2", NeoX, &["qwen2"]) },
    Architecture { layers: |_, _| qwen3::LAYERS, ..like_llama("qwen3", NeoX, &["qwen3"]) },
    Architecture {
        apply: qwen3moe::apply,
        layers: |_, _| qwen3moe::LAYERS,
        ..like_llama("qwen3moe", NeoX, &["qwen3_moe"])
    },
    like_llama("llama", Interleaved, &["llama", "mistral", "mixtral"]),
    Architecture { apply: granite::apply, ..like_llama("granite", Interleaved, &["granite"]) },
    Architecture {
        folder: starcoder2::FOLDER,
        layers: |_, _| starcoder2::LAYERS,
        ..like_llama("starcoder2", NeoX, &[])
    },
    Architecture { layers: |_, _| phi3::LAYERS, ..like_llama("phi3", NeoX, &["phi3"]) },
    Architecture {
        folder: gemma::FOLDER,
        apply: gemma::apply,
        layers: |_, _| gemma::LAYERS,
        ..like_llama("gemma", NeoX, &[])
    },
    Architecture {
        folder: gemma2::FOLDER,
        apply: gemma2::apply,
        layers: |_, _| gemma2::LAYERS,
        ..like_llama("gemma2", NeoX, &[])
    },
];

/// An architecture that differs from llama in its names and its rotary layout only.
const fn like_llama(
    name: &'static str,
    rope_layout: RopeLayout,
    model_types: &'static [&'static str],
) -> Architecture {
    let folder = FolderSpec {
        model_types,
        activations: &["silu", "swish"],
        names: &[],
        norms_less_one: false,
        alternating_windows: false,
    };
    Architecture { name, rope_layout, folder, apply: no_changes, layers: llama::layers }
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all architectures")]
fn no_changes(_keys: &Keys<'_>, _config: &mut Config) -> Result<(), ModelError> {
    Ok(())
}

/// The architectures that can be loaded, as files name them in `general.architecture`.
pub fn architectures() -> impl Iterator<Item = &'static str> {
    SUPPORTED.iter().map(|supported| supported.name)
}

/// Finds the architecture of the GGUF file with these metadata.
pub(crate) fn of_file(
    file: &str,
    metadata: &Metadata,
) -> Result<&'static Architecture, ModelError> {
    let key = "general.architecture";
    let Some(found) = metadata.string(key) else {
        return Err(ModelError::Key {
            file: file.to_owned(),
            key: key.to_owned(),
            problem: "is missing or not a string".to_owned(),
        });
    };
    let unknown = || ModelError::Architecture {
        file: file.to_owned(),
        key: "key general.architecture",
        found: shorten(found),
        supported: list(architectures()),
    };
    SUPPORTED.iter().find(|supported| supported.name == found).ok_or_else(unknown)
}

/// Finds the architecture of folders whose `config.json` has this `model_type`.
pub(crate) fn of_folder(file: &str, model_type: &str) -> Result<&'static Architecture, ModelError> {
    let found = SUPPORTED.iter().find(|one| one.folder.model_types.contains(&model_type));
    let unknown = || ModelError::Architecture {
        file: file.to_owned(),
        key: "model_type of config.json",
        found: shorten(model_type),
        supported: list(SUPPORTED.iter().flat_map(|supported| supported.folder.model_types)),
    };
    found.ok_or_else(unknown)
}
