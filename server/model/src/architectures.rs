//! The architectures that can be loaded, as a table.
//!
//! To add one: a file that says what its layers have ([`Parts`]), and a line here. Loading and every forward pass follow it.

use crate::config::Keys;
use crate::error::{list, shorten};
use crate::hub::HubFolder;
use crate::llama_like::Parts;
use crate::{
    Config, Metadata, ModelError, ModelFile, gemma, gemma2, granite, llama, phi3, qwen2, qwen3,
    qwen3moe, starcoder2,
};

use lowkey_kernels::Pairing;

/// An architecture: its name in `general.architecture`, and how its model is built.
#[derive(Debug)]
pub(crate) struct Architecture {
    /// The value of `general.architecture`, also what its metadata keys begin with.
    pub(crate) name: &'static str,
    /// Which two values of a head its GGUF files mean to rotate together.
    pub(crate) pairing: Pairing,
    /// What its folders on the hub are like.
    pub(crate) folder: HubFolder,
    /// Sets what no other architecture has.
    pub(crate) adapt: fn(&Keys<'_>, &mut Config) -> Result<(), ModelError>,
    /// Says what its layers are made of.
    pub(crate) parts: fn(&ModelFile) -> Parts,
}

static SUPPORTED: [Architecture; 9] = [
    Architecture { parts: |_| qwen2::PARTS, ..of("qwen2", Pairing::Halves, &["qwen2"]) },
    Architecture { parts: |_| qwen3::PARTS, ..of("qwen3", Pairing::Halves, &["qwen3"]) },
    Architecture {
        adapt: qwen3moe::adapt,
        parts: |_| qwen3moe::PARTS,
        ..of("qwen3moe", Pairing::Halves, &["qwen3_moe"])
    },
    of("llama", Pairing::Adjacent, &["llama", "mistral", "mixtral"]),
    Architecture { adapt: granite::adapt, ..of("granite", Pairing::Adjacent, &["granite"]) },
    Architecture {
        folder: starcoder2::FOLDER,
        parts: |_| starcoder2::PARTS,
        ..of("starcoder2", Pairing::Halves, &[])
    },
    Architecture { parts: |_| phi3::PARTS, ..of("phi3", Pairing::Halves, &["phi3"]) },
    Architecture {
        folder: gemma::FOLDER,
        adapt: gemma::adapt,
        parts: |_| gemma::PARTS,
        ..of("gemma", Pairing::Halves, &[])
    },
    Architecture {
        folder: gemma2::FOLDER,
        adapt: gemma2::adapt,
        parts: |_| gemma2::PARTS,
        ..of("gemma2", Pairing::Halves, &[])
    },
];

/// An architecture that differs from llama in nothing but its names.
const fn of(
    name: &'static str,
    pairing: Pairing,
    model_types: &'static [&'static str],
) -> Architecture {
    let activations = &["silu", "swish"];
    let folder = HubFolder { model_types, activations, names: &[], norms_less_one: false };
    Architecture { name, pairing, folder, adapt: nothing, parts: llama::parts }
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all architectures")]
fn nothing(_keys: &Keys<'_>, _config: &mut Config) -> Result<(), ModelError> {
    Ok(())
}

/// The architectures that can be loaded, as files name them in `general.architecture`.
pub fn architectures() -> impl Iterator<Item = &'static str> {
    SUPPORTED.iter().map(|supported| supported.name)
}

impl Architecture {
    /// Finds the architecture of the file with these metadata.
    pub(crate) fn of(file: &str, metadata: &Metadata) -> Result<&'static Self, ModelError> {
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
            supported: list(SUPPORTED.iter().map(|supported| supported.name)),
        };
        SUPPORTED.iter().find(|supported| supported.name == found).ok_or_else(unknown)
    }

    /// Finds the architecture of folders whose `config.json` has this `model_type`.
    pub(crate) fn of_folder(
        file: &str,
        model_type: &str,
    ) -> Result<(&'static Self, &'static HubFolder), ModelError> {
        let found = SUPPORTED.iter().find(|one| one.folder.model_types.contains(&model_type));
        let all = SUPPORTED.iter().flat_map(|supported| supported.folder.model_types);
        let unknown = || ModelError::Architecture {
            file: file.to_owned(),
            key: "model_type of config.json",
            found: shorten(model_type),
            supported: list(all),
        };
        found.map(|found| (found, &found.folder)).ok_or_else(unknown)
    }
}
