//! The only running call to the model that refines, and its texts.
//!
//! The user is at one place, so there is one call. The texts have a completion memory of their own:
//! the rule about shown texts asks where a text is from.

use std::sync::{Arc, Mutex};

use lowkey_suggestion::{CompletionMemory, MemoryKey};

use crate::refine_job::RefineJob;
use crate::request::Subject;
use crate::state::lock;

/// The call and the texts.
#[derive(Default)]
pub(crate) struct RefineLink {
    /// Texts of the model.
    pub(crate) memory: Arc<Mutex<CompletionMemory>>,
    /// The name of the model whose texts these are.
    pub(crate) model: Arc<Mutex<String>>,
    job: Mutex<Option<Arc<RefineJob>>>,
}

impl RefineLink {
    /// Returns the running call if it serves the request `id`; cancels it if it is about something
    /// else.
    pub(crate) fn job_for(
        &self,
        id: u64,
        subject: Subject,
        key: &MemoryKey,
        typed: &str,
    ) -> Option<Arc<RefineJob>> {
        let mut slot = lock(&self.job);
        let serves = slot.as_ref().is_some_and(|job| job.can_serve(key, typed));
        // Ghost text and popup ask about the same text in different forms: the first one's call
        // goes on.
        let is_other = slot.as_ref().is_some_and(|job| job.subject != subject);
        let stopped = if is_other && !serves { slot.take() } else { None };
        let job = slot.clone().filter(|_| serves);
        drop(slot);
        drop(stopped);
        job.inspect(|job| job.own(id))
    }

    /// Makes `job` the running call; cancels the one before.
    pub(crate) fn start(&self, job: Arc<RefineJob>) {
        let stopped = lock(&self.job).replace(job);
        drop(stopped);
    }

    /// Whether a call about `subject` runs.
    pub(crate) fn is_asked_about(&self, subject: Subject) -> bool {
        let slot = lock(&self.job);
        slot.as_ref()
            .is_some_and(|job| job.subject == subject && job.progress.borrow().ended.is_none())
    }

    /// Cancels the call of the request `id`, which the client has cancelled.
    ///
    /// The user has left the place or wants no text there, so a text for the memory has no use.
    /// What was computed of the prompt stays in the cache of the model.
    pub(crate) fn cancel(&self, id: u64) {
        let stopped = lock(&self.job).take_if(|job| job.runs_for(id));
        drop(stopped);
    }

    /// Cancels the call about a document, and forgets the document's texts.
    pub(crate) fn leave(&self, uri: &str) {
        let stopped = lock(&self.job).take_if(|job| job.key.uri() == uri);
        drop(stopped);
        lock(&self.memory).remove_document(uri);
    }

    /// Cancels the call and forgets all texts: those of one model are not those of another.
    pub(crate) fn clear(&self) {
        let stopped = lock(&self.job).take();
        drop(stopped);
        lock(&self.memory).clear();
    }

    /// Returns the name of the model whose texts are stored.
    pub(crate) fn model(&self) -> String {
        lock(&self.model).clone()
    }
}
