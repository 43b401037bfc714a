//! The thread that a server's tasks run on, beside the engine's.
//!
//! One is enough: tasks wait for clients and for the engine, and compute next to nothing.

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

/// Starts the thread.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("lowkey-tasks")
        .enable_time()
        .build()
        .context("starting the server's runtime")
}
