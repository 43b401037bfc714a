//! One thread that owns the model and every KV cache.
//!
//! Jobs arrive through a queue, and what a job computed stays in a session whose
//! longest common prefix of token ids the next job reuses. The caller holds a ticket
//! for each job and cancels those that no longer matter. Nothing here knows about editors or about what makes a suggestion
//! good: callers hand in a closure that builds the prompt and one that stops the
//! decoding.
//!
//! Invariants: no tensor leaves the worker thread; a cancelled job stops within
//! one prefill chunk or one token; every job is finished exactly once; a warm
//! session yields the tokens that a cold one yields, and decoding with drafts those
//! that plain decoding yields.
#![cfg_attr(
    test,
    expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")
)]

mod first_text;
mod generate;
mod job;
mod load;
mod openings;
mod persist;
mod queue;
mod sampling;
mod session;
mod speculate;
mod ticket;
mod trust;
mod turn;
mod warming;
mod worker;

pub use generate::CHUNK_TOKENS;
pub use job::{
    First, Generated, Job, Milliseconds, Partial, Preparation, Priority, Stop, StopCheck,
    TokenCounts,
};
pub use load::{LoadFailed, Loaded, Wanted, assembler};
pub use openings::Opening;
#[doc(hidden)]
pub use persist::tokens_of_session;
pub use persist::{Keep, Switch, UnsavedWeights, kept_sessions};
pub use sampling::Sampling;
pub use session::{FORK_ABOVE_TOKENS, Session, SessionPool};
pub use ticket::Ticket;
pub use worker::{Engine, Speed, Status};
