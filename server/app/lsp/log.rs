//! The log: stderr only, counts and durations, never a document's text.
//!
//! `LOWKEY_LOG` takes a filter like `debug` or `lowkey=trace`; only `trace` of the
//! protocol library shows messages. A panic is logged by its place alone, because its
//! words may quote a string that was cut in the wrong place.

use tracing_subscriber::EnvFilter;

/// Without `LOWKEY_LOG`: what we do, and warnings of the libraries.
const DEFAULT: &str = "warn,lowkey=info";

/// Starts to log.
pub(super) fn start() {
    let filter = EnvFilter::try_from_env("LOWKEY_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    // Already started when the command line did it first.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        tracing::error!(thread = thread.name().unwrap_or("unnamed"), "panicked at {place}");
    }));
}
