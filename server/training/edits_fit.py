"""Fits the ranking of next edits (server/edits) to mined histories.

    lowkey bench edits --mined work/edits/fit.jsonl --features work/edits/fit-features.jsonl
    lowkey bench edits --mined work/edits/fit-elsewhere.jsonl --features work/edits/fit-elsewhere-features.jsonl
    lowkey bench edits --mined work/edits/development.jsonl --features work/edits/features.jsonl
    python edits_fit.py work/edits/fit-features.jsonl work/edits/fit-elsewhere-features.jsonl \
        --figures work/edits/features.jsonl --out ../edits/src/likelihood

Writes `trees.bin`, boosted trees of depth 5 that rank the places, `weights.rs`, a logistic regression
with a quadratic penalty that chooses the places which the trees look at, and `golden.txt`, some
places with the trees' log-odds for the tests. A history with many places counts less for each. Prints
figures by threshold for the development half, from which nothing is fitted.
"""

from __future__ import annotations

import argparse
import json
import struct
from collections import defaultdict
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

PENALTY = 3.0
ITERATIONS = 12
# Trees learn from the places of a history that the regression finds most likely, and from some others.
N_LIKELY, SHARE_OF_OTHERS = 8, 0.1
TREES = {"max_depth": 5, "max_iter": 400, "learning_rate": 0.06, "min_samples_leaf": 40, "l2_regularization": 10, "early_stopping": False, "random_state": 0}
# The feature of a leaf in the file, and the rows of the golden file.
LEAF, N_GOLDEN = 255, 16
# Places this much less likely than the best one are as good (server/edits/src/propose.rs).
NEAR = 0.08


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


def for_trees(scores: np.ndarray, history: np.ndarray) -> np.ndarray:
    """Returns which places the trees learn from."""
    order = np.lexsort((-scores, history))
    first = np.r_[True, np.diff(history[order]) != 0]
    starts = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order)) - starts
    return (rank < N_LIKELY) | (np.random.RandomState(0).rand(len(order)) < SHARE_OF_OTHERS)


class Ranking:
    """The regression and the trees."""

    def __init__(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray, history: np.ndarray) -> None:
        self.weights = fit(x.astype(float), y, weight)
        rows = for_trees(x @ self.weights, history)
        self.trees = HistGradientBoostingClassifier(**TREES)
        self.trees.fit(x[rows], y[rows] > 0, sample_weight=weight[rows])

    def log_odds(self, x: np.ndarray) -> np.ndarray:
        return self.trees.decision_function(x)


def tree_file(trees: HistGradientBoostingClassifier) -> bytes:
    """Returns the trees in the format that server/edits/src/likelihood/trees.rs reads."""
    parts = [struct.pack("<fH", trees._baseline_prediction.item(), len(trees._predictors))]
    for (predictor,) in trees._predictors:
        parts.append(struct.pack("<B", len(predictor.nodes)))
        for node in predictor.nodes:
            if node["is_leaf"]:
                parts.append(struct.pack("<BfBB", LEAF, node["value"], 0, 0))
            else:
                # A threshold between two 32-bit numbers must not be rounded to the upper one.
                threshold = np.float32(node["num_threshold"])
                if threshold > node["num_threshold"]:
                    threshold = np.nextafter(threshold, np.float32(-np.inf))
                parts.append(struct.pack("<BfBB", node["feature_idx"], threshold, node["left"], node["right"]))
    return b"".join(parts)


def figures(log_odds: np.ndarray, rows: list[dict]) -> None:
    """Prints precision, recall and quiet by threshold, as the gate decides, but with all places ranked."""
    p = 1 / (1 + np.exp(-log_odds))
    places = defaultdict(list)
    for idx, row in enumerate(rows):
        places[row["history"]].append(idx)
    n = {"repeated": 0, "third": 0, "single": 0, "inserted": 0}
    for found in places.values():
        n[rows[found[0]]["kind"]] += 1
    print("shares of the histories with any place; quiet: single")
    for threshold in np.arange(0.4, 0.76, 0.05):
        shown, right = defaultdict(int), defaultdict(int)
        for found in places.values():
            best = max(p[idx] for idx in found)
            if best < threshold:
                continue
            near = [idx for idx in found if p[idx] >= max(threshold, best - NEAR)]
            lines = [rows[idx]["lines_away"] for idx in near]
            chosen = near[min(range(len(near)), key=lambda at: lines[at] if lines[at] >= 0 else 1 - 2 * lines[at])]
            shown[rows[chosen]["kind"]] += 1
            right[rows[chosen]["kind"]] += rows[chosen]["right"]
        parts = [f"{kind} {right[kind] / max(1, shown[kind]):.3f} {right[kind] / max(1, n[kind]):.3f}" for kind in ("repeated", "third")]
        quiet = 1 - (shown["single"] - right["single"]) / max(1, n["single"] - right["single"])
        print(f"threshold {threshold:.2f}  precision, recall: {', '.join(parts)}  quiet {quiet:.3f}")


class Places:
    """The places of some histories: features, a row for each, and what else is known about them."""

    def __init__(self, paths: list[Path]) -> None:
        x, self.rows, history = [], [], []
        for number, path in enumerate(paths):
            with path.open() as lines:
                for line in lines:
                    row = json.loads(line)
                    x.append(np.array(row.pop("features"), np.float32))
                    history.append((number, row["history"]))
                    self.rows.append(row)
        self.x = np.array(x)
        self.y = np.array([row["right"] for row in self.rows], dtype=float)
        self.history = np.unique(np.array(history), axis=0, return_inverse=True)[1].ravel()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("features", type=Path, nargs="+", help="places to fit to")
    arguments.add_argument("--figures", type=Path, help="places of the development half, for the figures")
    arguments.add_argument("--out", type=Path, required=True, help="the folder of weights.rs and trees.bin")
    options = arguments.parse_args()
    places = Places(options.features)
    x, history = places.x, places.history
    ranking = Ranking(x, places.y, np.bincount(history)[history] ** -0.75, history)
    w = ranking.weights
    lines = [", ".join(f"{value:.4f}" for value in w[start : start + 6]) + "," for start in range(0, len(w), 6)]
    write(options.out / "weights.rs", lines)
    (options.out / "trees.bin").write_bytes(tree_file(ranking.trees))
    chosen = np.linspace(0, len(x) - 1, N_GOLDEN).astype(int)
    golden = zip(ranking.log_odds(x[chosen]), x[chosen], strict=True)
    text = "".join(" ".join(f"{value:.9g}" for value in [odds, *features]) + "\n" for odds, features in golden)
    (options.out / "golden.txt").write_text(text)
    print(f"{len(x)} places of {history.max() + 1} histories")
    if options.figures:
        development = Places([options.figures])
        figures(ranking.log_odds(development.x), development.rows)


def write(path: Path, lines: list[str]) -> None:
    """Replaces the table of a Rust file."""
    text = path.read_text()
    head, rest = text.split("= [\n", 1)
    tail = rest[rest.index("];") :]
    path.write_text(head + "= [\n" + "".join(f"    {line}\n" for line in lines) + tail)


if __name__ == "__main__":
    main()
