//! The server as the completer sees it: ask, cancel, and know how it is.
//!
//! Each call has a thread, because reading from a connection blocks. A cancelled call's connection
//! is closed from the caller's thread, which ends the read at once. Only finding a host and
//! connecting cannot be interrupted; their time limits end them, and [`MAX_CALLS`] bounds how many
//! threads can wait there. No one joins these threads, so the process ends without them.

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::ask::{Ask, Flow, RemoteText, VocabularySample};
use crate::backoff::{Backoff, jitter};
use crate::call::{self, Ended};
use crate::config::RemoteConfig;
use crate::error::RemoteError;
use crate::http::{Http, Lease};
use crate::metrics::{self, ServerTotals};
use crate::server_info::{self, ServerInfo};

/// Calls at the same time, cancelled ones that still connect included.
const MAX_CALLS: usize = 4;
/// Weight of the newest answer in the usual time of an answer.
const NEWEST: f64 = 0.25;

/// The server's state, for the user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum RemoteState {
    /// It was not asked yet.
    #[default]
    Unused,
    /// The last call succeeded.
    Working { model: String },
    /// The last call failed, for this reason.
    Failing { reason: String },
}

/// A configured server. Clones share everything.
#[derive(Clone)]
pub struct Remote {
    inner: Arc<Inner>,
}

struct Inner {
    config: RemoteConfig,
    http: Http,
    server: Mutex<Option<Arc<ServerInfo>>>,
    /// Outlives a failure, so that the prompts stay the same.
    context_length: Mutex<Option<usize>>,
    health: Mutex<Health>,
    n_calls: AtomicUsize,
    on_state: Box<dyn Fn(&RemoteState) + Send + Sync>,
}

#[derive(Default)]
struct Health {
    backoff: Backoff,
    state: RemoteState,
    /// The usual time of a whole answer; `None` before the first.
    usual: Option<Duration>,
}

/// A running call. Dropping it cancels the call.
pub struct RemoteTicket {
    inner: Arc<Inner>,
    call: Arc<Mutex<CallSlot>>,
}

/// The part of a call that its ticket reaches.
#[derive(Default)]
struct CallSlot {
    is_cancelled: bool,
    lease: Option<Lease>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Remote {
    /// Describes a server; nothing is sent yet. `on_state` is called at each change of the state.
    pub fn new(
        config: RemoteConfig,
        on_state: impl Fn(&RemoteState) + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                http: Http::new(&config),
                config,
                server: Mutex::default(),
                context_length: Mutex::default(),
                health: Mutex::default(),
                n_calls: AtomicUsize::new(0),
                on_state: Box::new(on_state),
            }),
        }
    }

    pub fn config(&self) -> &RemoteConfig {
        &self.inner.config
    }

    pub fn state(&self) -> RemoteState {
        lock(&self.inner.health).state.clone()
    }

    /// Returns the usual time of a whole answer; `None` before the first, and while the server
    /// fails.
    pub fn usual_time(&self) -> Option<Duration> {
        let health = lock(&self.inner.health);
        health.usual.filter(|_| matches!(health.state, RemoteState::Working { .. }))
    }

    /// Returns the context length of the server's model, in its own tokens; `None` before the first
    /// call, and if the server does not report it.
    pub fn context_length(&self) -> Option<usize> {
        *lock(&self.inner.context_length)
    }

    /// Asks the server on a thread of its own.
    ///
    /// `prepare` builds the request on that thread. `on_text` gets the text so far and the
    /// log-probabilities of its tokens. `done` is called once, also after a cancellation. Fails
    /// without a call if the server failed recently, or if too many calls have not ended.
    pub fn ask(
        &self,
        prepare: impl FnOnce() -> Option<Ask> + Send + 'static,
        mut on_text: impl FnMut(&str, &[f32]) -> Flow + Send + 'static,
        done: impl FnOnce(Result<RemoteText, RemoteError>) + Send + 'static,
    ) -> Result<RemoteTicket, RemoteError> {
        let inner = &self.inner;
        let host = inner.http.host();
        if let Some(left) = lock(&inner.health).backoff.left(Instant::now()) {
            return Err(RemoteError::BackingOff { host, left });
        }
        let Some(counted) = Counted::new(inner) else {
            return Err(RemoteError::Busy { host, n_calls: MAX_CALLS });
        };
        let call = Arc::<Mutex<CallSlot>>::default();
        let ticket = RemoteTicket { inner: Arc::clone(inner), call: Arc::clone(&call) };
        let thread = std::thread::Builder::new().name("lowkey-remote".into());
        let spawned = thread.spawn(move || {
            let result = prepare()
                .ok_or(RemoteError::NothingToAsk)
                .and_then(|ask| counted.inner.call(&call, &ask, &mut on_text));
            let (result, rest) = match result {
                Ok(Ended { text, rest }) => (Ok(text), rest),
                Err(error) => (Err(error), None),
            };
            counted.inner.record(&result);
            done(result);
            // The end of the HTTP message, so that the connection can serve the next call.
            if let Some(mut rest) = rest {
                let _ = rest.read(&mut [0; 64]);
            }
        });
        match spawned {
            Ok(_) => Ok(ticket),
            Err(error) => Err(RemoteError::NoThread { why: error.to_string() }),
        }
    }

    /// Asks the server on the caller's thread, also after failures.
    pub fn ask_now(
        &self,
        ask: &Ask,
        on_text: &mut dyn FnMut(&str, &[f32]) -> Flow,
    ) -> Result<RemoteText, RemoteError> {
        let ended = self.inner.call(&Mutex::default(), ask, on_text);
        let (result, rest) = match ended {
            Ok(Ended { text, rest }) => (Ok(text), rest),
            Err(error) => (Err(error), None),
        };
        if let Some(mut rest) = rest {
            let _ = rest.read(&mut [0; 64]);
        }
        self.inner.record(&result);
        result
    }

    /// Returns the time of a short request, on the caller's thread.
    pub fn round_trip(&self) -> Result<Duration, RemoteError> {
        let lease = self.inner.http.lease()?;
        let began = Instant::now();
        server_info::models(&self.inner.http, &lease)?;
        Ok(began.elapsed())
    }

    /// Returns what the server has computed since its start, from its metrics, on the caller's
    /// thread; `None` if it has none that are known here.
    pub fn totals(&self) -> Result<Option<ServerTotals>, RemoteError> {
        let lease = self.inner.http.lease()?;
        metrics::totals(&self.inner.http, &lease)
    }

    /// Finds out what the server is, on the caller's thread.
    pub fn check(&self, sample: Option<&VocabularySample>) -> Result<ServerInfo, RemoteError> {
        let lease = self.inner.http.lease()?;
        self.inner.server(&lease, sample).map(|server| (*server).clone())
    }
}

