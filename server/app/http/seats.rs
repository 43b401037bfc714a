//! The limit on connections, and the choice of one to close for a new one.
//!
//! A connection needs no token before its first request, so any program on this machine can occupy
//! all connections without sending. A new connection therefore closes the one that has waited
//! longest for a request; clients reconnect when they need to. A connection is never closed while
//! the server reads its request after the token, or answers it.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Maximum number of connections at a time; a client needs a few.
pub(super) const MOST_CONNECTIONS: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Seats {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Counts events, so that the longest wait has the smallest number.
    clock: u64,
    n_seats: u64,
    connections: HashMap<u64, Connection>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    /// When the wait for a request began; `None` while a request with a token is served.
    waits_since: Option<u64>,
}

/// One of the limited connections; Drop releases it.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    number: u64,
}

impl Seats {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        // A panic elsewhere leaves at most one extra seat.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives `stream` a seat, that of the longest waiting connection if none is free; `None` if all
    /// are busy.
    pub(super) fn take(self: &Arc<Self>, stream: &TcpStream) -> Option<Seat> {
        let stream = stream.try_clone().ok()?;
        let mut taken = self.taken();
        if taken.connections.len() >= MOST_CONNECTIONS {
            let waiting = taken
                .connections
                .iter()
                .filter_map(|(number, connection)| Some((connection.waits_since?, *number)));
            let (_, number) = waiting.min()?;
            // Its thread reads the end of the stream, and ends.
            if let Some(given_way) = taken.connections.remove(&number) {
                let _ = given_way.stream.shutdown(Shutdown::Both);
            }
        }
        taken.clock += 1;
        taken.n_seats += 1;
        let (number, waits_since) = (taken.n_seats, Some(taken.clock));
        taken.connections.insert(number, Connection { stream, waits_since });
        Some(Seat { seats: Arc::clone(self), number })
    }
}

impl Seat {
    /// Notes that a request with a token is served from now on.
    pub(super) fn begin_serving(&self) {
        if let Some(connection) = self.seats.taken().connections.get_mut(&self.number) {
            connection.waits_since = None;
        }
    }

    /// Notes that the connection waits for another request.
    pub(super) fn begin_waiting(&self) {
        let mut taken = self.seats.taken();
        taken.clock += 1;
        let now = taken.clock;
        if let Some(connection) = taken.connections.get_mut(&self.number) {
            connection.waits_since = Some(now);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken().connections.remove(&self.number);
    }
}
