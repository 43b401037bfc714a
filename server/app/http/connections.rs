//! The limit on connections, and the choice of one to close for a new one.
//!
//! A connection needs no token before its first request, so any program on this machine can open
//! connections without sending. A new connection therefore closes the one that has been idle for
//! longest; clients reconnect when they need to. A connection is never closed while the server
//! serves a request with the token.
//!
//! Invariant: fewer requests are served at a time than connections are open, so one of them is idle
//! whenever the limit is reached, and a new connection never waits for a request to end.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Maximum number of open connections.
const MAX_CONNECTIONS: usize = 64;

/// Maximum number of requests that are served at a time; a client needs a few.
pub(super) const MAX_REQUESTS: usize = 32;

/// The open connections.
#[derive(Debug)]
pub(super) struct Connections {
    open: Arc<Semaphore>,
    serving: Semaphore,
    /// The connections without a request, the one that has been idle for longest first.
    idle: Mutex<VecDeque<Arc<Notify>>>,
}

/// One of the limited connections; Drop releases it.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    connections: Arc<Connections>,
    /// Notified when the connection must close. Identifies the connection.
    close: Arc<Notify>,
    _open: OwnedSemaphorePermit,
}

/// A request that is served; its connection is not idle until Drop.
#[derive(Debug)]
pub(super) struct RequestPermit<'c> {
    connection: &'c ConnectionPermit,
    _serving: SemaphorePermit<'c>,
}

impl Connections {
    /// Builds the limits, without a connection.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            open: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            serving: Semaphore::new(MAX_REQUESTS),
            idle: Mutex::default(),
        })
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Arc<Notify>>> {
        // A panic elsewhere leaves at most one extra entry.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a connection, and closes the one that has been idle for longest if none is free.
    pub(super) async fn admit(self: &Arc<Self>) -> Option<ConnectionPermit> {
        if self.open.available_permits() == 0
            && let Some(longest) = self.idle().pop_front()
        {
            longest.notify_one();
        }
        // `None` only if the semaphore is closed, which it never is.
        let open = Arc::clone(&self.open).acquire_owned().await.ok()?;
        let close = Arc::new(Notify::new());
        self.idle().push_back(Arc::clone(&close));
        Some(ConnectionPermit { connections: Arc::clone(self), close, _open: open })
    }
}

impl ConnectionPermit {
    /// Resolves when the connection must close for a new one.
    pub(super) async fn evicted(&self) {
        self.close.notified().await;
    }

    /// Notes that a request with the token is served from now on; `None` if too many are.
    pub(super) fn serve_request(&self) -> Option<RequestPermit<'_>> {
        let serving = self.connections.serving.try_acquire().ok()?;
        self.leave_idle();
        Some(RequestPermit { connection: self, _serving: serving })
    }

    fn leave_idle(&self) {
        self.connections.idle().retain(|other| !Arc::ptr_eq(other, &self.close));
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.leave_idle();
    }
}

impl Drop for RequestPermit<'_> {
    fn drop(&mut self) {
        let Self { connection, .. } = self;
        connection.connections.idle().push_back(Arc::clone(&connection.close));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn admit(connections: &Arc<Connections>) -> Option<ConnectionPermit> {
        connections.admit().now_or_never().flatten()
    }

    fn is_evicted(connection: &ConnectionPermit) -> bool {
        connection.evicted().now_or_never().is_some()
    }

    #[test]
    fn longest_idle_connection_is_closed() {
        let connections = Connections::new();
        let mut open: VecDeque<_> =
            (0..MAX_CONNECTIONS).map(|_| admit(&connections).unwrap()).collect();
        // The first has been idle for the shortest time after it served a request.
        drop(open[0].serve_request().unwrap());
        assert!(admit(&connections).is_none(), "no connection has closed yet");
        assert!(is_evicted(&open[1]));
        open.remove(1);
        assert!(admit(&connections).is_some());
        assert_eq!(open.iter().filter(|connection| is_evicted(connection)).count(), 0);
    }

    #[test]
    fn serving_connection_stays_open() {
        let connections = Connections::new();
        let open: Vec<_> = (0..MAX_CONNECTIONS).map(|_| admit(&connections).unwrap()).collect();
        let (serving, idle) = open.split_at(MAX_REQUESTS);
        let requests: Vec<_> = serving.iter().map(|c| c.serve_request().unwrap()).collect();
        assert!(idle[0].serve_request().is_none(), "too many requests");
        for _ in 0..2 * MAX_CONNECTIONS {
            assert!(admit(&connections).is_none());
        }
        assert!(idle.iter().all(is_evicted));
        assert!(!serving.iter().any(is_evicted));
        drop(requests);
        assert!(idle[0].serve_request().is_some());
        assert_eq!(connections.idle().len(), MAX_REQUESTS + 1);
        drop(open);
        assert_eq!(connections.idle().len(), 0);
        assert!(admit(&connections).is_some());
    }
}
