//! What can go wrong when matrices are packed or shapes do not fit together.
//!
//! Shapes are checked once, at the public functions; inside, they are invariants.

use std::error::Error;
use std::fmt;

use crate::block::BlockType;

/// Says which operand of which operation had the wrong number of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeError {
    /// The operation, as in "matmul".
    pub operation: &'static str,
    /// The operand, as in "out".
    pub operand: &'static str,
    /// How many values the operation needs there.
    pub needed: usize,
    pub given: usize,
}

impl ShapeError {
    /// Returns an error unless exactly `needed` values were given.
    pub(crate) fn exactly(
        operation: &'static str,
        operand: &'static str,
        needed: Option<usize>,
        given: usize,
    ) -> Result<(), Self> {
        if needed == Some(given) {
            Ok(())
        } else {
            Err(Self { operation, operand, needed: needed.unwrap_or(usize::MAX), given })
        }
    }

    /// Returns an error unless at least `needed` values were given.
    pub(crate) fn at_least(
        operation: &'static str,
        operand: &'static str,
        needed: Option<usize>,
        given: usize,
    ) -> Result<(), Self> {
        if needed.is_some_and(|needed| given >= needed) {
            Ok(())
        } else {
            Err(Self { operation, operand, needed: needed.unwrap_or(usize::MAX), given })
        }
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, operand, needed, given } = self;
        write!(f, "{operation}: {operand} has {given} values, {needed} are needed")
    }
}

impl Error for ShapeError {}

/// Why a matrix could not be packed.
#[derive(Debug)]
pub enum PackError {
    /// No rows or no columns.
    Empty,
    /// Stacked parts must have the same number of columns.
    ColumnsDiffer {
        /// Columns of the first part.
        first: usize,
        /// Columns of the part that differs.
        other: usize,
    },
    /// The columns must fill whole blocks.
    NotWholeBlocks {
        kind: BlockType,
        /// The columns that do not fill whole blocks.
        k: usize,
    },
    /// The bytes of a part do not match its rows and columns.
    WrongLength {
        kind: BlockType,
        /// Rows.
        n: usize,
        /// Columns.
        k: usize,
        /// How many bytes were given.
        given: usize,
    },
    /// Dimensions whose packed size does not fit the address space.
    TooLarge {
        /// Rows.
        n: usize,
        /// Columns.
        k: usize,
    },
    /// The operating system gave no memory.
    Memory {
        /// How many bytes were asked for.
        bytes: usize,
        source: std::io::Error,
    },
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "packing a matrix: it has no rows or no columns"),
            Self::ColumnsDiffer { first, other } => {
                write!(f, "stacking matrices: {first} columns and {other} columns do not match")
            }
            Self::NotWholeBlocks { kind, k } => write!(
                f,
                "packing a {kind:?} matrix: {k} columns are no multiple of its block of {}",
                kind.block_len()
            ),
            Self::WrongLength { kind, n, k, given } => {
                write!(
                    f,
                    "packing a {kind:?} matrix of {n} × {k}: {given} bytes do not match these dimensions"
                )
            }
            Self::TooLarge { n, k } => {
                write!(f, "packing a matrix: {n} × {k} does not fit the address space")
            }
            Self::Memory { bytes, source } => {
                write!(f, "packing a matrix: no memory for {bytes} bytes: {source}")
            }
        }
    }
}

impl Error for PackError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Memory { source, .. } => Some(source),
            _ => None,
        }
    }
}
