//! The handlers of requests and notifications, one file each: free functions over a session.
//!
//! `routes` maps methods to handlers. No handler waits for the client.

pub(super) mod completion;
pub(super) mod configuration;
pub(super) mod cursor;
pub(super) mod document;
pub(super) mod execute_command;
pub(super) mod explain;
pub(super) mod initialize;
pub(super) mod inline_completion;
pub(super) mod next_edit;
pub(super) mod status;
pub(super) mod text_sync;
pub(super) mod watched_files;
pub(super) mod workspace_folders;
