"""The qwen2 forward pass in numpy, layer by layer, for the calibration in `derive.py`.

Shapes: T tokens, D hidden size, H heads, K key-value heads, S head size, F intermediate size.
Matrices are (rows, columns) = (outputs, inputs), as in a GGUF file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Shape:
    """The hyperparameters that the forward pass needs."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    feed_forward: int
    rope_base: float
    epsilon: float

    @property
    def head_size(self) -> int:
        return self.hidden // self.heads


def rms_norm(x: np.ndarray, weight: np.ndarray, epsilon: float) -> np.ndarray:
    """Returns (T, D) scaled to unit mean square and multiplied by `weight` (D)."""
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + epsilon) * weight


def rotate(x: np.ndarray, base: float) -> np.ndarray:
    """Applies RoPE to (B, T, heads, S); the two halves of a head are rotated against each other
    (NeoX order)."""
    half = x.shape[-1] // 2
    angles = np.arange(x.shape[1])[:, None] * base ** (-np.arange(half) / half)
    cos = np.cos(angles).astype(np.float32)[None, :, None, :]
    sin = np.sin(angles).astype(np.float32)[None, :, None, :]
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, shape: Shape) -> np.ndarray:
    """Returns (B * T, D): causal attention of (B, T, H or K, S) queries, keys and values."""
    batch, length = q.shape[:2]
    group = shape.heads // shape.kv_heads
    mask = np.triu(np.full((length, length), -np.inf, dtype=np.float32), 1)
    out = np.empty_like(q)
    for b in range(batch):
        for head in range(shape.heads):
            kv = head // group
            scores = q[b, :, head] @ k[b, :, kv].T / np.sqrt(shape.head_size) + mask
            scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
            out[b, :, head] = (scores / scores.sum(axis=-1, keepdims=True)) @ v[b, :, kv]
    return out.reshape(batch * length, -1)


class Layer:
    """One layer's weights by their names in the file, without `blk.N.`."""

    def __init__(self, weights: dict[str, np.ndarray], shape: Shape) -> None:
        self.w, self.shape = weights, shape

    def attention_input(self, x: np.ndarray) -> np.ndarray:
        """Returns the input of the query, key and value products."""
        return rms_norm(x, self.w["attn_norm.weight"], self.shape.epsilon)

    def attended(self, normed: np.ndarray, batch: int) -> np.ndarray:
        """Returns the input of the output product: (B * T, D)."""
        s = self.shape

        def heads(name: str, count: int) -> np.ndarray:
            product = normed @ self.w[f"attn_{name}.weight"].T + self.w[f"attn_{name}.bias"]
            return product.reshape(batch, -1, count, s.head_size)

        q, k = (rotate(heads(n, c), s.rope_base) for n, c in (("q", s.heads), ("k", s.kv_heads)))
        return attention(q, k, heads("v", s.kv_heads), s)

    def feed_forward_input(self, x: np.ndarray) -> np.ndarray:
        """Returns the input of the gate and up products."""
        return rms_norm(x, self.w["ffn_norm.weight"], self.shape.epsilon)

    def gated(self, normed: np.ndarray) -> np.ndarray:
        """Returns the input of the down product: (B * T, F)."""
        gate = normed @ self.w["ffn_gate.weight"].T
        return gate / (1.0 + np.exp(-gate)) * (normed @ self.w["ffn_up.weight"].T)
