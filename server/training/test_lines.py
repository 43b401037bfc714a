"""Properties of the table of lines, on synthetic blocks: `python -m unittest test_lines`."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path

import lines


def row(shown: str, truth: str, **more: object) -> dict:
    return {
        "hole": 0, "kind": "block", "silent": None, "probability": 0.5,
        "texts": {"shown": shown, "truth": truth}, **more,
    }  # fmt: skip


class Lines(unittest.TestCase):
    def test_right_lines_save_characters_minus_a_key(self) -> None:
        block = lines.Block(["  abcd", "  ef"], ["  abcd", "  ef"])
        self.assertEqual(block.keys(), (4 + 1 + 2 - 1,) * 2)
        self.assertEqual(block.cut(1).keys(), (3, 3))

    def test_wrong_line_costs_a_key(self) -> None:
        block = lines.Block(["  abcd", "  xy"], ["  abcd", "  ef"])
        self.assertEqual((block.right, block.keys()), (1, (-1, 4 - 1 - 1)))
        self.assertEqual(lines.Block(["  x"], ["  y", "  z"]).keys(), (-1, -1))
        self.assertEqual(lines.Block(["a", "b"], ["a"]).keys(), (-1, -1))

    def test_silent_or_unlikely_blocks_are_not_shown(self) -> None:
        rows = [
            {"lowkey_quality": 1}, row("a\nb\n", "a\nb"), row("", "a", silent="gate"),
            row("a", "a", probability=0.01), row("a", "a", kind="line"),
        ]  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            blocks, asked = lines.read(path, 0.05)
        self.assertEqual((len(blocks), asked), (1, 3))
        self.assertIn("| 2 | 2.0 | 100.0 % | 100.0 % | 100.0 % | 67 | 67 |", lines.table(blocks, asked))
        self.assertEqual(lines.further(blocks), "line 1: 1 of 1\nline 2: 1 of 1")


if __name__ == "__main__":
    unittest.main()
