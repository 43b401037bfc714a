//! A CPU-only build has no dependencies for graphics processors.

use super::metadata::{Metadata, plain_build};

/// The dependencies of candle's features `cuda` and `metal` and of other numerics libraries.
const OF_DEVICES: &[&str] = &[
    "cudarc",
    "cudaforge",
    "candle-kernels",
    "candle-metal-kernels",
    "objc2-metal",
    "accelerate-src",
    "intel-mkl-src",
];

#[test]
fn plain_build_has_no_gpu_dependencies() {
    let plain = plain_build();
    assert!(plain.contains("candle-core") && plain.len() > 50, "{} packages", plain.len());
    let found: Vec<_> = OF_DEVICES.iter().filter(|name| plain.contains(**name)).collect();
    assert!(found.is_empty(), "the plain build needs {found:?}");
    // With all features they are in the tree, so the names above are current.
    let all = Metadata::read();
    assert!(all.packages.iter().any(|package| package.name == "cudarc"));
}
