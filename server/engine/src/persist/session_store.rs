//! The sessions on disk: listing, reading, saving, eviction.
//!
//! A start reads only headers. A session's keys and values are read when a prompt shares more with
//! it than with any session in memory, so the cost of a start hardly depends on the number of
//! sessions. A file's name is a digest of its contents: two processes that save the same session
//! write the same file.
//!
//! Several processes share the folder. Above the cap, each process removes the least recently used
//! files, including those of other processes. A file that another process has removed is treated as
//! missing.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::time::Instant;

use lowkey_model::{CausalLm, Config, KvCache, NUMERICS};
use lowkey_prompt::TokenId;
use sha2::{Digest, Sha256};

use super::folder::{Folder, PartialFile, mark_used};
use super::format::{self, Header, HeaderCheck, IDENTITY_BYTES, file_bytes, read_header};
use super::{PersistOptions, Switch};
use crate::session::{FORK_ABOVE_TOKENS, common_prefix};

/// The subfolder of the folder in [`PersistOptions`], and the extension of its files.
const FOLDER: &str = "sessions";
const EXTENSION: &str = "session";

/// The identity of a session: everything except the tokens that determines the bits of a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity([u8; IDENTITY_BYTES]);

impl Identity {
    /// Builds the identity of a model in this build; `digest` comes from
    /// [`lowkey_model::ModelFile::digest`].
    ///
    /// The instruction set is not part of it, because the bits do not depend on it. Processor
    /// architecture and operating system are part of it, because tests on one machine cannot show
    /// that the bits are equal across them.
    pub(crate) fn new(digest: &str, config: &Config) -> Self {
        let endian = if cfg!(target_endian = "little") { "le" } else { "be" };
        let (arch, system) = (std::env::consts::ARCH, std::env::consts::OS);
        let Config { n_layers, n_kv_heads, head_dim, context_length, kv_type, .. } = *config;
        let kernels = format!("{NUMERICS} {} {endian} {arch} {system}", kv_type.name());
        let shape = [n_layers, n_kv_heads, head_dim, context_length];
        let mut bytes = [0; IDENTITY_BYTES];
        let (text, numbers) = bytes.split_at_mut(IDENTITY_BYTES - 16);
        let (model, build) = text.split_at_mut(64);
        for (place, byte) in model.iter_mut().zip(digest.bytes()) {
            *place = byte;
        }
        for (place, byte) in build.iter_mut().zip(kernels.bytes()) {
            *place = byte;
        }
        let numbers = numbers.iter_mut();
        for (place, byte) in numbers.zip(shape.iter().flat_map(|n| (*n as u32).to_le_bytes())) {
            *place = byte;
        }
        Self(bytes)
    }
}

/// A session on disk.
struct Entry {
    name: String,
    tokens: Vec<TokenId>,
}

/// The sessions on disk that fit this model.
pub(crate) struct SessionStore {
    folder: Folder,
    identity: Identity,
    cap_bytes: u64,
    writes: bool,
    enabled: Switch,
    entries: Vec<Entry>,
    /// A cache without tokens, used to compute the size of a cache in bytes.
    empty: KvCache,
}

impl SessionStore {
    /// Opens a model's sessions; `None` if sessions are not kept.
    pub(crate) fn open(
        persist: &PersistOptions,
        identity: Identity,
        model: &dyn CausalLm,
    ) -> Option<Self> {
        if !persist.enabled.is_on() {
            return None;
        }
        let folder = match Folder::open(&persist.folder, FOLDER, persist.writes) {
            Ok(folder) => folder?,
            Err(error) => {
                tracing::warn!(%error, "sessions are not kept: their folder cannot be used");
                return None;
            }
        };
        let mut store = Self {
            folder,
            identity,
            cap_bytes: persist.cap_bytes,
            writes: persist.writes,
            enabled: persist.enabled.clone(),
            entries: Vec::new(),
            empty: model.new_cache(1),
        };
        let n_stale = if store.writes { store.folder.remove_stale_partial_files() } else { 0 };
        store.scan(n_stale, model.config().context_length);
        store.evict(None);
        Some(store)
    }

