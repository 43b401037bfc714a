//! The answer to a request: what the editor does, and the report that explains it.

use std::sync::Arc;

use crate::insert::Insert;
use crate::report::Report;

/// What came of a question.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Names the answer in the accept command.
    pub id: u64,
    /// What the editor is to do.
    pub outcome: Outcome,
    /// Other texts to offer beside it, each with a name of its own for the accept command.
    pub others: Vec<(u64, Insert)>,
    /// Everything that can be said about it.
    pub report: Arc<Report>,
}

/// What the editor is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Offer this.
    Insert(Insert),
    /// Offer nothing; the report says why.
    Nothing,
    /// A newer question of the same document replaced this one.
    Superseded,
}
