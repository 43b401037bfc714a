//! Cancels the work of a request when the client drops it and no other request follows.

use std::sync::Arc;
use std::time::Duration;

use lowkey_document::Uri;
use tokio::runtime::Handle;

use crate::request::{ActiveRequest, Surface};
use crate::state::Completer;

/// How long the work continues after the client has cancelled its request. Editors cancel one
/// request to send the next, which joins the work if the user typed its text.
const CANCEL_DELAY: Duration = Duration::from_millis(150);

/// The guard of a request; dropping it before [`answered`](Self::answered) cancels the work.
pub(crate) struct CancelOnDrop {
    completer: Arc<Completer>,
    uri: Uri,
    surface: Surface,
    id: u64,
    is_answered: bool,
}

impl CancelOnDrop {
    pub(crate) fn new(completer: &Arc<Completer>, active: &ActiveRequest) -> Self {
        Self {
            completer: Arc::clone(completer),
            uri: active.uri().clone(),
            surface: active.request.surface,
            id: active.id,
            is_answered: false,
        }
    }

    /// Lets the work go on: its text after the answer is for the next key.
    pub(crate) fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        let (uri, surface, id) = (self.uri.clone(), self.surface, self.id);
        let stop = move |completer: &Completer| {
            let mut documents = completer.documents();
            let state = documents.get_mut(&uri);
            let Some(state) = state.filter(|state| state.is_newest(surface, id)) else { return };
            state.stop(surface);
            drop(documents);
            completer.refined.cancel(id);
        };
        match Handle::try_current() {
            Ok(runtime) => {
                let completer = Arc::downgrade(&self.completer);
                runtime.spawn(async move {
                    tokio::time::sleep(CANCEL_DELAY).await;
                    if let Some(completer) = completer.upgrade() {
                        stop(&completer);
                    }
                });
            }
            // The runtime itself is shutting down.
            Err(_) => stop(&self.completer),
        }
    }
}
