//! The engine with a real model, the toy: sessions, scheduling, decoding, and files on disk.
//!
//! The tests assert counts of tokens, never times.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")]

mod branch;
mod drafts;
mod first_tokens;
mod healing;
mod jobs;
mod low_priority;
mod non_empty;
mod persist;
mod progress;
mod reuse;
mod rewrites;
mod small_prompt;
