//! One call: sends the request and reads the answer to its end, within the limits.

use std::io::Read;
use std::time::Instant;

use lowkey_network::printable;

use crate::ask::{Ask, Flow, RemoteCounts, RemoteEnd, RemoteText};
use crate::error::{RemoteError, kind_in_words};
use crate::http::{Http, Lease};
use crate::server_info::ServerInfo;
use crate::stream::{EventStream, StreamEvent, StreamFault};

/// Longest answer. 256 tokens with their probabilities take 100 kilobytes.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// Bytes read at a time.
const PIECE: usize = 8 << 10;

/// The text so far.
#[derive(Default)]
struct Growing {
    /// With the required start.
    text: String,
    log_probs: Vec<f32>,
    end: Option<RemoteEnd>,
    counts: RemoteCounts,
    first_text: Option<Instant>,
    is_done: bool,
}

/// A whole answer, and the rest of the connection's body: the end of the HTTP message, which must be
/// read before the connection can serve another call.
pub(crate) struct Ended {
    pub(crate) text: RemoteText,
    pub(crate) rest: Option<Box<dyn Read>>,
}

/// Asks, and passes the text so far to `on_text` whenever it has grown. Asks again with the whole
/// typed text if the answer does not begin with it: the server's cache has the prompt then.
pub(crate) fn run(
    http: &Http,
    lease: &Lease,
    server: &ServerInfo,
    ask: &Ask,
    on_text: &mut dyn FnMut(&str, &[f32]) -> Flow,
) -> Result<Ended, RemoteError> {
    let (ended, is_as_required) = attempt(http, lease, server, ask, on_text)?;
    match &ask.unhealed {
        Some(prompt) if !is_as_required => {
            drop(ended);
            let again = Ask {
                prompt: prompt.clone(),
                required_start: String::new(),
                unhealed: None,
                ..ask.clone()
            };
            attempt(http, lease, server, &again, on_text).map(|(ended, _)| ended)
        }
        _ => Ok(ended),
    }
}

/// Asks once; also returns whether the answer begins with the required start.
fn attempt(
    http: &Http,
    lease: &Lease,
    server: &ServerInfo,
    ask: &Ask,
    on_text: &mut dyn FnMut(&str, &[f32]) -> Flow,
) -> Result<(Ended, bool), RemoteError> {
    let began = Instant::now();
    let host = || http.host();
    let body = server.dialect.body(ask, &server.model, server.shares_vocabulary);
    let body = body.ok_or_else(|| RemoteError::NoPromptForm { host: host() })?;
    let mut reply = http.post(lease, body.path, &body.json)?;
    if reply.status != 200 {
        return Err(http.refusal(reply, body.path, &server.model));
    }
    let mut stream = EventStream::new(server.dialect.framing());
    let (mut growing, mut n_bytes) = (Growing::default(), 0);
    let mut events = Vec::new();
    let mut piece = vec![0; PIECE];
    let mut flow = Flow::Continue;
    while flow == Flow::Continue && !growing.is_done {
        let n = reply.body.read(&mut piece).map_err(|error| http.sort_read(&error, n_bytes))?;
        n_bytes += n;
        if n_bytes > MAX_ANSWER_BYTES {
            return Err(RemoteError::TooLong { host: host(), limit: MAX_ANSWER_BYTES });
        }
        let is_end = n == 0;
        let read = match piece.get(..n).unwrap_or_default() {
            [] => std::mem::replace(&mut stream, EventStream::new(server.dialect.framing()))
                .finish(&mut events),
            bytes => stream.push(bytes, &mut events),
        };
        read.map_err(|fault| garbage(host(), fault))?;
        for event in events.drain(..) {
            if flow == Flow::Continue {
                flow = growing.take(&event, server, ask, on_text, host)?;
            }
        }
        if is_end {
            break;
        }
    }
    if growing.end.is_none() && flow == Flow::Continue {
        return Err(RemoteError::HalfAnswer { host: host(), n_bytes });
    }
    let total = began.elapsed();
    let text = growing.text.strip_prefix(&ask.required_start);
    let is_as_required = text.is_some();
    let text = text.unwrap_or_default().to_owned();
    let ended = Ended {
        rest: (flow == Flow::Continue).then_some(reply.body),
        text: RemoteText {
            // Text that does not begin as required has no use, and no probabilities.
            log_probs: if text.is_empty() { Vec::new() } else { growing.log_probs },
            text,
            end: growing.end.unwrap_or(RemoteEnd::Caller),
            counts: growing.counts,
            first_text: growing.first_text.map_or(total, |at| at.duration_since(began)),
            total,
            model: server.model.clone(),
            form: body.form,
        },
    };
    Ok((ended, is_as_required))
}

impl Growing {
    /// Adds an event.
    fn take(
        &mut self,
        event: &StreamEvent,
        server: &ServerInfo,
        ask: &Ask,
        on_text: &mut dyn FnMut(&str, &[f32]) -> Flow,
        host: impl Fn() -> String,
    ) -> Result<Flow, RemoteError> {
        let StreamEvent::Data(data) = event else {
            self.is_done = true;
            // A server that says nothing about the end has ended by itself.
            self.end = self.end.or(Some(RemoteEnd::Stop));
            return Ok(Flow::Continue);
        };
        let part = server.dialect.part(data).ok_or_else(|| RemoteError::Garbage {
            host: host(),
            what: "an event is not a JSON object",
        })?;
        if let Some((kind, message)) = part.failure {
            let (kind, message) = (kind_in_words(&kind), printable(&message));
            return Err(RemoteError::Failed { host: host(), kind, message });
        }
        self.end = self.end.or(part.end);
        if let Some(RemoteCounts { prompt, cached, decoded }) = part.counts {
            self.counts.prompt = prompt.or(self.counts.prompt);
            self.counts.cached = cached.or(self.counts.cached);
            self.counts.decoded = decoded.or(self.counts.decoded);
        }
        // The token that ended the answer is not part of the text.
        if !(part.text.is_empty() && part.end.is_some()) {
            self.log_probs.extend(part.log_probs);
        }
        if part.text.is_empty() {
            return Ok(Flow::Continue);
        }
        self.first_text.get_or_insert_with(Instant::now);
        self.text.push_str(&part.text);
        match self.text.strip_prefix(&ask.required_start) {
            Some("") => Ok(Flow::Continue),
            Some(text) => Ok(on_text(text, &self.log_probs)),
            None if ask.required_start.starts_with(&self.text) => Ok(Flow::Continue),
            // The model writes something else before the cursor.
            None => Ok(Flow::Stop),
        }
    }
}

fn garbage(host: String, fault: StreamFault) -> RemoteError {
    let what = match fault {
        StreamFault::NotUtf8 => "it is not UTF-8 text",
        StreamFault::NoEvent => "it is not a stream of events",
        StreamFault::TooLong(limit) => return RemoteError::TooLong { host, limit },
    };
    RemoteError::Garbage { host, what }
}
