//! Splits an answer into events: server-sent events, or one JSON object per line.
//!
//! Invariants: the events do not depend on how the bytes arrive; the memory is bounded by the limit
//! of one event; any bytes give events or a fault, never a panic.

/// Longest event. The last event of llama-server has its settings, a few kilobytes.
const MAX_EVENT_BYTES: usize = 1 << 18;

/// How an answer is divided into events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events: lines `data: …`, and an empty line after each event.
    ServerSentEvents,
    /// One JSON object per line.
    Lines,
}

/// An event of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEvent {
    /// Data, usually a JSON object.
    Data(String),
    /// The data `[DONE]`: nothing follows.
    Done,
}

/// Why bytes are no events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamFault {
    NotUtf8,
    /// An event is longer than this many bytes.
    TooLong(usize),
    /// A line is none of a stream of events.
    NoEvent,
}

/// Takes bytes as they arrive, and returns whole events.
#[derive(Debug)]
pub struct EventStream {
    framing: Framing,
    /// The line that has not ended.
    line: Vec<u8>,
    /// The data lines of the event that has not ended.
    data: Vec<u8>,
    has_data: bool,
    /// Whether the last byte was a carriage return, which ended a line.
    after_return: bool,
}

impl EventStream {
    pub fn new(framing: Framing) -> Self {
        Self { framing, line: Vec::new(), data: Vec::new(), has_data: false, after_return: false }
    }

    /// Takes the next bytes; appends the events that they complete to `events`.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<StreamEvent>) -> Result<(), StreamFault> {
        for &byte in bytes {
            let follows_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if follows_return => {}
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    self.line_end(events)?;
                }
                _ => {
                    self.line.push(byte);
                    if self.line.len() + self.data.len() > MAX_EVENT_BYTES {
                        return Err(StreamFault::TooLong(MAX_EVENT_BYTES));
                    }
                }
            }
        }
        Ok(())
    }

    /// Ends the answer: some servers omit the line end of the last event.
    pub fn finish(mut self, events: &mut Vec<StreamEvent>) -> Result<(), StreamFault> {
        if !self.line.is_empty() {
            self.line_end(events)?;
        }
        self.event_end(events)
    }

    fn line_end(&mut self, events: &mut Vec<StreamEvent>) -> Result<(), StreamFault> {
        let line = std::mem::take(&mut self.line);
        match self.framing {
            Framing::Lines => {
                if !line.iter().all(u8::is_ascii_whitespace) {
                    events.push(event(line)?);
                }
                Ok(())
            }
            Framing::ServerSentEvents if line.is_empty() => self.event_end(events),
            Framing::ServerSentEvents => self.field(&line),
        }
    }

    /// Reads one line of an event.
    fn field(&mut self, line: &[u8]) -> Result<(), StreamFault> {
        let colon = line.iter().position(|&byte| byte == b':');
        let (name, value) = match colon {
            Some(at) => (line.get(..at), line.get(at + 1..)),
            None => (Some(line), None),
        };
        let (name, value) = (name.unwrap_or_default(), value.unwrap_or_default());
        match name {
            // Older versions of llama-server send `error: {…}`.
            b"data" | b"error" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
                Ok(())
            }
            // A comment has no name; servers send it to keep the connection open.
            b"" | b"event" | b"id" | b"retry" => Ok(()),
            _ => Err(StreamFault::NoEvent),
        }
    }

    fn event_end(&mut self, events: &mut Vec<StreamEvent>) -> Result<(), StreamFault> {
        if std::mem::take(&mut self.has_data) {
            events.push(event(std::mem::take(&mut self.data))?);
        }
        Ok(())
    }
}

