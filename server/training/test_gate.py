"""Properties of the gate's fit, on synthetic rows: `python -m unittest test_gate`."""

from __future__ import annotations

import json
import re
import tempfile
import tomllib
import unittest
from pathlib import Path

import numpy as np

import gate
import gate_picture

SUGGESTION = Path(__file__).parent.parent / "suggestion"
EVIDENCE = SUGGESTION / "src/gate/evidence.rs"


def made_up(n: int, seed: int) -> list[dict]:
    """Returns rows whose truth is a logistic function of the sum of log-probabilities."""
    random = np.random.default_rng(seed)
    rows = []
    for hole in range(n):
        tokens = int(random.integers(1, 20))
        mean = -float(random.exponential(0.5))
        right = bool(random.random() < 1 / (1 + np.exp(-(1.0 + 0.5 * mean * tokens))))
        rows.append({
            "hole": hole, "path": f"{hole % 7}.py", "line": hole, "column": 0, "silent": None,
            "log_probs": {"mean": mean, "min": 2 * mean, "first": mean, "tokens": tokens},
            "tokens": {"decoded": tokens}, "chars": 3 * tokens, "lines": 1, "position": "word",
            "suffix": "nothing", "exact_match": right, "first_line_match": right,
            "agreed_chars": 3 * tokens if right else hole % 5,
        })  # fmt: skip
    return rows


class Gate(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        for package in range(4):
            lines = [json.dumps({"lowkey_quality": 1}), *map(json.dumps, made_up(1500, package))]
            Path(self.folder.name, f"p{package}.jsonl").write_text("\n".join(lines) + "\n")
        self.names = list(gate.FEATURES)
        self.rows, self.packages, _ = gate.read(Path(self.folder.name), self.names)

    def test_features_match_the_program(self) -> None:
        in_rust = re.findall(r'^    \("(\w+)", \|e\|', EVIDENCE.read_text(encoding="utf-8"), re.M)
        self.assertEqual(in_rust, list(gate.FEATURES))

    def test_packages_are_left_out_one_at_a_time(self) -> None:
        p = gate.left_out(self.rows, 1.0, self.names)
        base = self.rows.base
        self.assertLess(gate.log_loss(p[base], self.rows.right[base]), 0.9 * gate.log_loss(
            np.full(base.sum(), self.rows.right[base].mean()), self.rows.right[base]
        ))
        self.assertGreater(gate.area(p[base], self.rows.right[base]), 0.7)

    def test_confidence_and_typing_never_lower_odds(self) -> None:
        model = gate.fit(self.rows, 1.0, self.names)
        for name in gate.RISING:
            self.assertGreaterEqual(model.weights[self.names.index(name)], 0.0, name)
        self.assertGreater(model.weights[self.names.index("log_agreed_chars")], 0.0)

    def test_same_rows_give_same_file(self) -> None:
        files = [
            gate.coefficients("x", gate.fit(self.rows, 1.0, self.names), self.names, 4.0, ["a"]) for _ in range(2)
        ]
        self.assertEqual(*files)
        names = {*gate.FEATURES, "intercept", "recent_strength", *gate.THRESHOLDS}
        self.assertEqual(tomllib.loads(files[0]).keys(), names)

    def test_random_ranking_has_half_the_area(self) -> None:
        right = np.array([0.0, 1.0, 0.0, 1.0])
        self.assertEqual(gate.area(np.zeros(4), right), 0.5)
        self.assertEqual(gate.area(right, right), 1.0)

    def test_committed_picture_shows_committed_figures(self) -> None:
        figures = json.loads((SUGGESTION / "gate.json").read_text(encoding="utf-8"))
        picture = (SUGGESTION / "gate.svg").read_text(encoding="utf-8")
        self.assertEqual(gate_picture.draw(figures), picture)


if __name__ == "__main__":
    unittest.main()
