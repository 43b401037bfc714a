//! The assembled prompt: what the engine is given.

use crate::TokenId;
use crate::answer::Answer;

/// The token ids of one question to the model, and what is known of its answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prompt {
    /// All tokens, the forced middle last.
    pub tokens: Vec<TokenId>,
    /// How many of `tokens` stand before the forced middle; the last of them is `<MID>` where the format has one and
    /// puts nothing behind it. They do not change while the user types on the line.
    pub n_fixed: usize,
    /// The text from the anchor up to where decoding begins. Its tokens may be fewer than it has when the line is
    /// longer than its share.
    pub forced: String,
    /// Text that the answer must begin with, taken back from the forced middle: `forced` and `unforced` together are
    /// the line up to the cursor. With the cut at the cursor it is taken back from the prefix. Empty for models that
    /// need no healing.
    pub unforced: String,
    /// How the answer of an instructed model is taken apart; `None` where all of it is the middle.
    pub answer: Option<Answer>,
}
