"""How many lines a suggestion should have: the table of `server/suggestion/README.md`.

Reads rows with their texts:

    lowkey --model FILE bench quality DIR --kinds block --suggestion-threshold always --texts --out rows.jsonl
    python lines.py rows.jsonl [--from 0.05]

Each block's suggestion is cut to its first 1, 2, 3, 5 and 10 lines. A user who accepts only whole
suggestions saves the characters of a right one minus one key, and loses a key if a line is wrong. A
user who accepts line by line pays a key for each right line before a wrong one, and loses a key for
the wrong one. Indentation comes from the editor and is not counted.
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
    """A block's suggestion and its original text."""

    shown: list[str]
    truth: list[str]

    @property
    def right(self) -> int:
        """Returns how many lines are right before the first wrong one."""
        pairs = zip(self.shown, self.truth, strict=False)
        wrong = (at for at, (shown, truth) in enumerate(pairs) if shown != truth)
        return next(wrong, min(len(self.shown), len(self.truth)))

    def cut(self, most: int) -> Block:
        return Block(self.shown[:most], self.truth)

    def keys(self) -> tuple[int, int]:
        """Returns the keys saved by a user who accepts whole suggestions, and by one who accepts
        line by line."""
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
    """Returns the blocks with a probability of at least `least`, and the number of all blocks."""
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
    """Returns how often a line is right if all lines above it are."""
    reached, right = Counter(), Counter()
    for block in blocks:
        for at in range(min(block.right + 1, len(block.shown))):
            reached[at] += 1
            right[at] += at < block.right
    return "\n".join(f"line {at + 1}: {right[at]} of {reached[at]}" for at in sorted(reached))


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("rows", type=Path)
    words.add_argument("--from", dest="least", type=float, default=0.0, help="the lowest probability that is shown")
    given = words.parse_args()
    blocks, asked = read(given.rows, given.least)
    print(f"{len(blocks)} of {asked} blocks with a suggestion\n\n{table(blocks, asked)}\n\n{further(blocks)}")


if __name__ == "__main__":
    main()
