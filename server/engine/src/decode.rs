//! Decodes after a computed prompt, several tokens in one forward pass if there is a draft.

use lowkey_model::{LogitsMode, ModelError, log_sum_exp};
use lowkey_prompt::{Detokenizer, ExtractedCode, Healing, Prompt, TokenId};

use crate::first_tokens::first_tokens;
use crate::generate::{Generator, Run, ms_since};
use crate::job::{Generated, Partial, Stop};
use crate::sampling::Sampler;
use crate::session::Session;

/// A decoding in progress.
pub(crate) struct Decoding<'a, 'i, R> {
    pub(crate) prompt: &'a Prompt,
    pub(crate) session: &'a mut Session,
    /// The length of the prompt in the session.
    pub(crate) n_prompt: usize,
    /// The first `n_kept` tokens of the session are chosen ones; the tokens after them are a draft.
    n_kept: usize,
    /// The chosen tokens after the prompt.
    pub(crate) tokens: Vec<TokenId>,
    pub(crate) run: &'a mut Run<'i, R>,
    pub(crate) result: &'a mut Generated<R>,
}

/// The text of one attempt to decode, and the position of its next token.
struct Attempt<'a> {
    detokenizer: Detokenizer<'a>,
    sampler: Sampler,
    text: String,
    /// The text that healing removed and that the answer must still spell.
    unforced: &'a [u8],
    n_healed_bytes: usize,
    /// The number of positions that the last forward pass gave logits for.
    n_positions: usize,
    /// The position of the next token among them.
    position: usize,
}

impl Attempt<'_> {
    fn after_cursor(&self) -> &str {
        after_cursor(&self.text, self.n_healed_bytes)
    }
}

impl Generator {
    /// Decodes until a rule, the model, a limit or an interruption ends it; decodes once more if
    /// text is required and the stop rule rejects all of it.
    pub(crate) fn decode<R: Copy>(
        &mut self,
        prompt: &Prompt,
        session: &mut Session,
        run: &mut Run<'_, R>,
        result: &mut Generated<R>,
    ) -> Result<Stop<R>, ModelError> {
        if let Some(speculation) = &mut self.speculation {
            speculation.begin(prompt);
        }
        // The second attempt begins with these.
        let first_logits = if run.requires_text { self.logits.clone() } else { Vec::new() };
        let n_prompt = session.tokens.len();
        let (n_kept, tokens) = (n_prompt, Vec::new());
        let mut decoding = Decoding { prompt, session, n_prompt, n_kept, tokens, run, result };
        let mut stop = self.decode_tokens(&mut decoding);
        if decoding.rejected_all_text(&stop) {
            let rejected = decoding.tokens.first().copied();
            self.logits = first_logits;
            decoding.run.first_total = Some(log_sum_exp(&self.logits));
            if let Some(logit) = rejected.and_then(|token| self.logits.get_mut(token as usize)) {
                *logit = f32::NEG_INFINITY;
            }
            decoding.start_again();
            stop = self.decode_tokens(&mut decoding);
        } else if matches!(stop, Ok(Stop::Rule(_) | Stop::EndToken)) {
            decoding.drop_draft();
            let branched = self.decode_branches(&mut decoding);
            decoding.n_kept = decoding.session.tokens.len();
            stop = branched.and_then(|branched| branched.map_or(stop, Ok));
        }
        decoding.drop_draft();
        if let Some(speculation) = &mut self.speculation {
            speculation.end(prompt, &decoding.tokens);
        }
        stop
    }

    /// Makes one attempt to decode.
    fn decode_tokens<R: Copy>(
        &mut self,
        decoding: &mut Decoding<'_, '_, R>,
    ) -> Result<Stop<R>, ModelError> {
        let assembler = std::sync::Arc::clone(&self.assembler);
        let end_tokens = assembler.end_tokens(decoding.prompt);
        let unforced = decoding.prompt.unforced.as_bytes();
        let mut attempt = Attempt {
            detokenizer: Detokenizer::new(assembler.tokenizer()),
            sampler: Sampler::new(decoding.run.sampling),
            text: String::new(),
            unforced,
            n_healed_bytes: unforced.len(),
            n_positions: 1,
            position: 0,
        };
        loop {
            if let Some(stop) = (decoding.run.interruption)() {
                return Ok(stop);
            }
            let (token, log_prob) = self.choose_token(decoding, &mut attempt);
            if end_tokens.binary_search(&token).is_ok() {
                return Ok(decoding.report_rest(&attempt).unwrap_or(Stop::EndToken));
            }
            decoding.result.tokens.decoded += 1;
            decoding.result.log_probs.push(log_prob);
            decoding.tokens.push(token);
            if let Some(healing) = &self.healing {
                attempt.unforced =
                    healing.remaining_after(attempt.unforced, token).unwrap_or_default();
            }
            let text = attempt.detokenizer.push(token);
            attempt.text.push_str(&text);
            let code = code_of(decoding.prompt, attempt.after_cursor(), false);
            if let Some(stop) = decoding.report(code.text) {
                return Ok(stop);
            }
            if code.ended {
                return Ok(Stop::EndToken);
            }
            let n_wanted = decoding.run.max_tokens.saturating_sub(decoding.tokens.len());
            let n_free = decoding.session.cache.capacity().saturating_sub(decoding.n_kept);
            if n_wanted == 0 || n_free == 0 {
                return Ok(decoding.report_rest(&attempt).unwrap_or(Stop::Limit));
            }
            if let Some(speculation) = &mut self.speculation {
                speculation.observe(token);
            }
            if decoding.session.tokens.get(decoding.n_kept) == Some(&token) {
                // A drafted token, computed together with those before it.
                decoding.result.tokens.draft_accepted += 1;
                decoding.n_kept += 1;
                attempt.position += 1;
                continue;
            }
            decoding.drop_draft();
            let batch = self.batch(decoding.session, token, (n_wanted - 1).min(n_free - 1));
            let interruption = decoding.run.interruption;
            let cancelled = || interruption().is_some();
            if !self.append(decoding.session, &batch, LogitsMode::All, &cancelled)? {
                return Ok(interruption().unwrap_or(Stop::Cancelled));
            }
            decoding.result.tokens.drafted += batch.len() - 1;
            decoding.n_kept += 1;
            (attempt.n_positions, attempt.position) = (batch.len(), 0);
        }
    }

