//! What becomes of suggestions, told to whom it concerns: the statistics and the gate.

use std::sync::Arc;
use std::time::Instant;

use lowkey_document::Snapshot;

use crate::feedback::{Awaited, End, Ended, Follow};
use crate::plan::Question;
use crate::stats::{Ledger, Statistics, Tally};
use crate::{Answer, Completer, Outcome, lock};

impl Completer {
    /// Counts into this file from now on. Only the first call counts.
    pub fn keep_statistics(&self, ledger: Option<Ledger>) {
        let _ = self.statistics.set(Statistics::new(ledger));
    }

    /// Looks at a document that has changed.
    ///
    /// Cheap while nothing is shown in it, and never more than a look at the suggestion's own text.
    pub fn changed(self: &Arc<Self>, snapshot: &Snapshot) {
        self.look(snapshot, |follow, now| follow.edited(snapshot, now));
    }

    /// Notes that the editor does not draw what was answered last.
    pub(crate) fn undrawn(&self, uri: &str) {
        if let Some(follow) = lock(&self.following).get_mut(uri) {
            follow.withdraw();
        }
    }

    /// Looks at the document before a question is answered.
    pub(crate) fn before(self: &Arc<Self>, question: &Question) {
        let ask = &question.ask;
        self.look(&ask.snapshot, |follow, now| follow.asked(&ask.snapshot, ask.cursor, now));
    }

    /// Notes what a question was answered with.
    pub(crate) fn answered(self: &Arc<Self>, question: &Question, answer: &Answer) {
        let ask = &question.ask;
        let snapshot = &ask.snapshot;
        let report = &answer.report;
        let mut chars = 0;
        let is_new = match &answer.outcome {
            Outcome::Insert(insert) => {
                chars = insert.text.chars().count();
                let probability = report.gate.map(|gate| gate.probability);
                let place = (snapshot, ask.cursor);
                self.with_follow(snapshot.uri(), |follow| {
                    follow.show(answer.id, place, insert, probability)
                })
            }
            Outcome::Nothing => {
                self.undrawn(snapshot.uri());
                false
            }
            Outcome::Superseded => return,
        };
        let is_time_to_write = self.count(snapshot.language_id(), &report.model, |tally| {
            tally.requests += 1;
            tally.took(report.ms.total);
            if let Some(rule) = &report.silent {
                tally.silence(rule, 1);
            }
            if is_new {
                tally.shown += 1;
                tally.shown_chars += chars as u64;
            }
        });
        if is_time_to_write {
            self.aside(Self::write_statistics);
        }
    }

    /// Notes that the user took an answer.
    pub fn accepted(&self, id: u64) {
        let mut follows = lock(&self.following);
        let ended = follows.values_mut().find_map(|follow| {
            let ended = follow.accepted(id)?;
            Some((ended, follow.language().to_owned()))
        });
        drop(follows);
        tracing::debug!(id, by_command_alone = ended.is_some(), "accepted");
        if let Some((ended, language)) = ended {
            self.ended(&language, &ended);
        }
    }

    /// Writes what was counted.
    pub(crate) fn write_statistics(&self) {
        if let Some(statistics) = self.statistics.get() {
            statistics.write();
        }
    }

    /// Lets `look` look at what is followed in a document, and counts what it saw.
    fn look(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        look: impl FnOnce(&mut Follow, Instant) -> Option<Ended>,
    ) {
        let now = Instant::now();
        let (ended, due) = {
            let mut follows = lock(&self.following);
            let Some(follow) = follows.get_mut(snapshot.uri().as_str()) else { return };
            (look(follow, now), follow.due(now))
        };
        if let Some(ended) = ended {
            self.ended(snapshot.language_id(), &ended);
        }
        if !due.is_empty() && self.counts() {
            let language = snapshot.language_id().to_owned();
            self.aside(move |completer| completer.judge(&language, &due));
        }
    }

    /// Counts which accepted suggestions still stand in their text.
    fn judge(&self, language: &str, due: &[Awaited]) {
        for judged in due.iter().map(Awaited::judged) {
            self.count(language, &self.model(), |tally| {
                tally.judged += 1;
                if judged.is_retained {
                    tally.retained += 1;
                    tally.retained_chars += judged.chars as u64;
                }
            });
        }
    }

    /// Does `work` where no key waits for it.
    fn aside(self: &Arc<Self>, work: impl FnOnce(&Self) + Send + 'static) {
        let completer = Arc::clone(self);
        let aside = std::thread::Builder::new().name("lowkey-statistics".into());
        // Without a thread, what was counted waits for the next occasion, and what was not is not.
        let _ = aside.spawn(move || work(&completer));
    }

    /// Whether anything is counted.
    fn counts(&self) -> bool {
        self.statistics.get().is_some() && self.settings().statistics
    }

    fn ended(&self, language: &str, Ended { end, probability }: &Ended) {
        if let Some(probability) = probability {
            lock(&self.recent).note(*probability, *end != End::Refused);
        }
        self.count(language, &self.model(), |tally| match end {
            End::Accepted(chars) => {
                tally.accepted += 1;
                tally.accepted_chars += *chars as u64;
            }
            End::Partly(chars) => {
                tally.partly_accepted += 1;
                tally.accepted_chars += *chars as u64;
            }
            End::Typed => tally.typed += 1,
            End::Refused => {}
        });
    }

    /// Changes the counts of a language, unless statistics are off; says whether it is time to write.
    fn count(&self, language: &str, model: &str, change: impl FnOnce(&mut Tally)) -> bool {
        let Some(statistics) = self.statistics.get() else { return false };
        if !self.settings().statistics {
            statistics.forget();
            return false;
        }
        statistics.count(language, model, change)
    }

    fn with_follow<T>(&self, uri: &str, work: impl FnOnce(&mut Follow) -> T) -> T {
        let mut follows = lock(&self.following);
        if let Some(follow) = follows.get_mut(uri) {
            return work(follow);
        }
        work(follows.entry(Arc::from(uri)).or_default())
    }
}
