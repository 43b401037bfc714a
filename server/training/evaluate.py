"""Held-out figures of a GGUF model: bits per character, and holes answered greedily.

    python evaluate.py --corpus DIR --model a.gguf --model b.gguf --holes 480 --out figures.json

The holes depend only on the corpus and the seed, so every model gets the same ones. The prompt is
the server's: path, lines above the cursor's line, text below, then the line so far as a forced
middle. Single-line holes are answered to the line's end, block holes to end-of-text or the end of
the scope.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from export import read
from fim import EOT, MID, PRE, SEP, SUF, Document, indent, is_closers, scope_end
from ngram import ORDER, NGram, bits, training_tokens
from rows import read_documents

ABOVE, BELOW = 22, 8
MAX_TOKENS = {"line": 48, "rest": 48, "block": 160}
KINDS, SHARES = ("line", "rest", "block"), (0.25, 0.5, 0.25)
LONGEST_PROMPT = 900


@dataclass(frozen=True)
class Question:
    """One hole: the prompt's text, the typed text of the line, and the text that should follow."""

    language: str
    kind: str
    path: str
    above: str
    typed: str
    below: str
    answer: str
    base_indent: int


def draw_question(rng: random.Random, document: Document) -> Question | None:
    kind, lines = rng.choices(KINDS, SHARES)[0], document.lines
    if not document.code:
        return None
    i = rng.choice(document.code)
    line, last, base = lines[i], i, indent(lines[i])
    if kind == "block":
        # Line `i` opens the scope; the cursor is in the first line of the scope, already indented.
        end = scope_end(lines, i)
        if not 1 <= end - i - 1 <= 8 or not lines[i + 1].strip():
            return None
        i, last = i + 1, end - 1
        line = lines[i]
        typed = indent(line)
    elif kind == "line":
        typed = indent(line)
    else:
        typed = rng.randint(indent(line) + 1, max(indent(line) + 1, len(line) - 2))
    answer = "\n".join([line[typed:], *lines[i + 1 : last + 1]])
    if len(answer.strip()) < 2 or len(answer) > 400 or is_closers(answer):
        return None
    above = "".join(text + "\n" for text in lines[max(0, i - ABOVE) : i])
    below = "".join("\n" + text for text in lines[last + 1 : last + 1 + BELOW])
    return Question(document.language, kind, document.path, above, line[:typed], below, answer, base)


def draw_questions(documents: list[Document], count: int, seed: int) -> list[Question]:
    """Returns `count` questions, the same number per language, each package of a language with the
    same weight."""
    rng = random.Random(seed)
    packages: dict[str, dict[str, list[Document]]] = defaultdict(lambda: defaultdict(list))
    for document in documents:
        packages[document.language][document.package].append(document)
    questions = []
    for language in sorted(packages):
        names, wanted = sorted(packages[language]), count // len(packages)
        while wanted:
            question = draw_question(rng, rng.choice(packages[language][rng.choice(names)]))
            if question:
                questions.append(question)
                wanted -= 1
    return questions


