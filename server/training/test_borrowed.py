"""Rehearses the protocol of `borrowed.py` with a miniature: `python -m unittest test_borrowed`."""

from __future__ import annotations

import argparse
import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import torch

import borrowed
import parcels
from model import Model, Shape
from rows import shard_path
from tokenizer import train as train_tokenizer
from train import Run

MINIATURES = (
    {"hidden": 64, "layers": 2, "heads": 4, "kv_heads": 2, "feed_forward": 96},
    {"hidden": 32, "layers": 1, "heads": 2, "kv_heads": 1, "feed_forward": 48},
)
CONTEXT, VOCABULARY = 32, 64


def shards(folder: Path, count: int) -> None:
    folder.mkdir()
    rng = np.random.default_rng(1)
    for number in range(count):
        rows = rng.integers(8, VOCABULARY, (64, CONTEXT + 1), dtype=np.uint16)
        np.savez_compressed(shard_path(folder, CONTEXT, number), rows=rows)


def options(folder: Path, parcel: Path, **changed) -> argparse.Namespace:
    return argparse.Namespace(**{
        "parcel": parcel, "work": folder / "machine", "out": folder / "back", "minutes": 0.1, "minutes_left": 0.3,
        "aim": 1.0, "device": "cpu", "vocabulary": VOCABULARY, "context": CONTEXT, "batch_rows": 4,
        "piece_mb": 0.05, "most_pieces": 99, "init": None, "workers": 1, "micro_rows": 2,
    } | changed)  # fmt: skip


