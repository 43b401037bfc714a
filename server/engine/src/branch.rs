//! Decodes a line once more with one token changed, if that may make the whole line more probable.
//!
//! The most probable token at each position does not give the most probable line. Greedy decoding
//! may begin a string of digits that takes twelve doubtful tokens, where `0),` takes three.
//! Decoding therefore notes the best tokens that it did not choose. When the line is complete and
//! clearly less probable than its beginning with one of these tokens, decoding continues from
//! there. The cost is bounded: the engine tries at most two lines, and drops each of them as soon
//! as it is no better than the best line or has too many tokens. `server/suggestion/README.md` has
//! the gain.
//! Invariants: another line is the result only if it is more probable by [`MIN_GAIN`]; after an
//! interruption the best line so far is the result.

use lowkey_model::{LogitsMode, ModelError, argmax, log_sum_exp, top_k};
use lowkey_prompt::{Detokenizer, TokenId};

use crate::decode::{Decoding, after_cursor};
use crate::generate::Generator;
use crate::job::{Partial, Stop};

/// Positions tried, at most.
const MAX_BRANCHES: usize = 2;
/// Tokens per line, at most, the changed one included. Longer lines seldom win and cost most.
const MAX_LINE_TOKENS: usize = 8;
/// Minimum gain of a line, as a difference of natural-log probabilities.
const MIN_GAIN: f32 = 1.0;
/// Tokens examined at each position, the chosen one included.
const EXAMINED_PER_POSITION: usize = 3;

/// A position at which another token was nearly chosen.
#[derive(Debug, Clone, Copy)]
struct Branch {
    /// The number of tokens decoded before it.
    n_before: usize,
    token: TokenId,
    log_prob: f32,
    /// The sum of log-probabilities up to and including this token.
    sum: f32,
}

/// The best branches so far; empty if no second line is wanted.
#[derive(Default)]
pub(crate) struct Branches {
    /// Most probable beginning first.
    best: Vec<Branch>,
    /// Called before each token of another line: whether the line is still wanted.
    still_wanted: Option<Box<dyn Fn() -> bool + Send>>,
}

/// An alternative line.
struct Line<R> {
    tokens: Vec<TokenId>,
    log_probs: Vec<f32>,
    text: String,
    stop: Stop<R>,
}

impl Branches {
    pub(crate) fn new(still_wanted: Option<Box<dyn Fn() -> bool + Send>>) -> Self {
        Self { best: Vec::new(), still_wanted }
    }

    /// Notes the candidates other than `token`, after the tokens of `log_probs`.
    pub(crate) fn note(
        &mut self,
        logits: &[f32],
        total: f32,
        token: TokenId,
        log_probs: &[f32],
        end_tokens: &[TokenId],
    ) {
        // Another first token gives another text, which is seldom better.
        if self.still_wanted.is_none() || log_probs.is_empty() {
            return;
        }
        let before: f32 = log_probs.iter().sum();
        for (other, logit) in top_k(logits, EXAMINED_PER_POSITION) {
            let (other, log_prob) = (other as TokenId, logit - total);
            let is_end = end_tokens.binary_search(&other).is_ok();
            if other != token && log_prob.is_finite() && !is_end {
                let (n_before, sum) = (log_probs.len(), before + log_prob);
                self.best.push(Branch { n_before, token: other, log_prob, sum });
            }
        }
        self.best.sort_by(|a, b| b.sum.total_cmp(&a.sum));
        self.best.truncate(MAX_BRANCHES);
    }

    fn is_still_wanted(&self) -> bool {
        self.still_wanted.as_ref().is_some_and(|still_wanted| still_wanted())
    }
}