impl Inner {
    fn call(
        &self,
        call: &Mutex<CallSlot>,
        ask: &Ask,
        on_text: &mut dyn FnMut(&str, &[f32]) -> Flow,
    ) -> Result<Ended, RemoteError> {
        let lease = {
            let mut slot = lock(call);
            if slot.is_cancelled {
                return Err(RemoteError::Cancelled);
            }
            slot.lease.insert(self.http.lease()?).clone()
        };
        let called = self.server(&lease, ask.vocabulary.as_deref()).and_then(|server| {
            call::run(&self.http, &lease, &server, ask, &mut |text, log_probs| {
                if lock(call).is_cancelled { Flow::Stop } else { on_text(text, log_probs) }
            })
        });
        let mut slot = lock(call);
        slot.lease = None;
        // What a cancellation does to the connection is no failure of the server.
        if slot.is_cancelled { Err(RemoteError::Cancelled) } else { called }
    }

    /// Returns the server's description; asks the server the first time.
    fn server(
        &self,
        lease: &Lease,
        sample: Option<&VocabularySample>,
    ) -> Result<Arc<ServerInfo>, RemoteError> {
        if let Some(known) = &*lock(&self.server) {
            return Ok(Arc::clone(known));
        }
        let found = Arc::new(server_info::find(&self.http, lease, &self.config, sample)?);
        *lock(&self.server) = Some(Arc::clone(&found));
        *lock(&self.context_length) = found.context_length;
        Ok(found)
    }

    /// Records the result of a call.
    fn record(&self, result: &Result<RemoteText, RemoteError>) {
        let mut health = lock(&self.health);
        let state = match result {
            Ok(text) => {
                health.backoff.succeeded();
                let usual = health.usual.map_or(text.total, |usual| {
                    usual.mul_f64(1.0 - NEWEST) + text.total.mul_f64(NEWEST)
                });
                health.usual = Some(usual);
                RemoteState::Working { model: text.model.clone() }
            }
            Err(error) => {
                let Some(failure) = error.failure() else { return };
                health.backoff.failed(failure, Instant::now(), jitter());
                // The server may be another one when it answers again.
                *lock(&self.server) = None;
                RemoteState::Failing { reason: error.to_string() }
            }
        };
        let has_changed = health.state != state;
        health.state.clone_from(&state);
        drop(health);
        if has_changed {
            (self.on_state)(&state);
        }
    }
}

impl RemoteTicket {
    /// Cancels the call: closes its connection, which stops the server.
    pub fn cancel(&self) {
        let lease = {
            let mut slot = lock(&self.call);
            slot.is_cancelled = true;
            slot.lease.take()
        };
        if let Some(lease) = lease {
            self.inner.http.close(&lease);
        }
    }
}

impl Drop for RemoteTicket {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Counts a call until it is dropped.
struct Counted {
    inner: Arc<Inner>,
}

impl Counted {
    /// Returns nothing if there are too many calls.
    fn new(inner: &Arc<Inner>) -> Option<Self> {
        let one_more = |n| (n < MAX_CALLS).then_some(n + 1);
        let counted = inner.n_calls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        counted.is_ok().then(|| Self { inner: Arc::clone(inner) })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.inner.n_calls.fetch_sub(1, Ordering::Relaxed);
    }
}
