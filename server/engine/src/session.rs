//! Sessions: token ids with their KV cache.
//!
//! The pool finds the session that shares the longest prefix of token ids with a prompt. Token ids,
//! never text, identify a cache. A small difference truncates the session in place. A large
//! difference forks it, so that look-ahead or a jump to another place does not destroy a session
//! that the user returns to.
//!
//! Invariant: `tokens.len() == cache.len()` for every session in the pool.

use lowkey_model::{CausalLm, KvCache};
use lowkey_prompt::TokenId;

use crate::persist::SessionStore;

/// A truncation that would drop more tokens than this forks the session instead.
pub const FORK_ABOVE_TOKENS: usize = 64;

/// A shared prefix shorter than this is not copied, because computing it is as cheap.
const MIN_COPIED_TOKENS: usize = 16;

/// What a job does with the session that shares most with its prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionUse {
    /// Continues it; copies the shared prefix if more than [`FORK_ABOVE_TOKENS`] would be lost.
    Continue,
    /// Copies the shared prefix.
    Fork,
    /// Continues it, whatever is lost.
    Cut,
}

/// Capacities are multiples of this, so that growing text does not copy its cache per key.
const CAPACITY_STEP_TOKENS: usize = 512;

/// The KV cache of one prompt lineage and the tokens it was computed from.
pub struct Session {
    /// Token ids, one for each position of the cache.
    pub tokens: Vec<TokenId>,
    /// Keys and values of these positions.
    pub cache: KvCache,
    last_used: u64,
    /// Whether the session may be saved: a user's request used it, and the document's text may be
    /// kept. A look-ahead session is not worth its disk space.
    is_saved: bool,
    /// Whether the session belongs to no place: only look-ahead has used it, or it holds a small
    /// prompt.
    is_temporary: bool,
}

/// The sessions of one model under a byte budget. Eviction removes look-ahead sessions and small
/// prompts first, except the newest of them, then the least recently used place.
pub struct SessionPool {
    sessions: Vec<Session>,
    budget_bytes: usize,
    clock: u64,
    /// Whether sessions taken from now on may be saved.
    pub(crate) persists: bool,
    /// The sessions on disk.
    session_store: Option<SessionStore>,
}

