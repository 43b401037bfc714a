//! The answer to a request: what the editor does, and the report that explains it.

use std::sync::Arc;

use crate::insert::Insert;
use crate::report::{Report, to_microseconds};
use crate::request::ActiveRequest;

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Names the answer in the accept command.
    pub id: u64,
    /// What the editor does.
    pub outcome: Outcome,
    /// Other texts to offer beside it, each with a name of its own for the accept command.
    pub others: Vec<(u64, Insert)>,
    /// How the answer came about.
    pub report: Arc<Report>,
}

/// What the editor does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Offer this.
    Insert(Insert),
    /// Offer nothing; the report says why.
    Nothing,
    /// A newer request of the same document replaced this one.
    Superseded,
}

impl Answer {
    /// Builds the answer that offers nothing: the rule that silenced it, the reason in words, the model's name.
    pub(crate) fn nothing(active: &ActiveRequest, rule: &str, why: String, model: &str) -> Self {
        let mut report = Report {
            silent: Some(rule.to_owned()),
            model: model.to_owned(),
            why: vec![why],
            ..Report::default()
        };
        report.ms.total = to_microseconds(active.elapsed_ms());
        Self {
            id: active.id,
            outcome: Outcome::Nothing,
            others: Vec::new(),
            report: Arc::new(report),
        }
    }

    /// Builds the answer for a request that a newer one of its document replaced.
    pub(crate) fn superseded(active: &ActiveRequest) -> Self {
        let why = "engine: a newer request of the document came".into();
        Self { outcome: Outcome::Superseded, ..Self::nothing(active, "superseded", why, "") }
    }
}
