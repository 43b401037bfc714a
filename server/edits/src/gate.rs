//! Whether a proposal is shown.

use std::time::Duration;

use lowkey_document::{ByteOffset, Snapshot, Uri};

use crate::history::EditHistory;
use crate::judge::Question;
use crate::propose::{Proposal, propose};
use crate::tokens::is_word_char;

/// Removed characters of a proposal that adds none.
const MAX_REMOVED_CHARS: usize = 80;
/// Characters by which a proposal may shorten the text.
const MAX_SHORTENED_CHARS: usize = 240;
/// How long a rejected place gets no proposal.
const REJECTED_FOR: Duration = Duration::from_mins(2);
/// Rejected places that are remembered.
const MAX_REJECTED: usize = 16;

/// How probable a proposal must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caution {
    Careful,
    Normal,
}

impl Caution {
    /// Returns the probability from which a proposal of the search is shown.
    pub fn threshold(self) -> f32 {
        match self {
            Self::Careful => 0.7,
            Self::Normal => 0.52,
        }
    }

    /// Returns the probability from which the edit of a next-edit model is shown.
    pub fn predicted_threshold(self) -> f32 {
        match self {
            Self::Careful => 0.7,
            Self::Normal => 0.5,
        }
    }

    /// Returns the probability from which a proposal is shown that a model has judged.
    pub fn judged_threshold(self) -> f32 {
        match self {
            Self::Careful => 0.7,
            Self::Normal => 0.6,
        }
    }
}

/// Proposals less probable than this are not worth one.
const HOPELESS: f32 = 0.25;

/// Proposals in another document than the edited one need this probability. They are never unsure:
/// no figures say what a model's judgement about them is worth.
const IN_OTHER_DOCUMENT: f32 = 0.6;

/// A next edit where a model may be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    Show(Proposal),
    /// A model must judge it: it is shown if [`judged_probability`](crate::judged_probability) is at least
    /// [`Caution::judged_threshold`].
    Ask(Proposal, Question),
}

/// Why there is no proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    /// The document was not edited since it was opened, and no other one was.
    NoEdits,
    /// The user types a word.
    InsideWord,
    /// No place is probable enough.
    NothingLikely,
    /// The proposal removes much text.
    LargeDeletion,
    /// The user rejected a proposal at that place.
    Rejected,
    /// The proposal is the text that is there.
    Unchanged,
}

impl Quiet {
    /// Returns the reason in words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoEdits => "nothing was edited in this session",
            Self::InsideWord => "the cursor is inside a word",
            Self::NothingLikely => "no other place is likely to need the last change",
            Self::LargeDeletion => "the change would remove much text",
            Self::Rejected => "a change at this place was dismissed a short time ago",
            Self::Unchanged => "the change would leave the text as it is",
        }
    }
}

/// A place where a proposal was rejected.
#[derive(Debug, Clone)]
struct Rejected {
    uri: Uri,
    line: String,
    text: String,
    at: Duration,
}

impl Rejected {
    fn new(snapshot: &Snapshot, proposal: &Proposal, at: Duration) -> Self {
        let line = snapshot.line(snapshot.line_of(proposal.range.start));
        Self { uri: snapshot.uri().clone(), line, text: proposal.text.clone(), at }
    }
}

/// Decides about proposals, and remembers the rejected ones.
#[derive(Debug, Clone, Default)]
pub struct EditGate {
    rejected: Vec<Rejected>,
}

impl EditGate {
    /// Returns the next edit of a document, or why there is none. `cursor` is where the user is.
    pub fn next(
        &self,
        history: &EditHistory,
        snapshot: &Snapshot,
        cursor: ByteOffset,
        caution: Caution,
        now: Duration,
    ) -> Result<Proposal, Quiet> {
        self.above(history, snapshot, cursor, caution.threshold(), now)
    }

