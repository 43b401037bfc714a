#!/usr/bin/env python3
"""Computes how many typists one graphics processor serves, from what a key costs and a data sheet.

    plan.py [--computed 7.2] [--decoded 2.9] [--requests 0.33] [--keys 4.4] [--typing 0.1]

Nothing here is measured on such a processor. A step gives one token to each request that runs; it
reads the weights once and the KV cache of each request. Prompt tokens are limited by arithmetic.
"""

import argparse
from dataclasses import dataclass

# Qwen2.5-Coder-1.5B in bf16, by its configuration: 28 layers, 2 KV heads of 128 values.
PARAMETERS = 1.54e9
WEIGHT_BYTES = 2 * PARAMETERS
KV_BYTES = 28 * 2 * 2 * 128 * 2
# Tokens of an open document that are in the cache.
DOCUMENT_TOKENS = 1500
DOCUMENT_BYTES = DOCUMENT_TOKENS * KV_BYTES
# The part of the data sheet that a server is assumed to reach.
OF_BANDWIDTH, OF_ARITHMETIC, OF_MEMORY = 0.5, 0.3, 0.9
# A whole answer takes at most this many seconds.
ANSWER_SECONDS = 0.25


@dataclass
class Card:
    """A data sheet: bytes, bytes per second, dense bf16 operations per second."""

    name: str
    memory: float
    bandwidth: float
    arithmetic: float


CARDS = [
    Card("L4", 24e9, 0.30e12, 121e12),
    Card("L40S", 48e9, 0.864e12, 362e12),
    Card("A100 80 GB", 80e9, 2.04e12, 312e12),
    Card("H100 SXM", 80e9, 3.35e12, 989e12),
    Card("H200", 141e9, 4.8e12, 989e12),
]


def answer_seconds(card: Card, typing: int, args: argparse.Namespace) -> float:
    """Returns how long an answer takes while so many type; infinite if the card cannot keep up."""
    keys = typing * args.keys
    prompts = keys * args.computed * 2 * PARAMETERS / (card.arithmetic * OF_ARITHMETIC)
    if prompts >= 1:
        return float("inf")
    # The tokens of a second have to be decoded in the part of it that prompts leave.
    tokens = keys * args.decoded / (1 - prompts)
    free = card.bandwidth * OF_BANDWIDTH - tokens * DOCUMENT_BYTES
    if free <= 0:
        return float("inf")
    # With B requests at once a step takes (weights + B * document) / bandwidth, and B is
    # tokens * step.
    step = WEIGHT_BYTES / free
    return args.decoded / args.requests * step / (1 - prompts)


def most_typing(card: Card, args: argparse.Namespace) -> int:
    """Returns how many may type at the same moment."""
    low, high = 0, 1_000_000
    while low < high:
        middle = (low + high + 1) // 2
        if answer_seconds(card, middle, args) <= ANSWER_SECONDS:
            low = middle
        else:
            high = middle - 1
    return low


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default, text in [
        ("computed", 7.2, "prompt tokens that the server computes per key"),
        ("decoded", 2.9, "tokens that it decodes per key"),
        ("requests", 0.33, "requests per key"),
        ("keys", 4.4, "keys per second of one who types"),
        ("typing", 0.1, "share of the people who type at the same moment"),
    ]:
        parser.add_argument(f"--{name}", type=float, default=default, help=f"{text} ({default})")
    args = parser.parse_args()
    print("| card | typing at once | people | documents in its cache | cards for 10,000 | for 1,000,000 |")
    print("|---|--:|--:|--:|--:|--:|")
    for card in CARDS:
        typing = most_typing(card, args)
        people = int(typing / args.typing)
        documents = int((card.memory * OF_MEMORY - WEIGHT_BYTES) / DOCUMENT_BYTES)
        need = [f"{-(-n // people):,}" if people else "never" for n in (10_000, 1_000_000)]
        print(f"| {card.name} | {typing:,} | {people:,} | {documents:,} | {need[0]} | {need[1]} |")


if __name__ == "__main__":
    main()