fn event(data: Vec<u8>) -> Result<StreamEvent, StreamFault> {
    let data = String::from_utf8(data).map_err(|_| StreamFault::NotUtf8)?;
    Ok(if data.trim() == "[DONE]" { StreamEvent::Done } else { StreamEvent::Data(data) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads `bytes` in pieces that end at the positions `cuts`.
    fn read(
        framing: Framing,
        bytes: &[u8],
        cuts: &[usize],
    ) -> Result<Vec<StreamEvent>, StreamFault> {
        let mut stream = EventStream::new(framing);
        let mut events = Vec::new();
        let mut from = 0;
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.sort_unstable();
        for to in cuts.into_iter().chain([bytes.len()]) {
            stream.push(&bytes[from..to], &mut events)?;
            from = to;
        }
        stream.finish(&mut events)?;
        Ok(events)
    }

    fn data(texts: &[&str]) -> Vec<StreamEvent> {
        texts.iter().map(|text| StreamEvent::Data((*text).to_owned())).collect()
    }

    #[test]
    fn server_sent_events_are_read() {
        let text =
            ": ping\n\ndata: {\"a\":1}\n\nevent: x\ndata:{\"b\":\ndata: 2}\r\n\r\ndata: [DONE]\n\n";
        let mut expected = data(&["{\"a\":1}", "{\"b\":\n2}"]);
        expected.push(StreamEvent::Done);
        assert_eq!(read(Framing::ServerSentEvents, text.as_bytes(), &[]), Ok(expected));
        let cut_off = read(Framing::ServerSentEvents, b"data: {\"a\":1}", &[]);
        assert_eq!(cut_off, Ok(data(&["{\"a\":1}"])));
        let error = read(Framing::ServerSentEvents, b"error: {\"code\":500}\n\n", &[]);
        assert_eq!(error, Ok(data(&["{\"code\":500}"])));
    }

    #[test]
    fn lines_of_json_are_read() {
        let text = b"{\"a\":1}\n\n{\"b\":2}\r\n{\"c\":3}";
        let expected = data(&["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]);
        assert_eq!(read(Framing::Lines, text, &[]), Ok(expected));
    }

    #[test]
    fn other_answers_are_faults() {
        let page = b"<!doctype html>\n<p>Bad gateway</p>\n";
        assert_eq!(read(Framing::ServerSentEvents, page, &[]), Err(StreamFault::NoEvent));
        assert_eq!(
            read(Framing::ServerSentEvents, b"data: \xff\n\n", &[]),
            Err(StreamFault::NotUtf8)
        );
        for framing in [Framing::ServerSentEvents, Framing::Lines] {
            let endless = vec![b'x'; MAX_EVENT_BYTES + 1];
            assert_eq!(read(framing, &endless, &[]), Err(StreamFault::TooLong(MAX_EVENT_BYTES)));
        }
        let lines = b"data: 0123456789\n".repeat(MAX_EVENT_BYTES / 10);
        let fault = read(Framing::ServerSentEvents, &lines, &[]);
        assert_eq!(fault, Err(StreamFault::TooLong(MAX_EVENT_BYTES)), "one event of many lines");
    }

    fn framings() -> impl Strategy<Value = Framing> {
        prop_oneof![Just(Framing::ServerSentEvents), Just(Framing::Lines)]
    }

    proptest! {
        #[test]
        fn any_bytes_give_events_or_a_fault(
            framing in framings(),
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            cuts in proptest::collection::vec(any::<usize>(), 0..6),
        ) {
            let _ = read(framing, &bytes, &cuts);
        }

        #[test]
        fn events_do_not_depend_on_the_pieces(
            framing in framings(),
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("data: "), Just("data"), Just(":"), Just("\n"), Just("\r\n"), Just("\r"),
                    Just("[DONE]"), Just("{\"a\":1}"), Just("ü"), Just(" "), Just("error: x"),
                ],
                0..30,
            ),
            cuts in proptest::collection::vec(any::<usize>(), 0..12),
        ) {
            let text = parts.concat();
            let at_once = read(framing, text.as_bytes(), &[]);
            prop_assert_eq!(read(framing, text.as_bytes(), &cuts), at_once);
        }
    }
}
