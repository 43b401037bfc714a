//! The self-test: the model fills in 20 holes, which detects wrong sentinels and damaged files.
//!
//! The request is that of `lowkey complete` with one difference: the prompt has the prefix first if
//! the model's family allows it, and is cut at the cursor. Only the sentinels then show the model
//! where the answer belongs, and with a wrong sentinel the model fills no hole. If the text before
//! the cursor is last in the prompt (`spm`, or `lines8` in a short file), the model continues it
//! with any sentinels: Qwen2.5-Coder-0.5B with wrong ones still filled 13 to 17 of 20 such holes.

use std::sync::Arc;
use std::time::Instant;

use lowkey_completer::settings::{AnchorSetting, Number, OrderSetting, Settings};
use lowkey_completer::{Answer, Completer, CompletionRequest, Outcome, TimeLimit, Trigger};
use lowkey_document::{Document, Snapshot, fixture};
use lowkey_prompt::Format;
use lowkey_terminal::progress;
use serde::Serialize;

use super::holes::{HOLES, Hole};

/// The minimum number of filled holes. Qwen2.5-Coder fills 20 at 0.5B (19 by instruction) and at
/// 1.5B, and none with wrong sentinels.
const FLOOR: usize = 6;

/// Smaller models get no verdict, because they know too little to fill the holes.
const JUDGED_PARAMETERS: usize = 100_000_000;

/// Maximum number of tokens decoded per hole; an answer with the rest of its line has at most 12.
const MAX_TOKENS: usize = 32;

#[derive(Debug, Serialize)]
pub(super) struct SelfTest {
    asked: Asked,
    holes: usize,
    right: usize,
    /// The minimum number of right answers; `null` for a model without a verdict.
    floor: Option<usize>,
    verdict: Verdict,
    seconds: f64,
    answers: Vec<Answered>,
}

/// The verdict on the model file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Passed,
    Failed,
    /// The model is too small.
    NotJudged,
}

/// The prompt format of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Asked {
    /// With sentinels.
    Fim,
    /// Through its chat template.
    Instruct,
}

/// The model's answer to one hole.
#[derive(Debug, Serialize)]
pub(super) struct Answered {
    language: &'static str,
    file: &'static str,
    pub(super) right: bool,
    /// The suggestion; `null` if there was none.
    text: Option<String>,
}

/// Returns the settings for the holes: the user's, without those that change or suppress answers.
pub(super) fn settings(user: &Settings, format: &Format) -> Settings {
    let takes = |order| format.clone().with_order(order).is_some();
    // An order that the model does not support must fail to load here too.
    let is_refused = user.order == OrderSetting::Spm && !takes(lowkey_prompt::FimOrder::Spm);
    let order = if takes(lowkey_prompt::FimOrder::Psm) && !is_refused {
        OrderSetting::Psm
    } else {
        user.order
    };
    Settings {
        order,
        anchor: AnchorSetting::Cursor,
        paused: false,
        languages_off: Vec::new(),
        look_ahead: false,
        prompt_tokens: 0,
        temperature: Number::new(0),
        repetition_penalty: Number::new(1000),
        ..user.clone()
    }
}

/// Requests every hole, with a progress bar on stderr, and judges the answers.
pub(super) async fn run(
    completer: &Arc<Completer>,
    format: &Format,
    n_parameters: usize,
) -> SelfTest {
    let began = Instant::now();
    let progress = progress::bar(progress::HOLES, 0, HOLES.len() as u64);
    let mut answers = Vec::with_capacity(HOLES.len());
    for (number, hole) in HOLES.iter().enumerate() {
        progress.set_position(number as u64);
        answers.push(ask(completer, hole).await);
    }
    let asked = match format {
        Format::Fim(_) => Asked::Fim,
        Format::Instruct(_) => Asked::Instruct,
    };
    judged(answers, asked, n_parameters, began.elapsed().as_secs_f64())
}

/// Requests one hole and closes its document.
async fn ask(completer: &Arc<Completer>, hole: &Hole) -> Answered {
    let (request, snapshot) = request(hole);
    let answer = completer.complete(request).await;
    completer.closed(snapshot.uri());
    judge(hole, &snapshot, &answer)
}

