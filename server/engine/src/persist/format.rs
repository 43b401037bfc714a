//! The file of a session: header, token ids, keys and values, each under a checksum.
//!
//! ```text
//! magic 8 | version 4 | identity 128 | n_tokens 4 | payload_bytes 8 | n_tokens × 4 | SHA-256 of all this
//! payload, as `KvCache::save` gives it                                             | SHA-256 of that sum and the payload
//! ```
//! Numbers are little-endian. The header decides whether a session is usable. A start therefore
//! reads a few kilobytes of each file, and a session's megabytes only when a prompt needs them.
//!
//! Any bytes give a [`HeaderCheck`], and no allocation exceeds the length of the file.

use std::io::{self, Read, Write};

use lowkey_prompt::TokenId;
use sha2::{Digest, Sha256};

const MAGIC: [u8; 8] = *b"lowkeyKV";

/// The version of the layout above. Files of later versions are kept: another lowkey on this
/// machine may use them.
const VERSION: u32 = 1;

/// Length of a session's identity; see [`super::Identity`].
pub(crate) const IDENTITY_BYTES: usize = 128;

/// No model has a longer context. The limit guards against a sparse file with a huge token count.
const MAX_TOKENS: usize = 1 << 20;

/// Length of everything before the token ids.
const FIXED_BYTES: usize = MAGIC.len() + 4 + IDENTITY_BYTES + 4 + 8;

const CHECKSUM_BYTES: usize = 32;

/// A SHA-256 checksum.
pub(crate) type Checksum = [u8; CHECKSUM_BYTES];

/// The result of reading a file's header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeaderCheck {
    /// A session of this identity.
    Usable(Header),
    /// A session of another model or build.
    OtherModel,
    /// Written by a later version of lowkey.
    LaterVersion,
    /// Not a session file, or a damaged one.
    Damaged,
}

/// The header of a usable session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The tokens whose keys and values are in the payload.
    pub(crate) tokens: Vec<TokenId>,
    /// The length of the payload without its checksum, in bytes.
    pub(crate) payload_bytes: u64,
    /// The header's checksum, which the payload's checksum covers too.
    sum: Checksum,
}

/// Hashes a payload piece by piece.
pub(crate) struct PayloadChecksum(Sha256);

impl PayloadChecksum {
    /// Starts from the header's checksum, so that a payload only verifies after its own header.
    pub(crate) fn after(header: Checksum) -> Self {
        Self(Sha256::new_with_prefix(header))
    }

    /// Adds the next piece.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the checksum.
    pub(crate) fn finish(self) -> Checksum {
        self.0.finalize().into()
    }
}

impl Header {
    /// Starts the checksum of the payload.
    pub(crate) fn payload_checksum(&self) -> PayloadChecksum {
        PayloadChecksum::after(self.sum)
    }
}

/// Writes the header of a session; returns its checksum.
pub(crate) fn write_header(
    file: &mut dyn Write,
    identity: &[u8; IDENTITY_BYTES],
    tokens: &[TokenId],
    payload_bytes: u64,
) -> io::Result<Checksum> {
    let n_tokens = u32::try_from(tokens.len()).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(FIXED_BYTES + tokens.len() * 4);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(identity);
    bytes.extend_from_slice(&n_tokens.to_le_bytes());
    bytes.extend_from_slice(&payload_bytes.to_le_bytes());
    bytes.extend(tokens.iter().flat_map(|token| token.to_le_bytes()));
    let sum: Checksum = Sha256::digest(&bytes).into();
    file.write_all(&bytes)?;
    file.write_all(&sum)?;
    Ok(sum)
}

/// Returns the length of a session's file in bytes.
pub(crate) fn file_bytes(n_tokens: usize, payload_bytes: u64) -> u64 {
    payload_bytes
        .saturating_add((n_tokens as u64).saturating_mul(4))
        .saturating_add((FIXED_BYTES + 2 * CHECKSUM_BYTES) as u64)
}

/// Reads the header of a file that is `file_bytes` long.
///
/// Errors are read errors only; for any contents there is a verdict.
pub(crate) fn read_header(
    file: &mut dyn Read,
    length: u64,
    identity: &[u8; IDENTITY_BYTES],
) -> io::Result<HeaderCheck> {
    let mut fixed = [0; FIXED_BYTES];
    if length < FIXED_BYTES as u64 {
        return Ok(HeaderCheck::Damaged);
    }
    file.read_exact(&mut fixed)?;
    let mut rest = fixed.as_slice();
    let magic: [u8; 8] = split_first_bytes(&mut rest);
    let version = u32::from_le_bytes(split_first_bytes(&mut rest));
    let found_identity: [u8; IDENTITY_BYTES] = split_first_bytes(&mut rest);
    let n_tokens = u32::from_le_bytes(split_first_bytes(&mut rest)) as usize;
    let payload_bytes = u64::from_le_bytes(split_first_bytes(&mut rest));
    if magic != MAGIC || version == 0 {
        return Ok(HeaderCheck::Damaged);
    }
    if version > VERSION {
        return Ok(HeaderCheck::LaterVersion);
    }
    if n_tokens > MAX_TOKENS {
        return Ok(HeaderCheck::Damaged);
    }
    // After this check the token ids fit into the file, so that their allocation does too.
    if length != file_bytes(n_tokens, payload_bytes) {
        return Ok(HeaderCheck::Damaged);
    }
    let mut ids = vec![0; n_tokens * 4];
    file.read_exact(&mut ids)?;
    let mut written: Checksum = [0; CHECKSUM_BYTES];
    file.read_exact(&mut written)?;
    let sum: Checksum = Sha256::new_with_prefix(fixed).chain_update(&ids).finalize().into();
    if sum != written {
        return Ok(HeaderCheck::Damaged);
    }
    if found_identity != *identity {
        return Ok(HeaderCheck::OtherModel);
    }
    let tokens = ids.as_chunks::<4>().0.iter().map(|id| TokenId::from_le_bytes(*id)).collect();
    Ok(HeaderCheck::Usable(Header { tokens, payload_bytes, sum }))
}

/// Reads the header of a session file of any identity from memory; returns its number of tokens if
/// it is valid.
#[doc(hidden)]
pub fn tokens_of_session(bytes: &[u8]) -> Option<usize> {
    let at = MAGIC.len() + 4;
    let identity = bytes.get(at..)?.first_chunk::<IDENTITY_BYTES>()?;
    match read_header(&mut &bytes[..], bytes.len() as u64, identity) {
        Ok(HeaderCheck::Usable(header)) => Some(header.tokens.len()),
        Ok(HeaderCheck::OtherModel | HeaderCheck::LaterVersion | HeaderCheck::Damaged) | Err(_) => {
            None
        }
    }
}

/// Removes and returns the first `N` bytes; zeros if there are fewer, which the caller has ruled
/// out.
fn split_first_bytes<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let Some((taken, rest)) = bytes.split_first_chunk() else { return [0; N] };
    *bytes = rest;
    *taken
}

#[cfg(test)]
mod tests;
