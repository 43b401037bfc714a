//! A job that runs, as the requests that wait for it see it.
//!
//! The engine's thread writes the text after each token; any number of requests, one after the other, read it. A
//! request whose text agrees with the decoded text joins the job instead of starting another.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use lowkey_engine::{Priority, Ticket};
use lowkey_suggestion::{Confidence, MemoryKey, StopReason};
use tokio::sync::watch;

/// The result of a job.
pub(crate) type Generated = lowkey_engine::Generated<StopReason>;
/// Why the engine ended a job.
pub(crate) type Stop = lowkey_engine::Stop<StopReason>;

/// How far a decoding has come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    /// Text after the forced text.
    pub(crate) text: String,
    /// How sure the model is of all that it has decoded; `None` of nothing.
    pub(crate) confidence: Option<Confidence>,
    /// Whether the text is a result already, and only a more probable one is looked for.
    pub(crate) is_whole: bool,
    /// The result, once it has ended.
    pub(crate) ended: Option<Generated>,
}

/// A running (or ended) job. Dropping the last reference cancels it.
pub(crate) struct RunningJob {
    /// What it was asked about: window and document, without the cursor's line.
    pub(crate) key: MemoryKey,
    /// Text from the anchor to the cursor for which it was submitted.
    pub(crate) forced: String,
    /// Whether a request waits for it, or it looks ahead.
    pub(crate) priority: Priority,
    /// How far it has come.
    pub(crate) progress: watch::Receiver<Progress>,
    /// Whether a report has its tokens already: what was computed once is reported once.
    pub(crate) reported: AtomicBool,
    /// Whether a request was answered before the end: then the text stays what it is.
    pub(crate) answered: Arc<AtomicBool>,
    /// The engine's claim on it.
    pub(crate) ticket: Ticket,
}

/// How a running decoding relates to what the user has typed by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// The decoded text begins with all that was typed since; this many bytes of it were.
    Ahead(usize),
    /// It has not come so far yet, and agrees until here.
    Behind,
    /// They differ.
    Diverged,
}

impl RunningJob {
    /// Whether the job decodes, or decoded, what a request at `key` with the text `typed` asks for.
    ///
    /// One that has ended must reach beyond what was typed; one that runs may still get there.
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

/// Whether the decoding ended by itself or at a limit, not because something else mattered more.
pub(crate) fn is_whole(stop: Stop) -> bool {
    ended_by_itself(stop) || stop == Stop::Limit
}

/// Whether the text came to an end of its own; a limit cuts it anywhere.
pub(crate) fn ended_by_itself(stop: Stop) -> bool {
    matches!(stop, Stop::EndToken | Stop::Rule(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_what_is_being_decoded_agrees() {
        assert_eq!(agreement("re", "turn x", "re"), Agreement::Ahead(0));
        assert_eq!(agreement("re", "turn x", "ret"), Agreement::Ahead(1));
        assert_eq!(agreement("re", "t", "retu"), Agreement::Behind);
        assert_eq!(agreement("re", "", "re"), Agreement::Ahead(0));
    }

    #[test]
    fn typing_something_else_or_deleting_diverges() {
        assert_eq!(agreement("re", "turn", "rex"), Agreement::Diverged);
        assert_eq!(agreement("ret", "urn", "re"), Agreement::Diverged);
    }
}
