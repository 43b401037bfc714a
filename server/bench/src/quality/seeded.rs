//! Repeatable random numbers: the same seed gives the same choices on every machine and in every
//! version.
//!
//! `SplitMix64` (Steele, Lea and Flood, 2014) for numbers and FNV-1a for names. Both are a few
//! lines, and neither the standard library's hashes nor a crate's generators promise to stay the
//! same.

/// A generator of pseudo-random numbers.
#[derive(Debug, Clone)]
pub(super) struct Seeded(u64);

impl Seeded {
    /// Builds a generator for one purpose: every `name` has its own stream.
    pub(super) fn new(seed: u64, name: &str) -> Self {
        Self(seed ^ digest(&[name]))
    }

    /// Returns the next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `n`; 0 for `n` = 0. The bias is below 2⁻³² for the counts here.
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.next().checked_rem(n as u64).unwrap_or_default() as usize
    }

    /// Shuffles `items`.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Returns a hash that identifies these texts.
pub(super) fn digest(texts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for text in texts {
        // 0xff is not in UTF-8 text, so it separates ["ab", "c"] from ["a", "bc"].
        for byte in text.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_matches_published_values() {
        // The first outputs of SplitMix64 for the seed 1234567.
        let mut seeded = Seeded(1_234_567);
        let first = [seeded.next(), seeded.next()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn shuffle_keeps_items_per_stream() {
        let mut items: Vec<u32> = (0..50).collect();
        Seeded::new(1, "a").shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
        assert_ne!(Seeded::new(1, "a").next(), Seeded::new(1, "b").next());
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_eq!(Seeded::new(1, "").below(0), 0);
    }
}
