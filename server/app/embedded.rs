//! The model inside the program, for the commands that load one.
//!
//! `main` sets it once. No library contains the weights: a test of this one has no embedded model.

use lowkey_completer::Embedded;

use std::sync::OnceLock;

static EMBEDDED: OnceLock<Embedded> = OnceLock::new();

/// Sets the model. Only the first call counts.
pub(crate) fn set(model: Embedded) {
    let _ = EMBEDDED.set(model);
}

/// Returns the model, where the program has one.
pub(crate) fn embedded() -> Option<Embedded> {
    EMBEDDED.get().copied()
}
