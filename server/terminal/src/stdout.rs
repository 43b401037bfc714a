//! Standard output, which has only the result of a command.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};

/// Writes the result to stdout; a closed reader is not an error.
pub fn print(text: &str) -> anyhow::Result<()> {
    write(io::stdout().lock(), text)
}

/// Like [`print()`], for text with escape codes: they are removed unless [`has_styles`].
pub fn print_styled(text: &str) -> anyhow::Result<()> {
    write(AutoStream::auto(io::stdout()).lock(), text)
}

/// Whether stdout shows styles: on a terminal that is not `dumb`, unless `NO_COLOR` or `CLICOLOR=0`
/// forbids them, and elsewhere if `CLICOLOR_FORCE` asks for them.
pub fn has_styles() -> bool {
    AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

fn write(mut stdout: impl Write, text: &str) -> anyhow::Result<()> {
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
