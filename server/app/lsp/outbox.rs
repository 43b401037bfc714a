//! Everything that goes to stdout, whole frames only, from a thread of its own.
//!
//! Two places write: tower-lsp's server and the framing filter with its own errors.
//! Both put whole frames into one queue without waiting, so an editor that does not
//! read for a while stops neither edits nor cancellations.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite;

enum Parcel {
    Frame(Vec<u8>),
    /// Everything before this is written when the sender inside is used.
    Finish(SyncSender<()>),
}

/// The way to stdout. Clones share one queue.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    queue: Sender<Parcel>,
}

impl Outbox {
    /// Starts the thread that writes to `output`.
    pub(super) fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, parcels) = channel();
        std::thread::Builder::new()
            .name("lowkey-stdout".into())
            .spawn(move || write_all(output, &parcels))?;
        Ok(Self { queue })
    }

    /// Queues one message as a frame.
    pub(super) fn send(&self, body: &[u8]) {
        let mut frame = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
        frame.extend_from_slice(body);
        self.queue_frame(frame);
    }

    fn queue_frame(&self, frame: Vec<u8>) {
        // The thread is gone when the editor closed our stdout: nobody is left to tell.
        let _ = self.queue.send(Parcel::Frame(frame));
    }

    /// Waits until what was queued is written, at most `patience`.
    pub(super) fn finish(&self, patience: Duration) {
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

/// tower-lsp writes here. Its encoder hands over whole frames, and all that it hands over is taken.
impl AsyncWrite for Outbox {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        frames: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.queue_frame(frames.to_vec());
        Poll::Ready(Ok(frames.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
