//! Entry function of the fuzz target for answers of remote servers.
//!
//! It follows the path of a call: bytes, events, the parts of an answer. No input may cause a panic,
//! and no position at which the bytes arrive in two pieces may change the result.

use lowkey_remote::{Dialect, EventStream, StreamEvent, StreamFault};

/// The protocols, each with its framing: server-sent events or one JSON object per line.
const DIALECTS: [Dialect; 3] = [Dialect::OpenAi, Dialect::LlamaServer, Dialect::Ollama];

/// Positions at which an input is split. A shorter input is split everywhere.
const N_SPLITS: usize = 1024;

/// The events of an answer, and the fault that ended it.
type Outcome = (Vec<StreamEvent>, Result<(), StreamFault>);

/// Reads an answer in every protocol, in one piece, in two, and byte by byte. Returns whether a
/// protocol reads all its events.
pub fn answer(bytes: &[u8]) -> bool {
    let mut is_read = false;
    for dialect in DIALECTS {
        let whole = events(dialect, &[bytes]);
        for at in (0..=bytes.len()).step_by(bytes.len() / N_SPLITS + 1) {
            let (first, second) = bytes.split_at(at);
            assert_eq!(events(dialect, &[first, second]), whole, "split after {at} bytes");
        }
        let singles: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(events(dialect, &singles), whole, "byte by byte");
        let (events, outcome) = whole;
        let parts = events.iter().filter_map(|event| match event {
            StreamEvent::Data(data) => Some(dialect.read_event(data)),
            StreamEvent::Done => None,
        });
        let parts: Vec<_> = parts.collect();
        for (text, log_probs) in parts.iter().flatten() {
            // JSON escapes only shorten.
            assert!(text.len() <= bytes.len(), "a text that the answer does not have");
            assert!(log_probs.iter().all(|value| value.is_finite() && *value <= 0.0));
        }
        is_read |= outcome.is_ok() && !parts.is_empty() && parts.iter().all(Option::is_some);
    }
    is_read
}

/// Splits an answer that arrives in `pieces` into events.
fn events(dialect: Dialect, pieces: &[&[u8]]) -> Outcome {
    let (mut stream, mut events) = (EventStream::new(dialect.framing()), Vec::new());
    for piece in pieces {
        if let Err(fault) = stream.push(piece, &mut events) {
            return (events, Err(fault));
        }
    }
    let end = stream.finish(&mut events);
    (events, end)
}
