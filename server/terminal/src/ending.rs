//! Saves data at the end of the process: when the system asks the process to end, and when its
//! editor has ended.
//!
//! An editor ends the server through the protocol, or by closing its input. A service manager, a
//! terminal and a user send a signal. If an editor is killed while another process holds the
//! server's input open, the server notices that the editor's process has ended.

use std::io;

/// Signals that ask a process to end.
#[cfg(unix)]
const TERMINATION_SIGNALS: [i32; 3] =
    [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT, signal_hook::consts::SIGHUP];

/// Time between two checks of the editor's process.
#[cfg(unix)]
const POLL_INTERVAL: std::time::Duration = std::time::Duration::from_secs(3);

/// Calls `on_end` on a separate thread, with the number of the first signal that asks to end;
/// `on_end` ends the process.
///
/// A signal that this process was started to ignore (SIGHUP under `nohup`) stays ignored.
#[cfg(unix)]
pub fn on_signals(on_end: impl FnOnce(i32) + Send + 'static) -> io::Result<()> {
    let ignored = ignored_signals();
    let heard = TERMINATION_SIGNALS.into_iter().filter(|signal| ignored & (1 << (signal - 1)) == 0);
    let mut coming = signal_hook::iterator::Signals::new(heard)?;
    std::thread::Builder::new().name("lowkey-signals".into()).spawn(move || {
        if let Some(signal) = coming.forever().next() {
            tracing::info!(signal, "asked to end");
            on_end(signal);
        }
    })?;
    Ok(())
}

/// Does nothing without signals: the system ends the process.
#[cfg(not(unix))]
pub fn on_signals(_: impl FnOnce(i32) + Send + 'static) -> io::Result<()> {
    Ok(())
}

/// Returns the signals that this process ignores, one bit each; none if the system does not report
/// them.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Calls `on_end` when the process with this id has ended; `on_end` ends this process.
///
/// A process that does not exist at first is not watched: its id may be from another machine or
/// container.
#[cfg(unix)]
pub fn on_process_end(process_id: u32, on_end: impl FnOnce() + Send + 'static) {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};

    let Some(pid) = i32::try_from(process_id).ok().and_then(Pid::from_raw) else { return };
    // Another user's process rejects the signal, but it exists.
    let is_gone = move || matches!(test_kill_process(pid), Err(Errno::SRCH));
    if is_gone() {
        return;
    }
    let watch = move || {
        while !is_gone() {
            std::thread::sleep(POLL_INTERVAL);
        }
        tracing::info!(process_id, "the editor is gone");
        on_end();
    };
    if let Err(error) = std::thread::Builder::new().name("lowkey-editor".into()).spawn(watch) {
        tracing::warn!(%error, "the editor's process is not watched");
    }
}

/// Does nothing: on this system the end of input shows that the editor has ended.
#[cfg(not(unix))]
pub fn on_process_end(_: u32, _: impl FnOnce() + Send + 'static) {}
