//! Output, logging and process helpers for every command of the program.
//!
//! [`stdout`] prints a result, [`log`] writes the log to stderr, and [`ending`] runs code when a
//! signal asks the process to end. [`style`] and [`progress`] are for reports, and
//! [`system`] reads the memory and the load of the machine. This crate does not depend on
//! completion.
#![cfg_attr(
    test,
    expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")
)]

pub mod ending;
pub mod log;
pub mod progress;
pub mod stdout;
pub mod style;
pub mod system;