class Protocol(unittest.TestCase):
    def setUp(self) -> None:
        torch.set_num_threads(1)
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.object(borrowed, "ASIDE_SECONDS", 0.5))

    def test_parcels_hold_all_shards_in_order(self) -> None:
        shards(self.folder / "rows", 5)
        size = shard_path(self.folder / "rows", CONTEXT, 0).stat().st_size / borrowed.MIB
        parcels = borrowed.pack(self.folder / "rows", self.folder / "parcels", size * 2.5)
        self.assertEqual([len(list(parcel.iterdir())) for parcel in parcels], [2, 2, 1])
        self.assertTrue(shard_path(parcels[0], CONTEXT, 0).exists())
        with self.assertRaisesRegex(SystemExit, "limit"):
            borrowed.pack(self.folder / "rows", self.folder / "other", size / 2)

    def test_largest_sufficient_model_is_chosen(self) -> None:
        seconds = [1.0, 0.5, 0.25]
        for aim, index in ((90, 0), (150, 1), (390, 2), (10_000, 2)):
            self.assertEqual(borrowed.choose(seconds, batch_tokens=1, left=100, aim=aim), index)
        self.assertEqual(borrowed.choose([float("inf"), 9.0], batch_tokens=1, left=1, aim=10), 1)

    def test_later_call_moves_the_end_of_the_run(self) -> None:
        log = self.folder / "log.jsonl"
        self.assertIsNone(borrowed.measured_steps(log, 1000))
        log.write_text('{"step": 20, "tokens_s": 1}\n{"step": 40, "tokens_s": 500}\n', encoding="utf-8")
        step, seconds = borrowed.measured_steps(log, 1000)
        self.assertEqual((step, seconds), (40, 2.0))
        planned = borrowed.replan({"steps": 900, "decay_steps": 360, "shape": {}}, step, seconds, 1.0, 1.0)
        left = 60 - borrowed.ASIDE_SECONDS
        self.assertEqual(planned["steps"], 40 + int(left / 2 * borrowed.CERTAIN))
        self.assertEqual(planned["decay_steps"], int(planned["steps"] * borrowed.DECAY))

    def test_run_survives_a_lost_machine(self) -> None:
        shards(self.folder / "rows", 3)
        size = shard_path(self.folder / "rows", CONTEXT, 0).stat().st_size / borrowed.MIB
        first, second = borrowed.pack(self.folder / "rows", self.folder / "parcels", size * 2.5)
        with self.assertRaisesRegex(SystemExit, "first parcel"):
            borrowed.call(options(self.folder, second), MINIATURES)
        steps = []
        for parcel in (first, second):
            borrowed.call(options(self.folder, parcel), MINIATURES)
            steps.append(json.loads((self.folder / "back" / "weights.json").read_text())["step"])
        self.assertGreater(steps[0], 0)
        self.assertGreaterEqual(steps[1], steps[0])
        planned = json.loads((self.folder / "back" / "plan.json").read_text())
        self.assertLessEqual(steps[1], max(planned["steps"], steps[0]))
        self.assertIn(planned["shape"], MINIATURES)

        joined = self.folder / "weights.ckpt"
        borrowed.join(self.folder / "back", joined)
        state = torch.load(joined, weights_only=True)
        kept = torch.load(self.folder / "machine" / "run" / "latest.ckpt", weights_only=True)
        for name, tensor in kept["model"].items():
            torch.testing.assert_close(state["model"][name], tensor, rtol=1e-2, atol=1e-2)
        Model(Shape(**state["shape"])).load_state_dict(state["model"])

        # Another machine continues from the pieces.
        taken = options(self.folder, first, work=self.folder / "other", init=joined)
        borrowed.call(taken, (planned["shape"],))
        resumed = json.loads((self.folder / "back" / "weights.json").read_text())["step"]
        self.assertGreaterEqual(resumed, steps[1])

    def test_text_parcel_is_packed_on_the_machine(self) -> None:
        corpus = self.folder / "corpus"
        corpus.mkdir()
        text = "".join(f"def step_{i}(items, limit={i}):\n    total = {i}\n    return [total, limit]\n\n" for i in range(60))
        rows = [{"language": "python", "package": "mini", "path": f"{n}.py", "text": text + f"# {n}\n"} for n in range(12)]
        written = "".join(json.dumps(row) + "\n" for row in rows)
        (corpus / "train.jsonl").write_text(written, encoding="utf-8")
        tokenizer = self.folder / "tokenizer.json"
        train_tokenizer([text], 300).save(str(tokenizer))
        with mock.patch.object(parcels, "SLICE_BYTES", len(written) // 5):
            packed = borrowed.pack_text(corpus, tokenizer, self.folder / "parcels", 0.03)
            few = borrowed.pack_text(corpus, tokenizer, self.folder / "few", 0.03, most=1)
        self.assertEqual(len(few), 1)
        sent = [parcels.decompressed(part).decode().splitlines() for parcel in packed for part in sorted(parcel.glob("text-*.xz"))]
        self.assertEqual(sorted(line for part in sent for line in part), sorted(written.splitlines()))

        with mock.patch.object(borrowed, "SHARD_ROWS", 8):
            borrowed.call(options(self.folder, packed[0], vocabulary=300, context=64, minutes_left=0.1), MINIATURES)
        made = borrowed.count_shards(self.folder / "machine" / "rows", 64)
        self.assertGreater(made, 0)
        # No partial shard is left, so that the next call's packers continue after these.
        left = sorted(path.name for path in (self.folder / "machine" / "rows").iterdir())
        self.assertEqual(left, [shard_path(Path(), 64, number).name for number in range(made)])
        self.assertGreater(json.loads((self.folder / "back" / "weights.json").read_text())["step"], 0)

    def test_incomplete_or_mixed_pieces_are_refused(self) -> None:
        arguments = argparse.Namespace(seed=1, device="cpu", context=CONTEXT, muon_rate=0.02, adam_rate=3e-3)
        run = Run(Shape(vocabulary=VOCABULARY, **MINIATURES[0]), arguments)
        checkpoint, back = self.folder / "latest.ckpt", self.folder / "back"
        back.mkdir()
        run.save(checkpoint)
        pieces = borrowed.hand_out(checkpoint, back, 0.02)
        self.assertGreater(len(pieces), 1)
        self.assertLessEqual(max(piece.stat().st_size for piece in pieces), 0.02 * borrowed.MIB)
        # In two calls as in one.
        for piece in pieces:
            piece.unlink()
        first = borrowed.hand_out(checkpoint, back, 0.02, most=2)
        gathered = {piece.name: piece.read_bytes() for piece in first}
        rest = borrowed.hand_out(checkpoint, back, 0.02, first=2)
        self.assertEqual([*first, *rest], pieces)
        for name, data in gathered.items():
            (back / name).write_bytes(data)
        borrowed.join(back, self.folder / "joined.ckpt")

        whole = pieces[0].read_bytes()
        pieces[0].write_bytes(b"x" + whole[1:])
        with self.assertRaisesRegex(SystemExit, "one call"):
            borrowed.join(back, self.folder / "joined.ckpt")
        pieces[0].unlink()
        with self.assertRaisesRegex(SystemExit, "did not come back"):
            borrowed.join(back, self.folder / "joined.ckpt")


if __name__ == "__main__":
    unittest.main()
