//! Cuts where the stop rules would have ended decoding.
//!
//! A text from the completion memory was decoded for another request, which may have asked for
//! several lines. The shown text must obey the rules of the current request.

use super::Cut;
use crate::stop::{StopReason, StopRules};
use crate::surroundings::Surroundings;

pub(super) fn cut(surroundings: &Surroundings<'_>, text: &str) -> Option<Cut> {
    let (reason, keep) = StopRules::at(surroundings).end(text)?;
    let why = match reason {
        StopReason::Newline if text.get(..keep).is_some_and(|line| line.trim().is_empty()) => {
            "the line is complete and one line was asked for"
        }
        StopReason::Newline => "one line was asked for",
        StopReason::Scope if keep == 0 => {
            "the line leaves a block that the next line of the file goes on with"
        }
        StopReason::Scope => "the block ends here",
        StopReason::Suffix => "the text runs into the next line",
        StopReason::Repetition => "the text repeats itself",
        StopReason::Limit => "no more lines are shown at once",
        StopReason::Eos => "a Markdown fence begins here: the model has switched to chat",
        StopReason::Deadline | StopReason::Cancelled => return None,
    };
    Some(Cut::at(keep, why))
}
