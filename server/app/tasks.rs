//! The thread that runs a server's tasks, separate from the engine's thread.
//!
//! One thread is enough: tasks wait for clients and for the engine, and compute little.

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

/// Builds the runtime of the language server. It cannot open a socket: without tokio's driver for
/// input and output, `tokio::net` panics.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    build(&mut builder())
}

/// Builds the runtime of the HTTP server.
pub(crate) fn runtime_with_network() -> anyhow::Result<Runtime> {
    build(builder().enable_io())
}

fn builder() -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).thread_name("lowkey-tasks").enable_time();
    builder
}

fn build(builder: &mut Builder) -> anyhow::Result<Runtime> {
    builder.build().context("starting the server's runtime")
}
