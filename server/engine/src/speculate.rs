//! Drafts: tokens guessed from what stands in the text already, verified several in one forward.
//!
//! Code repeats itself: a name, a call, a whole line that stands above or in a recent completion. When the last
//! tokens agree with a place there, what followed there is guessed to follow here. A batch of two to eight tokens
//! costs little more than one token where memory is the limit, so several guesses are verified at once.
//! Invariant: a guess decides only what is computed together, never which token is chosen. The chosen tokens are those
//! of plain decoding, because a position's logits have the same bits in every batch.

use std::collections::VecDeque;
use std::sync::Arc;

use lowkey_prompt::{Prompt, TokenId, Tokenizer};

use crate::session::common_prefix;
use crate::trust::{Costs, Evidence, Trust};

/// Tokens that agree beyond so many say nothing more.
const LONGEST_MATCH: usize = 12;
/// A guess reaches so far; by then another look at the text is due.
const LONGEST_GUESS: usize = 32;
/// Completions that are remembered with the prompts that they answered.
const RECENT: usize = 8;
/// Text between a remembered completion and this prompt that is worth comparing, in tokens.
const TYPED_SINCE: usize = 64;

/// Guesses what comes next, and learns how far its guesses can be trusted.
pub(crate) struct Speculation {
    tokenizer: Arc<Tokenizer>,
    costs: Costs,
    trust: Trust,
    /// Newest last.
    recent: VecDeque<Completion>,
    guess: Option<Guess>,
}

/// A prompt and what was decoded behind it.
struct Completion {
    tokens: Vec<TokenId>,
    n_prompt: usize,
}

/// A continuation that may come.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Guess {
    tokens: Vec<TokenId>,
    /// How many of them have come.
    n_seen: usize,
    /// What speaks for the next one.
    evidence: Evidence,
}

impl Speculation {
    /// Knows nothing yet; `costs` says what a batch is worth.
    pub(crate) fn new(tokenizer: Arc<Tokenizer>, costs: Costs) -> Self {
        Self {
            tokenizer,
            costs,
            trust: Trust::default(),
            recent: VecDeque::with_capacity(RECENT),
            guess: None,
        }
    }

    /// Begins a completion: what an earlier one has left behind this prompt is the first guess.
    pub(crate) fn begin(&mut self, prompt: &Prompt) {
        self.guess = self.remains(&prompt.tokens).map(|tokens| Guess {
            tokens,
            n_seen: 0,
            evidence: Evidence::Remains,
        });
    }

    /// Notes a token that was decoded.
    pub(crate) fn saw(&mut self, token: TokenId) {
        let Some(guess) = &mut self.guess else { return };
        let Some(guessed) = guess.tokens.get(guess.n_seen) else {
            self.guess = None;
            return;
        };
        let came = *guessed == token;
        self.trust.learn(guess.evidence, came);
        if came {
            guess.n_seen += 1;
            guess.evidence = guess.evidence.and_one_more();
        } else {
            self.guess = None;
        }
    }

    /// Returns tokens to verify behind `text`, whose last token is not computed yet; at most `room`, often none.
    pub(crate) fn draft(&mut self, text: &[TokenId], room: usize) -> &[TokenId] {
        if self.guess.as_ref().is_none_or(|guess| guess.n_seen >= guess.tokens.len()) {
            self.guess = self.look_up(text);
        }
        let Some(guess) = &self.guess else { return &[] };
        let rest = guess.tokens.get(guess.n_seen..).unwrap_or_default();
        let n = self.costs.best_length(&self.trust, guess.evidence, room.min(rest.len()));
        rest.get(..n).unwrap_or_default()
    }