/// Returns the number of leading tokens that two sequences share.
pub(crate) fn common_prefix(a: &[TokenId], b: &[TokenId]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

impl Session {
    /// Returns the number of leading tokens that `prompt` shares with this session.
    pub fn common_prefix(&self, prompt: &[TokenId]) -> usize {
        common_prefix(&self.tokens, prompt)
    }

    /// Marks the session as a small prompt: it is evicted before places and is not saved.
    pub(crate) fn mark_as_small_prompt(&mut self) {
        (self.is_temporary, self.is_saved) = (true, false);
    }

    /// Shortens the session to its first `n` tokens.
    pub fn truncate(&mut self, n: usize) {
        self.tokens.truncate(n);
        self.cache.truncate(n);
    }
}

impl SessionPool {
    /// Builds a pool that keeps at most `budget_bytes` of KV cache, but always one session.
    pub fn new(budget_bytes: usize) -> Self {
        Self { sessions: Vec::new(), budget_bytes, clock: 0, persists: true, session_store: None }
    }

    /// Adds the sessions on disk.
    pub(crate) fn with_session_store(self, session_store: Option<SessionStore>) -> Self {
        Self { session_store, ..self }
    }

    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Returns the bytes of KV cache held.
    pub fn bytes(&self) -> usize {
        self.sessions.iter().map(|s| s.cache.bytes()).sum()
    }

    /// Returns how many tokens of `prompt` no session has, in memory or on disk.
    pub(crate) fn n_missing(&self, prompt: &[TokenId]) -> usize {
        let shared = self.sessions.iter().map(|session| session.common_prefix(prompt)).max();
        let in_memory = prompt.len() - shared.unwrap_or(0);
        self.session_store
            .as_ref()
            .map_or(in_memory, |session_store| in_memory.min(session_store.n_unsaved(prompt)))
    }

    /// Takes out the session that shares most with `prompt`, truncated to the shared prefix.
    ///
    /// The hit covers at most `prompt.len() - 1` tokens, because the caller needs the logits of the
    /// last one. Where `use_of_session` says so, the pool copies the shared prefix and keeps the
    /// original. Returns a session whose tokens are a proper prefix of `prompt`. It has room for `n_decoded` tokens after the prompt as far as the
    /// model's context allows.
    pub fn take(
        &mut self,
        prompt: &[TokenId],
        n_decoded: usize,
        use_of_session: SessionUse,
        model: &dyn CausalLm,
    ) -> Session {
        let fork = use_of_session == SessionUse::Fork;
        self.clock += 1;
        let max_shared = prompt.len().saturating_sub(1);
        let context = model.config().context_length;
        let needed = (prompt.len() + n_decoded).min(context);
        let capacity_for =
            |n: usize| n.max(needed).next_multiple_of(CAPACITY_STEP_TOKENS).min(context);
        let (last_used, is_saved) = (self.clock, !fork && self.persists);
        let best = self
            .sessions
            .iter()
            .enumerate()
            .map(|(idx, s)| (s.common_prefix(prompt).min(max_shared), s.last_used, idx))
            .max();
        let shared = best.map_or(0, |(shared, ..)| shared);
        let from_disk = self.session_store.as_mut().and_then(|session_store| {
            session_store.take(prompt, shared + MIN_COPIED_TOKENS, max_shared, model, &capacity_for)
        });
        if let Some((tokens, cache)) = from_disk {
            return Session { tokens, cache, last_used, is_saved, is_temporary: fork };
        }
        let capacity = capacity_for(needed);
        let cold = || Session {
            tokens: Vec::new(),
            cache: model.new_cache(capacity),
            last_used,
            is_saved,
            is_temporary: fork,
        };
        let Some((shared, _, idx)) = best else { return cold() };
        let lost = self.sessions[idx].tokens.len() - shared;
        let large_enough = self.sessions[idx].cache.capacity() >= needed;
        // A shorter beginning may be that of another place, which is still wanted.
        let cut = use_of_session == SessionUse::Cut && shared >= MIN_COPIED_TOKENS;
        if !fork && (cut || lost <= FORK_ABOVE_TOKENS) && large_enough {
            let mut session = self.sessions.swap_remove(idx);
            session.truncate(shared);
            session.last_used = last_used;
            session.is_saved = is_saved;
            session.is_temporary = fork;
            return session;
        }
        if shared < MIN_COPIED_TOKENS {
            return cold();
        }
        let original = &self.sessions[idx];
        let copied = Session {
            tokens: original.tokens[..shared].to_vec(),
            cache: original.cache.fork(shared, capacity),
            last_used,
            is_saved,
            is_temporary: fork,
        };
        if cut {
            self.sessions.swap_remove(idx);
        }
        copied
    }

    /// Saves the sessions of user requests whose last `n_new` tokens are in no file, newest first.
    ///
    /// Calls `interrupted` between layers and stops when it returns true; a partial file is never
    /// left. Returns the number of files written.
    pub(crate) fn save(&mut self, n_new: usize, interrupted: &dyn Fn() -> bool) -> usize {
        let Some(session_store) =
            self.session_store.as_mut().filter(|session_store| session_store.writes())
        else {
            return 0;
        };
        self.sessions.sort_by_key(|session| std::cmp::Reverse(session.last_used));
        let mut n_saved = 0;
        for session in self.sessions.iter().filter(|session| session.is_saved) {
            let is_long = session.tokens.len() >= MIN_COPIED_TOKENS;
            if is_long && session_store.n_unsaved(&session.tokens) >= n_new && !interrupted() {
                let saved = session_store.save(&session.tokens, &session.cache, interrupted);
                n_saved += usize::from(saved);
            }
        }
        n_saved
    }

    /// Returns a session to the pool and evicts others beyond the budget.
    pub fn put(&mut self, session: Session) {
        debug_assert_eq!(session.tokens.len(), session.cache.len(), "a token for each position");
        if session.tokens.is_empty() {
            return;
        }
        self.sessions.push(session);
        while self.sessions.len() > 1 && self.bytes() > self.budget_bytes {
            let newest_temporary =
                self.sessions.iter().filter(|s| s.is_temporary).map(|s| s.last_used).max();
            let is_wanted = |s: &Session| !s.is_temporary || Some(s.last_used) == newest_temporary;
            let oldest =
                self.sessions.iter().enumerate().min_by_key(|(_, s)| (is_wanted(s), s.last_used));
            let Some((idx, _)) = oldest else { return };
            self.sessions.swap_remove(idx);
        }
    }
}
