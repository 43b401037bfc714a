//! Where models come from: the one inside the binary, the catalog, and files that the user names.
//!
//! The default model is compiled into the program, not installed beside it: one file to
//! copy, nothing to lose, and `cargo run` works from a fresh clone. This crate has the
//! type, [`Embedded`]; the weights are in the program alone.
//!
//! Invariant: this is the only crate that may ever open an outbound socket, and only
//! [`Pull::run`] does, which only `lowkey models pull` calls.

mod amount;
mod cache;
mod catalog;
mod embedded;
mod error;
mod event;
mod folder;
mod http;
mod hub;
mod kept;
mod pins;
mod pip;
mod pull;
mod source;
mod text;

pub use amount::amount;
pub use cache::Cache;
pub use catalog::{Entry, Wheels, catalog, entry};
pub use embedded::{DEFAULT_NAME, Embedded, FORMER_NAME, Weights, is_default};
pub use error::StoreError;
pub use event::{Event, Origin};
pub use http::Patience;
pub use hub::{DEFAULT_ENDPOINT, Hub, Token};
pub use kept::{checked, here, pin, remove};
pub use pins::{Pin, Pins};
pub use pip::Index;
pub use pull::{Pull, Pulled};
pub use source::{Source, SourceError, resolve};
