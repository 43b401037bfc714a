//! How much of the block the prompt has as the start of the answer.
//!
//! Text in the prefill cannot change, and costs no decoding.

use std::sync::LazyLock;

use super::lines::line_end;
use crate::pre_tokenizer::Splitter;

/// The part of the block that the answer begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Prefill {
    /// Nothing.
    None,
    /// The block's first line, at most up to the cursor: what the authors' program does with a
    /// local model.
    #[default]
    FirstLine,
    /// All up to the last pre-token before the cursor; the answer must begin with the rest up to
    /// the cursor. The authors' program does so with a remote model while the user types. At the
    /// block's end it is the same as [`Prefill::FirstLine`].
    ToCursor,
}

/// A prefill of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start<'b> {
    pub(super) text: &'b str,
    /// What follows it up to the cursor, and must be in the answer.
    pub(super) forced: &'b str,
}

/// Returns the prefill of a block with the cursor at `cursor`.
pub(super) fn of(block: &str, cursor: usize, prefill: Prefill) -> Start<'_> {
    let before = block.get(..cursor).unwrap_or_default();
    let n = match prefill {
        Prefill::None => 0,
        Prefill::ToCursor if cursor < block.len() => before.len() - last_piece_len(before),
        Prefill::FirstLine | Prefill::ToCursor => {
            let first = line_end(before, 0);
            let rest = before.get(first..).unwrap_or_default();
            // Line ends are one token together, so a prefill does not end between two of them.
            first + rest.len() - rest.trim_start_matches('\n').len()
        }
    };
    let (text, forced) = before.split_at_checked(n).unwrap_or((before, ""));
    let is_forced = prefill == Prefill::ToCursor && cursor < block.len();
    Start { text, forced: if is_forced { forced } else { "" } }
}

/// Returns the length of the last piece of `text`, as Qwen2's pre-tokenizer splits it.
fn last_piece_len(text: &str) -> usize {
    static QWEN2: LazyLock<Option<Splitter>> = LazyLock::new(|| Splitter::by_name("qwen2").ok());
    let mut last = 0;
    if let Some(splitter) = &*QWEN2 {
        splitter.each_piece(text, |piece| last = piece.len());
    }
    last
}
