"""Token rows: packed once on CPU cores, then read by any number of training runs.

A shard is a compressed array of `uint16` rows of `context + 1` tokens. A row consists of whole
samples, followed by padding. A shard depends only on the corpus, the tokenizer, the seed and its
number, so several processes may make shards in any order, and more can be added later.

    python rows.py --corpus DIR --tokenizer FILE --out DIR --context 512 --shards 0:8
"""

from __future__ import annotations

import argparse
import bisect
import functools
import json
import mmap
import os
import random
import re
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from fim import PAD, Document, Encoder, Mix

# The share of samples of each language, regardless of the amount of text.
LANGUAGE_WEIGHT = {
    "rust": 1.0, "python": 1.0, "typescript": 0.9, "javascript": 0.8, "go": 0.9, "java": 0.9, "cpp": 0.9, "c": 0.8,
    "bash": 0.4, "ruby": 0.4,
}  # fmt: skip
OTHER_WEIGHT = 0.2
SMALLEST_SAMPLE = 48
# The start of a line of corpus.py, with the two fields by which documents are drawn.
HEAD = re.compile(rb'\{"language": "([^"]*)", "package": "([^"]*)", ')


def read_documents(path: Path) -> list[Document]:
    with path.open(encoding="utf-8") as lines:
        return [Document(**json.loads(line)) for line in lines]


class Sampler:
    """Draws documents: by language first, then in proportion to their length.

    Stores only each document's offset in the file and reads the document when it is drawn, because
    the text of ten languages is larger than a process should hold.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.by_language: dict[str, list[int]] = defaultdict(list)
        self.by_package: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.cumulative: dict[str, list[int]] = {}
        offset = 0
        while (end := self.data.find(b"\n", offset)) >= 0:
            head = HEAD.match(self.data, offset)
            if head is None:
                raise SystemExit(f"{path}: no document at byte {offset}: make it with corpus.py")
            language, package = (json.loads(b'"' + part + b'"') for part in head.groups())
            sums = self.cumulative.setdefault(language, [])
            sums.append((sums[-1] if sums else 0) + min(end - offset, 30_000))
            self.by_language[language].append(offset)
            self.by_package[language, package].append(offset)
            offset = end + 1
        self.languages = sorted(self.by_language)
        self.weights = [LANGUAGE_WEIGHT.get(name, OTHER_WEIGHT) for name in self.languages]

    def read(self, offset: int) -> Document:
        return Document(**json.loads(self.data[offset : self.data.find(b"\n", offset)]))

    def draw(self, rng: random.Random) -> Document:
        name = rng.choices(self.languages, self.weights)[0]
        sums = self.cumulative[name]
        return self.read(self.by_language[name][bisect.bisect_left(sums, rng.random() * sums[-1])])

    def neighbours(self, rng: random.Random, document: Document, count: int = 6) -> list[Document]:
        """Returns some other documents of the same package; fewer if it has fewer."""
        package = self.by_package[document.language, document.package]
        drawn = (self.read(offset) for offset in rng.sample(package, min(count, len(package))))
        return [other for other in drawn if other.path != document.path]


def draw_row(rng: random.Random, sampler: Sampler, encoder: Encoder, context: int) -> list[int]:
    """One row of `context + 1` tokens, filled with whole samples."""
    length, row, misses = context + 1, [], 0
    while length - len(row) >= SMALLEST_SAMPLE and misses < 6:
        left = length - len(row)
        budget = min(left, int(context * rng.choice((0.35, 0.5, 0.75, 1.01))))
        document = sampler.draw(rng)
        neighbours = functools.partial(sampler.neighbours, rng, document)
        sample = encoder.sample(rng, document, neighbours, budget)
        if sample:
            row += sample
        else:
            misses += 1
    if len(row) > length:
        raise AssertionError(f"a sample overran its budget: {len(row)} > {length}")
    return row + [PAD] * (length - len(row))


def shard_path(folder: Path, context: int, number: int) -> Path:
    return folder / f"rows-{context}-{number:05d}.npz"


def count_shards(folder: Path, context: int) -> int:
    """Returns the number of shards, counted from the first without a gap."""
    number = 0
    while shard_path(folder, context, number).exists():
        number += 1
    return number


def pack_shard(sampler: Sampler, encoder: Encoder, out: Path, *, context: int, rows: int, seed: int, number: int) -> Path:
    """Writes shard `number`; the file is complete or absent, never partial."""
    rng = random.Random(f"{seed}/{context}/{number}")
    array = np.array([draw_row(rng, sampler, encoder, context) for _ in range(rows)], dtype=np.uint16)
    path = shard_path(out, context, number)
    partial = path.with_suffix(".part.npz")
    np.savez_compressed(partial, rows=array)
    partial.rename(path)
    return path


class RowReader:
    """Rows of a folder's shards in order, addressed by one running number."""

    def __init__(self, folder: Path, context: int) -> None:
        self.folder, self.context = folder, context
        first = shard_path(folder, context, 0)
        if not first.exists():
            raise SystemExit(f"no rows of {context} tokens in {folder}: make them with rows.py")
        self.cache: dict[int, np.ndarray] = {}
        self.per_shard = len(self.load(0))

    def load(self, number: int) -> np.ndarray:
        if number not in self.cache:
            self.cache = {k: v for k, v in self.cache.items() if k >= number - 1}
            with np.load(shard_path(self.folder, self.context, number)) as data:
                self.cache[number] = data["rows"]
        return self.cache[number]

    def count(self) -> int:
        """Returns the number of shards, counted from the first without a gap."""
        return count_shards(self.folder, self.context)

    def batch(self, start: int, size: int) -> np.ndarray:
        """Returns rows `start` to `start + size`; after the last shard it starts again at the
        first."""
        shards, picked = self.count(), []
        for row in range(start, start + size):
            number, offset = divmod(row, self.per_shard)
            picked.append(self.load(number % shards)[offset])
        return np.stack(picked).astype(np.int64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", type=Path, required=True, help="folder with train.jsonl")
    parser.add_argument("--split", default="train", choices=("train", "heldout"))
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--rows", type=int, default=2048, help="rows of one shard")
    parser.add_argument("--shards", default="0:1", help="numbers to make, FIRST:END or FIRST:END:STEP")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--with-parent", action="store_true", help="stop when the process that started this one ends")
    parser.add_argument("--spm", type=float, default=0.0, help="share of suffix-first samples")
    args = parser.parse_args()

    from tokenizers import Tokenizer

    started = time.time()
    sampler = Sampler(args.corpus / f"{args.split}.jsonl")
    encoder = Encoder(Tokenizer.from_file(str(args.tokenizer)), Mix(spm=args.spm))
    args.out.mkdir(parents=True, exist_ok=True)
    numbers = range(*(int(part) for part in args.shards.split(":")))
    print(f"{sum(map(len, sampler.by_language.values()))} documents in {time.time() - started:.0f} s", flush=True)
    parent = os.getppid()
    for number in numbers:
        if args.with_parent and os.getppid() != parent:
            return
        if shard_path(args.out, args.context, number).exists():
            continue
        started = time.time()
        path = pack_shard(
            sampler, encoder, args.out, context=args.context, rows=args.rows, seed=args.seed, number=number
        )
        with np.load(path) as data:
            padding = float((data["rows"] == PAD).mean())
        print(
            f"{path.name}: {path.stat().st_size / 2**20:.1f} MiB, padding {padding:.1%}, {time.time() - started:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
