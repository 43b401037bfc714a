//! A job that runs, as the requests that wait for it see it.
//!
//! The engine's thread writes the text after each token; any number of requests, one
//! after the other, read it. A request whose text continues what is being decoded
//! joins the job instead of starting another.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use lowkey_engine::{Generated, Priority, Ticket};
use lowkey_suggestion::{Confidence, MemoryKey};
use tokio::sync::watch;

/// How far a decoding has come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    /// Text behind the forced text.
    pub(crate) text: String,
    /// How sure the model is of all that it has decoded; `None` of nothing.
    pub(crate) confidence: Option<Confidence>,
    /// Whether the text is a result already, and only a more probable one is looked for.
    pub(crate) is_whole: bool,
    /// The result, once it has ended.
    pub(crate) ended: Option<Generated>,
}

/// A running (or ended) job.
pub(crate) struct Live {
    /// What it was asked about: window and document, without the cursor's line.
    pub(crate) key: MemoryKey,
    /// Text from the anchor to the cursor for which it was submitted.
    pub(crate) forced: String,
    /// Whether somebody asked for it, or it looks ahead.
    pub(crate) priority: Priority,
    /// How far it has come.
    pub(crate) progress: watch::Receiver<Progress>,
    /// Whether a report has its tokens already: what was computed once is reported once.
    pub(crate) reported: AtomicBool,
    /// Whether a request was answered before the end: then the text stays what it is.
    pub(crate) answered: Arc<AtomicBool>,
    /// Dropping this cancels the job.
    pub(crate) _ticket: Ticket,
}

/// How a running decoding relates to what the user has typed by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// The decoded text begins with all that was typed since; so many bytes of it were.
    Ahead(usize),
    /// It has not come so far yet, and agrees until here.
    Behind,
    /// They differ.
    Diverged,
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
