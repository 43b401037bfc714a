"""Fill-in-the-middle samples, drawn the way the server asks.

The server cuts the document at the *start of the cursor's line* (or of a small
group of lines that holds it) and forces what the user has typed on that line as
the first tokens of the middle.  So a training middle here is whole lines, and
its tokens are split where a cursor might have stood: the model learns to carry
on from a prefix that was tokenised on its own, and no token healing is needed.

A middle is followed by end-of-text exactly where a suggestion should end: at the
end of the line, before what an editor closed by itself, at the end of the scope
or of the run of statements.  Nothing else ends one, and a middle that is empty
is never drawn: a model that has seen many of those answers with silence.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

SENTINELS = (
    "<|endoftext|>",
    "<|fim_prefix|>",
    "<|fim_suffix|>",
    "<|fim_middle|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
)
EOT, PRE, SUF, MID, PAD, REPO, SEP = range(len(SENTINELS))

CLOSERS = frozenset(")]}>\"'`;,:")
OPENERS = ("{", "(", "[", ":", "=>", "->", "|", "=")
WORD = re.compile(r"\w+")
IDENTIFIER = re.compile(r"[A-Za-z_]\w{3,}")
COMMENT = re.compile(r"\s*(?://|#(?!\[|!|include|define|if|endif)|/?\*|--\s)")
# Characters after which people pause and editors ask.
TRIGGER = re.compile(r"[.(\[{,=:& ]")


@dataclass(frozen=True)
class Mix:
    """Shares of the kinds of sample; they need not add up to one."""

    line: float = 0.40
    block: float = 0.22
    group: float = 0.12
    run: float = 0.10
    cursor: float = 0.08
    span: float = 0.08
    plain: float = 0.08
    path_header: float = 0.85
    fragmented: float = 0.75
    suffix_empty: float = 0.10
    suffix_short: float = 0.08
    neighbour: float = 0.12
    prose: float = 0.25
    spm: float = 0.0

    def kinds(self) -> tuple[tuple[str, ...], tuple[float, ...]]:
        names = ("line", "block", "group", "run", "cursor", "span")
        return names, tuple(getattr(self, name) for name in names)


@dataclass(frozen=True)
class Hole:
    """A document cut in three; `typed` characters of the middle stood before the cursor."""

    prefix: str
    middle: str
    suffix: str
    typed: int
    kind: str


@dataclass
class Document:
    """One source file, split into lines once."""

    language: str
    package: str
    path: str
    text: str
    lines: list[str] = field(init=False)
    starts: list[int] = field(init=False)
    targets: list[int] = field(init=False)
    code: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.text.split("\n")
        self.starts, position = [], 0
        for line in self.lines:
            self.starts.append(position)
            position += len(line) + 1
        # A line of closers alone is what editors write; it teaches little.
        self.targets = [
            i for i, line in enumerate(self.lines) if len(line.strip()) > 1 and not is_closers(line)
        ]
        self.code = [i for i in self.targets if not COMMENT.match(self.lines[i])]

    def end(self, line: int) -> int:
        """Offset of the end of `line`, its line break not counted."""
        return self.starts[line] + len(self.lines[line])


def indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def is_closers(text: str) -> bool:
    """Whether `text` holds nothing but closers, punctuation and spaces."""
    return all(c in CLOSERS or c.isspace() for c in text)


def scope_end(lines: list[str], opener: int) -> int:
    """Index after the last line indented deeper than `opener`; `opener + 1` if there is none."""
    base, j = indent(lines[opener]), opener + 1
    last = j
    while j < len(lines):
        if lines[j].strip():
            if indent(lines[j]) <= base:
                break
            last = j + 1
        j += 1
    return last


def run_end(lines: list[str], first: int, most: int) -> int:
    """Index after the run of statements that starts at `first`: to a blank line or a dedent."""
    base, j = indent(lines[first]), first
    while j < len(lines) and j - first < most and lines[j].strip() and indent(lines[j]) >= base:
        j += 1
    return max(j, first + 1)


def typed_in_line(rng: random.Random, line: str) -> int:
    """How much of `line` a user may have typed when a completion is asked for."""
    start, draw = indent(line), rng.random()
    if draw < 0.28 or len(line) - start < 3:
        return start
    if draw < 0.34:
        return 0
    if draw < 0.62:
        stops = [m.end() for m in TRIGGER.finditer(line, start) if m.end() < len(line)]
        if stops:
            return rng.choice(stops)
    if draw < 0.65:
        return len(line)
    return rng.randint(start, len(line) - 1)


def line_end(rng: random.Random, line: str, typed: int) -> int:
    """Where the middle of a single-line hole ends inside `line`."""
    draw, end = rng.random(), len(line)
    if draw < 0.72 or typed >= end:
        return end
    if draw < 0.88:
        while end > typed + 1 and line[end - 1] in CLOSERS:
            end -= 1
        return end
    words = [m.end() for m in WORD.finditer(line, typed) if m.end() > typed]
    return rng.choice(words) if words else end


def draw_hole(rng: random.Random, document: Document, mix: Mix) -> Hole | None:
    """Cut one hole into `document`; None if the document offers no line for it."""
    if not document.targets:
        return None
    text, lines = document.text, document.lines
    kind = rng.choices(*mix.kinds())[0]
    # Prose is easy to find and hard to guess: most holes are cut into code.
    code = document.code and rng.random() >= mix.prose
    i = rng.choice(document.code if code else document.targets)
    if kind == "span":
        a = rng.randrange(len(text))
        b = min(len(text), a + rng.randint(4, 160))
        return Hole(text[:a], text[a:b], text[b:], rng.randint(0, min(4, b - a)), kind)
    if kind == "block":
        found = find_block(rng, document, i)
        if found is None:
            kind = "line"
        else:
            anchor, cursor, end = found
            a, b = document.starts[anchor], end
            return Hole(text[:a], text[a:b], text[b:], cursor - a, kind)
    if kind == "run":
        last = run_end(lines, i, rng.randint(2, 6)) - 1
        a, b = document.starts[i], document.end(last)
        return Hole(text[:a], text[a:b], text[b:], typed_in_line(rng, lines[i]), kind)
    typed = typed_in_line(rng, lines[i])
    end = line_end(rng, lines[i], typed)
    b = document.starts[i] + end
    if kind == "group":
        anchor = i - i % rng.choice((4, 4, 8, 16))
        a = document.starts[anchor]
        return Hole(text[:a], text[a:b], text[b:], document.starts[i] + typed - a, kind)
    if kind == "cursor" and typed < end:
        a = document.starts[i] + typed
        return Hole(text[:a], text[a:b], text[b:], 0, kind)
    a = document.starts[i]
    return Hole(text[:a], text[a:b], text[b:], min(typed, end), "line")


def find_block(rng: random.Random, document: Document, near: int) -> tuple[int, int, int] | None:
    """A scope at or after line `near`: its anchor line, the cursor's offset, the middle's end."""
    lines = document.lines
    for i in range(near, min(near + 40, len(lines))):
        if not lines[i].rstrip().endswith(OPENERS):
            continue
        j = scope_end(lines, i)
        if not 1 <= j - i - 1 <= 10:
            continue
        first = next(k for k in range(i + 1, j) if lines[k].strip())
        if rng.random() < 0.5:
            anchor, cursor = i, document.starts[i] + rng.randint(indent(lines[i]), len(lines[i]))
        else:
            anchor, cursor = first, document.starts[first] + indent(lines[first])
        # Where nothing closed the bracket yet, the closer belongs to the suggestion.
        if j < len(lines) and lines[j].strip()[:1] in (")", "}", "]") and rng.random() < 0.3:
            j += 1
        return anchor, cursor, document.end(j - 1)
    return None


def neighbour_snippet(rng: random.Random, document: Document, package: list[Document]) -> tuple[str, str] | None:
    """Path and lines of the chunk, of a dozen from the same package, that shares most names."""
    here = set(IDENTIFIER.findall(document.text[:20000]))
    best, best_score = None, 1
    for _ in range(12):
        other = rng.choice(package)
        if other is document or not other.targets:
            continue
        i = rng.choice(other.targets)
        chunk = "\n".join(other.lines[i : i + rng.randint(6, 18)])
        score = len(here.intersection(IDENTIFIER.findall(chunk)))
        if score > best_score and len(chunk) < 1500:
            best, best_score = (other.path, chunk), score
    return best


class Encoder:
    """Turns holes into token rows within a budget."""

    def __init__(self, tokenizer, mix: Mix) -> None:
        self.tokenizer = tokenizer
        self.mix = mix

    def ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids if text else []

    def tail(self, text: str, room: int) -> list[int]:
        """Tokens of the last whole lines of `text` that fit `room`."""
        if room <= 0:
            return []
        if len(text) > room * 4:
            text = text[-room * 4 :]
            text = text[text.find("\n") + 1 :] if "\n" in text else ""
        while True:
            tokens = self.ids(text)
            if len(tokens) <= room:
                return tokens
            keep = int(len(text) * room / len(tokens) * 0.96)
            cut = text.find("\n", len(text) - keep)
            text = text[cut + 1 :] if cut >= 0 else ""

    def head(self, text: str, room: int) -> list[int]:
        """Tokens of the first whole lines of `text` that fit `room`."""
        if room <= 0:
            return []
        if len(text) > room * 4:
            text = text[: text.rfind("\n", 0, room * 4) + 1]
        while True:
            tokens = self.ids(text)
            if len(tokens) <= room:
                return tokens
            cut = text.rfind("\n", 0, int(len(text) * room / len(tokens) * 0.96))
            text = text[: cut + 1] if cut >= 0 else ""

    def middle(self, rng: random.Random, hole: Hole) -> list[int]:
        """Tokens of the middle, mostly split at the cursor as the server's are."""
        if hole.kind == "cursor" or rng.random() >= self.mix.fragmented:
            return self.ids(hole.middle)
        return self.ids(hole.middle[: hole.typed]) + self.ids(hole.middle[hole.typed :])

    def header(self, rng: random.Random, document: Document, package: list[Document], budget: int) -> list[int]:
        header: list[int] = []
        if budget >= 320 and len(package) > 1 and rng.random() < self.mix.neighbour:
            found = neighbour_snippet(rng, document, package)
            if found:
                header = [SEP, *self.ids(found[0] + "\n"), *self.head(found[1] + "\n", budget // 3)]
        if header or rng.random() < self.mix.path_header:
            header += [SEP, *self.ids(document.path + "\n")]
        return header

    def sample(self, rng: random.Random, document: Document, package: list[Document], budget: int) -> list[int]:
        """One sample of at most `budget` tokens; empty if the document gave none that fits."""
        header = self.header(rng, document, package, budget)
        if rng.random() < self.mix.plain:
            return self.plain(rng, document, header, budget)
        hole = draw_hole(rng, document, self.mix)
        if hole is None or not hole.middle.strip():
            return []
        middle = self.middle(rng, hole)
        room = budget - len(header) - len(middle) - 4
        if room < budget // 4:
            return []
        suffix = hole.suffix
        draw = rng.random()
        ends_line = not suffix or suffix[0] == "\n"
        if draw < self.mix.suffix_empty and ends_line:
            suffix = ""
        share = 0.04 if draw < self.mix.suffix_empty + self.mix.suffix_short else rng.uniform(0.12, 0.42)
        after = self.head(suffix, max(12, int(room * share)))
        before = self.tail(hole.prefix, room - len(after))
        if rng.random() < self.mix.spm:
            return [*header, PRE, SUF, *after, MID, *before, *middle, EOT]
        return [*header, PRE, *before, SUF, *after, MID, *middle, EOT]

    def plain(self, rng: random.Random, document: Document, header: list[int], budget: int) -> list[int]:
        """Plain text from a random line on; end-of-text only where the file ends."""
        start = document.starts[rng.randrange(len(document.lines))] if rng.random() < 0.8 else 0
        text = document.text[start:]
        room = budget - len(header) - 1
        tokens = self.head(text, room)
        finished = len(text) <= room * 4 and len(self.ids(text)) <= room
        return [*header, *tokens, EOT] if finished else [*header, *tokens]
