//! One simulated typist: plays a log against a server, and measures the answers.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use lowkey_completer::RemoteConfig;
use lowkey_remote::{Flow, Remote, RemoteError, RemoteText, RemoteTicket};

use super::log::RequestLog;

/// Longer pauses between keys are shortened to this on average: the typist is away.
const MAX_PAUSE_MS: u64 = 3000;
/// The pause before a typist begins the log again.
const PAUSE_BETWEEN_MS: u64 = 1000;
/// Starts in a log that are told apart: typists of one log do not type the same at the same time.
const N_STARTS: usize = 7;

/// Which requests of a log are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    All,
    /// Those where the local model was unsure or several lines were asked.
    Unsure,
}

/// What a typist sends, and how fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) which: Asks,
    /// Pauses are this many times those of the trace.
    pub(super) slower: u32,
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
    pace: Pace,
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
        pace: Pace,
    ) -> Self {
        let start = log.requests.len() * (number % N_STARTS) / N_STARTS;
        let server = Remote::new(config, |_| {});
        Self { log, server, pace, start, answers: channel(), typed: Typed::default() }
    }

    /// Types until `end`, from the start of the log again after its end.
    pub(super) fn play(mut self, end: Instant) -> Typed {
        let log = Arc::clone(&self.log);
        let Pace { which, slower } = self.pace;
        let mut running: Option<RemoteTicket> = None;
        let mut before: Option<(usize, u64)> = None;
        for request in log.requests.iter().cycle().skip(self.start) {
            let place = (request.key, request.at_ms);
            let (n_keys, pause_ms) = since(before.replace(place), place);
            let pause = Duration::from_millis(pause_ms) * slower;
            let left = end.saturating_duration_since(Instant::now());
            std::thread::sleep(pause.min(left));
            if pause > left {
                break;
            }
            self.typed.keys += n_keys;
            if which == Asks::Unsure && !request.unsure {
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

/// Returns the keys and the milliseconds from one request to the next; keys between them need none.
fn since(before: Option<(usize, u64)>, (key, at): (usize, u64)) -> (usize, u64) {
    match before {
        None => (1, 0),
        Some((last, _)) if key < last => (1, PAUSE_BETWEEN_MS),
        Some((last, then)) => {
            let n_keys = key - last;
            (n_keys, at.saturating_sub(then).min(MAX_PAUSE_MS * n_keys.max(1) as u64))
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_those_of_the_keys_between() {
        assert_eq!(since(None, (4, 900)), (1, 0));
        assert_eq!(since(Some((4, 900)), (9, 2100)), (5, 1200));
        assert_eq!(since(Some((4, 900)), (4, 950)), (0, 50), "a second request for one key");
        assert_eq!(since(Some((4, 900)), (5, 90_000)), (1, MAX_PAUSE_MS));
        assert_eq!(since(Some((59, 13_000)), (0, 0)), (1, PAUSE_BETWEEN_MS));
    }
}
