//! The answer to a request: the editor's action, and the report that explains it.

use std::sync::Arc;

use crate::insert::Insert;
use crate::report::{Report, to_microseconds};
use crate::request::ActiveRequest;

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The id in the accept command.
    pub id: u64,
    pub outcome: Outcome,
    /// Alternatives, each with its own id for the accept command.
    pub others: Vec<(u64, Insert)>,
    pub report: Arc<Report>,
}

/// The editor's action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Offer this text.
    Insert(Insert),
    /// Offer nothing; the report has the reason.
    Nothing,
    /// A newer request of the same document replaced this one.
    Superseded,
}

impl Answer {
    /// Builds the answer without a suggestion: the rule that prevented it, the reason in words, the
    /// model's name.
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
        let why = "engine: a newer request for the document arrived".into();
        Self { outcome: Outcome::Superseded, ..Self::nothing(active, "superseded", why, "") }
    }
}