impl Generator {
    /// Decodes alternatives to the completed line if one may be better; returns the stop reason of
    /// a better line.
    pub(crate) fn decode_branches<R: Copy>(
        &mut self,
        decoding: &mut Decoding<'_, '_, R>,
    ) -> Result<Option<Stop<R>>, ModelError> {
        let branches = std::mem::take(&mut decoding.run.branches.best);
        let mut min_sum = decoding.result.log_probs.iter().sum::<f32>() + MIN_GAIN;
        if branches.first().is_none_or(|branch| branch.sum <= min_sum) {
            return Ok(None);
        }
        let (text, log_probs) = (&*decoding.result.text, &*decoding.result.log_probs);
        (decoding.run.on_text)(&Partial { text, log_probs, is_whole: true });
        let (first, log_probs) = (decoding.tokens.clone(), decoding.result.log_probs.clone());
        let mut stop = None;
        for branch in branches {
            let before = (first.get(..branch.n_before), log_probs.get(..branch.n_before));
            let (Some(tokens), Some(log_probs)) = before else { return Ok(stop) };
            if branch.sum <= min_sum {
                return Ok(stop);
            }
            let line = self.decode_line(decoding, branch, (tokens, log_probs), min_sum)?;
            if let Some(line) = line {
                min_sum = line.log_probs.iter().sum::<f32>() + MIN_GAIN;
                stop = Some(line.stop);
                decoding.tokens = line.tokens;
                decoding.result.text = line.text;
                decoding.result.log_probs = line.log_probs;
                decoding.result.branched = true;
            }
        }
        Ok(stop)
    }

    /// Decodes from a branch on, after `tokens`; `None` if the line does not complete with a
    /// log-probability above `min_sum`, or is empty.
    fn decode_line<R: Copy>(
        &mut self,
        decoding: &mut Decoding<'_, '_, R>,
        branch: Branch,
        (tokens, log_probs): (&[TokenId], &[f32]),
        min_sum: f32,
    ) -> Result<Option<Line<R>>, ModelError> {
        let Decoding { prompt, session, n_prompt, run, result, .. } = decoding;
        session.truncate(*n_prompt + branch.n_before);
        let assembler = std::sync::Arc::clone(&self.assembler);
        let end_tokens = assembler.end_tokens(prompt);
        let (mut tokens, mut log_probs) = (tokens.to_vec(), log_probs.to_vec());
        let mut detokenizer = Detokenizer::new(assembler.tokenizer());
        let mut text: String = tokens.iter().map(|&token| detokenizer.push(token)).collect();
        let (mut next, mut log_prob, mut sum) = (branch.token, branch.log_prob, branch.sum);
        // The stop rules have read the first line; this call makes them read the new line from its
        // start.
        let _ = (run.stop)("");
        for _ in 0..MAX_LINE_TOKENS {
            if sum <= min_sum || !run.branches.is_still_wanted() || (run.interruption)().is_some() {
                return Ok(None);
            }
            result.tokens.decoded += 1;
            tokens.push(next);
            log_probs.push(log_prob);
            text.push_str(&detokenizer.push(next));
            let code = after_cursor(&text, prompt.unforced.len());
            if let Some((rule, keep)) = (run.stop)(code) {
                let text = code.get(..code.floor_char_boundary(keep)).unwrap_or_default();
                let line = Line { tokens, log_probs, text: text.into(), stop: Stop::Rule(rule) };
                return Ok(Some(line).filter(Line::has_text));
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
                return Ok(Some(line).filter(Line::has_text));
            }
            log_prob = self.logits.get(next as usize).copied().unwrap_or(f32::NEG_INFINITY) - total;
            sum += log_prob;
        }
        Ok(None)
    }
}

impl<R> Line<R> {
    fn has_text(&self) -> bool {
        !self.text.trim().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_prefer_the_most_probable_beginning() {
        let mut branches = Branches::new(Some(Box::new(|| true)));
        let note = |branches: &mut Branches, other: f32, log_probs: &[f32]| -> Vec<(usize, f32)> {
            // Logits of the chosen token, another one, an end token, and an excluded one.
            branches.note(&[0.0, other, -0.5, f32::NEG_INFINITY], 0.0, 0, log_probs, &[2]);
            branches.best.iter().map(|branch| (branch.n_before, branch.sum)).collect()
        };
        assert!(note(&mut branches, -0.1, &[]).is_empty(), "not at the first token");
        assert_eq!(note(&mut branches, -2.0, &[-0.5]), [(1, -2.5)]);
        assert_eq!(note(&mut branches, -3.0, &[-0.5, -0.25]), [(1, -2.5), (2, -3.75)]);
        assert_eq!(note(&mut branches, -1.0, &[-0.5, -0.5, -0.25]), [(3, -2.25), (1, -2.5)]);
        let mut unwanted = Branches::default();
        assert!(note(&mut unwanted, -0.1, &[-0.5]).is_empty());
    }
}
