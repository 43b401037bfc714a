//! The loop of byte pair encoding: the best pair of neighbours merges first, and of equals the leftmost.
//!
//! What a pair is worth is the caller's business: its rank among the merges, or the score of the token that it makes.
//! Source: Sennrich, Haddow and Birch 2016 (arXiv 1508.07909).

use crate::TokenId;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Up to so many symbols the best pair is looked for anew each time: that is quicker than a queue, which keeps
/// longer pieces out of quadratic time.
const FEW: usize = 32;

/// Room for merging, used for one piece after the other.
pub(crate) struct Merging<W> {
    symbols: Vec<Symbol>,
    /// Of few symbols: the pair that each begins.
    pairs: Vec<Option<Pair<W>>>,
    /// Of many symbols: pairs, the best first, stale ones among them.
    queue: BinaryHeap<Pair<W>>,
}

/// A token or character of the piece while it is merged.
#[derive(Clone, Copy)]
pub(crate) struct Symbol {
    /// Where it begins in the piece.
    pub(crate) start: usize,
    /// Where it ends; `start` for one that was merged into its left neighbour.
    pub(crate) end: usize,
    /// The token that it is, if it is one.
    pub(crate) token: Option<TokenId>,
    left: Option<usize>,
    right: Option<usize>,
}

/// Two neighbours that make a token.
#[derive(Clone, Copy)]
struct Pair<W> {
    worth: W,
    left: usize,
    right: usize,
    makes: TokenId,
    /// Bytes of both when they were paired: a pair whose halves have grown since is stale.
    n_bytes: usize,
}

impl<W: Ord + Copy> Merging<W> {
    pub(crate) fn new() -> Merging<W> {
        Merging { symbols: Vec::new(), pairs: Vec::new(), queue: BinaryHeap::new() }
    }

    /// Merges a piece and returns what is left of its symbols, in order.
    ///
    /// `parts` are its smallest symbols: the bytes of each, and its token. `pair` says what two neighbours are worth and
    /// which token they make, if they make one.
    pub(crate) fn merge(
        &mut self,
        parts: impl Iterator<Item = (usize, Option<TokenId>)>,
        pair: impl Fn(&Symbol, &Symbol) -> Option<(W, TokenId)>,
    ) -> impl Iterator<Item = &Symbol> {
        self.symbols.clear();
        let mut end = 0;
        self.symbols.extend(parts.enumerate().map(|(idx, (n_bytes, token))| {
            let start = end;
            end += n_bytes;
            Symbol { start, end, token, left: idx.checked_sub(1), right: Some(idx + 1) }
        }));
        if let Some(last) = self.symbols.last_mut() {
            last.right = None;
        }
        let pair = |symbols: &[Symbol], left: usize, right: usize| {
            let (from, to) = (symbols.get(left)?, symbols.get(right)?);
            let (worth, makes) = pair(from, to)?;
            Some(Pair { worth, left, right, makes, n_bytes: to.end - from.start })
        };
        if self.symbols.len() <= FEW {
            self.merge_few(pair);
        } else {
            self.merge_many(pair);
        }
        self.symbols.iter().filter(|symbol| symbol.start < symbol.end)
    }

    fn merge_few(&mut self, pair: impl Fn(&[Symbol], usize, usize) -> Option<Pair<W>>) {
        let Merging { symbols, pairs, .. } = self;
        pairs.clear();
        pairs.extend((1..symbols.len()).map(|right| pair(symbols, right - 1, right)));
        while let Some(best) = pairs.iter().flatten().max().copied() {
            let (before, next) = join(symbols, &best);
            let mut begins = |left: usize, pair| {
                if let Some(slot) = pairs.get_mut(left) {
                    *slot = pair;
                }
            };
            begins(best.right, None);
            begins(best.left, next.and_then(|next| pair(symbols, best.left, next)));
            if let Some(before) = before {
                begins(before, pair(symbols, before, best.left));
            }
        }
    }

    fn merge_many(&mut self, pair: impl Fn(&[Symbol], usize, usize) -> Option<Pair<W>>) {
        let Merging { symbols, queue, .. } = self;
        queue.clear();
        queue.extend((1..symbols.len()).filter_map(|right| pair(symbols, right - 1, right)));
        while let Some(best) = queue.pop() {
            if best.is_stale(symbols) {
                continue;
            }
            let (before, next) = join(symbols, &best);
            queue.extend(next.and_then(|next| pair(symbols, best.left, next)));
            queue.extend(before.and_then(|before| pair(symbols, before, best.left)));
        }
    }
}

/// Makes one symbol of two; returns the neighbours on both sides.
fn join<W>(symbols: &mut [Symbol], pair: &Pair<W>) -> (Option<usize>, Option<usize>) {
    let Some(right) = symbols.get_mut(pair.right) else { return (None, None) };
    let (end, next) = (right.end, right.right);
    right.end = right.start;
    if let Some(symbol) = next.and_then(|next| symbols.get_mut(next)) {
        symbol.left = Some(pair.left);
    }
    let Some(left) = symbols.get_mut(pair.left) else { return (None, None) };
    (left.end, left.right, left.token) = (end, next, Some(pair.makes));
    (left.left, next)
}

impl<W> Pair<W> {
    /// Says whether a half has been merged with another neighbour since.
    fn is_stale(&self, symbols: &[Symbol]) -> bool {
        let (Some(left), Some(right)) = (symbols.get(self.left), symbols.get(self.right)) else {
            return true;
        };
        left.start == left.end || right.start == right.end || right.end - left.start != self.n_bytes
    }
}

impl<W: Ord> Ord for Pair<W> {
    /// The best first, and of equals the leftmost.
    fn cmp(&self, other: &Self) -> Ordering {
        self.worth.cmp(&other.worth).then(other.left.cmp(&self.left))
    }
}

impl<W: Ord> PartialOrd for Pair<W> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<W: Ord> PartialEq for Pair<W> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<W: Ord> Eq for Pair<W> {}
