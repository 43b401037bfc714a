//! One simulated typist: plays a log against a server, and measures the answers.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use lowkey_completer::RemoteConfig;
use lowkey_remote::{Flow, Remote, RemoteError, RemoteText, RemoteTicket};

use super::log::RequestLog;

/// A longer pause between two keys is shortened to this: nobody types then.
const MAX_PAUSE: Duration = Duration::from_secs(3);
/// Starts in a log that are told apart: typists of one log do not type the same at the same time.
const N_STARTS: usize = 7;

/// Which requests of a log are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    All,
    /// Those where the local model was unsure or several lines were asked.
    Unsure,
}

/// What a typist did, and what came back.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Typed {
    pub(super) keys: usize,
    pub(super) requests: usize,
    /// Milliseconds to each whole answer.
    pub(super) ms: Vec<f64>,
    /// Requests that the next one cancelled.
    pub(super) cancelled: usize,
    pub(super) failed: usize,
    /// Prompt tokens of the answered requests, and those that the server had in its cache.
    pub(super) prompt: usize,
    pub(super) cached: usize,
}

type Answered = Result<RemoteText, RemoteError>;

pub(super) struct Typist {
    log: Arc<RequestLog>,
    server: Remote,
    asks: Asks,
    /// Where it starts in the log.
    start: usize,
    answers: (Sender<Answered>, Receiver<Answered>),
    typed: Typed,
}

impl Typist {
    pub(super) fn new(
        log: Arc<RequestLog>,
        config: RemoteConfig,
        number: usize,
        asks: Asks,
    ) -> Self {
        let start = log.requests.len() * (number % N_STARTS) / N_STARTS;
        let server = Remote::new(config, |_| {});
        Self { log, server, asks, start, answers: channel(), typed: Typed::default() }
    }

    /// Types until `end`, from the start of the log again after its end.
    pub(super) fn play(mut self, end: Instant) -> Typed {
        let log = Arc::clone(&self.log);
        let asks = self.asks;
        let is_sent = |unsure: bool| asks == Asks::All || unsure;
        let mut running: Option<RemoteTicket> = None;
        let mut before: Option<(usize, u64)> = None;
        for request in log.requests.iter().cycle().skip(self.start) {
            let (key, at) = before
                .replace((request.key, request.at_ms))
                .unwrap_or((request.key, request.at_ms));
            let pause = Duration::from_millis(request.at_ms.saturating_sub(at)).min(MAX_PAUSE);
            let left = end.saturating_duration_since(Instant::now());
            std::thread::sleep(pause.min(left));
            if Instant::now() >= end {
                break;
            }
            // Keys between two requests need none.
            self.typed.keys += request.key.saturating_sub(key).max(1);
            if !is_sent(request.unsure) {
                continue;
            }
            // Cancels the one before.
            drop(running.take());
            running = self.ask(log.ask(request));
        }
        drop(running);
        let Self { server, answers: (to_answers, answers), mut typed, .. } = self;
        drop((server, to_answers));
        // Each call ends soon, because it is cancelled.
        while let Ok(result) = answers.recv_timeout(Duration::from_secs(5)) {
            typed.add(result);
        }
        typed
    }

    fn ask(&mut self, ask: lowkey_remote::Ask) -> Option<RemoteTicket> {
        self.typed.requests += 1;

        let to_answers = self.answers.0.clone();
        let done = move |result| drop(to_answers.send(result));
        let ticket = self.server.ask(move || Some(ask), |_, _| Flow::Continue, done).ok();
        self.typed.failed += usize::from(ticket.is_none());
        ticket
    }
}

impl Typed {
    fn add(&mut self, result: Result<RemoteText, RemoteError>) {
        match result {
            Ok(text) => {
                self.ms.push(text.total.as_secs_f64() * 1e3);
                self.prompt += text.counts.prompt.unwrap_or_default();
                self.cached += text.counts.cached.unwrap_or_default();
            }
            Err(RemoteError::Cancelled) => self.cancelled += 1,
            Err(_) => self.failed += 1,
        }
    }
}
