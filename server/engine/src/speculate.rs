//! Drafts: tokens guessed from text that is already there, verified several in one forward pass.
//!
//! Code repeats itself: a name, a call, or a whole line occurs above or in a recent completion. If
//! the last tokens match a place there, the guess is the text after that place. A batch of two to
//! eight tokens costs little more than one token if memory bandwidth is the limit, so one forward
//! pass verifies several guesses.
//!
//! Invariant: a guess decides only which tokens are computed together, never which token is chosen.
//! The chosen tokens are those of plain decoding, because a position's logits have the same bits in
//! every batch.

use std::collections::VecDeque;
use std::sync::Arc;

use lowkey_prompt::{Prompt, TokenId, Tokenizer};

use crate::acceptance::{AcceptanceRates, BatchCosts, DraftSource};
use crate::session::common_prefix;

/// Matches longer than this count as this long.
const MAX_MATCH: usize = 12;
/// Longest guess, in tokens. After it, the text is searched again.
const MAX_DRAFT: usize = 32;
/// Number of recent completions that are kept with their prompts.
const MAX_RECENT: usize = 8;
/// Longest text between a kept completion's prompt and this prompt that is compared, in tokens.
const MAX_TYPED_TOKENS: usize = 64;

/// Drafts tokens, and records the acceptance rate of its drafts.
pub(crate) struct Speculation {
    tokenizer: Arc<Tokenizer>,
    costs: BatchCosts,
    rates: AcceptanceRates,
    /// Newest last.
    recent: VecDeque<Completion>,
    guess: Option<Guess>,
}

/// A prompt and the tokens decoded after it.
struct Completion {
    tokens: Vec<TokenId>,
    n_prompt: usize,
}

/// A possible continuation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Guess {
    tokens: Vec<TokenId>,
    /// How many of its tokens were decoded.
    n_decoded: usize,
    /// The source of the next token.
    source: DraftSource,
}

impl Speculation {
    /// Builds an empty draft source; `costs` are those of a batch.
    pub(crate) fn new(tokenizer: Arc<Tokenizer>, costs: BatchCosts) -> Self {
        Self {
            tokenizer,
            costs,
            rates: AcceptanceRates::default(),
            recent: VecDeque::with_capacity(MAX_RECENT),
            guess: None,
        }
    }

    /// Begins a completion; the rest of an earlier one after this prompt is the first guess.
    pub(crate) fn begin(&mut self, prompt: &Prompt) {
        self.guess = self.rest_of_completion(&prompt.tokens).map(|tokens| Guess {
            tokens,
            n_decoded: 0,
            source: DraftSource::EarlierCompletion,
        });
    }

    /// Notes a decoded token.
    pub(crate) fn observe(&mut self, token: TokenId) {
        let Some(guess) = &mut self.guess else { return };
        let Some(guessed) = guess.tokens.get(guess.n_decoded) else {
            self.guess = None;
            return;
        };
        let accepted = *guessed == token;
        self.rates.record(guess.source, accepted);
        if accepted {
            guess.n_decoded += 1;
            guess.source = guess.source.after_match();
        } else {
            self.guess = None;
        }
    }

    /// Returns at most `max_tokens` tokens to verify after `text`, often none. The last token of `text`
    /// is not computed yet.
    pub(crate) fn draft(&mut self, text: &[TokenId], max_tokens: usize) -> &[TokenId] {
        if self.guess.as_ref().is_none_or(|guess| guess.n_decoded >= guess.tokens.len()) {
            self.guess = self.prompt_lookup(text);
        }
        let Some(guess) = &self.guess else { return &[] };
        let rest = guess.tokens.get(guess.n_decoded..).unwrap_or_default();
        let n = self.costs.draft_length(&self.rates, guess.source, max_tokens.min(rest.len()));
        rest.get(..n).unwrap_or_default()
    }

    /// Stores a completion: its prompt and all decoded tokens.
    pub(crate) fn end(&mut self, prompt: &Prompt, decoded: &[TokenId]) {
        self.guess = None;
        if decoded.is_empty() {
            return;
        }
        let mut completion = match self.recent.len() {
            MAX_RECENT => self.recent.pop_front(),
            _ => None,
        }
        .unwrap_or(Completion { tokens: Vec::new(), n_prompt: 0 });
        completion.tokens.clear();
        completion.tokens.extend_from_slice(&prompt.tokens);
        completion.n_prompt = prompt.tokens.len();
        completion.tokens.extend_from_slice(decoded);
        self.recent.push_back(completion);
    }

