//! Prompts and answers against those of the authors' program, and properties for any text.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod golden;
mod prompts;
mod properties;
