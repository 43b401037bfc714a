//! Messages to stdout, written by a separate thread.
//!
//! There are two senders: the main loop, and the reader of stdin with its own errors. Both put
//! whole frames into one queue without waiting, so an editor that does not read for a while blocks
//! neither edits nor cancellations.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use serde::Serialize;

enum Parcel {
    Frame(Vec<u8>),
    /// The writer uses this sender after it has written everything before.
    Finish(SyncSender<()>),
}

/// A sender to stdout. Clones share one queue.
#[derive(Debug, Clone)]
pub(in crate::lsp) struct Outbox {
    queue: Sender<Parcel>,
}

impl Outbox {
    /// Starts the thread that writes to `output`.
    pub(in crate::lsp) fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, parcels) = channel();
        std::thread::Builder::new()
            .name("lowkey-stdout".into())
            .spawn(move || write_all(output, &parcels))?;
        Ok(Self { queue })
    }

    /// Queues one message as a frame.
    pub(in crate::lsp) fn send(&self, message: &impl Serialize) {
        let Ok(body) = serde_json::to_vec(message) else {
            tracing::error!("a message could not be written as JSON");
            return;
        };
        let mut frame = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
        frame.extend_from_slice(&body);
        // The thread ends when the editor has closed stdout; then the message has no reader.
        let _ = self.queue.send(Parcel::Frame(frame));
    }

    /// Waits until the queued messages are written, for at most `patience`.
    pub(in crate::lsp) fn finish(&self, patience: Duration) {
        let (done, written) = sync_channel(1);
        if self.queue.send(Parcel::Finish(done)).is_ok() {
            let _ = written.recv_timeout(patience);
        }
    }
}

fn write_all(mut output: impl Write, parcels: &Receiver<Parcel>) {
    while let Ok(first) = parcels.recv() {
        // Flushes once per burst, not once per frame.
        for parcel in std::iter::once(first).chain(parcels.try_iter()) {
            let written = match parcel {
                Parcel::Frame(frame) => output.write_all(&frame),
                Parcel::Finish(done) => output.flush().map(|()| {
                    let _ = done.send(());
                }),
            };
            if let Err(error) = written {
                tracing::warn!(%error, "stdout is closed, answers are dropped");
                return;
            }
        }
        if output.flush().is_err() {
            return;
        }
    }
}