    /// Returns the next edit of a document where a model can judge the unsure ones.
    pub fn next_or_ask(
        &self,
        history: &EditHistory,
        snapshot: &Snapshot,
        cursor: ByteOffset,
        caution: Caution,
        now: Duration,
    ) -> Result<Decision, Quiet> {
        let proposal = self.above(history, snapshot, cursor, HOPELESS, now)?;
        // The model adds proposals and hides none: it knows less about renames than the search.
        if proposal.probability >= caution.threshold() || is_elsewhere(history, snapshot) {
            return Ok(Decision::Show(proposal));
        }
        match Question::new(history, snapshot, &proposal) {
            Some(question) => Ok(Decision::Ask(proposal, question)),
            None => Err(Quiet::NothingLikely),
        }
    }

    fn above(
        &self,
        history: &EditHistory,
        snapshot: &Snapshot,
        cursor: ByteOffset,
        threshold: f32,
        now: Duration,
    ) -> Result<Proposal, Quiet> {
        Self::may_propose(history, snapshot, cursor)?;
        let least = if is_elsewhere(history, snapshot) { IN_OTHER_DOCUMENT } else { 0.0 };
        let threshold = threshold.max(least);
        let proposal =
            propose(history, snapshot, cursor, threshold, now).ok_or(Quiet::NothingLikely)?;
        self.judge(snapshot, &proposal, now)?;
        Ok(proposal)
    }

    /// Checks whether anything may be proposed where the user is.
    pub fn may_propose(
        history: &EditHistory,
        snapshot: &Snapshot,
        cursor: ByteOffset,
    ) -> Result<(), Quiet> {
        let newest = history.hunks().next().ok_or(Quiet::NoEdits)?;
        let is_here = newest.uri() == snapshot.uri();
        // Elsewhere in a word is the cursor of an editor's normal mode.
        if is_here && newest.typed_to == Some(cursor.0) && is_inside_word(snapshot, cursor) {
            return Err(Quiet::InsideWord);
        }
        Ok(())
    }

    /// Checks a proposal, of this crate or of a model.
    pub fn judge(
        &self,
        snapshot: &Snapshot,
        proposal: &Proposal,
        now: Duration,
    ) -> Result<(), Quiet> {
        let removed = snapshot.slice(proposal.range.clone());
        if removed == proposal.text {
            return Err(Quiet::Unchanged);
        }
        let n_removed = removed.chars().count();
        let n_fewer = n_removed.saturating_sub(proposal.text.chars().count());
        let is_deletion = proposal.text.trim().is_empty() && n_removed > MAX_REMOVED_CHARS;
        if is_deletion || n_fewer > MAX_SHORTENED_CHARS {
            return Err(Quiet::LargeDeletion);
        }
        let rejected = Rejected::new(snapshot, proposal, now);
        let is_same = |earlier: &Rejected| {
            earlier.uri == rejected.uri
                && earlier.line == rejected.line
                && earlier.text == rejected.text
                && now.saturating_sub(earlier.at) < REJECTED_FOR
        };
        if self.rejected.iter().any(is_same) { Err(Quiet::Rejected) } else { Ok(()) }
    }

    /// Notes that the user rejected a proposal.
    pub fn reject(&mut self, snapshot: &Snapshot, proposal: &Proposal, now: Duration) {
        let rejected = Rejected::new(snapshot, proposal, now);
        let surplus = (self.rejected.len() + 1).saturating_sub(MAX_REJECTED);
        self.rejected.drain(..surplus);
        self.rejected.push(rejected);
    }
}

/// Whether the newest edit is in another document.
fn is_elsewhere(history: &EditHistory, snapshot: &Snapshot) -> bool {
    history.hunks().next().is_some_and(|newest| newest.uri() != snapshot.uri())
}

/// Whether the cursor has a letter on both sides.
fn is_inside_word(snapshot: &Snapshot, cursor: ByteOffset) -> bool {
    let cursor = snapshot.cursor(cursor);
    let before = cursor.before.chars().next_back();
    let after = cursor.after.chars().next();
    before.is_some_and(is_word_char) && after.is_some_and(is_word_char)
}
