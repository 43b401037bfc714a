"""What must hold of the recipe, on a miniature: `python -m unittest test_recipe`."""

from __future__ import annotations

import argparse
import random
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

from average import average
from corpus import File, Repeats, fault, without_licence
from evaluate import draw_question, similarity
from fetch import permitted
from fim import EOT, MID, PAD, PRE, SUF, Document, Encoder, Mix, draw_hole, scope_end
from model import Shape
from ngram import ORDER, NGram
from rows import RowReader, Sampler, draw_row, shard_path
from tokenizer import train as train_tokenizer
from train import Run, middle_mask, schedule

TEXT = "".join(
    f"def step_{i}(items, limit={i}, *, verbose=False):\n    total = {i}\n    for item in items:\n"
    f"        if item.size > limit:\n            total += item.weight({i}, 'a')\n"
    f"    return [total, limit]\n\n\n"
    for i in range(30)
)


def document() -> Document:
    return Document("python", "mini", "mini/steps.py", TEXT)


class Baseline(unittest.TestCase):
    def test_the_5_gram_is_a_distribution_that_prefers_what_it_has_seen(self) -> None:
        tokens = np.array([*range(20), *range(20), 3, 4, 9, 3, 4, 9] * 4, dtype=np.uint16)
        model = NGram(tokens, 32)
        for history in ([], [3], [2, 3, 4], [7, 7, 7, 7, 7], list(range(ORDER + 3))):
            self.assertAlmostEqual(float(model.next(history).sum()), 1.0, places=9)
        self.assertEqual(int(model.next([0, 1, 2, 3]).argmax()), 4)
        # The context decides where the last token alone would not.
        self.assertEqual(int(model.next([1, 2, 3, 4]).argmax()), 5)
        self.assertEqual(int(model.next([9, 3, 4]).argmax()), 9)
        self.assertGreater(float(model.next([5, 6])[31]), 0.0)


class Holes(unittest.TestCase):
    def test_a_hole_cuts_the_text_in_three_and_is_never_empty(self) -> None:
        rng, kinds = random.Random(3), set()
        for _ in range(2000):
            hole = draw_hole(rng, document(), Mix())
            self.assertEqual(hole.prefix + hole.middle + hole.suffix, TEXT)
            self.assertTrue(hole.middle)
            self.assertLessEqual(hole.typed, len(hole.middle))
            kinds.add(hole.kind)
            if hole.kind in ("line", "block", "group", "run"):
                self.assertTrue(hole.prefix == "" or hole.prefix.endswith("\n"), hole.kind)
        self.assertEqual(kinds, {"line", "block", "group", "run", "cursor", "span"})

    def test_a_scope_ends_before_the_dedent_without_blank_lines(self) -> None:
        self.assertEqual(scope_end(["if a:", "    b", "", "    c", "", "d"], 0), 4)
        self.assertEqual(scope_end(["f {", "}", "g"], 0), 1)

    def test_questions_have_an_answer_and_start_where_the_prompt_ends(self) -> None:
        rng, asked = random.Random(5), 0
        for _ in range(400):
            question = draw_question(rng, document())
            if question:
                asked += 1
                self.assertIn(question.above + question.typed + question.answer + question.below, TEXT)
        self.assertGreater(asked, 200)


