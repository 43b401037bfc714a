//! The storage types of GGUF tensors: their numbers in the file, names, block sizes, and the kernels' names for them.
//!
//! The numbers are those of `enum ggml_type` in ggml's `ggml.h`. Types that nothing here multiplies are listed by
//! name only, so that the message about them can name them.

use lowkey_kernels::BlockType;

/// A tensor type that can be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TensorType {
    /// Its number in the file.
    pub(crate) id: u32,
    /// Its name as `ggml` prints it.
    pub(crate) name: &'static str,
    /// Its name in the kernels.
    pub(crate) kind: BlockType,
}

/// Every type that can be loaded.
pub(crate) const SUPPORTED: [TensorType; 14] = [
    TensorType { id: 0, name: "F32", kind: BlockType::F32 },
    TensorType { id: 1, name: "F16", kind: BlockType::F16 },
    TensorType { id: 30, name: "BF16", kind: BlockType::BF16 },
    TensorType { id: 2, name: "Q4_0", kind: BlockType::Q4_0 },
    TensorType { id: 3, name: "Q4_1", kind: BlockType::Q4_1 },
    TensorType { id: 6, name: "Q5_0", kind: BlockType::Q5_0 },
    TensorType { id: 7, name: "Q5_1", kind: BlockType::Q5_1 },
    TensorType { id: 8, name: "Q8_0", kind: BlockType::Q8_0 },
    TensorType { id: 10, name: "Q2_K", kind: BlockType::Q2K },
    TensorType { id: 11, name: "Q3_K", kind: BlockType::Q3K },
    TensorType { id: 12, name: "Q4_K", kind: BlockType::Q4K },
    TensorType { id: 13, name: "Q5_K", kind: BlockType::Q5K },
    TensorType { id: 14, name: "Q6_K", kind: BlockType::Q6K },
    TensorType { id: 20, name: "IQ4_NL", kind: BlockType::IQ4NL },
];

const OTHERS: [(u32, &str); 20] = [
    (9, "Q8_1"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (23, "IQ4_XS"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (28, "F64"),
    (29, "IQ1_M"),
    (34, "TQ1_0"),
    (35, "TQ2_0"),
    (39, "MXFP4"),
    (4, "Q4_2 (removed from ggml)"),
    (5, "Q4_3 (removed from ggml)"),
];

impl TensorType {
    /// Finds a loadable type by its number in the file.
    pub(crate) fn by_id(id: u32) -> Option<Self> {
        SUPPORTED.into_iter().find(|found| found.id == id)
    }

    /// The type of tensors that hold `kind`, which every kernel takes.
    pub(crate) fn of_floats(kind: BlockType) -> Self {
        let [f32, ..] = SUPPORTED;
        SUPPORTED.into_iter().find(|found| found.kind == kind).unwrap_or(f32)
    }
}

/// Names the type with this number, whether it can be loaded or not.
pub(crate) fn type_name(id: u32) -> String {
    let known = SUPPORTED.iter().map(|found| (found.id, found.name)).chain(OTHERS);
    match known.into_iter().find(|(known_id, _)| *known_id == id) {
        Some((_, name)) => name.to_owned(),
        None => format!("number {id}, which ggml does not define"),
    }
}
