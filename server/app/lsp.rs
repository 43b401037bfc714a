//! The language server on stdio.
//!
//! ```text
//! stdin ─▶ transport: frame ─▶ message ─▶ main_loop ─▶ dispatch ─▶ documents (edits, at once)
//!              │ errors                       ▲           └──▶ tower-lsp ─▶ routes ─▶ handlers
//! stdout ◀─ outbox ◀──────────────────────────┴── responses, when they are ready ◀────┘
//! ```
//! Only this module knows LSP. Invariants: every message takes effect in arrival order; every
//! request is answered exactly once; no answer is delivered for a text that has changed; only
//! `exit` or the end of stdin ends the server; the log has counts, names and durations, never a
//! document's text.

use std::time::Duration;

use anyhow::Context;
use lowkey_document::PositionEncoding;
use lowkey_terminal::{ending, log};

use crate::tasks;

mod ask_again;
mod clients;
mod convert;
mod copilot;
mod dispatch;
mod documents;
mod handlers;
mod main_loop;
mod placement;
mod progress;
mod remote;
mod routes;
mod session;
mod suggest;
mod transport;

use documents::Documents;
use main_loop::ToClient;
use transport::message::{self, Message};
use transport::outbox::Outbox;

/// Time limit for writing the last answers.
const FLUSH: Duration = Duration::from_secs(2);

/// Serves on stdin and stdout until the editor leaves; returns the exit code of the process.
///
/// The code is 0 if the editor requested the shutdown first, else 1. The caller must end the
/// process, because a thread may still wait for stdin.
pub fn run() -> anyhow::Result<i32> {
    log::start(log::SERVER_FILTER);
    let runtime = tasks::runtime()?;
    let (service, socket) = routes::service();
    let session = service.inner().clone();
    let ending = session.clone();
    ending::on_signals(move |signal| {
        ending.end();
        log::finish();
        // A shell uses this exit code for a process that a signal ended.
        std::process::exit(128 + signal);
    })
    .context("listening for signals")?;
    let outbox = Outbox::start(std::io::stdout()).context("starting to write to stdout")?;
    let messages =
        message::start(std::io::stdin(), outbox.clone()).context("starting to read stdin")?;
    let (requests, responses) = socket.split();
    let to_client = ToClient { requests, responses };
    let edits = session.clone();
    runtime.block_on(async {
        main_loop::run(service, edits, to_client, messages, outbox.clone()).await;
        session.end();
    });
    let code = i32::from(!session.is_shut_down());
    runtime.shutdown_background();
    outbox.finish(FLUSH);
    tracing::info!(code, "bye");
    log::finish();
    Ok(code)
}

/// Reads messages and applies their edits without a model, for the fuzz targets.
///
/// Returns the number of messages that a server would receive.
#[doc(hidden)]
pub fn read_and_apply(input: &[u8]) -> usize {
    let documents = Documents::default();
    let messages = message::all(input);
    let n_messages = messages.len();
    for message in messages {
        let Message::Request(request) = message else { continue };
        let (method, _, params) = request.into_parts();
        if Documents::takes(&method) {
            documents.apply(&method, params.unwrap_or_default(), PositionEncoding::Utf16);
        }
    }
    n_messages
}
