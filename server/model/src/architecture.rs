//! The architectures that can be loaded, as a table.
//!
//! To add one: a file that names its tensors and builds shared [`Layers`] of them, and a line here.

use crate::decoder::Layers;
use crate::error::{list, shorten};
use crate::weights::Weights;
use crate::{Metadata, ModelError, llama, qwen2, qwen3};

use lowkey_kernels::Pairing;

/// An architecture: its name in `general.architecture`, and how its model is built.
#[derive(Debug)]
pub(crate) struct Architecture {
    /// The value of `general.architecture`, also what its metadata keys begin with.
    pub(crate) name: &'static str,
    /// Which two values of a head its files mean to rotate together.
    pub(crate) pairing: Pairing,
    /// Reads all weights.
    pub(crate) load: fn(&mut Weights<'_>) -> Result<Layers, ModelError>,
}

static SUPPORTED: [Architecture; 3] = [
    Architecture { name: "qwen2", pairing: Pairing::Halves, load: qwen2::load },
    Architecture { name: "qwen3", pairing: Pairing::Halves, load: qwen3::load },
    Architecture { name: "llama", pairing: Pairing::Adjacent, load: llama::load },
];

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
            found: shorten(found),
            supported: list(SUPPORTED.iter().map(|supported| supported.name)),
        };
        SUPPORTED.iter().find(|supported| supported.name == found).ok_or_else(unknown)
    }
}
