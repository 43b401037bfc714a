"""Properties of the recipe, on a miniature: `python -m unittest test_recipe`."""

from __future__ import annotations

import argparse
import io
import json
import random
import tarfile
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

from average import average
from corpus import File, Repeats, fault, fingerprints, judge, language_of, walk, without_licence
from debian import Copyright, spdx, unpack
from evaluate import draw_question, similarity
from fetch import permitted
from fim import EOT, MID, PAD, PRE, SUF, Document, Encoder, Mix, draw_hole, find_block, scope_end
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
    def test_5_gram_prefers_seen_tokens(self) -> None:
        tokens = np.array([*range(20), *range(20), 3, 4, 9, 3, 4, 9] * 4, dtype=np.uint16)
        model = NGram(tokens, 32)
        for history in ([], [3], [2, 3, 4], [7, 7, 7, 7, 7], list(range(ORDER + 3))):
            self.assertAlmostEqual(float(model.next(history).sum()), 1.0, places=9)
        self.assertEqual(int(model.next([0, 1, 2, 3]).argmax()), 4)
        # The context decides the choice where the last token alone would not.
        self.assertEqual(int(model.next([1, 2, 3, 4]).argmax()), 5)
        self.assertEqual(int(model.next([9, 3, 4]).argmax()), 9)
        self.assertGreater(float(model.next([5, 6])[31]), 0.0)


class Holes(unittest.TestCase):
    def test_hole_cuts_text_in_three(self) -> None:
        rng, kinds = random.Random(3), set()
        for _ in range(2000):
            hole = draw_hole(rng, document(), Mix())
            self.assertEqual(hole.prefix + hole.middle + hole.suffix, TEXT)
            self.assertTrue(hole.middle)
            self.assertLessEqual(hole.typed, len(hole.middle))
            kinds.add(hole.kind)
            if hole.kind in ("line", "block", "run"):
                self.assertTrue(hole.prefix == "" or hole.prefix.endswith("\n"), hole.kind)
        self.assertEqual(kinds, {"line", "block", "run", "cursor", "span"})

    def test_group_share_follows_the_mix(self) -> None:
        rng = random.Random(4)
        for group, all_lines_count in ((0.0, True), (1.0, False)):
            mix = Mix(line=1, block=0, run=0, cursor=0, span=0, group=group)
            holes = [draw_hole(rng, document(), mix) for _ in range(200)]
            cuts = {hole.prefix.count("\n") % 4 for hole in holes}
            self.assertEqual(cuts, {0, 1, 2, 3} if all_lines_count else {0})
            finished = [hole.middle[: hole.typed].count("\n") for hole in holes]
            self.assertEqual(max(finished) > 0, group == 1.0)
            self.assertLess(max(finished), 16)

    def test_brace_block_ends_at_its_brace(self) -> None:
        lines = ["int main(void)", "{", "  for (;;) {", "    a();", "", "    b();", "  }", "  c();", "}", ""]
        rng, ends = random.Random(1), set()
        for _ in range(200):
            found = find_block(rng, Document("c", "mini", "a.c", "\n".join(lines)), 0)
            ends.add("\n".join(lines)[: found[2]].split("\n")[-1])
        self.assertEqual(ends, {"  c();", "}"})

    def test_word_closed_scope_is_a_block(self) -> None:
        rng = random.Random(1)
        shell = "for f in *; do\n  a\n  b\ndone\n"
        ruby = "def a(x)\n  b\n  c\nend\n"
        preprocessor = "int a(void) {\n    b();\n#ifdef C\n    c();\n#endif\n}\n"
        for text, ends in ((shell, {"  b", "done"}), (ruby, {"  c", "end"})):
            found = [find_block(rng, Document("", "", "", text), 0) for _ in range(50)]
            self.assertEqual({text[:end].split("\n")[-1] for _, _, end in found}, ends)
        self.assertIsNone(find_block(rng, Document("c", "", "", preprocessor), 0))

    def test_scope_ends_before_dedent(self) -> None:
        self.assertEqual(scope_end(["if a:", "    b", "", "    c", "", "d"], 0), 4)
        self.assertEqual(scope_end(["f {", "}", "g"], 0), 1)

    def test_questions_continue_the_prompt(self) -> None:
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
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.corpus = Path(folder) / "train.jsonl"
        rows = ({"language": "python", "package": "mini", "path": f"mini/{n}.py", "text": TEXT} for n in "abc")
        cls.corpus.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def rows(self, count: int, context: int = 256) -> np.ndarray:
        rng, sampler = random.Random(1), Sampler(self.corpus)
        encoder = Encoder(self.tokenizer, Mix(spm=0.3))
        return np.array([draw_row(rng, sampler, encoder, context) for _ in range(count)], dtype=np.uint16)

    def test_samples_are_closed_or_fill_the_row(self) -> None:
        for row in self.rows(40):
            tokens = row.tolist()
            self.assertEqual(tokens.count(PRE), tokens.count(SUF))
            self.assertEqual(tokens.count(PRE), tokens.count(MID))
            self.assertGreaterEqual(tokens.count(EOT), tokens.count(MID))

    def test_mask_covers_middles_only(self) -> None:
        row = torch.tensor([[9, 9, EOT, PRE, 7, SUF, 8, MID, 11, 12, EOT, 9, PAD]])
        self.assertEqual(row[:, 1:][middle_mask(row)].tolist(), [11, 12, EOT])

    def test_stopped_run_has_the_same_weights(self) -> None:
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

    def test_average_is_between_its_parts(self) -> None:
        a, b = {"w": torch.tensor([0.0, 2.0])}, {"w": torch.tensor([4.0, 2.0])}
        self.assertEqual(average([(a, 3.0), (b, 1.0)])["w"].tolist(), [1.0, 2.0])

    def test_schedule_warms_up_stays_and_decays(self) -> None:
        args = argparse.Namespace(warmup_steps=2, decay_steps=4, steps=10, peak=0.5, floor=0.0)
        rates = [round(schedule(step, args), 3) for step in range(10)]
        self.assertEqual(rates, [0.25, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.375, 0.25, 0.125])


