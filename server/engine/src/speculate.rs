//! Drafts: tokens guessed from text that is already there, verified several in one forward pass.
//!
//! Code repeats itself: a name, a call, or a whole line occurs above or in a recent completion. If
//! the last tokens match a place there, the guess is the text after that place. A batch of two to
//! eight tokens costs little more than one token if memory bandwidth is the limit, so one forward
//! pass verifies several guesses.
//!
//! A prompt that rewrites text brings its likely answer, which is the first guess (`likely.rs`).
//!
//! Invariant: a guess decides only which tokens are computed together, never which token is chosen.
//! The chosen tokens are those of plain decoding, because a position's logits have the same bits in
//! every batch.

use std::collections::VecDeque;
use std::sync::Arc;

use lowkey_prompt::{Prompt, TokenId, Tokenizer};

use crate::acceptance::{AcceptanceRates, BatchCosts, DraftSource};
use crate::session::common_prefix;
use likely::LikelyAnswer;

mod likely;

/// Matches longer than this count as this long.
const MAX_MATCH: usize = 12;
/// Longest guess, in tokens. After it, the text is searched again.
const MAX_DRAFT: usize = 32;
/// Most tokens of a guess that are verified together, and most tokens of a likely answer: it is
/// right more often.
const MAX_VERIFIED: usize = 7;
const MAX_LIKELY_VERIFIED: usize = 31;
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
    /// The likely answer of the present prompt.
    likely: Option<LikelyAnswer>,
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
    /// Where the tokens begin in the likely answer, if they are of it.
    likely_from: Option<usize>,
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
            likely: None,
        }
    }

    /// Begins a completion. The first guess is the prompt's likely answer, or the rest of an earlier
    /// completion after this prompt.
    pub(crate) fn begin(&mut self, prompt: &Prompt) {
        self.likely = LikelyAnswer::new(&prompt.draft);
        self.guess = match &self.likely {
            Some(_) => self.of_likely(0, DraftSource::LikelyAnswer),
            None => self.rest_of_completion(&prompt.tokens).map(|tokens| Guess {
                tokens,
                n_decoded: 0,
                source: DraftSource::EarlierCompletion,
                likely_from: None,
            }),
        };
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
            if let (Some(likely), Some(from)) = (&mut self.likely, guess.likely_from) {
                likely.reach(from + guess.n_decoded);
            }
        } else {
            self.guess = None;
        }
    }

    /// Returns at most `max_tokens` tokens to verify after `text`, often none. The last token of `text`
    /// is not computed yet.
    pub(crate) fn draft(&mut self, text: &[TokenId], max_tokens: usize) -> &[TokenId] {
        if self.guess.as_ref().is_none_or(|guess| guess.n_decoded >= guess.tokens.len()) {
            self.guess = self.next_guess(text);
        }
        let Some(guess) = &self.guess else { return &[] };
        let rest = guess.tokens.get(guess.n_decoded..).unwrap_or_default();
        let most = if guess.likely_from.is_some() { MAX_LIKELY_VERIFIED } else { MAX_VERIFIED };
        let most = most.min(max_tokens).min(rest.len());
        let n = self.costs.draft_length(&self.rates, guess.source, most);
        rest.get(..n).unwrap_or_default()
    }

    /// Returns the guess after `text` that the most tokens match; of equals, the one in the likely
    /// answer.
    fn next_guess(&self, text: &[TokenId]) -> Option<Guess> {
        let found = self.prompt_lookup(text);
        let place = self.likely.as_ref().and_then(|likely| likely.place(text));
        match (place, found) {
            (Some((n, _)), Some((more, found))) if more > n => Some(found),
            (Some((n, end)), _) => self.of_likely(end, DraftSource::Match(n)),
            (None, found) => found.map(|(_, guess)| guess),
        }
    }

    /// Returns the rest of the likely answer.
    fn of_likely(&self, from: usize, source: DraftSource) -> Option<Guess> {
        let tokens = self.likely.as_ref()?.rest(from).to_vec();
        (!tokens.is_empty()).then_some(Guess {
            tokens,
            n_decoded: 0,
            source,
            likely_from: Some(from),
        })
    }

    /// Stores a completion: its prompt and all decoded tokens.
    pub(crate) fn end(&mut self, prompt: &Prompt, decoded: &[TokenId]) {
        (self.guess, self.likely) = (None, None);
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

    /// Finds the place that matches the longest end of `text`, in `text` or in a recent completion;
    /// returns the number of tokens that match and the guess.
    fn prompt_lookup(&self, text: &[TokenId]) -> Option<(usize, Guess)> {
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
        let source = DraftSource::Match(n_matching);
        Some((n_matching, Guess { tokens, n_decoded: 0, source, likely_from: None }))
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
        let n = n_matching(before, text, MAX_MATCH);
        if best.is_none_or(|(most, _)| n > most) {
            best = Some((n, end));
            if n == MAX_MATCH {
                break;
            }
        }
    }
    best
}

/// Returns how many last tokens of two texts are equal, at most `max`.
fn n_matching(a: &[TokenId], b: &[TokenId], max: usize) -> usize {
    a.iter().rev().zip(b.iter().rev()).take(max).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests;
