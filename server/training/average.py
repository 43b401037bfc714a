"""Averages checkpoints of one lineage into one checkpoint that training can continue from.

During a run at a constant rate the weights scatter around a point that is better than any of them.
Their mean costs nothing and replaces much of a decay. The optimizers' state and the token counts
come from the last checkpoint named. The step starts at zero, for the decay that should follow.

    python average.py --out mean.ckpt starter.ckpt=0.3 early.ckpt=0.25 late.ckpt=0.45
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from model import from_starter


def weights_of(state: dict) -> dict:
    return from_starter(state["m"]) if "m" in state else state["model"]


def average(parts: list[tuple[dict, float]]) -> dict:
    """Returns the weighted mean of several states of the same shape; the shares are normalized to a
    sum of one."""
    whole = sum(share for _, share in parts)
    names = parts[0][0].keys()
    if any(weights.keys() != names for weights, _ in parts):
        raise SystemExit("the checkpoints have different shapes")
    return {name: sum(weights[name] * (share / whole) for weights, share in parts) for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="+", metavar="CHECKPOINT=SHARE")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    parts, state = [], {}
    for part in args.parts:
        path, _, share = part.rpartition("=")
        state = torch.load(path, map_location="cpu", weights_only=True)
        parts.append((weights_of(state), float(share)))
    if "model" not in state:
        raise SystemExit("the last checkpoint must be one of train.py's")
    state["model"], state["step"] = average(parts), 0
    torch.save(state, args.out)


if __name__ == "__main__":
    main()
