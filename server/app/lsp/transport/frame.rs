//! Frames on stdin: splits the stream into messages, and reports broken frames.
//!
//! A broken frame becomes an error, and reading continues at the next header. A raw line
//! `Content-Length: 12` cannot occur inside JSON text, because strings have no raw line ends. It
//! therefore always marks the next frame, even inside a body that is shorter than announced or too
//! long to read.
//!
//! Invariant: [`MAX_BODY_BYTES`] bounds the memory for any announced length.

use std::fmt;
use std::io::{self, BufRead, Read};

/// Longest body: a document of 40 MB in JSON's longest escapes.
pub(in crate::lsp) const MAX_BODY_BYTES: u64 = 256 << 20;

/// Longest header line.
const MAX_LINE_BYTES: u64 = 4096;

/// Maximum number of header lines in a frame; the protocol has two.
const MAX_HEADER_LINES: usize = 32;

/// The result of one reading step.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::lsp) enum Frame {
    /// A body of the announced length.
    Body(Vec<u8>),
    /// An invalid frame.
    Bad(Fault),
}

/// The fault of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lsp) enum Fault {
    /// Bytes that are not a header.
    NoHeader,
    /// The header ended without a length.
    NoLength,
    /// A length that is not a number.
    BadLength,
    /// A length above [`MAX_BODY_BYTES`].
    TooLong { bytes: u64 },
    /// The next header began before the body was complete.
    Truncated { announced: u64 },
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
                write!(f, "the next header began before the announced {announced} bytes of body")
            }
        }
    }
}

/// Splits a byte stream into frames.
#[derive(Debug)]
pub(in crate::lsp) struct FrameReader<R> {
    reader: R,
    /// The length in a header line that was found too early: the next frame begins with it.
    carried: Option<u64>,
    /// Whether the rest of a refused frame is being skipped; its error was sent already.
    skipping: bool,
    line: Vec<u8>,
}

/// The relevant kinds of header lines.
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

    /// Returns the next frame; `None` at the end of the input, even inside a frame.
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
                    // The bytes before it may be garbage that was answered already.
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
                    // The rest of this line may be the next header.
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
    /// Returns `false` at the end of the input.
    fn read_line(&mut self) -> io::Result<bool> {
        // The tail of a piece without a line end is kept, so that a header that begins there is
        // complete.
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
            // Compact JSON has no raw line end, so this is one read, at memchr's speed.
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

/// Finds a length header at the end of `line`, after any other bytes.
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
    // A number with too many digits is still a length, and too long.
    let text = std::str::from_utf8(digits).map_err(|_| Fault::BadLength)?;
    Ok(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
