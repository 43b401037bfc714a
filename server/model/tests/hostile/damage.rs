//! A small valid model, cut and altered at every place of its header.

use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::Content;
use lowkey_model::{LogitsMode, ModelError, ModelFile, load};

use crate::{MEMORY, Scratch};
use lowkey_test_support::model::TinyModel;

/// More than the tests' own fixtures, file copies and threads take together; an allocation that follows a damaged
/// field would be far larger.
const MEMORY_LIMIT: usize = 32 << 20;

fn small() -> (Vec<u8>, usize) {
    let tiny = TinyModel {
        n_layers: 1,
        hidden: 32,
        n_heads: 2,
        n_kv_heads: 1,
        intermediate_size: 32,
        vocab: 48,
        ..TinyModel::new(GgmlDType::Q8_0)
    };
    let bytes = tiny.gguf();
    let content = Content::read(&mut std::io::Cursor::new(&bytes)).unwrap();
    (bytes, content.tensor_data_offset as usize)
}

/// Opens the file, and if that succeeds loads and runs it.
fn open_and_run(scratch: &Scratch) -> Result<(), ModelError> {
    let file = ModelFile::open(&scratch.path)?;
    let _ = (file.digest(), file.name(), file.metadata().strings("tokenizer.ggml.tokens"));
    let mut model = load(&file, 1, &mut |_| {})?;
    let mut cache = model.new_cache(8);
    model.forward(&[1, 2, 3], &mut cache, LogitsMode::Last, &mut Vec::new(), &|| false)?;
    Ok(())
}

/// Checks that an error names the file and a next step; returns whether there was none.
fn check_message(result: Result<(), ModelError>, scratch: &Scratch, what: &str) -> bool {
    match result {
        Ok(()) => true,
        Err(error) => {
            let message = error.to_string();
            assert!(
                message.contains(&scratch.path.display().to_string()),
                "{what}: no file named in: {message}"
            );
            assert!(message.contains(';'), "{what}: no next step in: {message}");
            assert!(message.len() < 1000, "{what}: a message of {} bytes", message.len());
            false
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let (bytes, data_start) = small();
    let scratch = Scratch::new("cut", &bytes);
    assert!(check_message(open_and_run(&scratch), &scratch, "whole"));
    // The writer pads the last tensor, so the file may lose up to 31 bytes without losing anything.
    let mut lengths: Vec<usize> =
        (0..data_start + 64).chain((data_start + 64..bytes.len() - 31).step_by(97)).collect();
    lengths.reverse();
    for length in lengths {
        scratch.cut(length);
        let intact = check_message(open_and_run(&scratch), &scratch, &format!("cut to {length}"));
        assert!(!intact, "a file cut to {length} of {} bytes was loaded", bytes.len());
    }
    assert!(
        MEMORY.max_allocated() < MEMORY_LIMIT,
        "{} bytes were allocated",
        MEMORY.max_allocated()
    );
}

#[test]
fn a_flipped_bit_anywhere_in_the_header_is_no_panic() {
    let (bytes, data_start) = small();
    let mut scratch = Scratch::new("bits", &bytes);
    let mut n_refused = 0;
    for offset in 0..data_start {
        for bit in [0, 2, 5, 7] {
            scratch.put(offset, &[bytes[offset] ^ 1 << bit]);
            let intact = check_message(
                open_and_run(&scratch),
                &scratch,
                &format!("bit {bit} of byte {offset}"),
            );
            n_refused += usize::from(!intact);
        }
        scratch.put(offset, &bytes[offset..=offset]);
    }
    // Most of the header is structure: most of its damage must be seen.
    assert!(
        n_refused > data_start * 4 / 3,
        "only {n_refused} of {} damaged files were refused",
        data_start * 4
    );
    assert!(
        MEMORY.max_allocated() < MEMORY_LIMIT,
        "{} bytes were allocated",
        MEMORY.max_allocated()
    );
}

#[test]
fn an_extreme_number_anywhere_in_the_header_is_no_panic() {
    let (bytes, data_start) = small();
    let mut scratch = Scratch::new("extremes", &bytes);
    let extremes = [0, u64::from(u32::MAX), 1 << 40, 1 << 62, u64::MAX];
    for offset in 0..data_start - 8 {
        for extreme in extremes {
            scratch.put(offset, &extreme.to_le_bytes());
            check_message(open_and_run(&scratch), &scratch, &format!("{extreme} at byte {offset}"));
        }
        scratch.put(offset, &bytes[offset..offset + 8]);
    }
    assert!(
        MEMORY.max_allocated() < MEMORY_LIMIT,
        "{} bytes were allocated",
        MEMORY.max_allocated()
    );
}

#[test]
fn damaged_weights_are_no_panic() {
    let (bytes, data_start) = small();
    let mut scratch = Scratch::new("weights", &bytes);
    for offset in (data_start..bytes.len() - 2).step_by(53) {
        // Not-a-number in f16 and f32 alike.
        scratch.put(offset, &[0xff, 0x7f]);
        check_message(open_and_run(&scratch), &scratch, &format!("byte {offset}"));
    }
}
