//! What the user does with a suggestion: accepts it whole or in part, types it by hand, or refuses it; and whether it
//! is retained.
//!
//! No protocol reports this in full: only VS Code runs a command after an accept, and no client reports a refusal. So it
//! is read from the edits that follow. Where one edit makes the document what accepting would make of it, the suggestion
//! was accepted; where one edit adds some words of it, accepted in part; where it is added letter by letter, the user
//! typed it; anything else at the cursor refuses it.
//! Invariants: a suggestion has one end; a clock that stops or jumps changes no count but "retained".

use std::time::{Duration, Instant};

use lowkey_document::{ByteOffset, Snapshot};

use crate::insert::Insert;

/// Time after which accepted text that is still in the document counts as retained.
const RETAINED_AFTER: Duration = Duration::from_secs(30);
/// An edit of this many characters is no single key, even one that the editor composes or closes.
const AT_ONCE_CHARS: usize = 2;
/// Accepted suggestions that are watched at a time; further ones are not judged.
const MAX_WATCHED: usize = 16;

/// A suggestion that is on the screen.
#[derive(Debug, Clone)]
struct Shown {
    id: u64,
    start: ByteOffset,
    text: String,
    /// Bytes of the document with all of it accepted.
    accepted_bytes: usize,
    /// Bytes of the document when it was shown, and how many of the text's bytes it had then.
    at_first: (usize, usize),
    /// How many of the text's bytes the document has now.
    n_there: usize,
    /// Characters that came at one stroke.
    taken_chars: usize,
    probability: Option<f32>,
}

/// What became of a suggestion.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    /// All of it was taken, at one stroke or what words had left of it; this many characters.
    Accepted(usize),
    /// This many characters were accepted, and then something else was written.
    Partly(usize),
    /// The user typed it to its end.
    Typed,
    /// Something else was written, or the cursor went away.
    Refused,
}

/// An end, with what the gate had thought of the suggestion.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ended {
    pub(crate) end: End,
    pub(crate) probability: Option<f32>,
}

/// Whether an accepted suggestion was still in the text after its time; its characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retained {
    pub(crate) is_retained: bool,
    pub(crate) chars: usize,
}

/// An accepted suggestion, and the document as it was when its time came.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    text: String,
    since: Instant,
    /// The newest text of the document within its time.
    last: Snapshot,
}

/// How a document goes on after the latest suggestion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// What is shown spans lines, and the document goes on as it says.
    pub(crate) follows_lines: bool,
    /// The cursor is where accepting a suggestion has put it, or on the blank line that Enter began there.
    pub(crate) is_after_accepted: bool,
}

/// The suggestions of one document that are shown or were accepted lately.
#[derive(Debug, Default)]
pub(crate) struct Feedback {
    shown: Option<Shown>,
    watched: Vec<Due>,
    /// The document's language.
    language: String,
    /// The suggestion that the edits have shown to be accepted already.
    counted: Option<u64>,
    /// Where the cursor was when a suggestion was last accepted to its end.
    taken: Option<Taken>,
}

/// The place after a suggestion that was accepted to its end.
#[derive(Debug, Clone, Copy)]
struct Taken {
    end: ByteOffset,
    /// Bytes of the document then.
    n_bytes: usize,
}

impl Feedback {
    /// The document's language, as it was when something was shown last.
    pub(crate) fn language(&self) -> &str {
        &self.language
    }

    /// Notes that `insert` is shown in `snapshot`; says whether it is another suggestion than before.
    pub(crate) fn show(
        &mut self,
        id: u64,
        (snapshot, cursor): (&Snapshot, ByteOffset),
        insert: &Insert,
        probability: Option<f32>,
    ) -> bool {
        if self.language != snapshot.language_id() {
            snapshot.language_id().clone_into(&mut self.language);
        }
        let n_bytes = snapshot.n_bytes();
        let n_there = cursor.0.saturating_sub(insert.start.0).min(insert.text.len());
        let mut shown = Shown {
            id,
            start: insert.start,
            text: insert.text.clone(),
            accepted_bytes: (n_bytes + insert.text.len())
                .saturating_sub(insert.end.0.saturating_sub(insert.start.0)),
            at_first: (n_bytes, n_there),
            n_there,
            taken_chars: 0,
            probability,
        };
        let Some(before) = self.shown.take() else {
            self.shown = Some(shown);
            return true;
        };
        let typed = snapshot.slice(before.start..insert.start.max(before.start));
        let whole = format!("{typed}{}", insert.text);
        let goes_on = whole.starts_with(&before.text) || before.text.starts_with(&whole);
        if goes_on && insert.start >= before.start {
            // The same, seen from further on; what the gate said first is what it is held to.
            shown.taken_chars = before.taken_chars;
            shown.probability = before.probability;
            shown.start = before.start;
            shown.n_there += typed.len();
            shown.at_first.1 = shown.n_there;
            shown.text = whole;
        }
        self.shown = Some(shown);
        !goes_on
    }

    /// Returns how the document goes on after the latest suggestion.
    pub(crate) fn standing(&self, snapshot: &Snapshot, cursor: ByteOffset) -> Standing {
        Standing {
            follows_lines: self.follows_lines(snapshot, cursor),
            is_after_accepted: self.is_after_accepted(snapshot, cursor),
        }
    }

