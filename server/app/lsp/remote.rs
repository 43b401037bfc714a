//! One message when the remote server begins to fail.
//!
//! The server is asked many times an hour. A user reads the first reason; `$/lowkey/status` has the
//! present one, and each report of an answer its own.

use lowkey_completer::RemoteState;
use lowkey_completer::plain::plain;
use tokio::sync::watch;
use tower_lsp::Client;
use tower_lsp::ls_types::MessageType;

/// Starts the messages; they end with the completer.
pub(super) fn report(client: Client, mut state: watch::Receiver<RemoteState>) {
    tokio::spawn(async move {
        let mut told = false;
        while state.changed().await.is_ok() {
            let now = state.borrow_and_update().clone();
            match now {
                RemoteState::Unused | RemoteState::Working { .. } => told = false,
                RemoteState::Failing { reason } if !told => {
                    told = true;
                    let words = plain(format_args!(
                        "lowkey: the remote server is not used for now, suggestions are the local model's: {reason}"
                    ));
                    client.show_message(MessageType::WARNING, words).await;
                }
                RemoteState::Failing { .. } => {}
            }
        }
    });
}
