//! Small models with random weights, the logits that a reference computes for them, and how far
//! other logits are from these.

mod distance;
mod reference;
mod tiny;

pub use distance::{Distance, distance};
pub use reference::reference_logits;
pub use tiny::{TinyModel, Xorshift64, write_gguf};
