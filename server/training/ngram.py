"""The baseline without a network: an interpolated Kneser–Ney 5-gram of the training text.

    python evaluate.py --corpus DIR --model a.gguf --ngram 40000000

Counts are stored in sorted arrays of packed n-grams, so a context's followers are one slice. The
discount of each order is estimated from its counts of one and two (Ney, Essen and Kneser 1994; Chen
and Goodman 1999, section 4.1.6). As an n-gram model, it sees only the text before the cursor.
"""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import numpy as np

from fim import EOT

ORDER = 5


class NGram:
    """Probabilities of the next token by interpolated Kneser–Ney."""

    def __init__(self, tokens: np.ndarray, vocabulary: int) -> None:
        self.bits = max(1, (vocabulary - 1).bit_length())
        if self.bits * ORDER > 63:
            raise ValueError(f"{vocabulary} tokens are too many to pack {ORDER} of them in 63 bits")
        self.vocabulary = vocabulary
        self.tables: list[tuple[np.ndarray, np.ndarray, float]] = []
        grams, counts = np.unique(self.pack(tokens, ORDER), return_counts=True)
        for order in range(ORDER, 1, -1):
            self.tables.append((grams, counts, discount(counts)))
            # The count of a shorter n-gram is the number of different tokens before it.
            shorter = np.sort(grams & ((1 << (self.bits * (order - 1))) - 1))
            grams, counts = np.unique(shorter, return_counts=True)
        self.tables.reverse()
        unigram = np.full(vocabulary, 0.5)
        unigram[grams] += counts
        self.unigram = unigram / unigram.sum()

    def pack(self, tokens: np.ndarray, order: int) -> np.ndarray:
        """Packs every `order` consecutive tokens into one integer, the last token lowest."""
        packed = np.zeros(len(tokens) - order + 1, dtype=np.int64)
        for at in range(order):
            packed = (packed << self.bits) | tokens[at : len(tokens) - order + 1 + at].astype(np.int64)
        return packed

    def next(self, history: list[int]) -> np.ndarray:
        """Returns the distribution of the token after `history`, (vocabulary)."""
        result = self.unigram
        for order, (grams, counts, less) in enumerate(self.tables, 2):
            if len(history) < order - 1:
                break
            context = 0
            for token in history[-(order - 1) :]:
                context = context << self.bits | token
            first, behind = np.searchsorted(grams, [context << self.bits, (context + 1) << self.bits])
            if first == behind:
                # Longer contexts do not occur either.
                break
            seen = counts[first:behind]
            total = seen.sum()
            result = result * (less * (behind - first) / total)
            result[grams[first:behind] & ((1 << self.bits) - 1)] += np.maximum(seen - less, 0) / total
        return result


def discount(counts: np.ndarray) -> float:
    """n1 / (n1 + 2 n2)."""
    ones, twos = int((counts == 1).sum()), int((counts == 2).sum())
    return ones / max(1, ones + 2 * twos)


def training_tokens(corpus: Path, tokenizer, most: int) -> np.ndarray:
    """Returns training documents in a fixed random order, each followed by end-of-text; about
    `most` tokens."""
    with (corpus / "train.jsonl").open(encoding="utf-8") as lines:
        documents = lines.readlines()
    random.Random(1).shuffle(documents)
    parts, count = [], 0
    for document in documents:
        ids = tokenizer.encode(json.loads(document)["text"], add_special_tokens=False).ids
        parts.append(np.array([*ids, EOT], dtype=np.uint16))
        count += len(ids) + 1
        if count >= most:
            break
    return np.concatenate(parts)


def bits(probability: float) -> float:
    return -math.log2(max(probability, 1e-12))
