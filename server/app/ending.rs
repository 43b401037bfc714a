//! Ending well: what is to be saved is saved when the system asks the process to end.
//!
//! An editor ends the server through the protocol, or by closing its input; a service manager
//! and a terminal send a signal.

use std::io;

/// Signals by which a service manager and a terminal ask.
#[cfg(unix)]
pub(crate) const ASKED_TO_END: &[i32] =
    &[signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT];
/// The one that ends an editor's server: the terminal's goes to the editor, whose own keys it may be.
#[cfg(unix)]
pub(crate) const TERMINATED: &[i32] = &[signal_hook::consts::SIGTERM];

#[cfg(not(unix))]
pub(crate) const ASKED_TO_END: &[i32] = &[];
#[cfg(not(unix))]
pub(crate) const TERMINATED: &[i32] = &[];

/// Calls `farewell` on a thread of its own when the first of these signals comes; it ends the process.
#[cfg(unix)]
pub(crate) fn on_signals(
    signals: &[i32],
    farewell: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let mut coming = signal_hook::iterator::Signals::new(signals)?;
    std::thread::Builder::new().name("lowkey-signals".into()).spawn(move || {
        if let Some(signal) = coming.forever().next() {
            tracing::info!(signal, "asked to end");
            farewell();
        }
    })?;
    Ok(())
}

/// There are no signals here: the system ends the process.
#[cfg(not(unix))]
pub(crate) fn on_signals(_: &[i32], _: impl FnOnce() + Send + 'static) -> io::Result<()> {
    Ok(())
}
