//! Where models come from: the one inside the binary, the catalog, and files that the user names.
//!
//! The embedded model is compiled in, not installed beside the binary: one file to
//! copy, nothing to lose, and `cargo run` works from a fresh clone. At under five
//! megabytes the price is small; the binary's limit is 100 MB.
//!
//! Invariant: this is the only crate that may ever open an outbound socket, and only
//! [`Pull::run`] does, which only `lowkey models pull` calls.

mod amount;
mod cache;
mod catalog;
mod embedded;
mod error;
mod http;
mod hub;
mod kept;
mod pins;
mod pull;
mod source;

pub use amount::amount;
pub use cache::Cache;
pub use catalog::{Entry, catalog, entry};
pub use embedded::{EMBEDDED, Embedded};
pub use error::StoreError;
pub use http::Patience;
pub use hub::{DEFAULT_ENDPOINT, Hub, Token};
pub use kept::{checked, here, pin, remove};
pub use pins::{Pin, Pins};
pub use pull::{Event, Pull, Pulled};
pub use source::{Source, SourceError, resolve};
