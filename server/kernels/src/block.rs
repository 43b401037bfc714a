//! The block types in which model files store weights (those of GGUF), and matrices in a file's
//! layout.

/// How a model file stores the values of a matrix.
///
/// The K types store super-blocks of 256 values. The others store blocks of 32, or plain floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockType {
    /// 32-bit floats.
    F32,
    /// IEEE half floats.
    F16,
    BF16,
    /// 4 bits, one scale per 32.
    Q4_0,
    /// 4 bits, scale and minimum per 32.
    Q4_1,
    /// 5 bits, one scale per 32.
    Q5_0,
    /// 5 bits, scale and minimum per 32.
    Q5_1,
    /// 8 bits, one scale per 32.
    Q8_0,
    /// 2 bits, scale and minimum per 16.
    Q2K,
    /// 3 bits, scale per 16.
    Q3K,
    /// 4 bits, scale and minimum per 32.
    Q4K,
    /// 5 bits, scale and minimum per 32.
    Q5K,
    /// 6 bits, scale per 16.
    Q6K,
    /// 4 bits through a non-linear table, one scale per 32.
    IQ4NL,
}

impl BlockType {
    pub const ALL: [Self; 14] = [
        Self::F32,
        Self::F16,
        Self::BF16,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q2K,
        Self::Q3K,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
        Self::IQ4NL,
    ];

    /// Returns the number of values in one block.
    pub fn block_len(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => 1,
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 | Self::IQ4NL => 32,
            Self::Q2K | Self::Q3K | Self::Q4K | Self::Q5K | Self::Q6K => 256,
        }
    }

    /// Returns the number of bytes of one block.
    pub fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Q4_0 | Self::IQ4NL => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q2K => 84,
            Self::Q3K => 110,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }

    /// Returns the number of bytes of a row of `k` values. `None` if they do not fill whole blocks,
    /// or on overflow.
    pub fn row_bytes(self, k: usize) -> Option<usize> {
        if k.is_multiple_of(self.block_len()) {
            (k / self.block_len()).checked_mul(self.block_bytes())
        } else {
            None
        }
    }
}

/// A matrix in the model file's layout: `n` rows (outputs) of `k` columns (inputs), one row after
/// another.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// How the values are stored.
    pub kind: BlockType,
    /// Rows.
    pub n: usize,
    /// Columns.
    pub k: usize,
    /// The rows' blocks: `n * kind.row_bytes(k)` bytes.
    pub bytes: &'a [u8],
}

impl Rows<'_> {
    /// Returns the matrix's shape without its bytes.
    pub(crate) fn shape(&self) -> Shape {
        Shape { kind: self.kind, n: self.n, k: self.k }
    }
}

/// A matrix without its values: `n` rows (outputs) of `k` columns (inputs).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// How the values are stored.
    pub kind: BlockType,
    /// Rows.
    pub n: usize,
    /// Columns.
    pub k: usize,
}