    /// Reads all headers and logs the result in one line.
    fn scan(&mut self, n_stale: usize, context_length: usize) {
        let begun = Instant::now();
        let (mut n_other_models, mut n_later_versions, mut n_damaged) = (0, 0, 0);
        for found in self.folder.files(EXTENSION) {
            let check = self.folder.read(&found.name).and_then(|mut file| {
                // The length comes from the open file, because the folder's entry may have changed
                // since.
                let length = file.metadata()?.len();
                read_header(&mut file, length, &self.identity.0)
            });
            match check {
                Ok(HeaderCheck::Usable(header)) if self.fits(&header, context_length) => {
                    self.entries.push(Entry { name: found.name, tokens: header.tokens });
                }
                Ok(HeaderCheck::OtherModel) => n_other_models += 1,
                Ok(HeaderCheck::LaterVersion) => n_later_versions += 1,
                Ok(HeaderCheck::Usable(_) | HeaderCheck::Damaged) => {
                    n_damaged += 1;
                    self.remove(&found.name);
                }
                // The file is gone or unreadable now, which is no reason to remove it.
                Err(_) => n_damaged += 1,
            }
        }
        let n_sessions = self.entries.len();
        let us = begun.elapsed().as_micros();
        if n_damaged + n_stale > 0 {
            tracing::warn!(
                n_sessions,
                n_other_models,
                n_later_versions,
                n_damaged,
                n_stale,
                us,
                "kept sessions; unreadable and partial files are removed"
            );
        } else if n_sessions + n_other_models + n_later_versions > 0 {
            tracing::info!(n_sessions, n_other_models, n_later_versions, us, "kept sessions");
        }
    }

    /// Whether a header with a valid checksum fits the model's caches.
    fn fits(&self, header: &Header, context_length: usize) -> bool {
        let n_tokens = header.tokens.len();
        (1..=context_length).contains(&n_tokens)
            && header.payload_bytes == self.empty.saved_bytes(n_tokens) as u64
    }

