"""Quantized blocks of 32 weights with one scale, rounded to keep the product's output.

There are two ways to choose the integers of a matrix W (R, C), given the second moment H = mean(x
xᵀ) (C, C) of its input:

- `nearest`: each weight by itself. Scales are searched that minimize the error weighted by diag(H).
  An importance matrix does the same.
- `compensated`: column after column; the columns not rounded yet compensate the error of a column
  (GPTQ, arXiv 2210.17323, with a fixed scale per block).

`compensated` gives a matrix whose outputs are closer to the original's. Both give ordinary Q4_0 and
Q5_0 blocks.
"""

from __future__ import annotations

import numpy as np
from gguf import GGMLQuantizationType as Type

BLOCK = 32
# The largest magnitude of the integers, on the negative side only: -8..7 and -16..15.
LEVELS = {Type.Q4_0: 8, Type.Q5_0: 16}
STRETCHES = np.linspace(0.72, 1.12, 17, dtype=np.float32)


def integers(weights: np.ndarray, scales: np.ndarray, level: int) -> np.ndarray:
    """Rounds `weights` / `scales` to the integers of the type; a scale of 0 gives 0."""
    inverse = np.divide(1.0, scales, out=np.zeros_like(scales), where=scales != 0)
    return np.clip(np.rint(weights * inverse), -level, level - 1)


def scales_of(weights: np.ndarray, importance: np.ndarray, level: int) -> np.ndarray:
    """Returns a scale for each row of (R, 32), representable as a half float.

    Candidates map the largest weight to a range near either end of the integers. The candidate with
    the lowest error weighted by `importance` (32) wins, after fitting its best multiple for the
    integers that it gave.
    """
    extreme = np.take_along_axis(weights, np.abs(weights).argmax(axis=1)[:, None], axis=1)
    best = np.zeros((len(weights), 1), dtype=np.float32)
    least = np.full((len(weights), 1), np.inf, dtype=np.float32)
    for stretch in STRETCHES:
        for end in (-level, level - 1):
            scale = extreme * (stretch / end)
            rounded = integers(weights, scale, level)
            power = (rounded * rounded * importance).sum(axis=1, keepdims=True)
            fitted = np.divide((weights * rounded * importance).sum(axis=1, keepdims=True), power, out=scale.copy(), where=power > 0)
            fitted = fitted.astype(np.float16).astype(np.float32)
            error = weights - fitted * integers(weights, fitted, level)
            error = (error * error * importance).sum(axis=1, keepdims=True)
            better = error < least
            best, least = np.where(better, fitted, best), np.where(better, error, least)
    return best


def nearest(weights: np.ndarray, importance: np.ndarray, kind: Type) -> tuple[np.ndarray, np.ndarray]:
    """Returns integers (R, C) and scales (R, C / 32)."""
    level = LEVELS[kind]
    chosen = np.empty(weights.shape, dtype=np.int8)
    scales = np.empty((len(weights), weights.shape[1] // BLOCK), dtype=np.float32)
    for i in range(scales.shape[1]):
        at = slice(i * BLOCK, (i + 1) * BLOCK)
        scale = scales_of(weights[:, at], importance[at], level)
        chosen[:, at] = integers(weights[:, at], scale, level)
        scales[:, i] = scale[:, 0]
    return chosen, scales


def compensated(weights: np.ndarray, moment: np.ndarray, kind: Type, damping: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
    """Returns integers (R, C) and scales (R, C / 32); columns are rounded in order and their errors
    compensated."""
    level, columns = LEVELS[kind], weights.shape[1]
    left = weights.astype(np.float32).copy()
    diagonal = np.diag(moment)
    damped = moment + np.eye(columns) * damping * diagonal.mean()
    # The upper Cholesky factor of the inverse; row j contains how column j's error spreads over the
    # later columns.
    spread = _upper(damped).astype(np.float32)
    importance = diagonal.astype(np.float32) + 1e-9
    chosen = np.empty(left.shape, dtype=np.int8)
    scales = np.empty((len(left), columns // BLOCK), dtype=np.float32)
    stride = 4 * BLOCK
    for begin in range(0, columns, stride):
        end = min(begin + stride, columns)
        work = np.asfortranarray(left[:, begin:end])
        errors = np.empty_like(work)
        for j in range(begin, end):
            k = j - begin
            if j % BLOCK == 0:
                scale = scales_of(np.ascontiguousarray(work[:, k : k + BLOCK]), importance[j : j + BLOCK], level)[:, 0]
                scales[:, j // BLOCK] = scale
            rounded = integers(work[:, k], scale, level)
            chosen[:, j] = rounded
            error = (work[:, k] - rounded * scale) / spread[j, j]
            errors[:, k] = error
            if k + 1 < end - begin:
                work[:, k + 1 :] -= np.outer(error, spread[j, j + 1 : end])
        if end < columns:
            left[:, end:] -= errors @ spread[begin:end, end:]
    return chosen, scales


def _upper(matrix: np.ndarray) -> np.ndarray:
    """Returns U with UᵀU = matrix⁻¹, upper triangular."""
    return np.linalg.cholesky(np.linalg.inv(matrix.astype(np.float64))).T


def values(chosen: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Returns the weights for integers and scales."""
    return chosen.astype(np.float32) * np.repeat(scales, BLOCK, axis=1)


def output_error(original: np.ndarray, rounded: np.ndarray, moment: np.ndarray) -> float:
    """Returns the mean square of the change of the product's output, relative to the output's mean
    square."""
    change = rounded - original
    return float(np.sum((change @ moment) * change) / np.sum((original @ moment) * original))


def packed(chosen: np.ndarray, scales: np.ndarray, kind: Type) -> np.ndarray:
    """Returns the blocks as a GGUF file stores them: (R, bytes per row), uint8 (ggml's block_q4_0 and block_q5_0)."""
    rows, columns = chosen.shape
    unsigned = (chosen.astype(np.int16) + LEVELS[kind]).astype(np.uint8).reshape(rows, columns // BLOCK, BLOCK)
    low, high = unsigned[..., :16], unsigned[..., 16:]
    nibbles = (low & 15) | ((high & 15) << 4)
    parts = [scales.astype(np.float16)[..., None].view(np.uint8)]
    if kind == Type.Q5_0:
        parts.append(np.packbits(unsigned >> 4, axis=-1, bitorder="little"))
    parts.append(nibbles)
    return np.concatenate(parts, axis=-1).reshape(rows, -1)
