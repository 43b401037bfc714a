"""A smaller vocabulary: the most frequent tokens in code, with the parts of their merges."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rows import read_documents

# Characters that are counted of each language: the same number for all, so that no language
# dominates.
SHARE = 6_000_000
# ggml token types.
NORMAL, UNUSED = 1, 5


def counts(tokenizer, corpus: Path, kept: Path, size: int) -> np.ndarray:
    """Returns how often each of `size` tokens occurs, with the same weight for each language;
    cached in the file `kept`."""
    if kept.exists():
        return np.load(kept)
    seen: dict[str, np.ndarray] = {}
    characters: dict[str, int] = {}
    for document in read_documents(corpus):
        language = document.language
        if characters.setdefault(language, 0) >= SHARE:
            continue
        characters[language] += len(document.text)
        found = np.bincount(tokenizer.encode(document.text).ids, minlength=size)
        seen[language] = seen.get(language, 0) + found[:size]
    total = sum(found / max(1, characters[language]) for language, found in seen.items())
    np.save(kept, total)
    return total


def kept(tokens: list[str], merges: list[str], types: list[int], counts: np.ndarray, size: int) -> np.ndarray:
    """Returns the ids to keep in rising order: control tokens, single bytes, the most frequent
    tokens, and the parts of their merges.

    A merge makes a token from two tokens, which must be kept as well; so the result may be slightly
    larger than `size`.
    """
    ids = {token: i for i, token in enumerate(tokens)}
    parts = {left + right: (left, right) for left, right in (merge.split(" ", 1) for merge in merges)}
    chosen = {i for i, (token, kind) in enumerate(zip(tokens, types)) if kind not in (NORMAL, UNUSED) or len(token) == 1}

    def add(token: str) -> None:
        pending = [token]
        while pending:
            token = pending.pop()
            if ids[token] not in chosen:
                chosen.add(ids[token])
                pending.extend(parts.get(token, ()))

    for i in np.argsort(-counts, kind="stable"):
        if len(chosen) >= size:
            break
        add(tokens[i])
    return np.array(sorted(chosen))


def merges_of(merges: list[str], tokens: set[str]) -> list[str]:
    """Returns the merges whose parts and result are kept, in their order."""
    return [m for m in merges if all(token in tokens for token in (*m.split(" ", 1), m.replace(" ", "", 1)))]
