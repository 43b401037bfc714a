//! `lowkey serve --http PORT`: suggestions for editors that speak HTTP and not LSP, as Zed does.
//!
//! The server has one address, `POST /v1/completions`, like `OpenAI`-compatible servers. It listens
//! on the loopback interface only and requires a token. A request's prompt holds the text around
//! the cursor between the markers of some model family. The text goes through the same stages as an
//! editor's request.
//!
//! Invariants: the server listens only if the command line says so; a request's host and token are
//! checked before the rest of it; memory and time of a connection are bounded; no answer lets a web
//! page read it (no CORS).

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use lowkey_completer::settings::Settings;
use lowkey_completer::{Completer, dirs};
use tokio::runtime::Handle;

mod completions;
mod connection;
mod fim;
mod gate;
mod guess;
mod request;
mod response;
mod seats;
mod token;

use crate::embedded::embedded;
use crate::stderr::print_stderr;
use lowkey_terminal::{ending, log};

use crate::tasks;
use response::{Refusal, Response};
use seats::{MOST_CONNECTIONS, Seats};

/// Pause after a failed accept: without free descriptors, accepting fails again at once.
const REST: Duration = Duration::from_millis(200);
/// Minimum time between log messages about failed accepts.
const SILENCE: Duration = Duration::from_mins(1);

/// The state that all connections share.
struct Shared {
    completer: Arc<Completer>,
    token: String,
    port: u16,
    runtime: Handle,
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
    let listener = TcpListener::bind(wanted).with_context(|| {
        format!("cannot listen on {wanted}; another program may use the port: choose another with --http PORT")
    })?;
    let port = listener.local_addr().context("reading the port")?.port();
    let runtime = tasks::runtime()?;
    let keep = dirs::keep(&settings);
    let completer =
        Completer::start(settings, embedded(), keep).context("starting the engine's thread")?;
    let farewell = Arc::clone(&completer);
    ending::on_signals(move |_| {
        farewell.shutdown();
        log::finish();
        std::process::exit(0);
    })
    .context("listening for signals")?;
    print_stderr!("lowkey: listens on http://127.0.0.1:{port}/v1/completions");
    print_stderr!("lowkey: clients need the token in {place}");
    let shared = Arc::new(Shared { completer, token, port, runtime: runtime.handle().clone() });
    let seats = Arc::<Seats>::default();
    let mut said: Option<Instant> = None;
    loop {
        match listener.accept() {
            Ok((stream, _)) => admit(&shared, &seats, stream),
            // A client that left before it was accepted is no reason to stop.
            Err(error) => {
                // Logs neither every attempt nor after every success: at the limit of descriptors,
                // failures and successes alternate.
                if said.is_none_or(|at| at.elapsed() >= SILENCE) {
                    said = Some(Instant::now());
                    tracing::warn!(%error, "connections cannot be accepted");
                }
                std::thread::sleep(REST);
            }
        }
    }
}

/// Starts a thread for a connection, unless all seats are busy.
fn admit(shared: &Arc<Shared>, seats: &Arc<Seats>, stream: TcpStream) {
    let Some(seat) = seats.take(&stream) else {
        let why = format!("all {MOST_CONNECTIONS} connections are busy; retry later");
        let refusal = Refusal::new(503, why);
        let _ = Response::refusing(&refusal).write(&stream);
        return;
    };
    let shared = Arc::clone(shared);
    let spawned = std::thread::Builder::new().name("lowkey-http".into()).spawn(move || {
        connection::serve(&shared, &seat, stream);
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "cannot start a thread for a connection");
    }
}
