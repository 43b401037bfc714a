//! Errors of packing and of shapes that do not match.
//!
//! Shapes are checked once, at the public functions; inside the crate they are invariants.

use std::error::Error;
use std::fmt;

use crate::block::BlockType;

/// An operand with the wrong number of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeError {
    /// The operation, such as "matmul".
    pub operation: &'static str,
    /// The operand, such as "out".
    pub operand: &'static str,
    /// Number of values that the operation needs.
    pub needed: usize,
    pub given: usize,
}

impl ShapeError {
    /// Fails unless exactly `needed` values are given.
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

    /// Fails unless at least `needed` values are given.
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
    /// The matrix has no rows or no columns.
    Empty,
    /// Stacked parts have different numbers of columns.
    ColumnsDiffer {
        /// Columns of the first part.
        first: usize,
        /// Columns of the part that differs.
        other: usize,
    },
    /// The columns do not fill whole blocks.
    NotWholeBlocks { kind: BlockType, k: usize },
    /// The bytes of a part do not match its rows and columns.
    WrongLength {
        kind: BlockType,
        /// Rows.
        n: usize,
        /// Columns.
        k: usize,
        /// Number of bytes given.
        given: usize,
    },
    /// The packed size does not fit the address space.
    TooLarge {
        /// Rows.
        n: usize,
        /// Columns.
        k: usize,
    },
    /// The operating system could not allocate the memory.
    Memory {
        /// Number of bytes requested.
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
                "packing a {kind:?} matrix: {k} columns are not a multiple of its block of {}",
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
