//! One thread that owns the model and every KV cache: queue, sessions, decoding.
