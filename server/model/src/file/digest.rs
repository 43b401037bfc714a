//! The identity of a model file, a key of everything that is saved across restarts.
//!
//! Hashing half a gigabyte takes longer than a start may take, so of large files only samples are read. Models of
//! another training, quantization or vocabulary have different digests; a file in which chosen bytes were changed may
//! have the same. Downloads are verified by a full hash, in `store`.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::stored::StoredBytes;

/// How much of a file is read.
struct Sampling {
    /// Tensor data up to this size are read whole.
    whole_bytes: usize,
    /// The length of a sample of larger data; a whole number of pages.
    sample_bytes: usize,
    /// The number of samples, evenly spread; the last one ends with the file.
    n_samples: usize,
}

const SAMPLING: Sampling =
    Sampling { whole_bytes: 16 << 20, sample_bytes: 16 << 10, n_samples: 512 };

/// Hashes a model file: its length, its header, and its data (samples beyond 16 MiB), as 64 hex digits.
pub(crate) fn digest(bytes: &StoredBytes, header_bytes: usize) -> String {
    digest_sampled(bytes, header_bytes, &SAMPLING)
}

fn digest_sampled(bytes: &StoredBytes, header_bytes: usize, sampling: &Sampling) -> String {
    let Sampling { whole_bytes, sample_bytes, n_samples } = *sampling;
    let header_bytes = header_bytes.min(bytes.len());
    let data_bytes = bytes.len() - header_bytes;
    // A file that cannot be read any more gets the digest of no model; loading reports the error.
    let read = |span| bytes.read(span).unwrap_or_default();
    let mut hash = Sha256::new();
    hash.update(b"lowkey model 1");
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update((header_bytes as u64).to_le_bytes());
    hash.update(read(0..header_bytes));
    if data_bytes <= whole_bytes {
        hash.update(read(header_bytes..bytes.len()));
    } else {
        let last = data_bytes - sample_bytes;
        for sample in 0..n_samples {
            // In u128 so that the product fits on every target.
            let begin = (last as u128 * sample as u128 / (n_samples as u128 - 1)) as usize;
            let begin = header_bytes + begin;
            hash.update(read(begin..begin + sample_bytes));
        }
    }
    hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_small_file_counts() {
        let digest =
            |bytes: &[u8], header| super::digest(&StoredBytes::Owned(bytes.to_vec()), header);
        let bytes: Vec<u8> = (0..200).collect();
        let reference = digest(&bytes, 50);
        assert_eq!(reference.len(), 64);
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            assert_ne!(digest(&changed, 50), reference, "byte {index}");
        }
        assert_ne!(digest(&bytes[..199], 50), reference);
    }

    #[test]
    fn samples_of_large_data_reach_both_ends_and_all_parts() {
        let sampling = Sampling { whole_bytes: 1000, sample_bytes: 16, n_samples: 8 };
        let digest =
            |bytes: &[u8]| digest_sampled(&StoredBytes::Owned(bytes.to_vec()), 64, &sampling);
        let mut bytes = vec![0_u8; 1500];
        let reference = digest(&bytes);
        let length = bytes.len();
        for spot in [0, 63, 64, length - 1] {
            bytes[spot] = 1;
            assert_ne!(digest(&bytes), reference, "byte {spot}");
            bytes[spot] = 0;
        }
        // Any changed stretch as long as the distance between two samples is seen.
        let stretch = (length - 64) / 7;
        for begin in 64..length - stretch {
            bytes[begin..begin + stretch].fill(1);
            assert_ne!(digest(&bytes), reference, "from byte {begin}");
            bytes[begin..begin + stretch].fill(0);
        }
    }
}
