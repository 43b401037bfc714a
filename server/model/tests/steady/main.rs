//! Decoding reuses its buffers once they have grown: no pause, no page fault, at any token.
//!
//! What remains are the kernels' short lists of the parts of a product, a fraction of what any buffer here would take.
//! A test program of its own with one test, because what other tests allocate would count too.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use candle_core::quantized::GgmlDType;
use cap::Cap;
use lowkey_model::{LogitsMode, ModelFile, load};
use lowkey_test_support::model::TinyModel;

#[global_allocator]
static MEMORY: Cap<std::alloc::System> = Cap::new(std::alloc::System, usize::MAX);

#[test]
fn a_decoding_step_allocates_next_to_nothing() {
    // Wide enough that logits (8 KiB) or the feed-forward's buffer (8 KiB) would exceed the limit.
    let tiny = TinyModel {
        vocab: 2048,
        intermediate_size: 1024,
        n_layers: 1,
        ..TinyModel::new(GgmlDType::Q8_0)
    };
    let gguf = tiny.gguf().leak();
    let mut model = load(&ModelFile::from_bytes("tiny", gguf).unwrap(), 2, &mut |_| {}).unwrap();
    let mut cache = model.new_cache(200);
    let mut logits = Vec::new();
    model.forward(&[7; 60], &mut cache, LogitsMode::Last, &mut logits, &|| false).unwrap();
    let before = MEMORY.total_allocated();
    for id in 0..100 {
        model.forward(&[id], &mut cache, LogitsMode::Last, &mut logits, &|| false).unwrap();
    }
    let per_token = (MEMORY.total_allocated() - before) / 100;
    assert!(per_token < 7168, "a token allocated {per_token} bytes");
}
