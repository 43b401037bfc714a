//! The language server on stdio.
//!
//! ```text
//! stdin ─▶ frame ─▶ filter ─▶ tower-lsp's decoder ─▶ inbox ─▶ documents (edits, at once)
//!                     │ errors                         └────▶ handlers (polled once, at once)
//! stdout ◀─ outbox ◀──┴─────── tower-lsp's encoder ◀──────────────┘ answers, when they come
//! ```
//! Only this module knows LSP. Invariants: every message takes effect in arrival order;
//! every request is answered exactly once; no answer is delivered for a text that has
//! changed; nothing that an editor sends ends the server but `exit` or the end of stdin;
//! the log has counts, names and durations, never a document's text.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use lowkey_document::PositionEncoding;
use tokio::io::{AsyncRead, AsyncWrite};
use tower_lsp::jsonrpc::Request;
use tower_lsp::{LspService, Server};

use crate::{ending, log, tasks};

mod answer;
mod backend;
mod clients;
mod commands;
mod completion;
mod configuration;
mod convert;
mod copilot;
mod cursor;
mod documents;
mod explain;
mod filter;
mod frame;
mod inbox;
mod inline_completion;
mod link;
mod outbox;
mod placement;
mod progress;
mod surrogates;

use backend::Backend;
use inbox::Inbox;
use link::Link;
use outbox::Outbox;

/// Handlers that may wait at a time: so many that a flood of requests never keeps an
/// edit or a cancellation waiting. Superseded ones end at once, so few ever wait.
const MAX_WAITING: usize = 1 << 20;

/// How long the last answers may take to be written.
const FLUSH: Duration = Duration::from_secs(2);

/// Serves on stdin and stdout until the editor leaves; returns the exit code of the process.
///
/// The code is 0 when the editor asked to shut down first, else 1. The caller ends the
/// process: a thread may still wait for stdin.
pub fn run() -> anyhow::Result<i32> {
    log::start(log::OF_A_SERVER);
    let runtime = tasks::runtime()?;
    let link = Arc::new(Link::default());
    let ending = Arc::clone(&link);
    ending::on_signals(move |signal| {
        if let Some(negotiated) = ending.negotiated() {
            negotiated.completer.shutdown();
        }
        log::finish();
        // As the shell tells which signal ended a process.
        std::process::exit(128 + signal);
    })
    .context("listening for signals")?;
    let outbox = Outbox::start(std::io::stdout()).context("starting to write to stdout")?;
    let inlet =
        filter::start(std::io::stdin(), outbox.clone()).context("starting to read stdin")?;
    let code = runtime.block_on(serve(link, inlet, outbox.clone()));
    runtime.shutdown_background();
    outbox.finish(FLUSH);
    tracing::info!(code, "bye");
    log::finish();
    Ok(code)
}

/// Reads what an editor could send and applies its edits, without a model: what the fuzz targets do.
///
/// Returns the number of messages that would have reached the server.
#[doc(hidden)]
pub fn read_and_apply(input: &[u8]) -> usize {
    let documents = documents::Documents::default();
    let passed = filter::passed(input);
    for body in &passed {
        let Ok(request) = serde_json::from_slice::<Request>(body) else { continue };
        let (method, _, params) = request.into_parts();
        if documents::Documents::takes(&method) {
            documents.apply(&method, params.unwrap_or_default(), PositionEncoding::Utf16);
        }
    }
    passed.len()
}

/// Serves one connection until `exit` or the end of `input`.
async fn serve(link: Arc<Link>, input: impl AsyncRead + Unpin, output: impl AsyncWrite) -> i32 {
    let service = LspService::build(|client| Backend::new(client, Arc::clone(&link)))
        .custom_method("textDocument/inlineCompletion", Backend::inline_completion)
        .custom_method("$/lowkey/explain", Backend::explain)
        .custom_method("$/lowkey/document", Backend::document)
        .custom_method("$/lowkey/status", Backend::status)
        .custom_method("$/lowkey/cursor", Backend::cursor);
    let (service, socket) = copilot::with_methods(service).finish();
    let inbox = Inbox::new(service, Arc::clone(&link));
    Server::new(input, output, socket).concurrency_level(MAX_WAITING).serve(inbox).await;
    if let Some(negotiated) = link.negotiated() {
        negotiated.completer.shutdown();
    }
    i32::from(!link.is_shut_down())
}
