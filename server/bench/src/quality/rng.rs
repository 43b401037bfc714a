//! Chance that repeats: the same seed gives the same choices on every machine and in every version.
//!
//! `SplitMix64` (Steele, Lea and Flood, 2014) for numbers and FNV-1a for names; both are a few lines, and neither
//! the standard library's hashes nor a crate's generators promise to stay the same.

/// A generator of pseudo-random numbers.
#[derive(Debug, Clone)]
pub(super) struct SeededRng(u64);

impl SeededRng {
    /// A generator for one purpose: every `name` has a stream of its own.
    pub(super) fn new(seed: u64, name: &str) -> Self {
        Self(seed ^ digest(&[name]))
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 for `n` = 0. The bias is below 2⁻³² for the numbers drawn here.
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.next().checked_rem(n as u64).unwrap_or_default() as usize
    }

    /// Puts `items` in a random order.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// A number that names these texts.
pub(super) fn digest(texts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for text in texts {
        // 0xff is in no UTF-8 text: it keeps ["ab", "c"] and ["a", "bc"] apart.
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
    fn the_stream_is_the_published_one() {
        // The first outputs of SplitMix64 for the seed 1234567.
        let mut rng = SeededRng(1_234_567);
        let first = [rng.next(), rng.next()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn shuffling_keeps_every_item_and_names_have_streams_of_their_own() {
        let mut items: Vec<u32> = (0..50).collect();
        SeededRng::new(1, "a").shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
        assert_ne!(SeededRng::new(1, "a").next(), SeededRng::new(1, "b").next());
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_eq!(SeededRng::new(1, "").below(0), 0);
    }
}
