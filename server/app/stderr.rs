//! What the user is told on stderr, one message a line.
//!
//! `eprintln!` panics when stderr cannot be written: its reader is gone, or the disk is full. A message that cannot be
//! written is lost and nothing else. Control characters are escaped and the length is bounded
//! ([`lowkey_completer::plain`]).

use std::io::{self, Write as _};

/// Writes one line to stderr, formatted as `format!` does; a line that cannot be written is lost.
macro_rules! tell {
    ($($argument:tt)*) => {
        $crate::stderr::line(&::lowkey_completer::plain::plain(format_args!($($argument)*)))
    };
}

pub(crate) use tell;

/// Writes `text` and a line end to stderr; see [`tell`].
pub(crate) fn line(text: &str) {
    raw(&format!("{text}\n"));
}

/// Writes `text` as it is, for progress bars and help.
pub(crate) fn raw(text: &str) {
    let mut stderr = io::stderr();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