/// Returns the request for a hole, and its document.
pub(super) fn request(hole: &Hole) -> (CompletionRequest, Snapshot) {
    let (text, cursor) = fixture::parse(hole.text);
    // The document has no file, so that the rules for files cannot deny it.
    let uri = format!("untitled:{}", hole.file);
    let snapshot = Document::open(&uri, hole.language, 0, &text).snapshot();
    let request = CompletionRequest {
        trigger: Trigger::Invoked,
        multiline: Some(false),
        max_tokens: Some(MAX_TOKENS),
        time_limit: TimeLimit::Unlimited,
        ..CompletionRequest::new(snapshot.clone(), cursor)
    };
    (request, snapshot)
}

/// Compares an answer with the right ones.
pub(super) fn judge(hole: &Hole, snapshot: &Snapshot, answer: &Answer) -> Answered {
    match &answer.outcome {
        Outcome::Insert(insert) => {
            let filled = snapshot.with_edit(insert.start..insert.end, &insert.text).text();
            answered(hole, Some((&insert.text, &filled)))
        }
        Outcome::Nothing | Outcome::Superseded => answered(hole, None),
    }
}

/// Compares a suggestion, and the whole text with it in place, with the right answers.
fn answered(hole: &Hole, suggestion: Option<(&str, &str)>) -> Answered {
    let right = suggestion.is_some_and(|(_, filled)| {
        hole.accepts.iter().any(|answer| {
            let wanted = hole.text.replacen("$0", answer, 1);
            wanted.lines().map(str::trim_end).eq(filled.lines().map(str::trim_end))
        })
    });
    let text = suggestion.map(|(text, _)| text.to_owned());
    Answered { language: hole.language, file: hole.file, right, text }
}

/// Counts the right answers and decides the verdict.
fn judged(answers: Vec<Answered>, asked: Asked, n_parameters: usize, seconds: f64) -> SelfTest {
    let right = answers.iter().filter(|answer| answer.right).count();
    let floor = (n_parameters >= JUDGED_PARAMETERS).then_some(FLOOR);
    let verdict = match floor {
        None => Verdict::NotJudged,
        Some(floor) if right < floor => Verdict::Failed,
        Some(_) => Verdict::Passed,
    };
    let seconds = (seconds * 10.0).round() / 10.0;
    SelfTest { asked, holes: answers.len(), right, floor, verdict, seconds, answers }
}

impl SelfTest {
    pub(super) fn says(&self) -> String {
        let Self { right, holes, seconds, .. } = self;
        let (how, suspect) = match self.asked {
            Asked::Fim => ("", "the sentinels"),
            Asked::Instruct => (" by instruction", "the chat template"),
        };
        let count = format!("{right} of {holes} holes filled right{how}, in {seconds} s");
        let wrong = self.answers.iter().filter(|answer| !answer.right).map(|answer| answer.file);
        match self.verdict {
            Verdict::Passed if right == holes => count,
            Verdict::Passed => format!("{count}; not {}", wrong.collect::<Vec<_>>().join(", ")),
            Verdict::Failed => format!("{count}: {suspect} or the file is wrong, see below"),
            Verdict::NotJudged => format!("{count}; the model is too small for a verdict"),
        }
    }

    /// Returns the next steps for a count under the floor; `None` if the verdict is not a failure.
    /// `infill` describes the prompt format.
    pub(super) fn advice(&self, infill: &str) -> Option<String> {
        let Self { right, holes, .. } = self;
        let floor = self.floor.filter(|_| self.verdict == Verdict::Failed)?;
        let (suspect, step) = match self.asked {
            Asked::Fim => (
                "it was trained on other sentinels",
                "Compare tokenizer.ggml.fim_pre_token_id, fim_suf_token_id and fim_mid_token_id of the file with the \
                 model's page; a model that follows instructions does not need them: set infill to \"instruct\".",
            ),
            Asked::Instruct => (
                "it was trained on another chat template",
                "Compare the file's chat template with the model's page.",
            ),
        };
        Some(format!(
            "The model filled {right} of {holes} holes; a model for code of this size fills at least {floor}. It was \
             asked {infill}.\nEither {suspect}, or the file is damaged, or the model was not trained on code:\n  \
             1. Compare the file's SHA-256 with its publisher's; `lowkey models verify NAME` does it for a pulled model.\n  \
             2. {step}\n  \
             3. Choose another model: `lowkey models list`.\n"
        ))
    }
}

#[cfg(test)]
mod tests;