    /// Remembers a completion: its prompt and all that was decoded.
    pub(crate) fn end(&mut self, prompt: &Prompt, decoded: &[TokenId]) {
        self.guess = None;
        if decoded.is_empty() {
            return;
        }
        let mut completion = match self.recent.len() {
            RECENT => self.recent.pop_front(),
            _ => None,
        }
        .unwrap_or(Completion { tokens: Vec::new(), n_prompt: 0 });
        completion.tokens.clear();
        completion.tokens.extend_from_slice(&prompt.tokens);
        completion.n_prompt = prompt.tokens.len();
        completion.tokens.extend_from_slice(decoded);
        self.recent.push_back(completion);
    }

    /// What is left of a remembered completion when what was typed since agrees with it.
    fn remains(&self, prompt: &[TokenId]) -> Option<Vec<TokenId>> {
        let shared = |completion: &Completion| common_prefix(&completion.tokens, prompt);
        // The newest of equals.
        let (n_shared, completion) =
            self.recent.iter().map(|c| (shared(c), c)).max_by_key(|(n, _)| *n)?;
        let typed = self.text(prompt.get(n_shared..)?)?;
        let mut rest = completion.tokens.get(n_shared..)?;
        let mut left = typed.as_slice();
        // Up to where the typed text ends, which may be inside a token.
        let mut tokens = Vec::new();
        while !left.is_empty() {
            let (token, behind) = rest.split_first()?;
            let bytes = self.tokenizer.token_bytes(*token);
            rest = behind;
            if let Some(still) = left.strip_prefix(bytes) {
                // A special token stands for no text that could have been typed.
                left = Some(still).filter(|_| !bytes.is_empty())?;
            } else {
                let cut = std::str::from_utf8(bytes.strip_prefix(left)?).ok()?;
                tokens = self.tokenizer.encode(cut);
                left = &[];
            }
        }
        tokens.extend_from_slice(rest);
        self.guessable(&tokens)
    }

    /// The bytes of a few tokens; `None` of many, or where one is special.
    fn text(&self, tokens: &[TokenId]) -> Option<Vec<u8>> {
        if tokens.len() > TYPED_SINCE {
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

    /// Finds the place that agrees with the longest end of `text`, in it or in a recent completion.
    fn look_up(&self, text: &[TokenId]) -> Option<Guess> {
        let mut best = longest_match(text, 1, text);
        let mut source = text;
        for completion in self.recent.iter().rev() {
            // The prompt's text is mostly this prompt's too; what was decoded behind it is not.
            let found = longest_match(&completion.tokens, completion.n_prompt, text);
            if found.map(|(n, _)| n) > best.map(|(n, _)| n) {
                (best, source) = (found, completion.tokens.as_slice());
            }
        }
        let (n_agree, end) = best?;
        let tokens = self.guessable(source.get(end..)?)?;
        Some(Guess { tokens, n_seen: 0, evidence: Evidence::Match(n_agree) })
    }

    /// The tokens that may be guessed: up to a special one, not many, none behind a line's end.
    fn guessable(&self, tokens: &[TokenId]) -> Option<Vec<TokenId>> {
        let mut guess = Vec::new();
        for token in tokens.iter().take(LONGEST_GUESS) {
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

/// Finds where in `source`, at `from` or behind, the last tokens of `text` stood before: `(how many agree, where they end)`.
///
/// Of equals the last. `source` may be `text` itself: its own end does not count.
fn longest_match(source: &[TokenId], from: usize, text: &[TokenId]) -> Option<(usize, usize)> {
    let last = text.last()?;
    let mut best: Option<(usize, usize)> = None;
    for end in (from.max(1)..source.len()).rev() {
        if source.get(end - 1) != Some(last) {
            continue;
        }
        let before = source.get(..end).unwrap_or_default();
        let n = before.iter().rev().zip(text.iter().rev()).take(LONGEST_MATCH);
        let n = n.take_while(|(a, b)| a == b).count();
        if best.is_none_or(|(most, _)| n > most) {
            best = Some((n, end));
            if n == LONGEST_MATCH {
                break;
            }
        }
    }
    best
}

#[cfg(test)]
mod tests;
