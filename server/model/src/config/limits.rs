//! Upper bounds of a model's numbers, far above any real model's.

/// Upper bound accepted for the context length, in tokens.
pub(super) const MAX_CONTEXT: usize = 1 << 20;
/// Upper bound accepted for the width of a layer, in numbers per token.
pub(super) const MAX_WIDTH: usize = 1 << 18;
/// Upper bound accepted for the number of layers.
pub(super) const MAX_LAYERS: usize = 1 << 10;
/// Upper bound accepted for the number of attention heads.
pub(super) const MAX_HEADS: usize = 1 << 12;
/// Upper bound accepted for the width of a head.
pub(super) const MAX_HEAD_DIM: usize = 1 << 10;
/// Upper bound accepted for the experts of a layer.
pub(super) const MAX_EXPERTS: usize = 1 << 10;
