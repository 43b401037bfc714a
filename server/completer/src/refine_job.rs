//! A call to the model that refines, as requests see it, and the way its text comes back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use lowkey_remote::RemoteTicket;
use lowkey_suggestion::{CompletionMemory, Confidence, MemoryKey, Middle};
use tokio::sync::watch;

use crate::report::{TextSource, Tokens};
use crate::request::Subject;
use crate::running_job::{Agreement, agreement};
use crate::state::lock;

/// A call. Dropping the last reference cancels it.
pub(crate) struct RefineJob {
    pub(crate) key: MemoryKey,
    /// The document of the call.
    pub(crate) subject: Subject,
    /// Text from the anchor to the cursor at the call.
    pub(crate) forced: String,
    pub(crate) progress: watch::Receiver<RefineProgress>,
    /// The newest request that the call serves.
    owner: AtomicU64,
    /// Whether a task waits for the end of the call.
    pub(crate) is_watched: AtomicBool,
    _ticket: RefineTicket,
}

/// Cancels the call when it is dropped.
pub(crate) enum RefineTicket {
    /// Closes the connection.
    Remote {
        _ticket: RemoteTicket,
    },
    Second {
        _ticket: lowkey_engine::Ticket,
    },
}

/// The progress of a call.
#[derive(Debug, Clone, Default)]
pub(crate) struct RefineProgress {
    /// Text after the forced text.
    pub(crate) text: String,
    pub(crate) ended: Option<RefineOutcome>,
}

/// The end of a call.
#[derive(Debug, Clone)]
pub(crate) enum RefineOutcome {
    Text(RefinedText),
    /// The reason why there is no text.
    Failed(String),
}

/// A text that ended by itself, a rule or a limit; the progress has the text.
#[derive(Debug, Clone)]
pub(crate) struct RefinedText {
    /// `None` if the model reports no probabilities.
    pub(crate) confidence: Option<Confidence>,
    /// The name of the model.
    pub(crate) model: String,
    pub(crate) source: TextSource,
    /// The cost of the text, in words.
    pub(crate) why: String,
    pub(crate) tokens: Tokens,
}

/// Receives the text of a call, on the call's thread.
pub(crate) struct RefineSink {
    pub(crate) key: MemoryKey,
    /// Text from the anchor to the cursor at the call.
    pub(crate) forced: String,
    to_progress: watch::Sender<RefineProgress>,
    memory: Arc<Mutex<CompletionMemory>>,
    model: Arc<Mutex<String>>,
}

impl RefineSink {
    /// Builds a sink that stores its text in `memory`, and the model's name in `model`.
    pub(crate) fn new(
        key: MemoryKey,
        forced: String,
        memory: Arc<Mutex<CompletionMemory>>,
        model: Arc<Mutex<String>>,
    ) -> (Arc<Self>, watch::Receiver<RefineProgress>) {
        let (to_progress, progress) = watch::channel(RefineProgress::default());
        (Arc::new(Self { key, forced, to_progress, memory, model }), progress)
    }

    /// Reports the text so far.
    pub(crate) fn text_so_far(&self, text: &str) {
        self.to_progress.send_modify(|progress| text.clone_into(&mut progress.text));
    }

    /// Stores the text of a call that ended, and reports it.
    pub(crate) fn end(&self, text: Option<String>, outcome: RefineOutcome) {
        if let (Some(text), RefineOutcome::Text(made)) = (&text, &outcome) {
            let middle = Middle {
                text: &format!("{}{text}", self.forced),
                typed_bytes: self.forced.len(),
                is_finished: true,
                confidence: made.confidence,
            };
            lock(&self.model).clone_from(&made.model);
            lock(&self.memory).insert(&self.key, middle);
        }
        self.to_progress.send_modify(|progress| {
            progress.text = text.unwrap_or_default();
            progress.ended = Some(outcome);
        });
    }
}

impl RefineJob {
    /// Builds the call of the request `owner`.
    pub(crate) fn new(
        owner: u64,
        subject: Subject,
        sink: &RefineSink,
        progress: watch::Receiver<RefineProgress>,
        ticket: RefineTicket,
    ) -> Self {
        Self {
            key: sink.key.clone(),
            subject,
            forced: sink.forced.clone(),
            progress,
            owner: AtomicU64::new(owner),
            is_watched: AtomicBool::new(false),
            _ticket: ticket,
        }
    }

    /// Whether the call answers, or may still answer, a request at `key` with the text `typed`.
    pub(crate) fn can_serve(&self, key: &MemoryKey, typed: &str) -> bool {
        let progress = self.progress.borrow();
        self.key == *key
            && match (&progress.ended, agreement(&self.forced, &progress.text, typed)) {
                (Some(RefineOutcome::Failed(_)), _) | (_, Agreement::Diverged) => false,
                (Some(RefineOutcome::Text(_)), agreement) => agreement != Agreement::Behind,
                (None, _) => true,
            }
    }

    /// Makes `owner` the newest request that the call serves.
    pub(crate) fn own(&self, owner: u64) {
        self.owner.store(owner, Ordering::Relaxed);
    }

    /// Whether the call runs for the request `owner`, and for no newer one.
    pub(crate) fn runs_for(&self, owner: u64) -> bool {
        self.owner.load(Ordering::Relaxed) == owner && self.progress.borrow().ended.is_none()
    }
}
