//! Runs a program on a terminal: a pseudoterminal, whose other end is read by the test.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Command, ExitStatus};

use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};

/// Variables that decide about colours and cursor movement. A continuous integration (`CI`) shows
/// colours in any terminal.
const STYLE_VARIABLES: [&str; 5] = ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM", "CI"];

/// Opens a terminal. Returns the end that reads what programs write, and the programs' end.
pub fn open() -> (File, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags).unwrap();
    unlockpt(&master).unwrap();
    let terminal = ioctl_tiocgptpeer(&master, flags).unwrap();
    (master.into(), terminal)
}

/// Removes the style variables of the user who runs the test, and sets these instead.
pub fn styled<'c>(command: &'c mut Command, variables: &[(&str, &str)]) -> &'c mut Command {
    for name in STYLE_VARIABLES {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied())
}

/// Runs a command with stdout and stderr on a terminal. Returns what it wrote, with escape codes.
pub fn run(mut command: Command) -> (ExitStatus, String) {
    let (mut reader, terminal) = open();
    command.stdout(terminal.try_clone().unwrap()).stderr(terminal);
    let mut child = command.spawn().unwrap();
    // Otherwise this process keeps the terminal open, and the reader waits forever.
    drop(command);
    let mut written = Vec::new();
    // When the last program closes the terminal, the reader gets an error instead of an end.
    let _ = reader.read_to_end(&mut written);
    (child.wait().unwrap(), String::from_utf8(written).unwrap())
}
