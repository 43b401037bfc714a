//! Reports accepts and rejections to the statistics and the gate.

use std::sync::Arc;

use lowkey_document::{Snapshot, Uri};

use crate::answer::{Answer, Outcome};
use crate::documents::ObservedFeedback;
use crate::feedback::{FeedbackEvent, FeedbackKind, RetentionCheck};
use crate::request::ActiveRequest;
use crate::state::Completer;
use crate::stats::{Ledger, Statistics, Tally};

impl Completer {
    /// Sets the file for statistics. Only the first call has an effect.
    pub fn keep_statistics(&self, ledger: Option<Ledger>) {
        let _ = self.statistics.set(Statistics::new(ledger));
    }

    /// Observes a changed document.
    ///
    /// Cheap if no suggestion is shown in it; otherwise it reads only the suggestion's own text.
    pub fn changed(self: &Arc<Self>, snapshot: &Snapshot) {
        self.edits_changed(snapshot);
        let mut documents = self.documents();
        let left = documents.enter(snapshot);
        documents.edited(snapshot.uri());
        if let Some(state) = documents.get_mut(snapshot.uri()) {
            state.silent.changed(snapshot);
        }
        let observed =
            documents.observe(snapshot, |feedback, now| feedback.after_edit(snapshot, now));
        drop(documents);
        if let Some(left) = left {
            self.index_document(&left);
        }
        self.count_observed(snapshot, observed);
    }

    /// Counts the outcomes that an edit or a request has revealed.
    pub(crate) fn count_observed(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        observed: ObservedFeedback,
    ) {
        let ObservedFeedback { event, checks } = observed;
        if let Some(event) = event {
            self.count_end(snapshot.language_id(), &event);
        }
        if !checks.is_empty() && self.counts() {
            let language = snapshot.language_id().to_owned();
            self.run_in_background(move |completer| completer.count_retained(&language, &checks));
        }
    }

    /// Stores an answer as the one shown in its document, and counts it. With `pauses`, a pause of
    /// the user starts look-ahead from there.
    pub(crate) fn answered(
        self: &Arc<Self>,
        active: &ActiveRequest,
        answer: &Answer,
        pauses: bool,
    ) {
        let request = &active.request;
        let snapshot = &request.snapshot;
        let report = &answer.report;
        let mut documents = self.documents();
        // The document may have been closed since.
        let is_new = documents.get_mut(active.uri()).is_some_and(|state| {
            state.last_report = Some((answer.id, Arc::clone(report)));
            state.silent.answered(active, &answer.outcome);
            let Outcome::Insert(insert) = &answer.outcome else {
                state.feedback.withdraw();
                return false;
            };
            let probability = report.gate.map(|gate| gate.probability);
            state.feedback.show(answer.id, (snapshot, request.cursor), insert, probability)
        });
        if pauses {
            documents.shown_last = Some((active.clone(), answer.outcome.clone()));
        }
        drop(documents);
        let is_time_to_write = self.count(snapshot.language_id(), &report.model, |tally| {
            tally.requests += 1;
            tally.record_time(report.ms.total);
            if let Some(rule) = &report.silent {
                tally.silence(rule, 1);
            }
            if let (true, Outcome::Insert(insert)) = (is_new, &answer.outcome) {
                tally.shown += 1;
                tally.shown_chars += insert.text.chars().count() as u64;
            }
        });
        if is_time_to_write {
            self.run_in_background(Self::write_statistics);
        }
    }

    /// Records that the editor did not get an answer's text; `rule` and `why` are the reason.
    pub fn withheld(&self, uri: &Uri, id: u64, rule: &str, why: &str) {
        let mut documents = self.documents();
        let Some(state) = documents.get_mut(uri) else { return };
        // If an alternative is withheld, the best text is still on the screen.
        if let Some((_, report)) = state.last_report.as_mut().filter(|(of, _)| *of == id) {
            let report = Arc::make_mut(report);
            // A refined text that the editor cannot draw would come again.
            if report.is_refined {
                state.silent.forget();
            }
            report.insert = None;
            report.silent = Some(rule.to_owned());
            report.why.push(format!("silent: {rule}: {why}"));
            state.feedback.withdraw();
            state.silent.withheld(id);
        }
        drop(documents);
        self.offer_again(uri);
    }

    /// Records that the user accepted an answer.
    pub fn accepted(&self, id: u64) {
        let accepted = self.documents().accepted(id);
        tracing::debug!(id, by_command_alone = accepted.is_some(), "accepted");
        if let Some((event, language)) = accepted {
            self.count_end(&language, &event);
        }
    }

    /// Writes the statistics.
    pub(crate) fn write_statistics(&self) {
        if let Some(statistics) = self.statistics.get() {
            statistics.write();
        }
    }

    /// Counts which accepted suggestions are still in their text.
    fn count_retained(&self, language: &str, checks: &[RetentionCheck]) {
        for retained in checks.iter().map(RetentionCheck::search) {
            self.count(language, &self.model(), |tally| {
                tally.judged += 1;
                if retained.is_retained {
                    tally.retained += 1;
                    tally.retained_chars += retained.chars as u64;
                }
            });
        }
    }

    /// Runs `work` on a separate thread, where no key waits for it.
    fn run_in_background(self: &Arc<Self>, work: impl FnOnce(&Self) + Send + 'static) {
        let completer = Arc::clone(self);
        let aside = std::thread::Builder::new().name("lowkey-statistics".into());
        // Without a thread, counts wait for the next occasion, and uncounted outcomes are lost.
        let _ = aside.spawn(move || work(&completer));
    }

    /// Whether statistics are enabled.
    fn counts(&self) -> bool {
        self.statistics.get().is_some() && self.settings().statistics
    }

    fn count_end(&self, language: &str, event: &FeedbackEvent) {
        self.count(language, &self.model(), |tally| match event.kind {
            FeedbackKind::Accepted(chars) => {
                tally.accepted += 1;
                tally.accepted_chars += chars as u64;
            }
            FeedbackKind::PartlyAccepted(chars) => {
                tally.partly_accepted += 1;
                tally.accepted_chars += chars as u64;
            }
            FeedbackKind::Typed => tally.typed += 1,
            FeedbackKind::Rejected => {}
        });
    }

    /// Changes the counts of a language, unless statistics are off; returns whether it is time to
    /// write.
    fn count(&self, language: &str, model: &str, change: impl FnOnce(&mut Tally)) -> bool {
        let Some(statistics) = self.statistics.get() else { return false };
        if !self.settings().statistics {
            statistics.forget();
            return false;
        }
        statistics.count(language, model, change)
    }
}
