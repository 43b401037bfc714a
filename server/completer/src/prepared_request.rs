//! The stages' view of a request: the text around the cursor, the limits of the answer, and its
//! job.

use std::time::Instant;

use lowkey_context::{Anchor, Context, Snippet};
use lowkey_document::lexical::Scanner;
use lowkey_document::{Cursor, Language, Snapshot};
use lowkey_engine::{Job, Sampling};
use lowkey_prompt::{Assembler, Budget, Placement, Prompt};
use lowkey_remote::Ask;
use lowkey_suggestion::{
    IndentUnit, MAX_SURROUNDING_LINES, MemoryKey, Request, StopReason, StopRules,
};

use crate::multiline::Lines;
use crate::remote_prompt::{PromptSource, RemotePrompts};
use crate::request::{CompletionRequest, Elsewhere};
use crate::running_job::Generated;
use crate::settings::{self, Settings};
use crate::visibility::Visible;

/// Maximum number of tokens decoded for one line.
const LINE_TOKENS: usize = 64;
/// Maximum number of tokens decoded for several lines.
pub(crate) const BLOCK_TOKENS: usize = 256;

/// A request with everything that its answer depends on.
pub(crate) struct PreparedRequest {
    /// The token budget of the prompt.
    pub(crate) budget: Budget,
    /// The model's name.
    pub(crate) model: String,
    pub(crate) language: &'static Language,
    pub(crate) cursor: Cursor,
    /// The context for memory, running jobs and trims: cut at the start of the line, or of its
    /// group.
    pub(crate) context: Context,
    /// The context for the prompt, if it is cut at the cursor instead.
    at_cursor: Option<Context>,
    /// The text and the budget of prompts for the remote server.
    snapshot: Snapshot,
    remote_budget: Budget,
    /// Where prompts are cut.
    anchor: Anchor,
    /// The place of the snippets; `None` uses the model's.
    placement: Option<Placement>,
    /// How many lines the answer may have; `None` for the cursor's line only.
    pub(crate) lines: Option<Lines>,
    /// Maximum number of tokens decoded.
    pub(crate) max_tokens: usize,
    sampling: Sampling,
    indent_unit: Option<IndentUnit>,
    /// Whether the session may be saved on disk.
    persists: bool,
    previous_lines: Vec<String>,
    /// The scanner's state at the first of them.
    lexical: Scanner,
    next_lines: Vec<String>,
    /// Identifies everything that the decoded text depends on, except the cursor's line.
    pub(crate) key: MemoryKey,
}

/// The place of a prompt for another model than the local one, whose budget may not be known yet.
pub(crate) struct PromptPlace {
    snapshot: Snapshot,
    cursor: Cursor,
    label: String,
    anchor: Anchor,
    /// Text of other files.
    pub(crate) snippets: Vec<Snippet>,
    pub(crate) repository: String,
}

impl PreparedRequest {
    /// Reads the window around the cursor and the inputs of the answer.
    pub(crate) fn new(
        request: &CompletionRequest,
        visible: &Visible,
        (budget, remote_budget, model): (Budget, Budget, String),
        settings: &Settings,
        lines: Option<Lines>,
    ) -> Self {
        let snapshot = &request.snapshot;
        let cursor = snapshot.cursor(request.cursor);
        let Elsewhere { snippets, repository, placement, .. } = &request.elsewhere;
        let gather = |anchor| Context {
            snippets: snippets.clone(),
            repository: repository.clone(),
            ..Context::gather(snapshot, &cursor, &visible.label, &budget.window(), anchor)
        };
        let anchor = match settings.anchor {
            settings::AnchorSetting::Cursor => Anchor::Cursor,
            settings::AnchorSetting::Line => Anchor::Lines(1),
            settings::AnchorSetting::Lines4 => Anchor::Lines(4),
            settings::AnchorSetting::Lines8 => Anchor::Lines(8),
        };
        let (context, at_cursor) = match anchor {
            Anchor::Cursor => (gather(Anchor::Lines(1)), Some(gather(anchor))),
            Anchor::Lines(_) => (gather(anchor), None),
        };
        let line = |idx| snapshot.line(idx);
        let first_line = cursor.line.saturating_sub(MAX_SURROUNDING_LINES);
        let previous_lines: Vec<String> = (first_line..cursor.line).map(line).collect();
        let next_lines: Vec<String> =
            (cursor.line + 1..snapshot.n_lines()).take(MAX_SURROUNDING_LINES).map(line).collect();
        let max_tokens = lines.map_or(LINE_TOKENS, |lines| BLOCK_TOKENS.min(32 * lines.max_lines));
        let sampling = settings.sampling();
        let sampled = sampling_key(&sampling);
        let budgeted = format!("{} {placement:?} {repository}", budget.snippet_tokens);
        let mut parts = vec![
            context.label.as_str(),
            &context.prefix,
            &context.line_after,
            &context.suffix,
            if lines.is_some() { "lines" } else { "line" },
            &sampled,
        ];
        if !snippets.is_empty() {
            parts.push(&budgeted);
            parts.extend(snippets.iter().flat_map(|snippet| [&*snippet.label, &snippet.text]));
        }
        let key = MemoryKey::new(snapshot.uri(), &parts);
        Self {
            budget,
            model,
            language: snapshot.language(),
            previous_lines,
            lexical: snapshot.lexical_state(first_line),
            next_lines,
            cursor,
            context,
            at_cursor,
            snapshot: snapshot.clone(),
            remote_budget,
            anchor,
            placement: *placement,
            lines,
            max_tokens: max_tokens.min(request.max_tokens.unwrap_or(usize::MAX)),
            sampling,
            indent_unit: request.indent_unit,
            persists: visible.persists,
            key,
        }
    }

