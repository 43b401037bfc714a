//! Prompt assembly: from a context to the model's tokens.
//!
//! Assembly is a pure function of context and budget; the cache of tokenized pieces only changes
//! its cost. The parts are encoded separately, because models are trained on separately encoded
//! parts, and because a token across a cut would change with every key.
//! Invariants: each sentinel of the layout is in the prompt exactly once and in order, even with a
//! tiny budget. Text typed on the cursor's line changes no token before the forced middle, unless
//! the anchor is at the cursor.

use crate::TokenId;
use crate::budget::{Budget, Shares, n_dropped, step};
use crate::code_extractor::CodeExtractor;
use crate::families::Piece;
use crate::fim::FimFormat;
use crate::format::Format;
use crate::memo::Memo;
use crate::next_edit::NextEditFormat;
use crate::placement::{Fitting, Placement, Style, snippets};
use crate::preamble;
use crate::prompt::Prompt;
use crate::script::{Script, ScriptPrefixes};
use crate::tokenizer::{OpenEnded, Tokenizer};
use lowkey_context::Context;
use lowkey_document::Language;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Pieces in the cache: path, prefix, suffix and finished lines of two documents.
const MAX_PIECES: usize = 8;

/// Snippets in the cache: those of a few requests.
const MAX_SNIPPETS: usize = 64;

/// Maximum number of forced tokens that healing removes.
const MAX_HEALED_TOKENS: usize = 4;

/// Assembles prompts for one model.
#[derive(Debug)]
pub struct Assembler {
    tokenizer: Arc<Tokenizer>,
    format: Format,
    memo: Memo,
    /// The same for snippets, so that they do not evict the document's pieces.
    snippets: Memo,
    next_edit: Option<NextEditFormat>,
    /// Computed from the vocabulary on first use.
    script_prefixes: OnceLock<ScriptPrefixes>,
}

/// The parts of one prompt, cut to their shares.
struct Parts<'c> {
    path: Vec<TokenId>,
    prefix: Arc<[TokenId]>,
    prefix_start: usize,
    suffix: Arc<[TokenId]>,
    suffix_end: usize,
    forced: ForcedMiddle,
    /// The healed end of the prefix, if the prefix ends at the cursor.
    healed: &'c str,
}

/// The forced middle of one prompt.
struct ForcedMiddle {
    tokens: Vec<TokenId>,
    /// Where the healed text begins in the line.
    healed_from: usize,
}

impl Parts<'_> {
    fn prefix(&self) -> impl Iterator<Item = TokenId> {
        self.prefix.iter().skip(self.prefix_start).copied()
    }

    fn suffix(&self) -> impl Iterator<Item = TokenId> {
        self.suffix.iter().take(self.suffix_end).copied()
    }

    /// Appends the forced middle to the other `tokens`.
    fn finish(
        self,
        mut tokens: Vec<TokenId>,
        context: &Context,
        n_snippets: usize,
        code_extractor: Option<CodeExtractor>,
    ) -> Prompt {
        let n_fixed = tokens.len();
        tokens.extend_from_slice(&self.forced.tokens);
        let (forced, unforced) = context.line_before.split_at(self.forced.healed_from);
        let unforced = if unforced.is_empty() { self.healed } else { unforced };
        let (forced, unforced) = (forced.to_owned(), unforced.to_owned());
        Prompt {
            tokens,
            n_fixed,
            forced,
            unforced,
            code_extractor,
            n_snippets,
            ..Prompt::default()
        }
    }
}

impl Assembler {
    /// Creates an assembler for the tokenizer and the format of one model.
    pub fn new(tokenizer: Arc<Tokenizer>, format: impl Into<Format>) -> Assembler {
        Assembler {
            tokenizer,
            format: format.into(),
            memo: Memo::new(MAX_PIECES),
            snippets: Memo::new(MAX_SNIPPETS),
            next_edit: None,
            script_prefixes: OnceLock::new(),
        }
    }

