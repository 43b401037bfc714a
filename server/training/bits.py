"""Bits per character of GGUF files on held-out code, computed by lowkey's own engine.

A quick measurement before `bench quality`.

    cargo build --release --example perplexity
    python bits.py --perplexity ../../target/release/examples/perplexity --texts work/heldout/development A.gguf B.gguf

The figures are per character, so vocabularies may differ. The texts are the beginnings of files,
with an equal number of each suffix, one after another. Windows of 512 tokens start from an empty
cache, and their second halves count.
"""

from __future__ import annotations

import argparse
import math
import random
import subprocess
from collections import defaultdict
from pathlib import Path

from gguf import GGUFReader

from tokenizer import from_lists

WINDOW = 512


def texts(folder: Path, characters: int) -> str:
    """Returns about `characters` of code, the same for the same folder: files in a fixed random
    order, suffixes in turn."""
    by_suffix: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        by_suffix[path.suffix].append(path)
    for paths in by_suffix.values():
        random.Random(1).shuffle(paths)
    chosen, length = [], 0
    while length < characters and any(by_suffix.values()):
        for suffix in sorted(by_suffix):
            if by_suffix[suffix] and length < characters:
                text = by_suffix[suffix].pop().read_text(encoding="utf-8", errors="replace")[:4000]
                chosen.append(text)
                length += len(text)
    return "".join(chosen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--perplexity", type=Path, required=True, help="the built example `perplexity`")
    parser.add_argument("--texts", type=Path, required=True, help="a folder of code that the models have not seen")
    parser.add_argument("--characters", type=int, default=80_000)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    text = texts(args.texts, args.characters)
    print("| file | bytes | tokens | perplexity | bits per character |\n|---|--:|--:|--:|--:|", flush=True)
    for model in args.models:
        fields = GGUFReader(model).fields
        tokens, merges = (fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "merges"))
        ids = from_lists(tokens, merges).encode(text).ids
        answer = subprocess.run(
            [args.perplexity, model, str(args.threads), str(WINDOW)],
            input=" ".join(map(str, ids)), capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        perplexity = float(answer.split()[0])
        bits = math.log2(perplexity) * len(ids) / len(text)
        print(f"| {model.name} | {model.stat().st_size:,} | {len(ids):,} | {perplexity:.4f} | {bits:.4f} |", flush=True)


if __name__ == "__main__":
    main()
