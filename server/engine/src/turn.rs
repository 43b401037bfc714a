//! A line is decoded once more with one token changed, where that may make it more probable as a whole.
//!
//! The most probable token at each place does not make the most probable line: a string of digits is begun that takes
//! twelve doubtful tokens, where `0),` would have been three. So decoding notes the best tokens that it passed by, and
//! when the line is whole and clearly less probable than its beginning with one of them, goes on from there. What that
//! costs is bounded: two lines are tried, each is given up as soon as it is no better than the one there is, and after
//! a few tokens. `server/suggestion/README.md` has what it is worth.
//! Invariants: another line is the result only where it is more probable by [`MARGIN`]; where anything interrupts, the
//! best line so far is.

use lowkey_model::{LogitsMode, ModelError, argmax, log_sum_exp, top_k};
use lowkey_prompt::{Detokenizer, Prompt, TokenId};

use crate::generate::{Generator, Run, behind};
use crate::job::{Generated, Partial, Stop};
use crate::session::Session;

/// Places tried at most.
const MOST_TURNS: usize = 2;
/// Tokens at most, the changed one included: longer lines win seldom and cost most.
const MOST_TOKENS: usize = 8;
/// How much more probable a line must be, as a difference of log-probabilities.
const MARGIN: f32 = 1.0;
/// Tokens looked at for each place, the chosen one included.
const LOOKED_AT: usize = 3;

/// A place at which another token was nearly chosen.
#[derive(Debug, Clone, Copy)]
struct Turn {
    /// How many tokens were decoded before.
    at: usize,
    token: TokenId,
    log_prob: f32,
    /// The log-probability of everything up to this token.
    sum: f32,
}

/// The best places to turn at so far; none where no second line is wanted.
#[derive(Default)]
pub(crate) struct Turns {
    /// The most probable beginning first.
    best: Vec<Turn>,
    /// Asked before each token of another line whether it is still wanted.
    wanted: Option<Box<dyn Fn() -> bool + Send>>,
}

/// Another line.
struct Line<R> {
    tokens: Vec<TokenId>,
    log_probs: Vec<f32>,
    text: String,
    stop: Stop<R>,
}

impl Turns {
    pub(crate) fn new(wanted: Option<Box<dyn Fn() -> bool + Send>>) -> Self {
        Self { best: Vec::new(), wanted }
    }

    /// Notes what else could have been chosen than `token`, behind the tokens of `log_probs`.
    pub(crate) fn note(
        &mut self,
        logits: &[f32],
        total: f32,
        token: TokenId,
        log_probs: &[f32],
        end_tokens: &[TokenId],
    ) {
        // Another first token is another text, and seldom the better one.
        if self.wanted.is_none() || log_probs.is_empty() {
            return;
        }
        let before: f32 = log_probs.iter().sum();
        for (other, logit) in top_k(logits, LOOKED_AT) {
            let (other, log_prob) = (other as TokenId, logit - total);
            let is_end = end_tokens.binary_search(&other).is_ok();
            if other != token && log_prob.is_finite() && !is_end {
                let (at, sum) = (log_probs.len(), before + log_prob);
                self.best.push(Turn { at, token: other, log_prob, sum });
            }
        }
        self.best.sort_by(|a, b| b.sum.total_cmp(&a.sum));
        self.best.truncate(MOST_TURNS);
    }

    fn is_wanted(&self) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| wanted())
    }
}

impl Generator {
    /// Decodes other lines than the one that has ended, if there may be a better one; returns why it ended if there is.
    pub(crate) fn turn<R: Copy>(
        &mut self,
        prompt: &Prompt,
        session: &mut Session,
        n_prompt: usize,
        decoded: &mut Vec<TokenId>,
        run: &mut Run<'_, R>,
        made: &mut Generated<R>,
    ) -> Result<Option<Stop<R>>, ModelError> {
        let turns = std::mem::take(&mut run.turns.best);
        let mut least = made.log_probs.iter().sum::<f32>() + MARGIN;
        if turns.first().is_none_or(|turn| turn.sum <= least) {
            return Ok(None);
        }
        (run.on_text)(&Partial { text: &made.text, log_probs: &made.log_probs, is_whole: true });
        let (first, log_probs) = (decoded.clone(), made.log_probs.clone());
        let mut stop = None;
        for turn in turns {
            let begun = (first.get(..turn.at), log_probs.get(..turn.at));
            let (Some(tokens), Some(log_probs)) = begun else { return Ok(stop) };
            if turn.sum <= least {
                return Ok(stop);
            }
            session.truncate(n_prompt + turn.at);
            let line = self.line(prompt, session, turn, (tokens, log_probs), least, run, made)?;
            if let Some(line) = line {
                least = line.log_probs.iter().sum::<f32>() + MARGIN;
                stop = Some(line.stop);
                made.text = line.text;
                made.log_probs = line.log_probs;
                made.turned = true;
                *decoded = line.tokens;
            }
        }
        Ok(stop)
    }

