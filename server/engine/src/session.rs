//! Sessions: token ids with the KV cache that belongs to them.
//!
//! The pool answers one question: which session shares the longest prefix of
//! token ids with this prompt? Ids, never text, are the identity of a cache. A
//! small disagreement truncates the session in place; a large one forks, so that
//! looking ahead or jumping elsewhere does not destroy what the user comes back to.
//!
//! Invariant: `tokens.len() == cache.len()` for every session in the pool.

use lowkey_model::{CausalLm, KvCache};
use lowkey_prompt::TokenId;

use crate::persist::Shelf;

/// A truncation that would drop more tokens than this forks instead.
pub const FORK_ABOVE_TOKENS: usize = 64;

/// A shorter shared prefix than this is not worth copying: computing it is as cheap.
const WORTH_COPYING_TOKENS: usize = 16;

/// Capacities are multiples of this, so that growing text does not copy its cache per key.
const CAPACITY_STEP_TOKENS: usize = 512;

/// The KV cache of one prompt lineage and the tokens it was computed from.
pub struct Session {
    /// Token ids, one for each position of the cache.
    pub tokens: Vec<TokenId>,
    /// Keys and values of these positions.
    pub cache: KvCache,
    last_used: u64,
    /// Whether it may be saved: a user asked for it (what was only looked ahead to is not worth a place on disk), and
    /// about a document whose text may be kept.
    is_saved: bool,
    /// Whether it belongs to no place: only looking ahead has used it, or it holds a small prompt.
    is_passing: bool,
}

/// The sessions of one model under a byte budget. What was looked ahead to and small prompts go first, but for the newest
/// of them, then the least recently used place.
pub struct SessionPool {
    sessions: Vec<Session>,
    budget_bytes: usize,
    clock: u64,
    /// Whether the sessions that are taken from now on may be saved.
    pub(crate) persists: bool,
    /// The sessions on disk.
    shelf: Option<Shelf>,
}

