//! The loop of byte pair encoding: merges the best pair of neighbours first, and the leftmost of
//! equals.
//!
//! The caller defines the value of a pair: its rank among the merges, or the score of the resulting
//! token. Source: Sennrich, Haddow and Birch 2016 (arXiv 1508.07909).

use crate::TokenId;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Up to this many symbols, the best pair is searched again after each merge, which is faster than
/// a queue. The queue avoids quadratic time for longer pieces.
const MAX_SCANNED_SYMBOLS: usize = 32;

/// Buffers for merging, reused for one piece after another.
pub(crate) struct Merging<W> {
    symbols: Vec<Symbol>,
    /// With few symbols: the pair that starts at each symbol.
    pairs: Vec<Option<Pair<W>>>,
    /// With many symbols: pairs, the best first, including stale ones.
    queue: BinaryHeap<Pair<W>>,
}

/// A token or character of the piece during merging.
#[derive(Clone, Copy)]
pub(crate) struct Symbol {
    /// Start in the piece.
    pub(crate) start: usize,
    /// End in the piece; equals `start` for a symbol that was merged into its left neighbour.
    pub(crate) end: usize,
    /// The symbol's token, if it is one.
    pub(crate) token: Option<TokenId>,
    left: Option<usize>,
    right: Option<usize>,
}

/// Two neighbours that make a token.
#[derive(Clone, Copy)]
struct Pair<W> {
    priority: W,
    left: usize,
    right: usize,
    token: TokenId,
    /// Bytes of both when they were paired: a pair whose halves have grown since is stale.
    n_bytes: usize,
}

impl<W: Ord + Copy> Merging<W> {
    pub(crate) fn new() -> Merging<W> {
        Merging { symbols: Vec::new(), pairs: Vec::new(), queue: BinaryHeap::new() }
    }

    /// Merges a piece and returns the remaining symbols, in order.
    ///
    /// `parts` are its smallest symbols: the bytes of each, and its token. `pair` returns the value
    /// and the token of two neighbours, if they make a token.
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
            let (priority, token) = pair(from, to)?;
            Some(Pair { priority, left, right, token, n_bytes: to.end - from.start })
        };
        if self.symbols.len() <= MAX_SCANNED_SYMBOLS {
            self.merge_by_scan(pair);
        } else {
            self.merge_by_queue(pair);
        }
        self.symbols.iter().filter(|symbol| symbol.start < symbol.end)
    }

    fn merge_by_scan(&mut self, pair: impl Fn(&[Symbol], usize, usize) -> Option<Pair<W>>) {
        let Merging { symbols, pairs, .. } = self;
        pairs.clear();
        pairs.extend((1..symbols.len()).map(|right| pair(symbols, right - 1, right)));
        while let Some(best) = pairs.iter().flatten().max().copied() {
            let (before, next) = join(symbols, &best);
            let mut set_pair = |left: usize, pair| {
                if let Some(slot) = pairs.get_mut(left) {
                    *slot = pair;
                }
            };
            set_pair(best.right, None);
            set_pair(best.left, next.and_then(|next| pair(symbols, best.left, next)));
            if let Some(before) = before {
                set_pair(before, pair(symbols, before, best.left));
            }
        }
    }

    fn merge_by_queue(&mut self, pair: impl Fn(&[Symbol], usize, usize) -> Option<Pair<W>>) {
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

/// Merges two symbols into one; returns the neighbours on both sides.
fn join<W>(symbols: &mut [Symbol], pair: &Pair<W>) -> (Option<usize>, Option<usize>) {
    let Some(right) = symbols.get_mut(pair.right) else { return (None, None) };
    let (end, next) = (right.end, right.right);
    right.end = right.start;
    if let Some(symbol) = next.and_then(|next| symbols.get_mut(next)) {
        symbol.left = Some(pair.left);
    }
    let Some(left) = symbols.get_mut(pair.left) else { return (None, None) };
    (left.end, left.right, left.token) = (end, next, Some(pair.token));
    (left.left, next)
}

impl<W> Pair<W> {
    /// Whether a half has been merged with another neighbour since.
    fn is_stale(&self, symbols: &[Symbol]) -> bool {
        let (Some(left), Some(right)) = (symbols.get(self.left), symbols.get(self.right)) else {
            return true;
        };
        left.start == left.end || right.start == right.end || right.end - left.start != self.n_bytes
    }
}

impl<W: Ord> Ord for Pair<W> {
    /// The best first, and the leftmost of equals.
    fn cmp(&self, other: &Self) -> Ordering {
        self.priority.cmp(&other.priority).then(other.left.cmp(&self.left))
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
