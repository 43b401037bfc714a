//! Looking ahead: computing at low priority what the user will most likely ask next.
//!
//! A line's end is where the prompt changes most, because the FIM cut moves with the
//! cursor's line. So when the line is complete, or when the user pauses on a shown
//! suggestion, the state as if it had been accepted and Enter pressed is asked in the
//! background, from column 0. Its answer lands in the completion memory.
//!
//! Invariants: a job ahead has the lowest priority and works on a copy of the session;
//! any request that needs the model supersedes it within one token.

use std::sync::Arc;
use std::time::Duration;

use lowkey_document::{ByteOffset, LineEnding};
use lowkey_engine::Priority;

use crate::document_state::Desk;
use crate::plan::{Plan, Question};
use crate::{Answer, Ask, Completer, Insert, Outcome, Patience, lock};

/// A pause in typing after which a shown suggestion is taken for a likely one.
pub(crate) const PAUSE: Duration = Duration::from_millis(600);

/// How often a replay looks whether the engine is done.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// When to look ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// The line needs nothing more: Enter is near.
    Now,
    /// If the user pauses here.
    Pause,
    /// There is nothing to look ahead to.
    Never,
}

/// Says when an answer is worth looking ahead from.
pub(crate) fn occasion(question: &Question, answer: &Answer) -> Occasion {
    let cursor = question.ask.snapshot.cursor(question.ask.cursor);
    let at_line_end = cursor.after.trim().is_empty();
    let on_blank_line = cursor.before.trim().is_empty();
    match &answer.outcome {
        Outcome::Insert(_) => Occasion::Pause,
        Outcome::Nothing if is_complete(answer) && at_line_end && !on_blank_line => Occasion::Now,
        Outcome::Nothing | Outcome::Superseded => Occasion::Never,
    }
}

/// Whether the model ended the line here: it was asked and had nothing to add.
fn is_complete(answer: &Answer) -> bool {
    let report = &answer.report;
    report.source != crate::report::Source::None && report.text.is_empty()
}

impl Completer {
    /// Asks, at low priority, for the line after the one that `question` stood on.
    ///
    /// Does nothing when a newer request has come.
    pub(crate) fn look_ahead(&self, question: &Question, outcome: &Outcome) {
        let ask = ahead(&question.ask, outcome);
        let uri = ask.snapshot.uri();
        let is_newest = |desk: &Desk| desk.is_newest(question.ask.place, question.id);
        let is_wanted = |desk: &mut Desk| is_newest(desk) && desk.foresight.is_worth_a_try();
        if !self.with_desk(uri, is_wanted) {
            return;
        }
        let then = Question { ask: ask.clone(), ..question.clone() };
        if let Plan::Wait(waiting) = self.plan(&then, Priority::Background) {
            self.with_desk(uri, |desk| {
                if is_newest(desk) {
                    desk.foresight.looked_at(waiting.frame.key);
                    desk.ahead = Some(waiting.live);
                }
            });
        }
    }

    /// Looks ahead from an answer when its occasion comes.
    pub(crate) fn schedule(self: &Arc<Self>, question: Question, answer: &Answer) {
        if !self.settings().look_ahead {
            return;
        }
        match occasion(&question, answer) {
            Occasion::Never => {}
            Occasion::Now => self.look_ahead(&question, &answer.outcome),
            Occasion::Pause => {
                *lock(&self.paused) = Some((question.clone(), answer.outcome.clone()));
                // A command line that asks once has nothing to look ahead to.
                if question.ask.patience == Patience::Unlimited {
                    return;
                }
                let completer = Arc::downgrade(self);
                tokio::spawn(async move {
                    let mut newest = question.newest.clone();
                    let moved_on = newest.wait_for(|&id| id != question.id);
                    if tokio::time::timeout(PAUSE, moved_on).await.is_err()
                        && let Some(completer) = completer.upgrade()
                    {
                        completer.paused_typing();
                    }
                });
            }
        }
    }

    /// Takes it that the user has paused on what is shown.
    fn paused_typing(&self) {
        let shown = lock(&self.paused).take();
        let Some((question, outcome)) = shown else { return };
        let snapshot = &question.ask.snapshot;
        let place = (snapshot.line_of(question.ask.cursor), snapshot.n_lines());
        // Once per line: a user who pauses again has other plans for it than the suggestion.
        let is_new = self
            .with_desk(snapshot.uri(), |desk| desk.looked_ahead_from.replace(place) != Some(place));
        if is_new {
            self.look_ahead(&question, &outcome);
        }
    }

    /// Lives through a pause of the user without waiting for its end: what would be looked
    /// ahead to in that time is, and takes at most as long as the pause.
    ///
    /// For replaying traces faster than they were typed.
    pub async fn idle(&self, pause: Duration) {
        if pause >= PAUSE {
            self.paused_typing();
        }
        let ahead: Vec<_> = {
            let desks = lock(&self.desks);
            desks.values().filter_map(|desk| desk.ahead.clone()).collect()
        };
        let all = async {
            for live in ahead {
                let mut progress = live.progress.clone();
                // An error means that the job is gone, which is an end too.
                let _ = progress.wait_for(|progress| progress.ended.is_some()).await;
            }
            while self.engine.is_warming() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        let _ = tokio::time::timeout(pause, all).await;
    }
}

/// The question as it will stand once the suggestion is accepted and Enter is pressed.
fn ahead(ask: &Ask, outcome: &Outcome) -> Ask {
    let mut snapshot = ask.snapshot.clone();
    let mut cursor = ask.cursor;
    if let Outcome::Insert(Insert { start, end, text }) = outcome {
        snapshot = snapshot.with_edit(*start..*end, text);
        cursor = ByteOffset(start.0 + text.len());
    }
    let line_end = snapshot.line_end(snapshot.line_of(cursor));
    let enter = match snapshot.line_ending() {
        LineEnding::Lf => "\n",
        LineEnding::CrLf => "\r\n",
        LineEnding::Cr => "\r",
    };
    let snapshot = snapshot.with_edit(line_end..line_end, enter);
    let cursor = ByteOffset(line_end.0 + enter.len());
    Ask {
        place: ask.place,
        multiline: ask.multiline,
        has_accepted: matches!(outcome, Outcome::Insert(_)),
        patience: Patience::Unlimited,
        indent_unit: ask.indent_unit,
        desynced: ask.desynced,
        ..Ask::new(snapshot, cursor)
    }
}

#[cfg(test)]
mod tests {
    use lowkey_document::Document;

    use super::*;

    fn check(text: &str, outcome: &Outcome) -> (String, usize) {
        let cursor = text.find('|').unwrap();
        let document = Document::open("file:///a.rs", "rust", 1, &text.replace('|', ""));
        let ask = Ask::new(document.snapshot(), ByteOffset(cursor));
        let ahead = ahead(&ask, outcome);
        (ahead.snapshot.text(), ahead.cursor.0)
    }

    #[test]
    fn behind_a_complete_line_comes_the_next() {
        assert_eq!(check("a;|\nb\n", &Outcome::Nothing), ("a;\n\nb\n".into(), 3));
        assert_eq!(check("a;|\r\nb\r\n", &Outcome::Nothing), ("a;\r\n\r\nb\r\n".into(), 4));
    }

    #[test]
    fn a_suggestion_counts_as_accepted() {
        let insert = Insert { start: ByteOffset(3), end: ByteOffset(4), text: "x)".into() };
        assert_eq!(check("f(a|)\n", &Outcome::Insert(insert)), ("f(ax)\n\n".into(), 6));
    }
}
