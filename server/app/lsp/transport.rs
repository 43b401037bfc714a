//! Bytes on stdin and stdout, and the messages in them.

pub(super) mod frame;
pub(super) mod message;
pub(super) mod outbox;
mod surrogates;
