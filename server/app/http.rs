//! `lowkey serve --http PORT`: suggestions for editors that speak HTTP and not LSP, as Zed does.
//!
//! One address, `POST /v1/completions`, as servers of the `OpenAI` kind have it, on the loopback interface
//! only and for whoever has the token. A request's prompt holds the text around the cursor between
//! some model family's markers; it is asked through the same stages as an editor's.
//!
//! Invariants: nothing listens unless the command line says so; no request is looked at before
//! its host and its token are; memory and time of a connection are bounded; no answer lets a web
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
use crate::stderr::tell;
use crate::{ending, log, tasks};
use response::{Refusal, Response};
use seats::{MOST_CONNECTIONS, Seats};

/// How long accepting rests after it failed: with no descriptor left it fails at once, again and again.
const REST: Duration = Duration::from_millis(200);
/// How long nothing is said after the log has had that connections cannot be accepted.
const SILENCE: Duration = Duration::from_mins(1);

/// What all connections share.
struct Shared {
    completer: Arc<Completer>,
    token: String,
    port: u16,
    runtime: Handle,
}

/// Serves until the process is told to end; returns only when it cannot serve.
///
/// Fails when the port is taken, or when the token can neither be read nor made.
pub(crate) fn run(port: u16) -> anyhow::Result<()> {
    let (settings, problems) = Settings::load(&serde_json::Value::Null);
    for problem in problems {
        tell!("lowkey: settings: {problem}");
    }
    let (token, place) = token::find()?;
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(wanted).with_context(|| {
        format!("listening on {wanted}; another program may use the port: choose another with --http PORT")
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
    tell!("lowkey: listens on http://127.0.0.1:{port}/v1/completions");
    tell!("lowkey: clients need the token in {place}");
    let shared = Arc::new(Shared { completer, token, port, runtime: runtime.handle().clone() });
    let seats = Arc::<Seats>::default();
    let mut said: Option<Instant> = None;
    loop {
        match listener.accept() {
            Ok((stream, _)) => admit(&shared, &seats, stream),
            // A client that was gone before it was accepted is no reason to stop.
            Err(error) => {
                // Not once in each attempt, and not after each success either: at the limit of
                // descriptors the two alternate.
                if said.is_none_or(|at| at.elapsed() >= SILENCE) {
                    said = Some(Instant::now());
                    tracing::warn!(%error, "connections cannot be accepted");
                }
                std::thread::sleep(REST);
            }
        }
    }
}

/// Gives a connection a thread of its own, if not all are busy.
fn admit(shared: &Arc<Shared>, seats: &Arc<Seats>, stream: TcpStream) {
    let Some(seat) = seats.take(&stream) else {
        let why = format!(
            "no seat of {MOST_CONNECTIONS} is free: requests are being answered; ask again"
        );
        let refusal = Refusal::new(503, why);
        let _ = Response::refusing(&refusal).write(&stream);
        return;
    };
    let shared = Arc::clone(shared);
    let spawned = std::thread::Builder::new().name("lowkey-http".into()).spawn(move || {
        connection::serve(&shared, &seat, stream);
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "no thread for a connection");
    }
}
