"""Fits the weights of next edits (server/edits) to mined histories.

    lowkey bench edits --mined work/edits/development.jsonl --features work/edits/features.jsonl
    python edits_fit.py work/edits/features.jsonl ../edits/src/likelihood/weights.rs

A logistic regression with a quadratic penalty. A history with many places counts less for each.
Fit on the development half only.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np

PENALTY = 3.0
ITERATIONS = 40


def fit(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Returns the weights, by Newton's method. The first feature is the constant, without penalty."""
    ridge = np.eye(x.shape[1]) * PENALTY
    ridge[0, 0] = 1e-6
    w = np.zeros(x.shape[1])
    for _ in range(ITERATIONS):
        p = 1 / (1 + np.exp(-x @ w))
        gradient = x.T @ (weight * (p - y)) + ridge @ w
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + ridge
        w -= np.linalg.solve(hessian, gradient)
    return w


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("features", type=Path)
    arguments.add_argument("weights", type=Path, help="the Rust file to write")
    options = arguments.parse_args()
    rows = [json.loads(line) for line in options.features.open()]
    count = Counter(row["history"] for row in rows)
    w = fit(
        np.array([row["features"] for row in rows]),
        np.array([row["right"] for row in rows], dtype=float),
        np.array([count[row["history"]] ** -0.75 for row in rows]),
    )
    lines = [", ".join(f"{value:.3f}" for value in w[start : start + 6]) + "," for start in range(0, len(w), 6)]
    text = options.weights.read_text()
    head, rest = text.split("[\n", 1)
    tail = rest[rest.index("];") :]
    options.weights.write_text(head + "[\n" + "".join(f"    {line}\n" for line in lines) + tail)
    print(f"{len(rows)} places of {len(count)} histories")


if __name__ == "__main__":
    main()