    /// Describes the text of other files, a line for each file, in the prompt's order.
    ///
    /// `n_shown` snippets are in the prompt, the last ones; `None` if all may be.
    pub(crate) fn snippets_in_words(&self, n_shown: Option<usize>) -> Vec<String> {
        let snippets = &self.context.snippets;
        let n_left = n_shown.map_or(0, |n| snippets.len().saturating_sub(n));
        let in_words = |(idx, snippet): (usize, &Snippet)| {
            let place = if idx < n_left { "not in this prompt: " } else { "" };
            let n_lines = snippet.text.lines().count();
            let lines = if n_lines == 1 { "line" } else { "lines" };
            let Snippet { label, reason, .. } = snippet;
            let because = if reason.is_empty() { "" } else { "; " };
            format!("context: {place}signatures of {label} ({n_lines} {lines}){because}{reason}")
        };
        snippets.iter().enumerate().map(in_words).collect()
    }

    /// Returns the text from the anchor to the cursor.
    pub(crate) fn typed(&self) -> &str {
        &self.context.line_before
    }

    /// Returns what another model's prompt is built from.
    pub(crate) fn place(&self) -> PromptPlace {
        let Context { label, snippets, repository, .. } = &self.context;
        PromptPlace {
            snapshot: self.snapshot.clone(),
            cursor: self.cursor.clone(),
            label: label.clone(),
            anchor: self.anchor,
            snippets: snippets.clone(),
            repository: repository.clone(),
        }
    }

    /// Returns what a prompt for the remote server is built from: more of the document.
    pub(crate) fn prompt_source(&self) -> PromptSource {
        PromptSource {
            context: self.place().context(&self.remote_budget),
            budget: self.remote_budget,
            placement: self.placement,
        }
    }

    /// Returns what a remote server is asked.
    pub(crate) fn remote_ask(&self, prompts: &RemotePrompts) -> Ask {
        prompts.ask(&self.prompt_source(), self.max_tokens, self.lines.is_none())
    }

    /// Returns the suggestion stage's view of the request.
    pub(crate) fn for_suggestion(&self) -> Request<'_> {
        let on_blank_line = !self.context.replaced_indent.is_empty();
        Request {
            language: self.language,
            previous_lines: &self.previous_lines,
            lexical: Some(&self.lexical),
            before: if on_blank_line { "" } else { &self.cursor.before },
            replaced_indent: &self.context.replaced_indent,
            replaced_tail: &self.context.replaced_tail,
            after: &self.context.line_after,
            next_lines: &self.next_lines,
            multiline: self.lines.is_some(),
            max_lines: self.lines.map_or(1, |lines| lines.max_lines),
            indent_unit: self.indent_unit,
        }
    }

    /// Builds the job that decodes the text after the cursor, as if the user had typed `typed`.
    ///
    /// It is interactive, has no small prompt and reports no partial text; callers change these
    /// fields as needed.
    pub(crate) fn job(
        &self,
        typed: &str,
        asked: Instant,
        done: impl FnOnce(Generated) + Send + 'static,
    ) -> Job<StopReason> {
        let mut context = self.at_cursor.as_ref().unwrap_or(&self.context).clone();
        context.line_before.push_str(typed);
        let (budget, placement) = (self.budget, self.placement);
        let prepare = move |assembler: &Assembler| {
            Some(match placement {
                Some(placement) => assembler.assemble_at(placement, &context, &budget),
                None => assembler.assemble(&context, &budget),
            })
        };
        self.job_with_prompt(typed, asked, prepare, done)
    }

    /// Builds such a job for a model that needs another prompt.
    pub(crate) fn job_with_prompt(
        &self,
        typed: &str,
        asked: Instant,
        prepare: impl FnOnce(&Assembler) -> Option<Prompt> + Send + 'static,
        done: impl FnOnce(Generated) + Send + 'static,
    ) -> Job<StopReason> {
        let request = self.for_suggestion();
        let mut rules = StopRules::new(&request);
        let (mut text, typed_bytes) = (typed.to_owned(), typed.len());
        Job {
            max_tokens: self.max_tokens,
            requires_text: typed.is_empty() && request.expects_text(),
            sampling: self.sampling,
            stop: Box::new(move |decoded| {
                if typed_bytes == 0 {
                    return rules.push(decoded);
                }
                text.truncate(typed_bytes);
                text.push_str(decoded);
                let (reason, keep) = rules.push(&text)?;
                Some((reason, keep.saturating_sub(typed_bytes)))
            }),
            persists: self.persists,
            requested_at: asked,
            ..Job::prefill(prepare, done)
        }
    }
}

impl PromptPlace {
    /// Gathers the context of a prompt.
    pub(crate) fn context(&self, budget: &Budget) -> Context {
        let Self { snapshot, cursor, label, anchor, snippets, repository } = self;
        Context {
            snippets: snippets.clone(),
            repository: repository.clone(),
            ..Context::gather(snapshot, cursor, label, &budget.window(), *anchor)
        }
    }
}

/// Returns a key of the sampling settings: text sampled with other settings is not an answer for
/// these.
fn sampling_key(sampling: &Sampling) -> String {
    if *sampling == Sampling::default() { String::new() } else { format!("{sampling:?}") }
}
