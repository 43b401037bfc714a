//! Every storage type that can be loaded, as the `gguf` package reads it: the vectors of `../../fixtures/types.bin`.

use lowkey_kernels::{BlockType, Matrix, Rows};
use lowkey_model::{ModelFile, load};

use crate::fixture::{Fixture, cold, folder};
use lowkey_test_support::model::distance;

const COLUMNS: usize = 256;
const ROWS: usize = 2;

/// The types and their numbers in `enum ggml_type`.
const TYPES: [(u32, BlockType); 14] = [
    (0, BlockType::F32),
    (1, BlockType::F16),
    (30, BlockType::BF16),
    (2, BlockType::Q4_0),
    (3, BlockType::Q4_1),
    (6, BlockType::Q5_0),
    (7, BlockType::Q5_1),
    (8, BlockType::Q8_0),
    (10, BlockType::Q2K),
    (11, BlockType::Q3K),
    (12, BlockType::Q4K),
    (13, BlockType::Q5K),
    (14, BlockType::Q6K),
    (20, BlockType::IQ4NL),
];

/// Takes four bytes off the front.
fn word(bytes: &mut &[u8]) -> [u8; 4] {
    let (word, rest) = bytes.split_first_chunk().unwrap();
    *bytes = rest;
    *word
}

#[test]
fn every_type_stands_for_the_numbers_that_the_gguf_package_reads() {
    let file = std::fs::read(folder("types.bin")).unwrap();
    let mut bytes = file.as_slice();
    for (number, kind) in TYPES {
        assert_eq!(u32::from_le_bytes(word(&mut bytes)), number);
        let size = u32::from_le_bytes(word(&mut bytes)) as usize;
        let (stored, rest) = bytes.split_at(size);
        bytes = rest;
        let rows = Rows { kind, n: ROWS, k: COLUMNS, bytes: stored };
        let matrix = Matrix::pack(&[rows]).unwrap();
        for row in 0..ROWS {
            let mut numbers = [0.0; COLUMNS];
            matrix.row(row, &mut numbers).unwrap();
            for (column, given) in numbers.into_iter().enumerate() {
                let expected = f32::from_le_bytes(word(&mut bytes));
                // Scale and minimum are joined by one rounding here and by two there.
                let near = (given - expected).abs() <= 2e-6 * expected.abs().max(100.0);
                assert!(near, "{kind:?}, row {row}, column {column}: {given}, not {expected}");
                let exact = !matches!(
                    kind,
                    BlockType::Q4_1
                        | BlockType::Q5_1
                        | BlockType::Q2K
                        | BlockType::Q4K
                        | BlockType::Q5K
                );
                assert!(!exact || given == expected, "{kind:?}: {given}, not {expected}");
            }
        }
    }
    assert!(bytes.is_empty());
}

/// The fixture `qwen2` by llama-quantize, all matrices `IQ4_NL`; one of them says that it is of the type with this number.
fn with_type(number: u32) -> Vec<u8> {
    let mut bytes = std::fs::read(folder("iq4_nl.gguf")).unwrap();
    let name = b"blk.0.ffn_up.weight";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    // After the name follow the dimension count, two dimensions, and the type.
    bytes[at + 20..at + 24].copy_from_slice(&number.to_le_bytes());
    bytes
}

#[test]
fn a_file_may_hold_a_type_that_the_header_s_reader_does_not_know() {
    let fixture = Fixture::read("qwen2");
    let typical = |number: u32| {
        let bytes: &'static [u8] = with_type(number).leak();
        let file = ModelFile::from_bytes("types", bytes).unwrap();
        let mut model = load(&file, 1, &mut |_| {}).unwrap();
        let logits = cold(&mut *model, &fixture.tokens);
        distance(&logits, &fixture.logits, model.config().vocab).rms
    };
    // Four bits are coarse; the same bytes by the table of another type are another matrix.
    let (right, wrong) = (typical(20), typical(2));
    assert!(right < 0.7 && wrong > 1.1 * right, "{right} and {wrong}");
}