    /// Returns the rest of a kept completion if the text typed since agrees with it.
    fn rest_of_completion(&self, prompt: &[TokenId]) -> Option<Vec<TokenId>> {
        let shared = |completion: &Completion| common_prefix(&completion.tokens, prompt);
        // The newest among equals.
        let (n_shared, completion) =
            self.recent.iter().map(|c| (shared(c), c)).max_by_key(|(n, _)| *n)?;
        let typed = self.text(prompt.get(n_shared..)?)?;
        let mut rest = completion.tokens.get(n_shared..)?;
        let mut unmatched = typed.as_slice();
        // Stops where the typed text ends, which may be inside a token.
        let mut tokens = Vec::new();
        while !unmatched.is_empty() {
            let (token, after) = rest.split_first()?;
            let bytes = self.tokenizer.token_bytes(*token);
            rest = after;
            if let Some(still) = unmatched.strip_prefix(bytes) {
                // A special token has no text that a user could type.
                unmatched = Some(still).filter(|_| !bytes.is_empty())?;
            } else {
                let cut = std::str::from_utf8(bytes.strip_prefix(unmatched)?).ok()?;
                tokens = self.tokenizer.encode(cut);
                unmatched = &[];
            }
        }
        tokens.extend_from_slice(rest);
        self.draftable(&tokens)
    }

    /// Returns the bytes of a few tokens; `None` if there are too many, or one is special.
    fn text(&self, tokens: &[TokenId]) -> Option<Vec<u8>> {
        if tokens.len() > MAX_TYPED_TOKENS {
            return None;
        }
        let mut text = Vec::new();
        for token in tokens {
            let bytes = self.tokenizer.token_bytes(*token);
            if bytes.is_empty() {
                return None;
            }
            text.extend_from_slice(bytes);
        }
        Some(text)
    }

    /// Finds the place that matches the longest end of `text`, in `text` or in a recent completion.
    fn prompt_lookup(&self, text: &[TokenId]) -> Option<Guess> {
        let mut best = longest_match(text, 1, text);
        let mut source = text;
        for completion in self.recent.iter().rev() {
            // This prompt has most of the older prompt's text too, but not the text decoded after
            // it.
            let found = longest_match(&completion.tokens, completion.n_prompt, text);
            if found.map(|(n, _)| n) > best.map(|(n, _)| n) {
                (best, source) = (found, completion.tokens.as_slice());
            }
        }
        let (n_matching, end) = best?;
        let tokens = self.draftable(source.get(end..)?)?;
        Some(Guess { tokens, n_decoded: 0, source: DraftSource::Match(n_matching) })
    }

    /// Returns the tokens that may be guessed: none from a special token on, none after a line end,
    /// and a limited number.
    fn draftable(&self, tokens: &[TokenId]) -> Option<Vec<TokenId>> {
        let mut guess = Vec::new();
        for token in tokens.iter().take(MAX_DRAFT) {
            let bytes = self.tokenizer.token_bytes(*token);
            if bytes.is_empty() {
                break;
            }
            guess.push(*token);
            // Most completions are one line.
            if bytes.contains(&b'\n') {
                break;
            }
        }
        Some(guess).filter(|guess| !guess.is_empty())
    }
}

/// Finds the last tokens of `text` in `source`, at `from` or later; returns `(number that match,
/// where they end)`.
///
/// Returns the longest match, and the last among equals. `source` may be `text` itself: its own end
/// does not count.
fn longest_match(source: &[TokenId], from: usize, text: &[TokenId]) -> Option<(usize, usize)> {
    let last = text.last()?;
    let mut best: Option<(usize, usize)> = None;
    for end in (from.max(1)..source.len()).rev() {
        if source.get(end - 1) != Some(last) {
            continue;
        }
        let before = source.get(..end).unwrap_or_default();
        let n = before.iter().rev().zip(text.iter().rev()).take(MAX_MATCH);
        let n = n.take_while(|(a, b)| a == b).count();
        if best.is_none_or(|(most, _)| n > most) {
            best = Some((n, end));
            if n == MAX_MATCH {
                break;
            }
        }
    }
    best
}

#[cfg(test)]
mod tests;
