//! Quantized matrix products, attention and norms on the CPU; the only SIMD here.
