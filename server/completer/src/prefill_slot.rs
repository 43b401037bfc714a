//! The job that prefills the prompt at the resting cursor, and its place.

use lowkey_document::Uri;
use lowkey_engine::Ticket;

use crate::request::{CompletionRequest, Subject};

/// At most one job, for the latest place.
#[derive(Default)]
pub(crate) struct PrefillSlot {
    /// The place of the last prefill, running or ended. Dropping the ticket cancels the job.
    last: Option<(Target, Ticket)>,
    /// The latest place that arrived while the model loaded.
    waiting: Option<CompletionRequest>,
}

/// A place in a text.
#[derive(PartialEq, Eq)]
pub(crate) struct Target {
    uri: Uri,
    about: Subject,
    line: usize,
}

impl Target {
    /// Returns the place of a request.
    pub(crate) fn of(request: &CompletionRequest) -> Self {
        let snapshot = &request.snapshot;
        Self {
            uri: snapshot.uri().clone(),
            about: request.subject(),
            line: snapshot.line_of(request.cursor),
        }
    }

    /// Whether a request still benefits from a job at this place.
    fn serves(&self, request: &CompletionRequest) -> bool {
        let snapshot = &request.snapshot;
        self.uri == *snapshot.uri() && self.line == snapshot.line_of(request.cursor)
    }
}

impl PrefillSlot {
    /// Keeps a place until the model is loaded; returns whether another one was kept before.
    pub(crate) fn wait(&mut self, request: CompletionRequest) -> bool {
        self.waiting.replace(request).is_some()
    }

    /// Takes the kept place.
    pub(crate) fn take_waiting(&mut self) -> Option<CompletionRequest> {
        self.waiting.take()
    }

    /// Whether the last job is for this place.
    pub(crate) fn is_for(&self, target: &Target) -> bool {
        self.last.as_ref().is_some_and(|(last, _)| last == target)
    }

    /// Replaces the last job, which ends.
    pub(crate) fn start(&mut self, target: Target, ticket: Ticket) {
        self.last = Some((target, ticket));
    }

    /// Ends the job.
    pub(crate) fn stop(&mut self) {
        self.last = None;
    }

    /// Ends the job if a request arrives on another line: the user has moved there.
    pub(crate) fn keep_for(&mut self, request: &CompletionRequest) {
        self.last.take_if(|(target, _)| !target.serves(request));
        self.waiting.take_if(|waiting| !Target::of(waiting).serves(request));
    }

    /// Ends the job of a closed document.
    pub(crate) fn leave(&mut self, uri: &Uri) {
        self.last.take_if(|(target, _)| target.uri == *uri);
        self.waiting.take_if(|request| request.snapshot.uri() == uri);
    }
}

#[cfg(test)]
mod tests {
    use lowkey_document::{ByteOffset, Document};

    use super::*;

    fn request(uri: &str, version: i32, cursor: usize) -> CompletionRequest {
        let document = Document::open(uri, "rust", version, "let a;\nlet b;\n");
        CompletionRequest::new(document.snapshot(), ByteOffset(cursor))
    }

    #[test]
    fn job_serves_its_line_only() {
        let target = Target::of(&request("file:///a.rs", 1, 3));
        assert!(target.serves(&request("file:///a.rs", 2, 6)), "the next keys on the line");
        assert!(!target.serves(&request("file:///a.rs", 1, 7)), "another line");
        assert!(!target.serves(&request("file:///b.rs", 1, 3)), "another document");
    }

    #[test]
    fn other_text_is_another_place() {
        let target = Target::of(&request("file:///a.rs", 1, 3));
        assert!(target == Target::of(&request("file:///a.rs", 1, 3)));
        for other in [request("file:///a.rs", 2, 3), request("file:///a.rs", 1, 4)] {
            assert!(target != Target::of(&other));
        }
    }
}
