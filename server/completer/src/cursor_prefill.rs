//! Prefilling the prompt where the cursor rests, before the first key.
//!
//! A client that says where the cursor rests (`$/lowkey/cursor`) gets the prompt of that place computed at low
//! priority, so that the first request there finds it in a session. Nothing is decoded, remembered or reported.
//!
//! Invariants: at most one such job exists, for any number of documents; a place where a request would be silent is not
//! prefilled; a request on another line ends the job.

use std::sync::Arc;

use lowkey_engine::{Job, Priority, Status};

use crate::prefill_slot::Target;
use crate::request::{ActiveRequest, CompletionRequest};
use crate::running_job::Generated;
use crate::small_prompt;
use crate::state::Completer;

impl Completer {
    /// Prefills the prompt that this request would use, at low priority.
    ///
    /// Does nothing when the place is the one of the last call, and nothing where a request would be silent. While the
    /// model loads, the newest place waits. Must be called within a tokio runtime.
    pub fn prefill_at_cursor(self: &Arc<Self>, request: CompletionRequest) {
        if !matches!(self.status(), Status::Loading(_)) {
            self.prefill(request);
            return;
        }
        if self.documents().prefill.wait(request) {
            return;
        }
        let completer = Arc::downgrade(self);
        let mut status = self.subscribe_status();
        tokio::spawn(async move {
            let loaded = status.wait_for(|status| !matches!(status, Status::Loading(_)));
            if loaded.await.is_err() {
                return;
            }
            if let Some(completer) = completer.upgrade() {
                let waiting = completer.documents().prefill.take_waiting();
                if let Some(request) = waiting {
                    completer.prefill(request);
                }
            }
        });
    }

    fn prefill(&self, request: CompletionRequest) {
        let settings = self.settings();
        if !settings.prefill_at_cursor {
            return;
        }
        let target = Target::of(&request);
        if self.documents().prefill.is_for(&target) {
            return;
        }
        let active = ActiveRequest::foreseen(request);
        // Where a request would be silent. The cursor has left the previous place, so its job ends too.
        let Ok(prepared) = self.prepare(&active, &settings) else {
            return self.documents().prefill.stop();
        };
        // The small prompt comes first: the user may type before the whole one is computed.
        let first = small_prompt::first(
            &active.request,
            &prepared,
            settings.first_prompt_tokens,
            &self.status.borrow(),
        );
        let work = Arc::clone(&self.work);
        let done = move |generated: Generated| {
            let tokens = generated.tokens;
            work.add(Priority::Background, &tokens);
            tracing::debug!(
                stop = ?generated.stop,
                reused = tokens.reused,
                prefilled = tokens.prefilled,
                "prefilled where the cursor rests"
            );
        };
        let job = Job {
            priority: Priority::Background,
            max_tokens: 0,
            must_write: false,
            first,
            ..prepared.job("", active.asked, done)
        };
        let ticket = self.engine.submit(job);
        self.documents().prefill.start(target, ticket);
    }
}
