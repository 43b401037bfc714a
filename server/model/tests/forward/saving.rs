//! A cache that was saved and taken back is the same cache, and a change of its bits is noticed.

use candle_core::quantized::GgmlDType;
use lowkey_model::{KvCache, LogitsMode, NUMERICS};

use crate::{append, bits, model};
use lowkey_test_support::model::{TinyModel, Xorshift64};

fn saved(cache: &KvCache) -> Vec<u8> {
    let mut bytes = Vec::new();
    cache
        .save(&mut |layer| {
            bytes.extend_from_slice(layer);
            Ok(())
        })
        .unwrap();
    bytes
}

/// Takes `n` tokens back from bytes that may be too few.
fn restore(cache: &mut KvCache, n: usize, mut bytes: &[u8]) -> std::io::Result<()> {
    cache.restore(n, &mut |buffer| std::io::Read::read_exact(&mut bytes, buffer))
}

#[test]
fn what_follows_a_restored_cache_is_what_follows_the_original() {
    let tiny = TinyModel::new(GgmlDType::Q8_0);
    let mut model = model(&tiny, 2);
    let tokens = Xorshift64(7).tokens(75, tiny.vocab);
    for n in [1, 16, 37, 74] {
        let mut original = model.new_cache(75);
        append(&mut *model, &mut original, &tokens[..n], LogitsMode::None);
        let bytes = saved(&original);
        assert_eq!(bytes.len(), original.saved_bytes(n));
        // Another capacity, and something else in it before.
        let mut restored = model.new_cache(200);
        append(&mut *model, &mut restored, &tokens[20..60], LogitsMode::None);
        restore(&mut restored, n, &bytes).unwrap();
        assert_eq!(restored.len(), n);
        let continued = append(&mut *model, &mut restored, &tokens[n..], LogitsMode::All);
        let expected = append(&mut *model, &mut original, &tokens[n..], LogitsMode::All);
        assert_eq!(bits(&continued), bits(&expected), "{n} tokens");
    }
}

#[test]
fn a_cache_that_cannot_be_restored_is_empty() {
    let tiny = TinyModel::new(GgmlDType::Q8_0);
    let mut model = model(&tiny, 1);
    let mut cache = model.new_cache(40);
    append(&mut *model, &mut cache, &Xorshift64(8).tokens(30, tiny.vocab), LogitsMode::None);
    let bytes = saved(&cache);
    assert!(restore(&mut cache, 30, &bytes[..bytes.len() - 1]).is_err());
    assert_eq!(cache.len(), 0);
    assert!(restore(&mut cache, usize::MAX, &bytes).is_err());
    assert!(restore(&mut cache, 30, &bytes).is_ok());
}

/// When this fails, bits of a cache or of the logits have changed, or a cache's layout in memory: raise
/// `lowkey_model::NUMERICS`, so that sessions saved by earlier builds are left alone, and note the new digest.
#[test]
fn the_bits_of_a_cache_are_those_of_this_numerics() {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for dtype in [GgmlDType::Q8_0, GgmlDType::Q4K, GgmlDType::F16, GgmlDType::F32] {
        let tiny = TinyModel { hidden: 256, intermediate_size: 256, ..TinyModel::new(dtype) };
        let mut model = model(&tiny, 2);
        let mut cache = model.new_cache(48);
        let logits = append(
            &mut *model,
            &mut cache,
            &Xorshift64(9).tokens(48, tiny.vocab),
            LogitsMode::Last,
        );
        let numbers = logits.iter().flat_map(|logit| logit.to_bits().to_le_bytes());
        for byte in saved(&cache).into_iter().chain(numbers) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    assert_eq!((NUMERICS, hash), (1, 9_925_192_348_208_716_975));
}
