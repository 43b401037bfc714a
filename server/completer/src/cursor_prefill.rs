//! Prefills the prompt at the resting cursor, before the first key.
//!
//! If a client reports where the cursor rests (`$/lowkey/cursor`), the prompt of that place is
//! computed at low priority, and the first request there finds it in a session. Nothing is decoded,
//! stored or reported.
//!
//! Invariants: at most one such job exists for all documents; a place without suggestions is not
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
    /// Does nothing if the place is that of the last call, or if a request there would get no
    /// suggestion. While the model loads, the newest place is kept. Must be called in a tokio
    /// runtime.
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
        let active = ActiveRequest::background(self.with_snippets(request));
        // A request here would get no suggestion. The cursor has left the previous place, so its
        // job ends too.
        let Ok(prepared) = self.prepare(&active, &settings) else {
            return self.documents().prefill.stop();
        };
        // The small prompt comes first, because the user may type before the whole one is computed.
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
            requires_text: false,
            small_prompt: first,
            ..prepared.job("", active.asked, done)
        };
        let ticket = self.engine.submit(job);
        self.documents().prefill.start(target, ticket);
    }
}
