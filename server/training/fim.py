"""Fill-in-the-middle samples in the format of the server's prompts.

The server cuts the document at the *start of the cursor's line* (or of a small group of lines that
contains it) and forces the text typed on that line as the first tokens of the middle. So a training
middle here consists of whole lines, and its tokens are split at a possible cursor position. The
model learns to continue a prefix that was tokenised separately, and no token healing is needed.

A middle is followed by end-of-text exactly where a suggestion should end: at the end of the line,
before closers that an editor inserted, at the end of the scope or of the run of statements. No
other text ends a middle, and an empty middle is never drawn: a model trained with many of those
often answers with no text.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

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
CLOSERS_ALONE = re.compile(r"[\s)\]}>\"'`;,:]*")
# Average characters per token, a first estimate of the text that fills a budget.
TOKEN_CHARACTERS = 3.3
OPENERS = ("{", "(", "[", ":", "=>", "->", "|", "=")
# Lines that open a scope closed by a word (Ruby, Lua, shells), and the start of the line after such
# a scope.
WORD_OPENER = re.compile(r".*\b(?:do|then|else|begin)|\s*(?:def|class|module|(?:local )?function|unless|case|while|until|if)\b.*")
CLOSING_WORD = re.compile(r"(?:end|fi|done|esac|else|elif|elsif|when|rescue|ensure|until)\b|;;")
# Closers that a suggestion may write itself after the block.
CLOSING = re.compile(r"[)}\]]|(?:end|fi|done|esac)\b")
WORD = re.compile(r"\w+")
IDENTIFIER = re.compile(r"[A-Za-z_]\w{3,}")
COMMENT = re.compile(r"\s*(?://|#(?!\[|!|include|define|if|endif)|/?\*|--\s)")
# Lines per group that a prompt may be cut at; the server's default is eight.
GROUPS = (8, 8, 8, 4, 16)
# Characters after which users pause and editors send requests.
TRIGGER = re.compile(r"[.(\[{,=:& ]")


@dataclass(frozen=True)
class Mix:
    """Shares of the kinds of sample; they need not add up to one.

    `group` is the share of lines, blocks and runs that are cut at a group of lines, as the server
    does by default, instead of at the cursor's line. `plain` is the share of samples without a
    hole.
    """

    line: float = 0.52
    block: float = 0.22
    run: float = 0.10
    cursor: float = 0.08
    span: float = 0.08
    group: float = 0.60
    plain: float = 0.08
    path_header: float = 0.85
    fragmented: float = 0.75
    suffix_empty: float = 0.10
    suffix_short: float = 0.08
    neighbour: float = 0.12
    prose: float = 0.25
    spm: float = 0.0

    def kinds(self) -> tuple[tuple[str, ...], tuple[float, ...]]:
        names = ("line", "block", "run", "cursor", "span")
        return names, tuple(getattr(self, name) for name in names)


@dataclass(frozen=True)
class Hole:
    """A document cut in three; `typed` characters of the middle are before the cursor."""

    prefix: str
    middle: str
    suffix: str
    typed: int
    kind: str


@dataclass
class Document:
    """One source file, split into lines on first use."""

    language: str
    package: str
    path: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @cached_property
    def starts(self) -> list[int]:
        """The offset of every line's first character."""
        starts, position = [], 0
        for line in self.lines:
            starts.append(position)
            position += len(line) + 1
        return starts

    def is_target(self, line: int, code: bool) -> bool:
        """Whether a hole may be cut into `line`. Lines of closers are excluded: editors write them,
        and they teach little.

        With `code`, comments are excluded as well.
        """
        text = self.lines[line]
        return len(text.strip()) > 1 and not is_closers(text) and not (code and COMMENT.match(text))

    @cached_property
    def code(self) -> list[int]:
        """All lines of code that a hole may be cut into."""
        return [i for i in range(len(self.lines)) if self.is_target(i, True)]

    def draw_line(self, rng: random.Random, code: bool) -> int | None:
        """Returns a line that a hole may be cut into; None if a few dozen tries find none."""
        for _ in range(60):
            line = rng.randrange(len(self.lines))
            if self.is_target(line, code):
                return line
        return None

    def end(self, line: int) -> int:
        """Returns the offset of the end of `line`, without its line break."""
        return self.starts[line] + len(self.lines[line])


def indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def is_closers(text: str) -> bool:
    """Whether `text` contains only closers, punctuation and spaces."""
    return CLOSERS_ALONE.fullmatch(text) is not None


def scope_end(lines: list[str], opener: int) -> int:
    """Returns the index after the last line indented deeper than `opener`; `opener + 1` if there is
    none."""
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
    """Returns the index after the run of statements that starts at `first`: up to a blank line or a
    dedent."""
    base, j = indent(lines[first]), first
    while j < len(lines) and j - first < most and lines[j].strip() and indent(lines[j]) >= base:
        j += 1
    return max(j, first + 1)


def typed_in_line(rng: random.Random, line: str) -> int:
    """Returns how many characters of `line` the user has typed at the time of the request."""
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
    """Returns where the middle of a single-line hole ends inside `line`."""
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
    """Cuts one hole into `document`; None if no line of the document is suitable."""
    text, lines = document.text, document.lines
    kind = rng.choices(*mix.kinds())[0]
    # Prose is frequent but hard to predict, so most holes are cut into code.
    i = document.draw_line(rng, rng.random() >= mix.prose)
    if i is None:
        return None
    if kind == "span":
        a = rng.randrange(len(text))
        b = min(len(text), a + rng.randint(4, 160))
        return Hole(text[:a], text[a:b], text[b:], rng.randint(0, min(4, b - a)), kind)
    if kind == "block":
        found = find_block(rng, document, i)
        if found is not None:
            line, cursor, end = found
            a = document.starts[anchor(rng, line, mix)]
            return Hole(text[:a], text[a:end], text[end:], cursor - a, kind)
        kind = "line"
    typed = typed_in_line(rng, lines[i])
    if kind == "run":
        last = run_end(lines, i, rng.randint(2, 6)) - 1
        a, b = document.starts[anchor(rng, i, mix)], document.end(last)
        return Hole(text[:a], text[a:b], text[b:], document.starts[i] + typed - a, kind)
    end = line_end(rng, lines[i], typed)
    b = document.starts[i] + end
    if kind == "cursor" and typed < end:
        a = document.starts[i] + typed
        return Hole(text[:a], text[a:b], text[b:], 0, kind)
    a = document.starts[anchor(rng, i, mix)]
    return Hole(text[:a], text[a:b], text[b:], document.starts[i] + min(typed, end) - a, "line")


def anchor(rng: random.Random, line: int, mix: Mix) -> int:
    """Returns the first line of the middle: the cursor's, or the first of its group."""
    return line - line % rng.choice(GROUPS) if rng.random() < mix.group else line


def find_block(rng: random.Random, document: Document, near: int) -> tuple[int, int, int] | None:
    """Returns a scope at or after line `near`: the cursor's line and offset, and the middle's end.
    """
    lines = document.lines
    for i in range(near, min(near + 40, len(lines))):
        opener = lines[i].rstrip()
        worded = not opener.endswith(OPENERS)
        if worded and not WORD_OPENER.fullmatch(opener):
            continue
        j = scope_end(lines, i)
        if not 1 <= j - i - 1 <= 10:
            continue
        # A dedent without a closer is no scope's end: a preprocessor line, a label or text at the
        # left margin.
        behind = next((line.strip() for line in lines[j:] if line.strip()), "")
        if opener[-1] in "{([" and behind[:1] not in (")", "}", "]") or worded and not CLOSING_WORD.match(behind):
            continue
        first = next(k for k in range(i + 1, j) if lines[k].strip())
        if rng.random() < 0.5:
            line, cursor = i, document.starts[i] + rng.randint(indent(lines[i]), len(lines[i]))
        else:
            line, cursor = first, document.starts[first] + indent(lines[first])
        # If the document does not close the bracket yet, the closer is part of the suggestion.
        if j < len(lines) and CLOSING.match(lines[j].strip()) and rng.random() < 0.3:
            j += 1
        return line, cursor, document.end(j - 1)
    return None


