//! Messages for the user on stderr, one per line.
//!
//! `eprintln!` panics when stderr cannot be written: its reader is closed, or the disk is full.
//! These functions drop a message that cannot be written. Control characters are escaped and the
//! length is bounded ([`lowkey_completer::plain`]).

use std::io::{self, Write as _};

/// Writes one line to stderr, formatted like `format!`; drops it if stderr cannot be written.
macro_rules! print_stderr {
    ($($argument:tt)*) => {
        $crate::stderr::line(&::lowkey_completer::plain::plain(format_args!($($argument)*)))
    };
}

pub(crate) use print_stderr;

/// Writes `text` and a line end to stderr; see [`print_stderr`].
pub(crate) fn line(text: &str) {
    raw(&format!("{text}\n"));
}

/// Writes `text` unchanged, for questions and help.
pub(crate) fn raw(text: &str) {
    let mut stderr = io::stderr();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
