"""Fits the weights by which signatures of other files are ranked.

`python crossfile_weights.py ROWS.jsonl`: rows are what `cargo run --release -p lowkey-context
--example coverage -- HOLES.jsonl` prints without limits. Needs numpy.

The model is a conditional logit (McFadden 1974): among the candidates of a hole, the needed one is
chosen with a probability in proportion to exp(weights · parts). The fit maximizes the mean log
probability with an L2 penalty. Prints for each part its weight in the program and the fitted one, and
how often the needed definition is among 200, 300 and 600 bytes of signatures: with the program's
weights, and cross-validated by package with fitted ones.

With `--lists HOLES.jsonl`, from history.py, it also fits with one more part for each list of files
there: whether the definition's file is in it.
"""

import argparse
import json
from pathlib import Path

import numpy as np

LIMITS = (200, 300, 600)
N_FOLDS = 5
PENALTY = 3e-3
STEPS = 400
RATE = 0.1


def read(path):
    """Returns the program's weights, and for each hole (package, visible, needed, costs, labels, parts)."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    weights = json.loads(lines[0])
    holes = []
    for line in map(json.loads, lines[1:]):
        rows = line["rows"]
        needed = np.array([row[0] for row in rows], dtype=bool)
        parts = np.array([row[3] for row in rows]).reshape(len(rows), len(weights))
        labels = [row[2] for row in rows]
        holes.append((line["package"], line["visible"], needed, [row[1] for row in rows], labels, parts))
    return weights, holes


def fit(holes):
    """Returns the weights with the highest penalized likelihood, by Adam on the full gradient."""
    data = [(parts, needed / needed.sum()) for _, _, needed, _, _, parts in holes if needed.any()]
    weights = np.zeros(data[0][0].shape[1])
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        gradient = 2 * PENALTY * weights
        for parts, needed in data:
            scores = parts @ weights
            chosen = np.exp(scores - scores.max())
            chosen /= chosen.sum()
            # If several candidates have the name, any of them will do.
            among = chosen * (needed > 0)
            gradient += parts.T @ (chosen - among / among.sum()) / len(data)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        size = np.sqrt(square / (1 - 0.999**step)) + 1e-8
        weights -= RATE * mean / (1 - 0.9**step) / size
    return weights


def first_bytes(hole, weights):
    """Returns how many bytes of signatures, best first, it takes to have the needed one; None if no candidate is it."""
    _, _, needed, costs, labels, parts = hole
    used, seen = 0, set()
    for index in np.argsort(-(parts @ weights), kind="stable"):
        used += costs[index] + 1
        if labels[index] not in seen:
            used += len(labels[index].encode()) + 1
            seen.add(labels[index])
        if needed[index]:
            return used
    return None


def table(holes, weights_of):
    """Returns lines with the share of holes whose needed definition is within each limit."""
    counts = {}
    for hole in holes:
        used = first_bytes(hole, weights_of(hole))
        for group in ("all", hole[1]):
            row = counts.setdefault(group, [0] * (len(LIMITS) + 1))
            row[-1] += 1
            for index, limit in enumerate(LIMITS):
                row[index] += used is not None and used <= limit
    lines = []
    for group in sorted(counts):
        *hits, n = counts[group]
        lines.append(f"  {group:<9}{n:>5}" + "".join(f"{100 * hit / n:8.1f} %" for hit in hits))
    return lines


def with_lists(holes, path, lists):
    """Returns the holes with a part for each of the lists."""
    rows = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    more = []
    for (package, visible, needed, costs, labels, parts), row in zip(holes, rows, strict=True):
        sets = [set(row[name]) for name in lists]
        extra = np.array([[float(label in files) for files in sets] for label in labels]).reshape(len(labels), len(sets))
        more.append((package, visible, needed, costs, labels, np.concatenate([parts, extra], axis=1)))
    return more


def cross_validated(holes):
    """Returns the lines of a table in which each package has the weights of the other folds."""
    packages = sorted({hole[0] for hole in holes})
    np.random.default_rng(0).shuffle(packages)
    fold = {package: index % N_FOLDS for index, package in enumerate(packages)}
    by_fold = [fit([hole for hole in holes if fold[hole[0]] != index]) for index in range(N_FOLDS)]
    return table(holes, lambda hole: by_fold[fold[hole[0]]])


def main(path, lists):
    weights, holes = read(path)
    own = np.array([weight for _, weight in weights])
    fitted = fit(holes)
    for (name, weight), new in zip(weights, fitted):
        print(f"{weight:6.2f} {new:6.2f}  {name}")
    print("\nwithin", *LIMITS, "bytes, the program's weights")
    print("\n".join(table(holes, lambda hole: own)))
    print("\nthe same with fitted weights, each package with those of the other folds")
    print("\n".join(cross_validated(holes)))
    for names in (["recent"], ["co_changed"], ["recent", "co_changed"], ["same_commit"]) if lists else ():
        print(f"\nand with {' and '.join(names)}")
        print("\n".join(cross_validated(with_lists(holes, lists, names))))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("rows", metavar="ROWS.jsonl")
    arguments.add_argument("--lists", metavar="HOLES.jsonl")
    options = arguments.parse_args()
    main(options.rows, options.lists)
