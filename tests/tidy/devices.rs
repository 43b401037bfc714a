//! A build for the CPU takes nothing of graphics processors with it.

use super::metadata::{Metadata, plain_build};

/// What candle takes for the features `cuda` and `metal`, and for other libraries of numerics.
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
fn only_the_features_cuda_and_metal_bring_what_graphics_processors_need() {
    let plain = plain_build();
    assert!(plain.contains("candle-core") && plain.len() > 50, "{} packages", plain.len());
    let found: Vec<_> = OF_DEVICES.iter().filter(|name| plain.contains(**name)).collect();
    assert!(found.is_empty(), "the plain build needs {found:?}");
    // With all features they are there, so the names above mean something.
    let all = Metadata::read();
    assert!(all.packages.iter().any(|package| package.name == "cudarc"));
}
