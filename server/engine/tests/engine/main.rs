//! The engine with a real model, the toy: sessions, scheduling, decoding, and files on disk.
//!
//! The tests assert counts of tokens, never times.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")]

mod drafts;
mod first;
mod first_text;
mod healing;
mod jobs;
mod kept;
mod openings;
mod progress;
mod reuse;
mod turn;
