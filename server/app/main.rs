//! The `lowkey` binary.
fn main() {}
