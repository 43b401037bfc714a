//! The weights of the features. `server/training/edits_fit.py` writes this file.

use super::Features;

#[rustfmt::skip]
pub(super) const WEIGHTS: Features = [
    0.0; 47
];