class Answerer:
    """A model with its tokenizer that answers one question at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model, self.tokenizer = read(path)

    def ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids if text else []

    @property
    def name(self) -> str:
        return self.path.name

    def prompt(self, question: Question) -> list[int]:
        above, below = self.ids(question.above), self.ids(question.below)
        head = [SEP, *self.ids(question.path + "\n"), PRE]
        typed = self.ids(question.typed)
        room = LONGEST_PROMPT - len(head) - len(typed) - 2
        below = below[: room // 3]
        above = above[-(room - len(below)) :]
        return [*head, *above, SUF, *below, MID, *typed]

    @torch.no_grad()
    def answer(self, question: Question) -> tuple[str, float]:
        """Returns the greedy answer, and the bits that the model needs for the right one."""
        prompt, right = self.prompt(question), self.ids(question.answer)
        caches = self.model.caches()
        logits = self.model(torch.tensor([prompt]), caches)[0, -1]
        kept = [list(cache) for cache in caches]
        nats = -F.log_softmax(logits, -1)[right[0]].item()
        rest = self.model(torch.tensor([right]), kept)[0]
        nats += F.cross_entropy(rest, torch.tensor([*right[1:], EOT]), reduction="sum").item()
        given: list[int] = []
        while len(given) < MAX_TOKENS[question.kind]:
            token = int(logits.argmax())
            if token < 7:
                break
            given.append(token)
            if self.finished(question, given):
                break
            logits = self.model(torch.tensor([[token]]), caches)[0, -1]
        return self.trim(question, self.tokenizer.decode(given)), nats / math.log(2)

    def finished(self, question: Question, given: list[int]) -> bool:
        text = self.tokenizer.decode(given)
        if question.kind != "block":
            return "\n" in text
        return self.trim(question, text) != text.rstrip() and text.count("\n") > 0

    @staticmethod
    def trim(question: Question, text: str) -> str:
        """Returns the text that the server would keep: one line, or the lines inside the scope."""
        if question.kind != "block":
            return text.split("\n")[0].rstrip()
        first, *more = text.split("\n")
        kept = [first]
        for line in more:
            if line.strip() and indent(line) <= question.base_indent:
                break
            kept.append(line)
        return "\n".join(kept).rstrip()

    @torch.no_grad()
    def bits_per_character(self, windows: list[tuple[str, str]]) -> float:
        bits = characters = 0.0
        for path, text in windows:
            head = [SEP, *self.ids(path + "\n")]
            ids = [*head, *self.ids(text)][:1024]
            characters += len(self.tokenizer.decode(ids[len(head) :]))
            logits = self.model(torch.tensor([ids[:-1]]))[0]
            targets = torch.tensor(ids[1:])
            each = F.cross_entropy(logits, targets, reduction="none")
            bits += each[len(head) - 1 :].sum().item() / math.log(2)
        return bits / characters


class NGramAnswerer(Answerer):
    """The 5-gram in place of a model; it sees only the text before the cursor."""

    name = "kneser-ney-5-gram"

    def __init__(self, corpus: Path, tokenizer, most_tokens: int) -> None:
        self.tokenizer = tokenizer
        tokens = training_tokens(corpus, tokenizer, most_tokens)
        self.model = NGram(tokens, tokenizer.get_vocab_size())

    def answer(self, question: Question) -> tuple[str, float]:
        history = [*self.ids(question.above), *self.ids(question.typed)]
        bits_needed, seen = 0.0, list(history)
        for token in [*self.ids(question.answer), EOT]:
            bits_needed += bits(self.model.next(seen)[token])
            seen.append(token)
        given: list[int] = []
        while len(given) < MAX_TOKENS[question.kind]:
            token = int(self.model.next(history).argmax())
            if token < 7:
                break
            given.append(token)
            history.append(token)
            if self.finished(question, given):
                break
        return self.trim(question, self.tokenizer.decode(given)), bits_needed

    def bits_per_character(self, windows: list[tuple[str, str]]) -> float:
        total = characters = 0.0
        for _, text in windows:
            ids = self.ids(text)[:1000]
            characters += len(self.tokenizer.decode(ids))
            total += sum(bits(self.model.next(ids[max(0, at - ORDER) : at])[ids[at]]) for at in range(len(ids)))
        return total / characters


def draw_windows(documents: list[Document], count: int, seed: int) -> dict[str, list[tuple[str, str]]]:
    """Returns plain windows of at most 2,400 characters per language."""
    windows: dict[str, list[tuple[str, str]]] = {}
    for language in sorted({d.language for d in documents}):
        rng = random.Random(f"{seed}/{language}")
        mine = [d for d in documents if d.language == language]
        windows[language] = []
        for _ in range(count):
            document = rng.choice(mine)
            start = document.starts[rng.randrange(max(1, len(document.lines) - 40))]
            windows[language].append((document.path, document.text[start : start + 2400]))
    return windows


def similarity(a: str, b: str) -> float:
    """Returns one minus the edit distance over the longer length."""
    if not a or not b:
        return float(a == b)
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return 1 - row[-1] / max(len(a), len(b))


def summarize(rows: list[dict]) -> dict:
    count = max(1, len(rows))
    return {
        "holes": len(rows),
        "exact_match": round(sum(r["exact"] for r in rows) / count, 4),
        "first_line_match": round(sum(r["first_line"] for r in rows) / count, 4),
        "edit_similarity": round(sum(r["similarity"] for r in rows) / count, 4),
        "empty": round(sum(r["empty"] for r in rows) / count, 4),
        "answer_bits_per_character": round(
            sum(r["bits"] for r in rows) / max(1, sum(r["characters"] for r in rows)), 4
        ),
    }


def evaluate(answerer: Answerer, questions: list[Question], windows: dict) -> tuple[dict, list[dict]]:
    rows, started = [], time.time()
    for question in questions:
        given, bits = answerer.answer(question)
        right = "\n".join(line.rstrip() for line in question.answer.split("\n")).rstrip()
        given = "\n".join(line.rstrip() for line in given.split("\n"))
        rows.append(
            {
                "language": question.language, "kind": question.kind, "given": given, "right": right,
                "exact": given == right, "first_line": given.split("\n")[0] == right.split("\n")[0],
                "similarity": similarity(given, right), "empty": not given.strip(),
                "bits": bits, "characters": len(question.answer),
            }  # fmt: skip
        )
    result = {"model": answerer.name, "all": summarize(rows)}
    for kind in KINDS:
        result[kind] = summarize([r for r in rows if r["kind"] == kind])
    for language in sorted(windows):
        result[language] = summarize([r for r in rows if r["language"] == language])
        result[language]["bits_per_character"] = round(answerer.bits_per_character(windows[language]), 4)
    per_language = [result[language]["bits_per_character"] for language in windows]
    result["all"]["bits_per_character"] = round(sum(per_language) / len(per_language), 4)
    result["seconds"] = round(time.time() - started)
    return result, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--model", type=Path, action="append", required=True)
    parser.add_argument("--holes", type=int, default=480)
    parser.add_argument("--windows", type=int, default=40, help="plain windows per language")
    parser.add_argument("--ngram", type=int, default=0, metavar="TOKENS",
                        help="also a Kneser-Ney 5-gram of this many training tokens")  # fmt: skip
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--answers", type=Path, help="also write every answer, as JSON lines")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    documents = read_documents(args.corpus / "heldout.jsonl")
    questions = draw_questions(documents, args.holes, args.seed)
    windows = draw_windows(documents, args.windows, args.seed)
    results = []
    answerers = [Answerer(path) for path in args.model]
    if args.ngram:
        answerers.append(NGramAnswerer(args.corpus, answerers[0].tokenizer, args.ngram))
    for answerer in answerers:
        result, rows = evaluate(answerer, questions, windows)
        results.append(result)
        print(json.dumps(result, indent=1), flush=True)
        if args.answers:
            with args.answers.open("a", encoding="utf-8") as out:
                for row in rows:
                    out.write(json.dumps({"model": answerer.name, **row}, ensure_ascii=False) + "\n")
    if args.out:
        args.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
