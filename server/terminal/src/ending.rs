//! The end of the process: the caller saves its state when the system asks the process to end, and when its editor is
//! gone.
//!
//! An editor ends the server through the protocol, or by closing its input. A service manager, a terminal and a user
//! send a signal. And an editor may be killed while something else holds the server's input open: then its process is
//! looked for.

use std::io;

/// Signals that ask a process to end.
#[cfg(unix)]
const ASKED_TO_END: [i32; 3] =
    [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT, signal_hook::consts::SIGHUP];

/// How often is looked whether the editor is still there.
#[cfg(unix)]
const LOOK: std::time::Duration = std::time::Duration::from_secs(3);

/// Calls `farewell` with the number of the first signal that asks to end, on a thread of its own; it ends the process.
///
/// A signal that this process was started to ignore (SIGHUP under `nohup`) stays ignored.
#[cfg(unix)]
pub fn on_signals(farewell: impl FnOnce(i32) + Send + 'static) -> io::Result<()> {
    let ignored = ignored_signals();
    let heard = ASKED_TO_END.into_iter().filter(|signal| ignored & (1 << (signal - 1)) == 0);
    let mut coming = signal_hook::iterator::Signals::new(heard)?;
    std::thread::Builder::new().name("lowkey-signals".into()).spawn(move || {
        if let Some(signal) = coming.forever().next() {
            tracing::info!(signal, "asked to end");
            farewell(signal);
        }
    })?;
    Ok(())
}

/// There are no signals here: the system ends the process.
#[cfg(not(unix))]
pub fn on_signals(_: impl FnOnce(i32) + Send + 'static) -> io::Result<()> {
    Ok(())
}

/// The signals that this process ignores, one bit each; none where the system does not say.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Calls `farewell` when the process with this number has ended; it ends this one.
///
/// A process that is not there at first is not watched: its number may be of another machine or container.
#[cfg(unix)]
pub fn when_gone(process_id: u32, farewell: impl FnOnce() + Send + 'static) {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};

    let Some(pid) = i32::try_from(process_id).ok().and_then(Pid::from_raw) else { return };
    // A process of another user's may not be asked, but it is there.
    let is_gone = move || matches!(test_kill_process(pid), Err(Errno::SRCH));
    if is_gone() {
        return;
    }
    let watch = move || {
        while !is_gone() {
            std::thread::sleep(LOOK);
        }
        tracing::info!(process_id, "the editor is gone");
        farewell();
    };
    if let Err(error) = std::thread::Builder::new().name("lowkey-editor".into()).spawn(watch) {
        tracing::warn!(%error, "the editor's process is not watched");
    }
}

/// Here the end of input is what says that the editor is gone.
#[cfg(not(unix))]
pub fn when_gone(_: u32, _: impl FnOnce() + Send + 'static) {}
