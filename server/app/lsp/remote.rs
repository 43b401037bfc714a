//! One message when the remote server or the second model begins to fail.
//!
//! The server is asked many times an hour. A user reads the first reason; `$/lowkey/status` has the
//! present one, and each report of an answer its own.

use lowkey_completer::plain::plain;
use lowkey_completer::{RemoteState, SecondModelState};
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

/// Starts the messages about the second model: one for each failure to load, which only a change of
/// the setting can repeat.
pub(super) fn report_second(client: Client, mut state: watch::Receiver<SecondModelState>) {
    tokio::spawn(async move {
        while state.changed().await.is_ok() {
            let now = state.borrow_and_update().clone();
            if let SecondModelState::Failed { reason } = now {
                let words = plain(format_args!("lowkey: {reason}"));
                client.show_message(MessageType::WARNING, words).await;
            }
        }
    });
}
