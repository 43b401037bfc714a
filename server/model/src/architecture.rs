//! The architectures that can be loaded, as a table.
//!
//! To add one: a file that names its tensors and builds shared [`Layers`] of them, and a line here.

use crate::config::Keys;
use crate::decoder::Layers;
use crate::error::{list, shorten};
use crate::weights::Weights;
use crate::{
    Config, Metadata, ModelError, gemma, gemma2, granite, llama, phi3, qwen2, qwen3, qwen3moe,
    starcoder2,
};

use lowkey_kernels::Pairing;

/// An architecture: its name in `general.architecture`, and how its model is built.
#[derive(Debug)]
pub(crate) struct Architecture {
    /// The value of `general.architecture`, also what its metadata keys begin with.
    pub(crate) name: &'static str,
    /// Which two values of a head its GGUF files mean to rotate together.
    pub(crate) pairing: Pairing,
    /// Sets what no other architecture has.
    pub(crate) adapt: fn(&Keys<'_>, &mut Config) -> Result<(), ModelError>,
    /// Reads all weights.
    pub(crate) load: fn(&mut Weights<'_>) -> Result<Layers, ModelError>,
}

static SUPPORTED: [Architecture; 9] = [
    Architecture { load: qwen2::load, ..like_llama("qwen2", Pairing::Halves) },
    Architecture { load: qwen3::load, ..like_llama("qwen3", Pairing::Halves) },
    Architecture {
        adapt: qwen3moe::adapt,
        load: qwen3moe::load,
        ..like_llama("qwen3moe", Pairing::Halves)
    },
    like_llama("llama", Pairing::Adjacent),
    Architecture { adapt: granite::adapt, ..like_llama("granite", Pairing::Adjacent) },
    Architecture { load: starcoder2::load, ..like_llama("starcoder2", Pairing::Halves) },
    Architecture { load: phi3::load, ..like_llama("phi3", Pairing::Halves) },
    Architecture { adapt: gemma::adapt, load: gemma::load, ..like_llama("gemma", Pairing::Halves) },
    Architecture {
        adapt: gemma2::adapt,
        load: gemma2::load,
        ..like_llama("gemma2", Pairing::Halves)
    },
];

const fn like_llama(name: &'static str, pairing: Pairing) -> Architecture {
    Architecture { name, pairing, adapt: nothing, load: llama::load }
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
            found: shorten(found),
            supported: list(SUPPORTED.iter().map(|supported| supported.name)),
        };
        SUPPORTED.iter().find(|supported| supported.name == found).ok_or_else(unknown)
    }
}
