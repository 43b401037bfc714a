//! `lowkey serve --http PORT`: suggestions for editors that speak HTTP and not LSP, as Zed does.
//!
//! The server answers `POST /v1/completions`, like `OpenAI`-compatible servers, and `GET
//! /v1/models`. It listens on the loopback interface only and requires a token. A request's prompt
//! holds the text around the cursor between the markers of some model family. The text goes through
//! the same stages as an editor's request.
//!
//! `hyper` speaks HTTP/1 ([`connection`]); what a request means begins in [`routes`].
//!
//! Invariants: the server listens only if the command line says so; a request's host and token are
//! checked before the rest of it; memory and time of a connection are bounded; no answer lets a web
//! page read it (no CORS).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use lowkey_completer::settings::Settings;
use lowkey_completer::{Completer, load};
use lowkey_terminal::{ending, log};
use tokio::net::{TcpListener, TcpStream};

mod access;
mod body;
mod client;
mod completions;
mod connection;
mod connections;
mod fim;
mod guess;
mod response;
mod routes;
mod token;

use client::Client;
use connections::{ConnectionPermit, Connections};

use crate::embedded::embedded;
use crate::stderr::print_stderr;
use crate::tasks;

/// Time limit of a connection without a complete request head. A client that idles for longer
/// connects again.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause after a failed accept: without free descriptors, accepting fails again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Minimum time between log messages about failed accepts.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// The state that all connections share.
struct Shared {
    completer: Arc<Completer>,
    token: String,
    port: u16,
}

/// Serves until a signal ends the process; returns only if serving fails.
///
/// Fails if the port is taken, or if the token can neither be read nor created.
pub(crate) fn run(port: u16) -> anyhow::Result<()> {
    let (settings, problems) = Settings::load(&serde_json::Value::Null);
    for problem in problems {
        print_stderr!("lowkey: settings: {problem}");
    }
    let (token, place) = token::find()?;
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let runtime = tasks::runtime_with_network()?;
    let listener = runtime.block_on(TcpListener::bind(wanted)).with_context(|| {
        format!("cannot listen on {wanted}; another program may use the port: choose another with --http PORT")
    })?;
    let port = listener.local_addr().context("reading the port")?.port();
    let keep = load::keep(&settings);
    let completer =
        Completer::start(settings, embedded(), keep).context("starting the engine's thread")?;
    if let Some(problem) = completer.use_refiners() {
        print_stderr!("lowkey: settings: {problem}");
    }
    let at_exit = Arc::clone(&completer);
    ending::on_signals(move |_| {
        at_exit.shutdown();
        log::finish();
        std::process::exit(0);
    })
    .context("listening for signals")?;
    print_stderr!("lowkey: listens on http://127.0.0.1:{port}/v1/completions");
    print_stderr!("lowkey: clients need the token in {place}");
    runtime.block_on(accept(&listener, Arc::new(Shared { completer, token, port })))
}

/// Accepts connections, and serves each as a task.
async fn accept(listener: &TcpListener, shared: Arc<Shared>) -> ! {
    let connections = Connections::new();
    let mut logged: Option<Instant> = None;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Some(permit) = connections.admit().await {
                    tokio::spawn(serve(stream, permit, Arc::clone(&shared)));
                }
            }
            // A client that left before it was accepted is no reason to stop.
            Err(error) => {
                // Logs neither every attempt nor after every success: at the limit of descriptors,
                // failures and successes alternate.
                if logged.is_none_or(|at| at.elapsed() >= LOG_INTERVAL) {
                    logged = Some(Instant::now());
                    tracing::warn!(%error, "connections cannot be accepted");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves a connection until it ends, or must close for a new one.
async fn serve(stream: TcpStream, permit: ConnectionPermit, shared: Arc<Shared>) {
    // Fails without free descriptors, or if the client has left.
    let Ok((stream, client)) = Client::of(stream) else { return };
    let answer = |request| routes::answer(&shared, &permit, &client, request);
    tokio::select! {
        () = connection::serve(stream, HEAD_TIMEOUT, answer) => {}
        () = permit.evicted() => {}
    }
}
