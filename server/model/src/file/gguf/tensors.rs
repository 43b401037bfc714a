//! Reads the tensor list: names, dimensions, types, and the places of the data.

use super::reader::{Place, Reader};
use crate::error::{ModelError, list, shorten};
use crate::file::tensor_type::{SUPPORTED, TensorType, type_name};
use crate::file::tensors::TensorSpan;

/// The longest name of a tensor. The format says 64.
const MAX_NAME_BYTES: u64 = 256;
/// The most dimensions, as in ggml.
const MAX_DIMENSIONS: u32 = 4;

/// One tensor's entry.
pub(super) struct Entry<'a> {
    /// The tensor's name.
    pub(super) name: &'a str,
    /// How its numbers are stored.
    kind: TensorType,
    /// Its dimensions, outermost first; their product fits.
    shape: Vec<usize>,
    /// The offset of its data from the start of all data, in bytes.
    offset: u64,
    /// The length of its data.
    size_bytes: u64,
}

impl Entry<'_> {
    /// The tensor's place in the file, which [`check_apart`] has found to be inside it.
    pub(super) fn span(&self, data_start: u64) -> TensorSpan {
        let (columns, outer) =
            self.shape.split_last().map_or((1, &[][..]), |(n, outer)| (*n, outer));
        let begin = (data_start + self.offset) as usize;
        TensorSpan {
            kind: self.kind,
            shape: self.shape.clone(),
            rows: outer.iter().product(),
            columns,
            span: begin..begin + self.size_bytes as usize,
            shard: 0,
            shift: 0.0,
        }
    }
}

/// Reads the entry of the tensor with this index, and checks it by itself.
pub(super) fn read_tensor<'a>(
    reader: &mut Reader<'a>,
    index: u64,
    alignment: u64,
) -> Result<Entry<'a>, ModelError> {
    let name = reader.name(&Place::TensorName(index), MAX_NAME_BYTES)?;
    let place = Place::Tensor(name);

    let at = reader.offset();
    let n_dimensions = reader.u32(&place)?;
    if n_dimensions == 0 || n_dimensions > MAX_DIMENSIONS {
        let problem =
            format!("has {n_dimensions} dimensions, the format allows 1 to {MAX_DIMENSIONS}");
        return Err(reader.malformed(&place, at, problem));
    }
    let mut shape = Vec::with_capacity(MAX_DIMENSIONS as usize);
    let mut row_length = 1;
    let mut n_elements: u64 = 1;
    for dimension in 0..n_dimensions {
        let at = reader.offset();
        let size = reader.u64(&place)?;
        if dimension == 0 {
            row_length = size;
        }
        n_elements = match n_elements.checked_mul(size) {
            Some(0) => {
                return Err(reader.malformed(
                    &place,
                    at,
                    format!("has a dimension {dimension} of size 0"),
                ));
            }
            // The kernels count elements and bytes in usize.
            Some(product) if isize::try_from(product).is_ok() => product,
            _ => {
                return Err(reader.too_large(
                    &place,
                    at,
                    size,
                    "elements in one dimension",
                    isize::MAX as u64,
                ));
            }
        };
        // Fits: not more than the product.
        shape.push(size as usize);
    }
    // The file has the innermost dimension first.
    shape.reverse();

    let type_at = reader.offset();
    let id = reader.u32(&place)?;
    let Some(tensor_type) = TensorType::by_id(id) else {
        return Err(ModelError::TensorType {
            file: reader.file().to_owned(),
            tensor: shorten(name),
            offset: type_at,
            found: type_name(id),
            supported: list(SUPPORTED.iter().map(|supported| supported.name)),
        });
    };
    let TensorType { kind, name: type_text, .. } = tensor_type;
    let block_length = kind.block_len() as u64;
    if !row_length.is_multiple_of(block_length) {
        let problem = format!(
            "has rows of {row_length}, type {type_text} needs a multiple of {block_length}"
        );
        return Err(reader.malformed(&place, type_at, problem));
    }
    let Some(size_bytes) = (n_elements / block_length).checked_mul(kind.block_bytes() as u64)
    else {
        return Err(reader.too_large(
            &place,
            type_at,
            n_elements,
            "elements",
            isize::MAX as u64 / 4,
        ));
    };

    let at = reader.offset();
    let offset = reader.u64(&place)?;
    if !offset.is_multiple_of(alignment) {
        let problem = format!(
            "says its data stand at {offset}, which is no multiple of the alignment {alignment}"
        );
        return Err(reader.malformed(&place, at, problem));
    }
    Ok(Entry { name, kind: tensor_type, shape, offset, size_bytes })
}

/// Checks that all tensors are inside the file and that none overlap. Sorts `tensors` by offset.
pub(super) fn check_apart(
    reader: &Reader<'_>,
    data_start: u64,
    tensors: &mut [Entry<'_>],
) -> Result<(), ModelError> {
    tensors.sort_by_key(|tensor| tensor.offset);
    let mut previous: Option<(&str, u64)> = None;
    for tensor in &*tensors {
        let place = Place::Data(tensor.name);
        let begin = data_start.saturating_add(tensor.offset);
        let end = begin.saturating_add(tensor.size_bytes);
        if end > reader.file_bytes() {
            return Err(reader.truncated(&place, begin, tensor.size_bytes));
        }
        match previous {
            Some((other, other_end)) if begin < other_end => {
                return Err(reader.malformed(
                    &place,
                    begin,
                    format!("overlap those of tensor {}", shorten(other)),
                ));
            }
            _ => previous = Some((tensor.name, end)),
        }
    }
    Ok(())
}
