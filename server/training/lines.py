"""How many lines a suggestion should span: the table of `server/suggestion/README.md`, from rows with their texts.

    lowkey --model FILE bench quality DIR --kinds block --talkative always --texts --out rows.jsonl
    python lines.py rows.jsonl [--from 0.05]

Each block's suggestion is cut to its first 1, 2, 3, 5 and 10 lines. A user who takes a suggestion whole or not at all
saves the characters of a right one less one key, and loses a key where a line is wrong. One who takes it line by line
pays a key for each right line in front of a wrong one, and loses a key for that. Indentation is the editor's.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

CUTS = (1, 2, 3, 5, 10)


@dataclass(frozen=True)
class Block:
    """What was shown of a block, and what stood there."""

    shown: list[str]
    truth: list[str]

    @property
    def right(self) -> int:
        """How many lines are right before the first that is wrong."""
        pairs = zip(self.shown, self.truth, strict=False)
        wrong = (at for at, (shown, truth) in enumerate(pairs) if shown != truth)
        return next(wrong, min(len(self.shown), len(self.truth)))

    def cut(self, most: int) -> Block:
        return Block(self.shown[:most], self.truth)

    def keys(self) -> tuple[int, int]:
        """Keys saved by who takes it whole, and by who takes it line by line."""
        right = self.right
        typed = sum(len(line.strip()) for line in self.shown[:right]) + max(0, right - 1)
        if right == len(self.shown):
            return typed - 1, typed - 1
        return -1, typed - right - 1


def lines_of(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def read(path: Path, least: float) -> tuple[list[Block], int]:
    """The blocks that are shown from the probability `least` on, and how many were asked about."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row.get("kind") == "block"]
    shown = [row for row in rows if row["silent"] is None and (row["probability"] or 0) >= least]
    texts = [row["texts"] for row in shown]
    return [Block(lines_of(text["shown"]), lines_of(text["truth"])) for text in texts], len(rows)


def table(blocks: list[Block], asked: int) -> str:
    lines = [
        "| at most | lines shown, mean | 1st line right | all shown right | the block to its end "
        "| keys saved per 100 blocks, whole | line by line |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for most in CUTS:
        cut = [block.cut(most) for block in blocks]
        shown = max(len(cut), 1)
        whole, by_line = (sum(keys) / max(asked, 1) for keys in zip(*(block.keys() for block in cut), strict=True))
        lines.append(
            f"| {most} | {sum(len(block.shown) for block in cut) / shown:.1f} "
            f"| {sum(block.right > 0 for block in cut) / shown:.1%} "
            f"| {sum(block.right == len(block.shown) for block in cut) / shown:.1%} "
            f"| {sum(block.shown == block.truth for block in cut) / shown:.1%} "
            f"| {100 * whole:.0f} | {100 * by_line:.0f} |".replace("%", " %")
        )
    return "\n".join(lines)


def further(blocks: list[Block]) -> str:
    """How often a line is right where all lines above it are."""
    reached, right = Counter(), Counter()
    for block in blocks:
        for at in range(min(block.right + 1, len(block.shown))):
            reached[at] += 1
            right[at] += at < block.right
    return "\n".join(f"line {at + 1}: {right[at]} of {reached[at]}" for at in sorted(reached))


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("rows", type=Path)
    words.add_argument("--from", dest="least", type=float, default=0.0, help="the least probability that is shown")
    given = words.parse_args()
    blocks, asked = read(given.rows, given.least)
    print(f"{len(blocks)} of {asked} blocks with a suggestion\n\n{table(blocks, asked)}\n\n{further(blocks)}")


if __name__ == "__main__":
    main()
