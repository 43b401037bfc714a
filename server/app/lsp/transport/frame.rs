//! Frames on stdin: finds the messages, answers what is broken itself, passes on the rest.
//!
//! tower-lsp's decoder ends the connection at the first message that it cannot parse.
//! This filter stands before it and lets through only what that decoder accepts:
//! everything else is answered with a JSON-RPC error, and reading goes on at the next
//! header. A raw line `Content-Length: 12` cannot stand inside JSON text (strings have
//! no raw line ends), so it always marks the next frame, even inside a body that is
//! shorter than announced or too long to be read.
//!
//! Invariant: memory is bounded by [`MAX_BODY_BYTES`], whatever a header announces.

use std::fmt;
use std::io::{self, BufRead, Read};

/// Longest body that is read: a document of 40 MB in JSON's longest escapes.
pub(in crate::lsp) const MAX_BODY_BYTES: u64 = 256 << 20;

/// Longest header line that is looked at.
const MAX_LINE_BYTES: u64 = 4096;

/// Most header lines of one frame; the protocol knows two.
const MAX_HEADER_LINES: usize = 32;

/// One step of reading.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::lsp) enum Frame {
    /// A body of the announced length.
    Body(Vec<u8>),
    /// A frame that makes no sense.
    Bad(Fault),
}

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lsp) enum Fault {
    /// Bytes that are no header.
    NoHeader,
    /// The header ended without a length.
    NoLength,
    /// A length that is no number.
    BadLength,
    /// A length above [`MAX_BODY_BYTES`].
    TooLong {
        /// The announced length.
        bytes: u64,
    },
    /// The next header began before the body was complete.
    Truncated {
        /// The announced length.
        announced: u64,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHeader => f.write_str("expected a header line like `Content-Length: 12`"),
            Self::NoLength => f.write_str("the header has no Content-Length"),
            Self::BadLength => f.write_str("the Content-Length is not a number of bytes"),
            Self::TooLong { bytes } => {
                write!(f, "the body has {bytes} bytes, the limit is {MAX_BODY_BYTES}")
            }
            Self::Truncated { announced } => {
                write!(f, "the next header began before {announced} bytes of body had come")
            }
        }
    }
}

/// Cuts a byte stream into frames.
#[derive(Debug)]
pub(in crate::lsp) struct FrameReader<R> {
    reader: R,
    /// A header line found where it was not expected: the next frame begins with it.
    carried: Option<u64>,
    /// Skipping what is left of a refused frame, silently: it has been answered.
    skipping: bool,
    line: Vec<u8>,
}

/// A header line, as far as it matters.
enum HeaderLine {
    Blank,
    Length(Result<u64, Fault>),
    Other,
    Garbage,
}

impl<R: BufRead> FrameReader<R> {
    /// Reads frames from `reader`.
    pub(in crate::lsp) fn new(reader: R) -> Self {
        Self { reader, carried: None, skipping: false, line: Vec::new() }
    }

    /// Returns the next frame, or `None` at the end of the input, also inside a frame.
    pub(in crate::lsp) fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        let mut n_lines = 0;
        let mut length = self.carried.take();
        loop {
            if !self.read_line()? {
                return Ok(None);
            }
            match header_line(&self.line, self.skipping) {
                HeaderLine::Blank => match length {
                    Some(length) => return self.body(length),
                    None if n_lines == 0 || self.skipping => {}
                    None => return Ok(Some(self.bad(Fault::NoLength))),
                },
                HeaderLine::Length(Ok(bytes)) if bytes <= MAX_BODY_BYTES => {
                    // Garbage may have stood before it, answered already.
                    self.skipping = false;
                    length = Some(bytes);
                    n_lines += 1;
                }
                HeaderLine::Length(Ok(bytes)) => {
                    return Ok(Some(self.bad(Fault::TooLong { bytes })));
                }
                HeaderLine::Length(Err(fault)) => return Ok(Some(self.bad(fault))),
                HeaderLine::Other if n_lines < MAX_HEADER_LINES => n_lines += 1,
                HeaderLine::Other | HeaderLine::Garbage if self.skipping => {}
                HeaderLine::Other | HeaderLine::Garbage => {
                    // The rest of this very line may be the next header.
                    if self.line.ends_with(b"\n")
                        && let Some(Ok(bytes)) = length_at_end(&self.line)
                        && bytes <= MAX_BODY_BYTES
                    {
                        self.carried = Some(bytes);
                        return Ok(Some(Frame::Bad(Fault::NoHeader)));
                    }
                    return Ok(Some(self.bad(Fault::NoHeader)));
                }
            }
        }
    }

    fn bad(&mut self, fault: Fault) -> Frame {
        self.skipping = true;
        Frame::Bad(fault)
    }

    /// Reads one line into `self.line`, or a piece of a line that is longer than any header.
    /// `false` at the end of the input.
    fn read_line(&mut self) -> io::Result<bool> {
        // Of a piece without a line end its tail is kept, so that a header begun there is whole.
        let tail = if self.line.ends_with(b"\n") { 0 } else { self.line.len().min(64) };
        self.line.drain(..self.line.len() - tail);
        let n = self.reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut self.line)?;
        Ok(n > 0)
    }

    fn body(&mut self, announced: u64) -> io::Result<Option<Frame>> {
        let mut body = Vec::new();
        loop {
            let missing = announced - body.len() as u64;
            if missing == 0 {
                // A new header starts on a fresh line.
                self.line.clear();
                return Ok(Some(Frame::Body(body)));
            }
            let line_start = body.len();
            // Compact JSON has no raw line end, so this is one read, and searched at memchr's speed.
            if self.reader.by_ref().take(missing).read_until(b'\n', &mut body)? == 0 {
                return Ok(None);
            }
            let line = &body[line_start..];
            if line.ends_with(b"\n")
                && let Some(Ok(bytes)) = length_at_end(line)
                && bytes <= MAX_BODY_BYTES
            {
                self.carried = Some(bytes);
                self.line.clear();
                return Ok(Some(Frame::Bad(Fault::Truncated { announced })));
            }
        }
    }
}

fn header_line(line: &[u8], skipping: bool) -> HeaderLine {
    let Some(text) = line.strip_suffix(b"\n") else { return HeaderLine::Garbage };
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    if text.is_empty() {
        return HeaderLine::Blank;
    }
    if skipping {
        return length_at_end(line).map_or(HeaderLine::Garbage, HeaderLine::Length);
    }
    let Some(colon) = text.iter().position(|&b| b == b':') else { return HeaderLine::Garbage };
    let (name, value) = (&text[..colon], &text[colon + 1..]);
    if name.eq_ignore_ascii_case(b"content-length") {
        return HeaderLine::Length(parse_length(value));
    }
    let is_token = !name.is_empty()
        && name.iter().all(|b| b.is_ascii_alphanumeric() || b == &b'-')
        && length_at_end(line).is_none();
    if is_token { HeaderLine::Other } else { HeaderLine::Garbage }
}

/// Finds a length header that ends `line`, whatever stands before it.
fn length_at_end(line: &[u8]) -> Option<Result<u64, Fault>> {
    const NAME: &[u8] = b"content-length:";
    let start = line.windows(NAME.len()).rposition(|w| w.eq_ignore_ascii_case(NAME))?;
    Some(parse_length(&line[start + NAME.len()..]))
}

fn parse_length(value: &[u8]) -> Result<u64, Fault> {
    let digits = value.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Fault::BadLength);
    }
    // More digits than fit are a length all the same, and too long.
    let text = std::str::from_utf8(digits).map_err(|_| Fault::BadLength)?;
    Ok(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
