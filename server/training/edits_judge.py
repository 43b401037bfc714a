"""Fits what a model's judgement of an unsure next edit is worth.

    lowkey bench edits --mined work/edits/development.jsonl --judge MODEL.gguf --json > work/edits/judged.jsonl
    python edits_judge.py work/edits/judged.jsonl

A row of the judged histories has `facts`: the numbers below, and whether the proposal is right. Prints
the weights of a logistic regression for server/edits/src/judge.rs, and the area under the curve, cross-
validated by package. Fit on the development half only: no tree of the ranking was fitted to it.
"""

from __future__ import annotations

import argparse
import json
import zlib
from pathlib import Path

import numpy as np

from edits_fit import fit

# The facts, in the order of JudgementFacts: log-odds of the search; log-probability of the line with
# the change less that without it, in all and per token; the same of the lines after it; both means;
# the difference of the numbers of tokens.
NAMES = ("bias", "log_odds", "line", "mean", "after", "mean_new", "mean_old", "n_tokens")
FOLDS = 10


def area(score: np.ndarray, y: np.ndarray) -> float:
    """Returns the area under the curve: how often a right proposal is above a wrong one."""
    rank = np.empty(len(score))
    rank[np.argsort(score, kind="stable")] = np.arange(1, len(score) + 1)
    n = int(y.sum())
    return (rank[y > 0].sum() - n * (n + 1) / 2) / (n * (len(y) - n))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("judged", type=Path)
    options = arguments.parse_args()
    rows = [json.loads(line) for line in options.judged.open()]
    rows = [row for row in rows if row.get("facts")]
    x = np.array([row["facts"][0] for row in rows])
    y = np.array([row["facts"][1] for row in rows], dtype=float)
    fold = np.array([zlib.crc32(row["package"].encode()) % FOLDS for row in rows])
    score = np.zeros(len(rows))
    for number in range(FOLDS):
        rest = fold != number
        score[~rest] = x[~rest] @ fit(x[rest], y[rest], np.ones(rest.sum()))
    print(f"{len(rows)} judged proposals, {y.mean():.1%} right; area under the curve: search {area(x[:, 1], y):.3f}, judged {area(score, y):.3f}")
    weights = fit(x, y, np.ones(len(y)))
    print(", ".join(f"{weight:.4f}" for weight in weights))
    for name, weight, deviation in zip(NAMES, weights, x.std(0), strict=True):
        print(f"{name:10} {weight:8.4f}  a standard deviation is worth {weight * deviation:.3f}")


if __name__ == "__main__":
    main()
