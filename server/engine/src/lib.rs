//! One thread that owns the model and every KV cache.
//!
//! The engine takes jobs from a queue. The token ids and KV cache of a finished job stay in a
//! session, and the next job reuses the longest common prefix of token ids. The caller holds a
//! ticket for each job and cancels the jobs that are out of date. The engine knows nothing about
//! editors or about the quality of suggestions: callers pass one closure that builds the prompt and
//! one that stops the decoding.
//!
//! Invariants: no tensor leaves the worker thread; a cancelled job stops within one prefill chunk
//! or one token; every job is finished exactly once; a warm session yields the same tokens as a
//! cold one; decoding with drafts yields the same tokens as plain decoding.
#![cfg_attr(
    test,
    expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")
)]

mod acceptance;
mod activity;
mod background_prefill;
mod branch;
mod decode;
mod first_tokens;
mod generate;
mod job;
mod judge;
mod load;
mod non_empty;
mod persist;
mod queue;
mod sampling;
mod session;
mod speculate;
mod ticket;
mod worker;

pub use activity::Activity;
pub use first_tokens::FirstToken;
pub use generate::CHUNK_TOKENS;
pub use job::{
    Generated, Job, Milliseconds, Partial, Preparation, Priority, SmallPrompt, Stop, StopCheck,
    TokenCounts,
};
pub use judge::{Judged, JudgedToken, JudgementJob};
pub use load::{LoadError, LoadOptions, Loaded, assembler};
#[doc(hidden)]
pub use persist::tokens_of_session;
pub use persist::{PersistOptions, Switch, UnsavedWeights, stored_sessions};
pub use sampling::Sampling;
pub use session::{FORK_ABOVE_TOKENS, Session, SessionPool, SessionUse};
pub use ticket::Ticket;
pub use worker::{Engine, EngineOptions, Speed, Status};
