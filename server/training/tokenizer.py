"""The tokenizer: byte-level BPE with the sentinels of the Qwen2.5-Coder family.

Its pre-tokenizer is the one that GGUF calls `qwen2`, so any engine that reads the file splits text
as in training: single digits, a run of spaces separate from the word after it (indentation gets its
own tokens), line breaks together with the blanks before them.

    python tokenizer.py --corpus DIR --out tokenizer.json --vocabulary 16384
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from fim import SENTINELS
from rows import HEAD

# The number of languages that share the training text of the tokenizer.
LANGUAGES = 10
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
    """Returns the tokenizer of a GGUF file: its token list and its merges."""
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


def balanced(path: Path, share: int) -> dict[str, list[str]]:
    """Returns the first documents of each language, at most `share` characters of it.

    Documents in a corpus are in random order, so the first ones are a sample.
    """
    texts: dict[str, list[str]] = defaultdict(list)
    left: dict[str, int] = defaultdict(lambda: share)
    with path.open("rb") as lines:
        for line in lines:
            language = HEAD.match(line).group(1).decode()
            if left[language] > 0:
                texts[language].append(json.loads(line)["text"])
                left[language] -= len(texts[language][-1])
    return texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--vocabulary", type=int, default=16384)
    parser.add_argument("--megabytes", type=int, default=60, help="text to learn merges from")
    args = parser.parse_args()
    # The same number of characters of each language; a language with less text does not give its
    # share to the others.
    texts = balanced(args.corpus / "train.jsonl", args.megabytes * 1_000_000 // LANGUAGES)
    tokenizer = train((text for language in sorted(texts) for text in texts[language]), args.vocabulary)
    tokenizer.save(str(args.out))
    figures = {
        language: round(sum(len(text.encode()) for text in some) / sum(len(tokenizer.encode(text).ids) for text in some), 2)
        for language, some in sorted(balanced(args.corpus / "heldout.jsonl", 200_000).items())
    }
    print(f"{tokenizer.get_vocab_size()} tokens; bytes per token of held-out text: {figures}")


if __name__ == "__main__":
    main()