    /// Adds the format of next-edit prompts, if the vocabulary has its special tokens.
    #[must_use]
    pub fn with_next_edit(self, next_edit: Option<NextEditFormat>) -> Assembler {
        Assembler { next_edit, ..self }
    }

    /// Returns the format of next-edit prompts; `None` if the vocabulary lacks its special tokens.
    pub fn next_edit(&self) -> Option<&NextEditFormat> {
        self.next_edit.as_ref()
    }

    /// Returns the tokenizer.
    pub fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.tokenizer
    }

    /// Returns the format.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// Returns the tokens that end the answer to a prompt, sorted.
    pub fn end_tokens<'a>(&'a self, prompt: &'a Prompt) -> &'a [TokenId] {
        prompt.end_tokens.as_deref().unwrap_or_else(|| self.format.end_tokens())
    }

    /// Assembles a prompt of at most `budget` tokens. The prompt is longer only if the sentinels
    /// (or the chat template's own tokens) alone exceed the budget.
    pub fn assemble(&self, context: &Context, budget: &Budget) -> Prompt {
        match &self.format {
            Format::Fim(format) => {
                self.with_sentinels(format, format.placement(), context, *budget)
            }
            Format::Instruct(format) => self.by_instruction(format, context, *budget),
        }
    }

    /// Assembles a prompt with the snippets at `placement` instead of the format's own place.
    pub fn assemble_at(&self, placement: Placement, context: &Context, budget: &Budget) -> Prompt {
        match &self.format {
            Format::Fim(format) => self.with_sentinels(format, placement, context, *budget),
            Format::Instruct(_) => self.assemble(context, budget),
        }
    }

    fn with_sentinels(
        &self,
        format: &FimFormat,
        placement: Placement,
        context: &Context,
        budget: Budget,
    ) -> Prompt {
        let layout = format.layout();
        let sentinel = |piece: Piece| {
            // Without a path there is no file to begin.
            let idle = piece == Piece::Separator && context.label.is_empty();
            format.sentinel(piece).filter(|_| !idle)
        };
        let n_sentinels = layout.iter().filter(|&&piece| sentinel(piece).is_some()).count();
        let parts = self.parts(context, budget, n_sentinels, format.style());
        let snippets = self.snippets(format, placement, context, budget, &parts);
        let snippets_at = placement.index(layout);

        let mut tokens = Vec::with_capacity(budget.prompt_tokens.min(1 << 16));
        for (at, &piece) in layout.iter().enumerate() {
            if at == snippets_at {
                tokens.extend_from_slice(&snippets.tokens);
            }
            match piece {
                Piece::Bos | Piece::Separator | Piece::Pre | Piece::Suf | Piece::Mid => {
                    tokens.extend(sentinel(piece));
                }
                Piece::Path | Piece::CommentedPath => tokens.extend_from_slice(&parts.path),
                Piece::Prefix => tokens.extend(parts.prefix()),
                Piece::Suffix => tokens.extend(parts.suffix()),
                // Always last.
                Piece::Middle => {}
            }
        }
        parts.finish(tokens, context, snippets.n, None)
    }

    /// Returns the tokens of the snippets at `placement`.
    fn snippets(
        &self,
        format: &FimFormat,
        placement: Placement,
        context: &Context,
        budget: Budget,
        parts: &Parts<'_>,
    ) -> Fitting {
        let style = placement.style(format);
        let mut opening = Vec::new();
        if placement == Placement::Repository && !context.repository.is_empty() {
            if let Some(repository) = format.repository() {
                opening.push(repository);
                opening.extend_from_slice(&self.snippet_once(&format!("{}\n", context.repository)));
            }
        } else if placement.is_after_suffix()
            && style == Style::Comments
            && !self.ends_line(&parts.suffix, parts.suffix_end)
        {
            // A comment begins on its own line.
            opening = self.tokenizer.encode("\n");
        }
        snippets(context, style, &opening, budget.snippet_tokens, |text| self.snippet_once(text))
    }

    /// Splits off the healed end of a prefix that ends at the cursor; other prefixes are not
    /// healed.
    fn healed_prefix<'c>(&self, context: &'c Context, scripts: &[Script]) -> (&'c str, &'c str) {
        let prefix = context.prefix.as_str();
        if !context.line_before.is_empty() {
            return (prefix, "");
        }
        let line_start = prefix.rfind('\n').map_or(0, |line_end| line_end + 1);
        let line = prefix.get(line_start..).unwrap_or_default();
        let healed_from = self.forced_middle(line, usize::MAX, scripts).healed_from;
        prefix.split_at_checked(line_start + healed_from).unwrap_or((prefix, ""))
    }

    /// Cuts every part to its share of the tokens left after `n_sentinels`, by need. The middle
    /// gets the tokens that all other parts leave.
    fn parts<'c>(
        &self,
        context: &'c Context,
        budget: Budget,
        n_sentinels: usize,
        style: Style,
    ) -> Parts<'c> {
        // Finished lines of the middle do not change while the user types on the next line.
        let n_finished_bytes = context.line_before.rfind('\n').map_or(0, |line_end| line_end + 1);
        let finished =
            self.encode_once(context.line_before.get(..n_finished_bytes).unwrap_or_default());
        let text_tokens = budget.prompt_tokens.saturating_sub(n_sentinels);
        let shares = Shares::of(text_tokens, finished.len());
        let scripts = scripts_around(context);
        let (prefix, healed) = self.healed_prefix(context, &scripts);
        let path = preamble::path(context, style, shares.context, |text| self.encode_once(text));
        let suffix = self.encode_once(&format!("{}{}", context.line_after, context.suffix));
        let prefix = self.encode_once(prefix);
        let (suffix_tokens, _) = shares.by_need(path.len(), suffix.len(), prefix.len());
        let suffix_end = self.far_end(&suffix, suffix_tokens);
        let room = text_tokens.saturating_sub(shares.middle);
        let prefix_tokens = room.saturating_sub(path.len() + suffix_end);
        let prefix_start = self.far_start(&prefix, prefix_tokens);
        let n_others = path.len() + suffix_end + (prefix.len() - prefix_start);
        let forced = self.forced_middle(
            &context.line_before,
            text_tokens.saturating_sub(n_others),
            &scripts,
        );
        Parts { path, prefix, prefix_start, suffix, suffix_end, forced, healed }
    }

    fn encode_once(&self, text: &str) -> Arc<[TokenId]> {
        self.memo.tokens(text, |text| self.tokenizer.encode(text))
    }

    fn snippet_once(&self, text: &str) -> Arc<[TokenId]> {
        self.snippets.tokens(text, |text| self.tokenizer.encode(text))
    }

    /// Whether every continuation of the healed text needs letters of a script that is not in
    /// `scripts`.
    fn changes_script(&self, healed: &str, scripts: &[Script]) -> bool {
        // A partial name already determines its script.
        if scripts.is_empty() || healed.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            return false;
        }
        let script_prefixes =
            self.script_prefixes.get_or_init(|| ScriptPrefixes::of(&self.tokenizer));
        !scripts.iter().any(|&script| script_prefixes.can_continue(healed, script))
    }

    /// Encodes the line up to the cursor, removes the tokens to heal, and cuts a line that is too
    /// long at its start. Nothing is healed if names nearby are in `scripts` and no token continues
    /// in one of them.
    fn forced_middle(&self, line_before: &str, share: usize, scripts: &[Script]) -> ForcedMiddle {
        let OpenEnded { mut tokens, n_last_piece } = self.tokenizer.encode_open_ended(line_before);
        let mut healed_from = line_before.len();
        if !self.format.fragmented_middle() {
            let n_healed = n_last_piece.min(MAX_HEALED_TOKENS);
            let kept = tokens.len() - n_healed;
            // The first removed token may begin inside a character; then fewer tokens are removed.
            let kept = (kept..tokens.len()).find(|&at| !self.begins_inside_character(&tokens, at));
            let kept = kept.unwrap_or(tokens.len());
            let n_bytes: usize =
                tokens.iter().skip(kept).map(|&id| self.tokenizer.token_bytes(id).len()).sum();
            let start = line_before.len().saturating_sub(n_bytes);
            if !line_before.get(start..).is_some_and(|text| self.changes_script(text, scripts)) {
                healed_from = start;
                tokens.truncate(kept);
            }
        }
        if !line_before.is_char_boundary(healed_from) {
            debug_assert!(false, "tokens spell the text they were made from");
            healed_from = line_before.len();
        }
        let mut start = n_dropped(tokens.len(), share);
        while self.begins_inside_character(&tokens, start) {
            start += 1;
        }
        tokens.drain(..start);
        ForcedMiddle { tokens, healed_from }
    }

    /// Returns the index of the first token such that the rest fits into `allowed`, preferring the
    /// start of a line.
    fn far_start(&self, tokens: &[TokenId], allowed: usize) -> usize {
        let dropped = n_dropped(tokens.len(), allowed);
        if dropped == 0 {
            return 0;
        }
        let mut cuts = dropped..(dropped + step(allowed)).min(tokens.len());
        let line = cuts.clone().find(|&at| self.ends_line(tokens, at));
        let whole = || cuts.find(|&at| !self.begins_inside_character(tokens, at));
        line.or_else(whole).unwrap_or(tokens.len())
    }

    /// Returns how many first tokens fit into `allowed`, preferring the end of a line.
    fn far_end(&self, tokens: &[TokenId], allowed: usize) -> usize {
        let kept = tokens.len() - n_dropped(tokens.len(), allowed);
        if kept == tokens.len() {
            return kept;
        }
        let mut cuts = (kept.saturating_sub(step(allowed))..=kept).rev();
        let line = cuts.clone().find(|&at| at > 0 && self.ends_line(tokens, at));
        let whole = || cuts.find(|&at| !self.begins_inside_character(tokens, at));
        line.or_else(whole).unwrap_or(0)
    }

    /// Whether the token before position `at` ends a line.
    fn ends_line(&self, tokens: &[TokenId], at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        before.is_some_and(|&id| self.tokenizer.token_bytes(id).ends_with(b"\n"))
    }

    /// Whether the token at position `at` continues a character that the previous token began.
    fn begins_inside_character(&self, tokens: &[TokenId], at: usize) -> bool {
        let first_byte = tokens.get(at).and_then(|&id| self.tokenizer.token_bytes(id).first());
        first_byte.is_some_and(|byte| (0x80..0xc0).contains(byte))
    }
}

/// How many bytes on each side of the cursor are searched for the scripts of names.
const NEARBY_BYTES: usize = 1 << 10;

/// Returns the scripts other than Latin in which names near the cursor are written.
fn scripts_around(context: &Context) -> Vec<Script> {
    let Context { prefix, line_before, suffix, label, .. } = context;
    let start = prefix.ceil_char_boundary(prefix.len().saturating_sub(NEARBY_BYTES));
    // Starts at a line's start, where code is most likely.
    let above = prefix.get(start..).unwrap_or_default();
    let above =
        if start == 0 { above } else { above.split_once('\n').map_or("", |(_, rest)| rest) };
    let below = suffix.get(..suffix.floor_char_boundary(NEARBY_BYTES)).unwrap_or_default();
    if above.is_ascii() && line_before.is_ascii() && below.is_ascii() {
        return Vec::new();
    }
    let language = Language::by_path(Path::new(label));
    let mut scripts = Script::of_code(language, &[above, line_before].concat());
    for script in Script::of_code(language, below) {
        if !scripts.contains(&script) {
            scripts.push(script);
        }
    }
    scripts
}

mod instructed;
#[cfg(test)]
mod tests;