    /// Chooses the next token; returns it with its natural-log probability.
    ///
    /// Notes the first-token candidates, and the tokens that were nearly chosen.
    fn choose_token<R>(
        &mut self,
        decoding: &mut Decoding<'_, '_, R>,
        attempt: &mut Attempt<'_>,
    ) -> (TokenId, f32) {
        let tokenizer = self.assembler.tokenizer();
        let Decoding { prompt, session, n_kept, tokens, run, result, .. } = decoding;
        let end_tokens = self.assembler.end_tokens(prompt);
        let is_first = tokens.is_empty() && !result.retried;
        let (vocab, position) = (self.logits.len() / attempt.n_positions, attempt.position);
        let logits = self.logits.get_mut(position * vocab..(position + 1) * vocab);
        let logits = logits.unwrap_or_default();
        let total = run.first_total.take().unwrap_or_else(|| log_sum_exp(logits));
        let before = session.tokens.get(..*n_kept).unwrap_or_default();
        let mut allowed = allowed(self.healing.as_ref(), attempt.unforced, end_tokens);
        if run.requires_text && attempt.after_cursor().trim().is_empty() {
            let spelling = (allowed.as_mut(), attempt.unforced);
            let masked = self.non_empty.apply(logits, total, spelling, end_tokens, tokenizer);
            if is_first {
                result.masked_probability = masked;
            }
        }
        let logits = &*logits;
        let token = attempt.sampler.choose(logits, allowed.as_deref(), before);
        if allowed.is_none() && !result.retried {
            run.branches.note(logits, total, token, &result.log_probs, end_tokens);
        }
        if is_first {
            result.ms.first_token = ms_since(run.requested_at);
            let spelling = (allowed.as_deref(), attempt.unforced);
            result.first_tokens =
                first_tokens(run.n_first_tokens, logits, tokenizer, spelling, end_tokens);
        }
        (token, logits.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY) - total)
    }

    /// Returns the token to compute next, and at most `max_drafted` guesses after it.
    fn batch(&mut self, session: &mut Session, token: TokenId, max_drafted: usize) -> Vec<TokenId> {
        let mut batch = vec![token];
        if let Some(speculation) = &mut self.speculation {
            // The look-up borrows the session with the token added; the token is removed
            // afterwards.
            session.tokens.push(token);
            batch.extend_from_slice(speculation.draft(&session.tokens, max_drafted));
            session.tokens.pop();
        }
        batch
    }
}

impl<R> Decoding<'_, '_, R> {
    /// Whether text is required and the stop rule rejected all of it.
    fn rejected_all_text(&self, stop: &Result<Stop<R>, ModelError>) -> bool {
        self.run.requires_text
            && matches!(stop, Ok(Stop::Rule(_)))
            && self.result.text.trim().is_empty()
    }

    /// Discards the decoded tokens and their text; their costs stay counted.
    fn start_again(&mut self) {
        self.tokens.clear();
        self.session.truncate(self.n_prompt);
        self.n_kept = self.n_prompt;
        self.result.text.clear();
        self.result.log_probs.clear();
        self.result.retried = true;
    }

    /// Removes drafted tokens that were not chosen, or not yet, from the session.
    fn drop_draft(&mut self) {
        self.session.truncate(self.n_kept);
    }

    /// Reports the text so far; returns the stop reason if a rule ends it.
    fn report(&mut self, text: &str) -> Option<Stop<R>> {
        if text.is_empty() {
            return None;
        }
        let Self { run, result, .. } = self;
        result.text.clear();
        result.text.push_str(text);
        let log_probs = &result.log_probs;
        (run.on_text)(&Partial { text: &result.text, log_probs, is_whole: false });
        let (rule, keep) = (run.stop)(&result.text)?;
        result.text.truncate(result.text.floor_char_boundary(keep));
        Some(Stop::Rule(rule))
    }

    /// Reports the text that was held back, after the answer has ended.
    fn report_rest(&mut self, attempt: &Attempt<'_>) -> Option<Stop<R>> {
        let code = code_of(self.prompt, attempt.after_cursor(), true);
        if code.text.len() > self.result.text.len() { self.report(code.text) } else { None }
    }
}

/// Returns the decoded text after the cursor.
pub(crate) fn after_cursor(text: &str, n_healed_bytes: usize) -> &str {
    text.get(n_healed_bytes..).unwrap_or_default()
}

/// Returns the part of the text after the cursor that is code.
fn code_of<'t>(prompt: &Prompt, text: &'t str, is_over: bool) -> ExtractedCode<'t> {
    let all = ExtractedCode { text, ended: false };
    prompt.code_extractor.as_ref().map_or(all, |extractor| extractor.code(text, is_over))
}

/// Returns the tokens that spell the text that healing removed, while any of it is left.
/// `end_tokens` are sorted.
fn allowed(
    healing: Option<&Healing>,
    unforced: &[u8],
    end_tokens: &[TokenId],
) -> Option<Vec<TokenId>> {
    let mut allowed = healing.filter(|_| !unforced.is_empty())?.allowed(unforced);
    allowed.retain(|token| end_tokens.binary_search(token).is_err());
    Some(allowed)
}
