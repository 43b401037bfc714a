"""The tokenizer: byte-level BPE with the sentinels of the Qwen2.5-Coder family.

Its pre-tokenizer is the one GGUF calls `qwen2`, so any engine that reads the file
splits text as training did: digits one by one, a run of spaces apart from the word
behind it (indentation gets tokens of its own), line breaks with the blanks before.

    python tokenizer.py --corpus DIR --out tokenizer.json --vocabulary 16384
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from fim import SENTINELS

PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def around(model: models.BPE) -> Tokenizer:
    """A tokenizer of this family around a BPE model."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), "isolated", False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def from_lists(tokens: list[str], merges: list[str]) -> Tokenizer:
    """The tokenizer a GGUF file describes: its token list and its merges."""
    pairs = [tuple(merge.split(" ", 1)) for merge in merges]
    tokenizer = around(models.BPE({token: i for i, token in enumerate(tokens)}, pairs))
    tokenizer.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SENTINELS])
    return tokenizer


def train(texts, vocabulary: int) -> Tokenizer:
    tokenizer = around(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SENTINELS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--vocabulary", type=int, default=16384)
    parser.add_argument("--megabytes", type=int, default=60, help="text to learn merges from")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    by_language: dict[str, list[str]] = {}
    with (args.corpus / "train.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            by_language.setdefault(row["language"], []).append(row["text"])
    rng, chosen = random.Random(args.seed), []
    for texts in by_language.values():
        rng.shuffle(texts)
        size = 0
        for text in texts:
            size += len(text)
            if size > args.megabytes * 1_000_000 / len(by_language):
                break
            chosen.append(text)
    tokenizer = train(chosen, args.vocabulary)
    tokenizer.save(str(args.out))
    sample = chosen[:: max(1, len(chosen) // 300)]
    tokens = sum(len(tokenizer.encode(text).ids) for text in sample)
    print(f"{tokenizer.get_vocab_size()} tokens, {sum(map(len, sample)) / tokens:.2f} characters per token")


if __name__ == "__main__":
    main()
