//! The log: stderr only, counts and durations, never a document's text.
//!
//! `LOWKEY_LOG` takes a filter like `debug` or `lowkey=trace`; only `trace` of the protocol library
//! shows messages. The log of a panic has only its location, because its message may quote source
//! text.
//!
//! If an editor never reads stderr, a pipe of 64 kB fills and a write blocks forever. If the reader
//! is closed, every write fails. A bounded queue therefore passes lines to a separate thread. Lines
//! that do not fit are dropped and counted, and lines that cannot be written are lost.
//!
//! Invariant: logging never waits, never fails and never panics.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Maximum number of lines that wait for stderr; the longest are a few hundred bytes.
const MAX_LINES: usize = 1024;

/// Time limit for writing the last lines at the end of the process.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(200);

/// Default filter of a language server: lowkey's actions, and warnings of libraries.
pub const SERVER_FILTER: &str = "warn,lowkey=info";

/// Default filter of every other command.
pub const COMMAND_FILTER: &str = "warn";

/// The log of this process.
static LOG: OnceLock<Log> = OnceLock::new();

enum LogMessage {
    Line(Vec<u8>),
    /// Everything before this is written when the sender inside is used.
    Finish(SyncSender<()>),
}

/// The sending end of the queue. Clones share one queue.
#[derive(Debug, Clone)]
struct Log {
    queue: SyncSender<LogMessage>,
    n_lost: Arc<AtomicU64>,
}

/// Starts the log; `default` is the filter without `LOWKEY_LOG`.
pub fn start(default: &str) {
    let filter = EnvFilter::try_from_env("LOWKEY_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    // Without a thread there is no log, and everything else works.
    if let Ok(log) = Log::start(io::stderr()) {
        let log = LOG.get_or_init(|| log).clone();
        // The command line may have started it already.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(log)
            .with_ansi(false)
            // Otherwise it would print its own failures to stderr, and panic there.
            .log_internal_errors(false)
            .try_init();
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        tracing::error!(thread = thread.name().unwrap_or("unnamed"), "panicked at {place}");
    }));
}

/// Waits briefly for the queued lines, before the process ends.
pub fn finish() {
    if let Some(log) = LOG.get() {
        let (done, written) = sync_channel(1);
        if log.queue.try_send(LogMessage::Finish(done)).is_ok() {
            let _ = written.recv_timeout(FLUSH_TIMEOUT);
        }
    }
}

impl Log {
    fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, messages) = sync_channel(MAX_LINES);
        let n_lost = Arc::new(AtomicU64::new(0));
        let lost = Arc::clone(&n_lost);
        std::thread::Builder::new()
            .name("lowkey-log".into())
            .spawn(move || write_all(output, &messages, &lost))?;
        Ok(Self { queue, n_lost })
    }
}

fn write_all(mut output: impl Write, messages: &Receiver<LogMessage>, n_lost: &AtomicU64) {
    while let Ok(message) = messages.recv() {
        match message {
            LogMessage::Line(line) => {
                if output.write_all(&line).is_err() {
                    n_lost.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
            }
            LogMessage::Finish(done) => _ = done.send(()),
        }
        // Reported when there is room again, so that a gap in the log is visible.
        let n = n_lost.swap(0, Ordering::Relaxed);
        if n > 0 && writeln!(output, "lowkey: {n} lines of the log were lost").is_err() {
            n_lost.fetch_add(n, Ordering::Relaxed);
        }
        let _ = output.flush();
    }
}

/// One event's line: tracing writes it in pieces, and it is queued when it is complete.
#[derive(Debug)]
struct Line {
    log: Log,
    bytes: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let line = std::mem::take(&mut self.bytes);
        if line.is_empty() {
            return;
        }
        if let Err(TrySendError::Full(_)) = self.log.queue.try_send(LogMessage::Line(line)) {
            self.log.n_lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Line;

    fn make_writer(&'w self) -> Line {
        Line { log: self.clone(), bytes: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// An output that waits for a permission per write, and fails if it is refused.
    struct Gated {
        permits: Receiver<bool>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.permits.recv() != Ok(true) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated() -> (Log, Sender<bool>, Arc<Mutex<Vec<u8>>>) {
        let (permit, permits) = channel();
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let log = Log::start(Gated { permits, written: Arc::clone(&written) }).unwrap();
        (log, permit, written)
    }

    fn write_lines(log: &Log, n: usize) {
        for idx in 0..n {
            let _ = writeln!(log.make_writer(), "line {idx}");
        }
    }

    fn wait(log: &Log) {
        let (done, written) = sync_channel(1);
        log.queue.send(LogMessage::Finish(done)).unwrap();
        written.recv().unwrap();
    }

    #[test]
    fn unread_stderr_loses_lines_without_waiting() {
        let (log, permit, written) = gated();
        write_lines(&log, 3 * MAX_LINES);
        let n_lost = log.n_lost.load(Ordering::Relaxed);
        assert!((2 * MAX_LINES as u64 - 1..=2 * MAX_LINES as u64).contains(&n_lost), "{n_lost}");
        for _ in 0..=2 * MAX_LINES {
            permit.send(true).unwrap();
        }
        wait(&log);
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert!(text.starts_with("line 0\n"), "the first lines are kept, in order");
        assert!(text.contains(&format!("{n_lost} lines of the log were lost")), "{text}");
    }

    #[test]
    fn unwritable_stderr_is_ignored() {
        let (log, permit, written) = gated();
        permit.send(false).unwrap();
        write_lines(&log, 1);
        for _ in 0..8 {
            permit.send(true).unwrap();
        }
        write_lines(&log, 1);
        wait(&log);
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert!(text.contains("1 lines of the log were lost"), "{text}");
    }
}
