//! Sources of models: the one inside the binary, the catalog, and files that the user names.
//!
//! The default model is compiled into the program, not installed as a separate file: there is one
//! file to copy and no file to lose, and `cargo run` works from a fresh clone. This crate defines
//! the type, [`EmbeddedModel`]; only the program contains the weights.
//!
//! Invariant: only [`Pull::run`] opens a socket, and only `lowkey models pull` calls it.

mod amount;
mod cache;
mod catalog;
mod embedded;
mod error;
mod event;
mod folder;
mod http;
mod hub;
mod local;
mod pins;
mod pip;
mod pull;
mod source;

pub use amount::amount;
pub use cache::Cache;
pub use catalog::{CatalogEntry, Wheels, catalog, entry};
pub use embedded::{DEFAULT_NAME, EmbeddedModel, FORMER_NAME, Weights, is_default};
pub use error::StoreError;
pub use event::{Event, Origin};
pub use http::Timeouts;
pub use hub::{AuthToken, DEFAULT_ENDPOINT, Hub};
pub use local::{cached_file, pin_of, remove, verify};
pub use pins::{Pin, Pins};
pub use pip::Index;
pub use pull::{Pull, Pulled};
pub use source::{ModelSource, SourceError, resolve};