class Corpus(unittest.TestCase):
    def test_held_out_copies_are_excluded(self) -> None:
        repeats = Repeats()
        self.assertIsNone(repeats.check(True, fingerprints(TEXT)))
        self.assertEqual(repeats.check(False, fingerprints(TEXT + "x = 1\n")), "held out")

    def test_secrets_and_generated_files_are_excluded(self) -> None:
        self.assertEqual(fault("# Code generated by x; DO NOT EDIT.\n" + TEXT), "generated")
        self.assertEqual(fault(TEXT + "key = 'AKIA" + "A" * 16 + "'\n"), "secret")
        self.assertIsNone(fault(TEXT))

    def test_near_copies_are_detected(self) -> None:
        repeats = Repeats()
        self.assertIsNone(repeats.check(False, fingerprints(TEXT)))
        changed = TEXT.replace("total = 7", "total = 70")
        self.assertEqual(repeats.check(False, fingerprints(changed)), "near copy")
        other = TEXT.replace("item", "thing").replace("total", "sum_of_them")
        self.assertIsNone(repeats.check(False, fingerprints(other)))

    def test_header_language_follows_its_text(self) -> None:
        header = File("c", "a", "a.h", "", False)
        self.assertEqual(language_of(header, "struct a { int b; };\n"), "c")
        self.assertEqual(language_of(header, "namespace a {\nclass B;\n}\n"), "cpp")

    def test_generated_mark_in_licence_header_counts(self) -> None:
        text = "// Copyright a\n// Code generated by protoc. DO NOT EDIT.\n\n" + TEXT
        self.assertEqual(judge(File("go", "a", "a.go", text, False)).reason, "generated")

    def test_bundled_copies_are_skipped(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for path in ("src/a.go", "vendor/b/b.go", "x/testdata/c.go", "third_party/d.go", "api/e.pb.go", "f.min.js"):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text("x")
            self.assertEqual([relative for relative, _ in walk(folder, (".go", ".js"))], ["src/a.go"])

    def test_licence_header_is_removed(self) -> None:
        self.assertEqual(without_licence("// Copyright x\n// y\n\nfn a() {}\n"), "fn a() {}\n")
        self.assertEqual(without_licence("#![no_std]\n// licence\n"), "#![no_std]\n// licence\n")
        self.assertEqual(without_licence("/*\n  Copyright x\n*/\n#include <a.h>\n"), "#include <a.h>\n")
        self.assertEqual(without_licence("#!/bin/sh\n# Licence: x\n\nset -e\n"), "#!/bin/sh\nset -e\n")

    def test_permitted_licences_satisfy_expressions(self) -> None:
        allowed = {"MIT", "Apache-2.0", "BSD-3-Clause"}
        self.assertTrue(permitted("MIT OR GPL-3.0", allowed))
        self.assertTrue(permitted("(Apache-2.0 OR MIT) AND BSD-3-Clause", allowed))
        self.assertFalse(permitted("MIT AND GPL-3.0", allowed))

    def test_similarity_counts_edits(self) -> None:
        self.assertEqual(similarity("abcd", "abcd"), 1)
        self.assertEqual(similarity("abcd", "abxd"), 0.75)
        self.assertEqual(similarity("", "abxd"), 0)


COPYRIGHT = """Format: DEP-5

Files: *
Copyright: a
License: Expat

Files: src/parser/* lib/?.c
License: GPL-2+ or BSD-3-clause

Files: src/parser/old/*
License: GPL-3+
 Text.

Files: debian/*
License: GPL-2+
"""


class DebianPackages(unittest.TestCase):
    def test_last_matching_paragraph_gives_licence(self) -> None:
        record = Copyright(COPYRIGHT)
        self.assertEqual(record.main(), "MIT")
        self.assertEqual(record.licence("src/a.c"), "MIT")
        self.assertEqual(record.licence("src/parser/deep/a.c"), "gpl-2+ OR BSD-3-Clause")
        self.assertEqual(record.licence("lib/x.c"), "gpl-2+ OR BSD-3-Clause")
        self.assertEqual(record.licence("src/parser/old/a.c"), "gpl-3+")
        # For a binary package the packaging's own licence does not count, but that of a file inside
        # does.
        self.assertFalse(permitted(record.whole(), {"MIT", "BSD-3-Clause"}))
        self.assertTrue(permitted(Copyright(COPYRIGHT.replace("GPL-3+", "ISC")).whole(), {"MIT", "BSD-3-Clause", "ISC"}))

    def test_unreadable_copyright_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "machine-readable"):
            Copyright("This package was made by a. It is under the MIT licence.\n")

    def test_unknown_licence_names_are_not_permitted(self) -> None:
        self.assertEqual(spdx("Expat and/or Apache-2.0"), "MIT OR Apache-2.0")
        self.assertEqual(spdx("BSD-2-clause, ISC and zlib"), "BSD-2-Clause AND ISC AND Zlib")
        allowed = {"MIT", "ISC"}
        for line in ("Expat and GPL-2 or ISC", "Expat with exceptions", "", "custom"):
            self.assertFalse(permitted(spdx(line), allowed), line)

    def test_only_permitted_files_are_written(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            files = {
                "a-1/src/a.c": "int a;\n" * 40, "a-1/src/parser/old/b.c": "int b;\n" * 40, "a-1/configure": "#!/bin/sh\n" + "a\n" * 200,
                "a-1/README": "text\n" * 90, "a-1/data.bin": "x" * 500, "a-1/tiny.c": "int c;\n", "../a-1/src/up.c": "int d;\n" * 40,
                "a-1/debian/copyright": COPYRIGHT,
            }  # fmt: skip
            archive = folder / "a_1.orig.tar.gz"
            with tarfile.open(archive, "w:gz") as members:
                for path, text in files.items():
                    member = tarfile.TarInfo(path)
                    member.size = len(text)
                    members.addfile(member, io.BytesIO(text.encode()))
            kept, refused = unpack([archive], folder / "a", lambda licence: licence == "MIT")
            written = sorted(path.relative_to(folder / "a").as_posix() for path in (folder / "a").rglob("*") if path.is_file())
            self.assertEqual((written, kept, refused), (["configure", "src/a.c"], 2, 1))


if __name__ == "__main__":
    unittest.main()