class Rows(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.tokenizer = train_tokenizer([TEXT], 320)

    def rows(self, count: int, context: int = 256) -> np.ndarray:
        rng, sampler = random.Random(1), Sampler([document()])
        encoder = Encoder(self.tokenizer, Mix())
        return np.array([draw_row(rng, sampler, encoder, context) for _ in range(count)], dtype=np.uint16)

    def test_every_opened_sample_is_closed_or_fills_its_row(self) -> None:
        for row in self.rows(40):
            tokens = row.tolist()
            self.assertEqual(tokens.count(PRE), tokens.count(SUF))
            self.assertEqual(tokens.count(PRE), tokens.count(MID))
            self.assertGreaterEqual(tokens.count(EOT), tokens.count(MID))

    def test_the_mask_covers_middles_and_their_end_only(self) -> None:
        row = torch.tensor([[9, 9, EOT, PRE, 7, SUF, 8, MID, 11, 12, EOT, 9, PAD]])
        self.assertEqual(row[:, 1:][middle_mask(row)].tolist(), [11, 12, EOT])

    def test_a_stopped_run_ends_with_the_same_weights(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            np.savez_compressed(shard_path(folder, 256, 0), rows=self.rows(12))
            whole, first, second = (self.run_for(folder) for _ in range(3))
            reader = RowReader(folder, 256)
            self.steps(whole, reader, 6)
            self.steps(first, reader, 2)
            first.save(folder / "stopped.ckpt")
            second.load(folder / "stopped.ckpt")
            self.steps(second, reader, 4)
            for name, tensor in whole.model.state_dict().items():
                self.assertTrue(torch.equal(tensor, second.model.state_dict()[name]), name)

    def run_for(self, folder: Path) -> Run:
        shape = Shape(vocabulary=320, hidden=32, layers=2, heads=4, kv_heads=2, feed_forward=64)
        args = argparse.Namespace(
            seed=1, device="cpu", context=256, bf16=True, micro_rows=0, middle_weight=2.0, muon_rate=0.02,
            adam_rate=3e-3, warmup_steps=2, decay_steps=3, steps=6, peak=1.0, floor=0.0,
        )  # fmt: skip
        return Run(shape, args)

    def steps(self, run: Run, reader: RowReader, count: int) -> None:
        for _ in range(count):
            run.train_step(torch.from_numpy(reader.batch(run.consumed, 3)))

    def test_an_average_lies_between_its_parts(self) -> None:
        a, b = {"w": torch.tensor([0.0, 2.0])}, {"w": torch.tensor([4.0, 2.0])}
        self.assertEqual(average([(a, 3.0), (b, 1.0)])["w"].tolist(), [1.0, 2.0])

    def test_the_schedule_warms_stays_and_falls(self) -> None:
        args = argparse.Namespace(warmup_steps=2, decay_steps=4, steps=10, peak=0.5, floor=0.0)
        rates = [round(schedule(step, args), 3) for step in range(10)]
        self.assertEqual(rates, [0.25, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.375, 0.25, 0.125])


class Corpus(unittest.TestCase):
    def test_a_copy_of_held_out_text_does_not_reach_training(self) -> None:
        repeats = Repeats()
        held = File("python", "held", "a.py", TEXT, True)
        copy = File("python", "other", "vendored/a.py", TEXT + "x = 1\n", False)
        self.assertIsNone(repeats.check(held, held.text))
        self.assertEqual(repeats.check(copy, copy.text), "held out")

    def test_secrets_and_generated_files_are_left_out(self) -> None:
        self.assertEqual(fault("# Code generated by x; DO NOT EDIT.\n" + TEXT), "generated")
        self.assertEqual(fault(TEXT + "key = 'AKIA" + "A" * 16 + "'\n"), "secret")
        self.assertIsNone(fault(TEXT))

    def test_a_licence_header_goes_and_attributes_stay(self) -> None:
        self.assertEqual(without_licence("// Copyright x\n// y\n\nfn a() {}\n"), "fn a() {}\n")
        self.assertEqual(without_licence("#![no_std]\n// licence\n"), "#![no_std]\n// licence\n")

    def test_licences_are_met_by_permitted_ones_alone(self) -> None:
        allowed = {"MIT", "Apache-2.0", "BSD-3-Clause"}
        self.assertTrue(permitted("MIT OR GPL-3.0", allowed))
        self.assertTrue(permitted("(Apache-2.0 OR MIT) AND BSD-3-Clause", allowed))
        self.assertFalse(permitted("MIT AND GPL-3.0", allowed))

    def test_similarity_counts_edits(self) -> None:
        self.assertEqual(similarity("abcd", "abcd"), 1)
        self.assertEqual(similarity("abcd", "abxd"), 0.75)
        self.assertEqual(similarity("", "abxd"), 0)


if __name__ == "__main__":
    unittest.main()
