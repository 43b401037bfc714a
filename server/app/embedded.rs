//! The model in the program, for the commands that load one.
//!
//! `main` sets it once. No library contains the weights, so tests of this crate have no embedded
//! model.

use lowkey_completer::EmbeddedModel;

use std::sync::OnceLock;

static EMBEDDED: OnceLock<EmbeddedModel> = OnceLock::new();

/// Sets the model. Later calls have no effect.
pub(crate) fn set(model: EmbeddedModel) {
    let _ = EMBEDDED.set(model);
}

/// Returns the model, if the program has one.
pub(crate) fn embedded() -> Option<EmbeddedModel> {
    EMBEDDED.get().copied()
}
