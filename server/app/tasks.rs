//! The thread that runs a server's tasks, separate from the engine's thread.
//!
//! One thread is enough: tasks wait for clients and for the engine, and compute little.

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("lowkey-tasks")
        .enable_time()
        .build()
        .context("starting the server's runtime")
}