    /// Decodes from a turn on, behind the tokens of the session; `None` where the line is not whole with a
    /// log-probability above `least`, or says nothing.
    #[expect(clippy::too_many_arguments, reason = "they are what decoding one line takes")]
    fn line<R: Copy>(
        &mut self,
        prompt: &Prompt,
        session: &mut Session,
        turn: Turn,
        (tokens, log_probs): (&[TokenId], &[f32]),
        least: f32,
        run: &mut Run<'_, R>,
        made: &mut Generated<R>,
    ) -> Result<Option<Line<R>>, ModelError> {
        let assembler = std::sync::Arc::clone(&self.assembler);
        let end_tokens = assembler.format().end_tokens();
        let (mut tokens, mut log_probs) = (tokens.to_vec(), log_probs.to_vec());
        let mut detokenizer = Detokenizer::new(assembler.tokenizer());
        let mut text: String = tokens.iter().map(|&token| detokenizer.push(token)).collect();
        let (mut next, mut log_prob, mut sum) = (turn.token, turn.log_prob, turn.sum);
        // The rules have read another line; they read this one from its start.
        let _ = (run.stop)("");
        for _ in 0..MOST_TOKENS {
            if sum <= least || !run.turns.is_wanted() || (run.interruption)().is_some() {
                return Ok(None);
            }
            made.tokens.decoded += 1;
            tokens.push(next);
            log_probs.push(log_prob);
            text.push_str(&detokenizer.push(next));
            let code = behind(&text, prompt.unforced.len());
            if let Some((rule, keep)) = (run.stop)(code) {
                let text = code.get(..code.floor_char_boundary(keep)).unwrap_or_default();
                let line = Line { tokens, log_probs, text: text.into(), stop: Stop::Rule(rule) };
                return Ok(Some(line).filter(Line::says_something));
            }
            if session.cache.capacity() <= session.tokens.len() {
                return Ok(None);
            }
            let cancelled = || (run.interruption)().is_some();
            if !self.append(session, &[next], LogitsMode::Last, &cancelled)? {
                return Ok(None);
            }
            let total = log_sum_exp(&self.logits);
            next = argmax(&self.logits) as TokenId;
            if end_tokens.binary_search(&next).is_ok() {
                let line = Line { tokens, log_probs, text: code.to_owned(), stop: Stop::EndToken };
                return Ok(Some(line).filter(Line::says_something));
            }
            log_prob = self.logits.get(next as usize).copied().unwrap_or(f32::NEG_INFINITY) - total;
            sum += log_prob;
        }
        Ok(None)
    }
}

impl<R> Line<R> {
    fn says_something(&self) -> bool {
        !self.text.trim().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_probable_beginnings_are_the_places_to_turn_at() {
        let mut turns = Turns::new(Some(Box::new(|| true)));
        let note = |turns: &mut Turns, other: f32, log_probs: &[f32]| -> Vec<(usize, f32)> {
            // The chosen token, another one, an end token, and one that is ruled out.
            turns.note(&[0.0, other, -0.5, f32::NEG_INFINITY], 0.0, 0, log_probs, &[2]);
            turns.best.iter().map(|turn| (turn.at, turn.sum)).collect()
        };
        assert!(note(&mut turns, -0.1, &[]).is_empty(), "not at the first token");
        assert_eq!(note(&mut turns, -2.0, &[-0.5]), [(1, -2.5)]);
        assert_eq!(note(&mut turns, -3.0, &[-0.5, -0.25]), [(1, -2.5), (2, -3.75)]);
        assert_eq!(note(&mut turns, -1.0, &[-0.5, -0.5, -0.25]), [(3, -2.25), (1, -2.5)]);
        let mut unwanted = Turns::default();
        assert!(note(&mut unwanted, -0.1, &[-0.5]).is_empty());
    }
}