/// Number of leading tokens that two sequences share.
pub(crate) fn common_prefix(a: &[TokenId], b: &[TokenId]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

impl Session {
    /// Number of leading tokens that `prompt` shares with this session.
    pub fn common_prefix(&self, prompt: &[TokenId]) -> usize {
        common_prefix(&self.tokens, prompt)
    }

    /// Says that it holds a small prompt: it goes before places do, and is not saved.
    pub(crate) fn hold_small_prompt(&mut self) {
        (self.is_passing, self.is_saved) = (true, false);
    }

    /// Shortens the session to its first `n` tokens.
    pub fn truncate(&mut self, n: usize) {
        self.tokens.truncate(n);
        self.cache.truncate(n);
    }
}

impl SessionPool {
    /// A pool that keeps at most `budget_bytes` of KV cache (but always one session).
    pub fn new(budget_bytes: usize) -> Self {
        Self { sessions: Vec::new(), budget_bytes, clock: 0, persists: true, shelf: None }
    }

    /// The same pool, with sessions on disk behind those in memory.
    pub(crate) fn with_shelf(self, shelf: Option<Shelf>) -> Self {
        Self { shelf, ..self }
    }

    /// Number of sessions held.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether no session is held.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Bytes of KV cache held.
    pub fn bytes(&self) -> usize {
        self.sessions.iter().map(|s| s.cache.bytes()).sum()
    }

    /// Returns how many tokens of `prompt` no session has, in memory or on disk.
    pub(crate) fn n_missing(&self, prompt: &[TokenId]) -> usize {
        let shared = self.sessions.iter().map(|session| session.common_prefix(prompt)).max();
        let in_memory = prompt.len() - shared.unwrap_or(0);
        self.shelf.as_ref().map_or(in_memory, |shelf| in_memory.min(shelf.n_unsaved(prompt)))
    }

    /// Takes out the session that serves `prompt` best, rewound to the shared prefix.
    ///
    /// The hit covers at most `prompt.len() - 1` tokens, because the logits of the last
    /// one are wanted. With `fork` (looking ahead), or where more than
    /// [`FORK_ABOVE_TOKENS`] would be lost, the shared prefix is copied and the original
    /// stays. Returns a session whose tokens are a proper prefix of `prompt`, with room for
    /// `n_decoded` tokens behind the prompt as far as the model's context allows.
    pub fn take(
        &mut self,
        prompt: &[TokenId],
        n_decoded: usize,
        fork: bool,
        model: &dyn CausalLm,
    ) -> Session {
        self.clock += 1;
        let most = prompt.len().saturating_sub(1);
        let context = model.config().context_length;
        let needed = (prompt.len() + n_decoded).min(context);
        let capacity_for =
            |n: usize| n.max(needed).next_multiple_of(CAPACITY_STEP_TOKENS).min(context);
        let (last_used, is_saved) = (self.clock, !fork && self.persists);
        let best = self
            .sessions
            .iter()
            .enumerate()
            .map(|(idx, s)| (s.common_prefix(prompt).min(most), s.last_used, idx))
            .max();
        let shared = best.map_or(0, |(shared, ..)| shared);
        let from_disk = self.shelf.as_mut().and_then(|shelf| {
            shelf.take(prompt, shared + WORTH_COPYING_TOKENS, most, model, &capacity_for)
        });
        if let Some((tokens, cache)) = from_disk {
            return Session { tokens, cache, last_used, is_saved, is_passing: fork };
        }
        let capacity = capacity_for(needed);
        let cold = || Session {
            tokens: Vec::new(),
            cache: model.new_cache(capacity),
            last_used,
            is_saved,
            is_passing: fork,
        };
        let Some((shared, _, idx)) = best else { return cold() };
        let lost = self.sessions[idx].tokens.len() - shared;
        let large_enough = self.sessions[idx].cache.capacity() >= needed;
        if !fork && lost <= FORK_ABOVE_TOKENS && large_enough {
            let mut session = self.sessions.swap_remove(idx);
            session.truncate(shared);
            session.last_used = last_used;
            session.is_saved = is_saved;
            session.is_passing = fork;
            return session;
        }
        if shared < WORTH_COPYING_TOKENS {
            return cold();
        }
        let original = &self.sessions[idx];
        Session {
            tokens: original.tokens[..shared].to_vec(),
            cache: original.cache.fork(shared, capacity),
            last_used,
            is_saved,
            is_passing: fork,
        }
    }

    /// Saves the sessions that were asked for and of which no file has the last `n_new` tokens, newest first.
    ///
    /// Asks `interrupted` between layers, and stops when it says so; half a file is never left. Returns how many
    /// files there are more or anew.
    pub(crate) fn save(&mut self, n_new: usize, interrupted: &dyn Fn() -> bool) -> usize {
        let Some(shelf) = self.shelf.as_mut().filter(|shelf| shelf.writes()) else { return 0 };
        self.sessions.sort_by_key(|session| std::cmp::Reverse(session.last_used));
        let mut n_saved = 0;
        for session in self.sessions.iter().filter(|session| session.is_saved) {
            let is_long = session.tokens.len() >= WORTH_COPYING_TOKENS;
            if is_long && shelf.n_unsaved(&session.tokens) >= n_new && !interrupted() {
                let saved = shelf.save(&session.tokens, &session.cache, interrupted);
                n_saved += usize::from(saved);
            }
        }
        n_saved
    }

    /// Puts a session back and evicts others beyond the budget.
    pub fn put(&mut self, session: Session) {
        debug_assert_eq!(session.tokens.len(), session.cache.len(), "a token for each position");
        if session.tokens.is_empty() {
            return;
        }
        self.sessions.push(session);
        while self.sessions.len() > 1 && self.bytes() > self.budget_bytes {
            let newest_passing =
                self.sessions.iter().filter(|s| s.is_passing).map(|s| s.last_used).max();
            let is_wanted = |s: &Session| !s.is_passing || Some(s.last_used) == newest_passing;
            let oldest =
                self.sessions.iter().enumerate().min_by_key(|(_, s)| (is_wanted(s), s.last_used));
            let Some((idx, _)) = oldest else { return };
            self.sessions.swap_remove(idx);
        }
    }
}
