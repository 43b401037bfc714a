//! Model files, weights, the KV cache and one file per architecture.