    fn follows_lines(&self, snapshot: &Snapshot, cursor: ByteOffset) -> bool {
        self.shown.as_ref().is_some_and(|shown| {
            let typed = cursor.0.checked_sub(shown.start.0);
            typed.is_some_and(|n| n < shown.text.len() && shown.is_typed(snapshot, n))
                && shown.text.contains(['\n', '\r'])
        })
    }

    fn is_after_accepted(&self, snapshot: &Snapshot, cursor: ByteOffset) -> bool {
        self.taken.is_some_and(|Taken { end, n_bytes }| {
            let typed = cursor.0.checked_sub(end.0);
            typed.is_some() && typed == snapshot.n_bytes().checked_sub(n_bytes) && {
                let typed = snapshot.slice(end..cursor);
                typed.trim().is_empty() && (typed.is_empty() || typed.contains(['\n', '\r']))
            }
        })
    }

    /// Forgets the suggestion on the screen: the editor never got it, or no longer draws it.
    pub(crate) fn withdraw(&mut self) {
        self.shown = None;
    }

    /// Looks at the document after an edit.
    pub(crate) fn edited(&mut self, snapshot: &Snapshot, now: Instant) -> Option<Ended> {
        for due in &mut self.watched {
            if now.saturating_duration_since(due.since) < RETAINED_AFTER {
                due.last = snapshot.clone();
            }
        }
        let shown = self.shown.as_mut()?;
        let n_bytes = snapshot.n_bytes();
        let (first_bytes, first_there) = shown.at_first;
        // How much of the text there must be, if nothing but it has come.
        let n_there = (first_there + n_bytes).checked_sub(first_bytes);
        let is_whole =
            n_bytes == shown.accepted_bytes && shown.is_typed(snapshot, shown.text.len());
        let n_new = match n_there {
            _ if is_whole => shown.text.len(),
            Some(n) if n < shown.text.len() && shown.is_typed(snapshot, n) => n,
            _ => return None,
        };
        let came = shown.text.get(shown.n_there..n_new).unwrap_or_default().chars().count();
        let at_once = if came >= AT_ONCE_CHARS { came } else { 0 };
        shown.taken_chars += at_once;
        shown.n_there = n_new;
        if !is_whole {
            return None;
        }
        let chars = shown.taken_chars;
        let end = if chars > 0 { End::Accepted(chars) } else { End::Typed };
        Some(self.end(end, snapshot, now))
    }

    /// Looks at the document and the cursor before the next request: a text that does not go on as suggested refuses it.
    pub(crate) fn asked(
        &mut self,
        snapshot: &Snapshot,
        cursor: ByteOffset,
        now: Instant,
    ) -> Option<Ended> {
        if let Some(ended) = self.edited(snapshot, now) {
            return Some(ended);
        }
        let shown = self.shown.as_ref()?;
        let typed = (cursor >= shown.start).then(|| cursor.0 - shown.start.0);
        if typed.is_some_and(|n| n < shown.text.len() && shown.is_typed(snapshot, n)) {
            return None;
        }
        let chars = shown.taken_chars;
        let end = if chars > 0 { End::Partly(chars) } else { End::Refused };
        Some(self.end(end, snapshot, now))
    }

    /// Takes the editor's word that a suggestion was accepted; `None` when the edits have said so before.
    pub(crate) fn accepted(&mut self, id: u64) -> Option<Ended> {
        if self.counted == Some(id) {
            return None;
        }
        let shown = self.shown.as_ref().filter(|shown| shown.id == id)?;
        let n_left = shown.text.get(shown.n_there..).unwrap_or_default().chars().count();
        let end = End::Accepted(shown.taken_chars + n_left);
        let probability = shown.probability;
        self.counted = Some(id);
        self.shown = None;
        Some(Ended { end, probability })
    }

    /// Hands out the accepted suggestions whose time has come.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Due> {
        let is_due = |due: &mut Due| now.saturating_duration_since(due.since) >= RETAINED_AFTER;
        self.watched.extract_if(.., is_due).collect()
    }

    fn end(&mut self, end: End, snapshot: &Snapshot, now: Instant) -> Ended {
        let shown = self.shown.take();
        self.taken = None;
        if let (End::Accepted(_), Some(shown)) = (&end, &shown) {
            self.counted = Some(shown.id);
            let end = ByteOffset(shown.start.0 + shown.text.len());
            self.taken = Some(Taken { end, n_bytes: snapshot.n_bytes() });
            if self.watched.len() < MAX_WATCHED {
                let (text, last) = (shown.text.clone(), snapshot.clone());
                self.watched.push(Due { text, since: now, last });
            }
        }
        Ended { end, probability: shown.and_then(|shown| shown.probability) }
    }
}

impl Due {
    /// Searches the document for the suggestion; too slow for the message path.
    pub(crate) fn search(&self) -> Retained {
        let text = self.text.trim();
        Retained { is_retained: self.last.text().contains(text), chars: text.chars().count() }
    }
}

impl Shown {
    /// Whether the first `n` bytes of the text are in the document where it starts.
    fn is_typed(&self, snapshot: &Snapshot, n: usize) -> bool {
        let end = self.start.0 + n;
        let Some(wanted) = self.text.get(..n) else { return false };
        end <= snapshot.n_bytes() && snapshot.slice(self.start..ByteOffset(end)) == wanted
    }
}

#[cfg(test)]
mod tests;