    /// Reads the session that shares most with `prompt`, truncated to the shared prefix.
    ///
    /// `None` unless it shares at least `min_shared` tokens. At most `max_shared` tokens are shared.
    /// `capacity` maps the number of tokens read to the number that the cache must have room for. A
    /// damaged session is ignored from then on.
    pub(crate) fn take(
        &mut self,
        prompt: &[TokenId],
        min_shared: usize,
        max_shared: usize,
        model: &dyn CausalLm,
        capacity: &dyn Fn(usize) -> usize,
    ) -> Option<(Vec<TokenId>, KvCache)> {
        while self.enabled.is_on() {
            let shared = |entry: &Entry| common_prefix(&entry.tokens, prompt).min(max_shared);
            let entries = self.entries.iter().enumerate();
            // Among equals, the shortest is fastest to read.
            let (shared, _, idx) = entries
                .map(|(idx, entry)| (shared(entry), std::cmp::Reverse(entry.tokens.len()), idx))
                .max()?;
            if shared < min_shared {
                return None;
            }
            let entry = self.entries.get(idx)?;
            let mut cache = model.new_cache(capacity(entry.tokens.len()));
            match self.read(entry, &mut cache) {
                Ok(()) => {
                    cache.truncate(shared);
                    return Some((entry.tokens.iter().copied().take(shared).collect(), cache));
                }
                Err(error) => {
                    let entry = self.entries.swap_remove(idx);
                    match error.kind() {
                        io::ErrorKind::NotFound => {
                            tracing::debug!("a kept session was removed by another process");
                        }
                        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                            tracing::warn!(%error, "a kept session is damaged and is removed");
                            self.remove(&entry.name);
                        }
                        // Memory is short, or the disk does not respond; the file may be valid.
                        _ => tracing::warn!(%error, "a kept session cannot be read now"),
                    }
                }
            }
        }
        None
    }

    fn read(&self, entry: &Entry, cache: &mut KvCache) -> io::Result<()> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the file is damaged");
        let mut file = self.folder.read(&entry.name)?;
        let length = file.metadata()?.len();
        let header = match read_header(&mut file, length, &self.identity.0)? {
            HeaderCheck::Usable(header) if header.tokens == entry.tokens => header,
            _ => return Err(damaged()),
        };
        let mut sum = header.payload_checksum();
        let n_tokens = header.tokens.len();
        cache.restore(n_tokens, &mut |bytes| {
            file.read_exact(bytes)?;
            sum.update(bytes);
            Ok(())
        })?;
        let mut written = [0; 32];
        file.read_exact(&mut written)?;
        if sum.finish() != written {
            cache.truncate(0);
            return Err(damaged());
        }
        if self.writes {
            mark_used(&file);
        }
        Ok(())
    }

    /// Returns how many of these tokens, counted from the end, are in no file.
    pub(crate) fn n_unsaved(&self, tokens: &[TokenId]) -> usize {
        let saved = self.entries.iter().map(|entry| common_prefix(&entry.tokens, tokens)).max();
        tokens.len() - saved.unwrap_or(0)
    }

    /// Whether writing is allowed.
    pub(crate) fn writes(&self) -> bool {
        self.writes && self.enabled.is_on()
    }

    /// Saves a session unless `interrupted` returns true between two layers.
    ///
    /// Removes earlier files that the new one nearly contains. Returns whether there is a new file.
    pub(crate) fn save(
        &mut self,
        tokens: &[TokenId],
        cache: &KvCache,
        interrupted: &dyn Fn() -> bool,
    ) -> bool {
        let payload_bytes = cache.saved_bytes(tokens.len()) as u64;
        if !self.writes() || file_bytes(tokens.len(), payload_bytes) > self.cap_bytes {
            return false;
        }
        let name = self.name(tokens);
        match self.write(&name, tokens, cache, payload_bytes, interrupted) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return false,
            Err(error) => {
                // A full disk stays full, so one message is enough.
                self.writes = false;
                tracing::warn!(%error, "a session cannot be saved; saving stops");
                return false;
            }
        }
        let tokens = tokens.to_vec();
        let (covered, kept): (Vec<_>, Vec<_>) = self.entries.drain(..).partition(|entry| {
            entry.name == name
                || entry.tokens.len() - common_prefix(&entry.tokens, &tokens) <= FORK_ABOVE_TOKENS
        });
        self.entries = kept;
        for entry in covered.iter().filter(|entry| entry.name != name) {
            self.remove(&entry.name);
        }
        self.entries.push(Entry { name: name.clone(), tokens });
        self.evict(Some(&name));
        true
    }

    fn write(
        &self,
        name: &str,
        tokens: &[TokenId],
        cache: &KvCache,
        payload_bytes: u64,
        interrupted: &dyn Fn() -> bool,
    ) -> io::Result<()> {
        let mut file: PartialFile<'_> = self.folder.create()?;
        let sum = format::write_header(&mut file, &self.identity.0, tokens, payload_bytes)?;
        let mut sum = format::PayloadChecksum::after(sum);
        cache.save(&mut |bytes| {
            if interrupted() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            sum.update(bytes);
            file.write_all(bytes)
        })?;
        file.write_all(&sum.finish())?;
        file.finish(name)
    }

    /// Removes the least recently used files, including those of other processes, until the rest is
    /// within the cap.
    fn evict(&mut self, kept: Option<&str>) {
        if !self.writes() {
            return;
        }
        for found in self.folder.files_over_cap(EXTENSION, self.cap_bytes, kept) {
            self.entries.retain(|entry| entry.name != found.name);
            self.remove(&found.name);
        }
    }

    fn remove(&self, name: &str) {
        if self.writes() {
            self.folder.remove(name);
        }
    }

    fn name(&self, tokens: &[TokenId]) -> String {
        let mut hash = Sha256::new_with_prefix(self.identity.0);
        for token in tokens {
            hash.update(token.to_le_bytes());
        }
        let mut name = String::new();
        for byte in hash.finalize().iter().take(16) {
            // Writing to a string cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        name + "." + EXTENSION
    }
}

/// Returns the number of sessions in a folder, of any model, and their size in bytes.
pub fn stored_sessions(folder: &std::path::Path) -> (usize, u64) {
    let Ok(Some(folder)) = Folder::open(folder, FOLDER, false) else { return (0, 0) };
    let files = folder.files(EXTENSION);
    (files.len(), files.iter().map(|found| found.bytes).sum())
}

#[cfg(test)]
mod tests;
