//! A running job, as its waiting requests see it.
//!
//! The engine's thread writes the text after each token; any number of requests read it in
//! sequence. A request whose text agrees with the decoded text joins the job instead of starting
//! another.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use lowkey_engine::{Priority, Ticket};
use lowkey_suggestion::{Confidence, MemoryKey, StopReason};
use tokio::sync::watch;

/// The result of a job.
pub(crate) type Generated = lowkey_engine::Generated<StopReason>;
/// Why the engine ended a job.
pub(crate) type Stop = lowkey_engine::Stop<StopReason>;

/// The progress of a decoding.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    /// Text after the forced text.
    pub(crate) text: String,
    /// The model's confidence in the whole decoded text; `None` if it is empty.
    pub(crate) confidence: Option<Confidence>,
    /// Whether the text is already a result, and the engine only looks for a more probable one.
    pub(crate) is_whole: bool,
    /// The result, after the end.
    pub(crate) ended: Option<Generated>,
}

/// A running (or ended) job. Dropping the last reference cancels it.
pub(crate) struct RunningJob {
    /// The subject of the job: window and document, without the cursor's line.
    pub(crate) key: MemoryKey,
    /// Text from the anchor to the cursor at submission.
    pub(crate) forced: String,
    pub(crate) priority: Priority,
    pub(crate) progress: watch::Receiver<Progress>,
    /// Whether a report has its tokens: each token is reported once.
    pub(crate) reported: AtomicBool,
    /// Whether a request was answered before the end: then the text must not change any more.
    pub(crate) answered: Arc<AtomicBool>,
    pub(crate) ticket: Ticket,
}

/// The relation between a running decoding and the typed text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// The decoded text begins with all text typed since; that text has this many bytes.
    Ahead(usize),
    /// The decoded text is shorter, and agrees so far.
    Behind,
    /// They differ.
    Diverged,
}

impl RunningJob {
    /// Whether the job decodes, or decoded, the text for a request at `key` with the text `typed`.
    ///
    /// An ended job must have decoded more than the typed text; a running one may still get there.
    pub(crate) fn can_serve(&self, key: &MemoryKey, typed: &str) -> bool {
        let progress = self.progress.borrow();
        self.key == *key
            && match (&progress.ended, agreement(&self.forced, &progress.text, typed)) {
                (Some(made), Agreement::Ahead(_)) => is_whole(made.stop),
                (None, Agreement::Ahead(_) | Agreement::Behind) => true,
                (_, Agreement::Diverged) | (Some(_), Agreement::Behind) => false,
            }
    }
}

/// Compares `decoded`, which follows `forced`, with the text `typed` from the same anchor.
pub(crate) fn agreement(forced: &str, decoded: &str, typed: &str) -> Agreement {
    let Some(since) = typed.strip_prefix(forced) else { return Agreement::Diverged };
    if decoded.starts_with(since) {
        Agreement::Ahead(since.len())
    } else if since.starts_with(decoded) {
        Agreement::Behind
    } else {
        Agreement::Diverged
    }
}

/// Whether the decoding ended without an interruption: by the model, by a rule, or at a limit.
pub(crate) fn is_whole(stop: Stop) -> bool {
    ended_by_itself(stop) || stop == Stop::Limit
}

/// Whether the model or a rule ended the text; a limit cuts it anywhere.
pub(crate) fn ended_by_itself(stop: Stop) -> bool {
    matches!(stop, Stop::EndToken | Stop::Rule(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_the_decoded_text_agrees() {
        assert_eq!(agreement("re", "turn x", "re"), Agreement::Ahead(0));
        assert_eq!(agreement("re", "turn x", "ret"), Agreement::Ahead(1));
        assert_eq!(agreement("re", "t", "retu"), Agreement::Behind);
        assert_eq!(agreement("re", "", "re"), Agreement::Ahead(0));
    }

    #[test]
    fn typing_other_text_diverges() {
        assert_eq!(agreement("re", "turn", "rex"), Agreement::Diverged);
        assert_eq!(agreement("ret", "urn", "re"), Agreement::Diverged);
    }
}