def neighbour_snippet(rng: random.Random, document: Document, others: list[Document]) -> tuple[str, str] | None:
    """Returns path and lines of the chunk, out of a dozen from other documents, that shares the
    most names."""
    here = set(IDENTIFIER.findall(document.text[:20000]))
    best, best_score = None, 1
    for other in others * 2:
        i = other.draw_line(rng, False)
        if i is None:
            continue
        chunk = "\n".join(other.lines[i : i + rng.randint(6, 18)])
        score = len(here.intersection(IDENTIFIER.findall(chunk)))
        if score > best_score and len(chunk) < 1500:
            best, best_score = (other.path, chunk), score
    return best


# Other documents of a document's package, read on demand.
Neighbours = Callable[[], list[Document]]


class Encoder:
    """Turns holes into token rows within a budget."""

    def __init__(self, tokenizer, mix: Mix) -> None:
        self.tokenizer = tokenizer
        self.mix = mix

    def ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids if text else []

    def tail(self, text: str, room: int) -> list[int]:
        """Returns the tokens of the last whole lines of `text` that fit `room`."""
        if room <= 0:
            return []
        first = int(room * TOKEN_CHARACTERS)
        if len(text) > first:
            text = text[-first:]
            text = text[text.find("\n") + 1 :] if "\n" in text else ""
        while True:
            tokens = self.ids(text)
            if len(tokens) <= room:
                return tokens
            keep = int(len(text) * room / len(tokens) * 0.96)
            cut = text.find("\n", len(text) - keep)
            text = text[cut + 1 :] if cut >= 0 else ""

    def head(self, text: str, room: int) -> list[int]:
        """Returns the tokens of the first whole lines of `text` that fit `room`."""
        if room <= 0:
            return []
        first = int(room * TOKEN_CHARACTERS)
        if len(text) > first:
            text = text[: text.rfind("\n", 0, first) + 1]
        while True:
            tokens = self.ids(text)
            if len(tokens) <= room:
                return tokens
            cut = text.rfind("\n", 0, int(len(text) * room / len(tokens) * 0.96))
            text = text[: cut + 1] if cut >= 0 else ""

    def middle(self, rng: random.Random, hole: Hole) -> list[int]:
        """Returns the tokens of the middle, mostly split at the cursor like the server's."""
        if hole.kind == "cursor" or rng.random() >= self.mix.fragmented:
            return self.ids(hole.middle)
        return self.ids(hole.middle[: hole.typed]) + self.ids(hole.middle[hole.typed :])

    def header(self, rng: random.Random, document: Document, neighbours: Neighbours, budget: int) -> list[int]:
        header: list[int] = []
        if budget >= 320 and rng.random() < self.mix.neighbour:
            found = neighbour_snippet(rng, document, neighbours())
            if found:
                header = [SEP, *self.ids(found[0] + "\n"), *self.head(found[1] + "\n", budget // 3)]
        if header or rng.random() < self.mix.path_header:
            header += [SEP, *self.ids(document.path + "\n")]
        return header

    def sample(self, rng: random.Random, document: Document, neighbours: Neighbours, budget: int) -> list[int]:
        """Returns one sample of at most `budget` tokens; empty if no hole of the document fits."""
        header = self.header(rng, document, neighbours, budget)
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
        """Returns plain text from a random line on, with end-of-text only at the end of the file.
        """
        start = document.starts[rng.randrange(len(document.lines))] if rng.random() < 0.8 else 0
        text = document.text[start:]
        room = budget - len(header) - 1
        tokens = self.head(text, room)
        finished = len(text) <= room * TOKEN_CHARACTERS and len(self.ids(text)) <= room
        return [*header, *tokens, EOT] if finished else [*header, *tokens]
