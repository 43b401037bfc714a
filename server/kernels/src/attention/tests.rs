//! Attention against the reference, and bit for bit however queries are batched.
