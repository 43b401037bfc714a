"""Fits the ranking of next edits (server/edits) to mined histories.

    lowkey bench edits --mined work/edits/development.jsonl --features work/edits/features.jsonl
    python edits_fit.py work/edits/features.jsonl ../edits/src/likelihood

Writes `weights.rs` and `trees.rs`: a logistic regression with a quadratic penalty, and boosted trees
of depth 3. The likelihood is their mean in log-odds. A history with many places counts less for
each. Prints the cross-validated figures, with folds of whole packages. Fit on the development half
only.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections import defaultdict
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

PENALTY = 3.0
ITERATIONS = 12
FOLDS = 5
# Trees learn from the places of a history that the regression finds most likely, and from some others.
N_LIKELY, SHARE_OF_OTHERS = 8, 0.1
DEPTH = 3
TREES = {"max_depth": DEPTH, "max_iter": 150, "learning_rate": 0.09, "min_samples_leaf": 40, "l2_regularization": 10, "random_state": 0}
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
        self.weights = fit(x, y, weight)
        rows = for_trees(x @ self.weights, history)
        self.trees = HistGradientBoostingClassifier(**TREES)
        self.trees.fit(x[rows], y[rows] > 0, sample_weight=weight[rows])

    def log_odds(self, x: np.ndarray) -> np.ndarray:
        return (x @ self.weights + self.trees.decision_function(x)) / 2


def complete(nodes: np.ndarray) -> tuple[list[tuple[int, float]], list[float]]:
    """Returns a tree as a complete one: its splits, level by level, and its leaves."""
    level, splits = [0], []
    for _ in range(DEPTH):
        below = []
        for idx in level:
            node = nodes[idx]
            if node["is_leaf"]:
                # Both sides are the same leaf.
                splits.append((0, 0.0))
                below += [idx, idx]
            else:
                splits.append((int(node["feature_idx"]), float(node["num_threshold"])))
                below += [int(node["left"]), int(node["right"])]
        level = below
    return splits, [float(nodes[idx]["value"]) for idx in level]


def figures(log_odds: np.ndarray, rows: list[dict]) -> None:
    """Prints precision, recall and quiet by threshold, as the gate decides."""
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


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("features", type=Path)
    arguments.add_argument("folder", type=Path, help="the folder of weights.rs and trees.rs")
    arguments.add_argument("--no-folds", action="store_true", help="do not cross-validate")
    options = arguments.parse_args()
    rows = [json.loads(line) for line in options.features.open()]
    x = np.array([row["features"] for row in rows])
    y = np.array([row["right"] for row in rows], dtype=float)
    history = np.array([row["history"] for row in rows])
    weight = np.bincount(history)[history] ** -0.75
    if not options.no_folds:
        fold = np.array([zlib.crc32(row["package"].encode()) % FOLDS for row in rows])
        log_odds = np.zeros(len(rows))
        for number in range(FOLDS):
            rest = fold != number
            ranking = Ranking(x[rest], y[rest], weight[rest], history[rest])
            log_odds[~rest] = ranking.log_odds(x[~rest])
        figures(log_odds, rows)
    ranking = Ranking(x, y, weight, history)
    w = ranking.weights
    lines = [", ".join(f"{value:.3f}" for value in w[start : start + 6]) + "," for start in range(0, len(w), 6)]
    write(options.folder / "weights.rs", lines)
    lines = []
    for (predictor,) in ranking.trees._predictors:
        splits, leaves = complete(predictor.nodes)
        lines.append("([" + ", ".join(f"({feature}, {threshold:.6g})".replace("(0, 0)", "(0, 0.0)") for feature, threshold in splits) + "],")
        lines.append("[" + ", ".join(f"{value:.3f}" for value in leaves) + "]),")
    lines = [real_numbers(line) for line in lines]
    write(options.folder / "trees.rs", lines, {"START": f"{ranking.trees._baseline_prediction.item():.3f}"})
    print(f"{len(rows)} places of {len(set(history))} histories")


def real_numbers(line: str) -> str:
    """Gives thresholds a decimal point, as Rust wants it."""
    parts = line.split(", ")
    fixed = []
    for part in parts:
        number = part.rstrip(")],")
        tail = part[len(number) :]
        is_threshold = number and not number.startswith("(") and "." not in number and "e" not in number and "[" not in number
        fixed.append(number + (".0" if is_threshold else "") + tail)
    return ", ".join(fixed)


def write(path: Path, lines: list[str], constants: dict[str, str] | None = None) -> None:
    """Replaces the table of a Rust file, and constants."""
    text = path.read_text()
    head, rest = text.split("= [\n", 1)
    tail = rest[rest.index("];") :]
    for name, value in (constants or {}).items():
        start = head.index(f"{name}: f32 = ") + len(f"{name}: f32 = ")
        head = head[:start] + value + head[head.index(";", start) :]
    path.write_text(head + "= [\n" + "".join(f"    {line}\n" for line in lines) + tail)


if __name__ == "__main__":
    main()
