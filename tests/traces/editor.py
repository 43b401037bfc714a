"""An editor that behaves like VS Code, driven by a script and recorded as a trace.

`Editor` closes brackets and quotes, overtypes the closers that it inserted, indents, groups undo
steps and makes occasional typing errors. Every change becomes one line of the trace (0-based lines,
UTF-16 columns). Times and typing errors come from a generator seeded with the trace's name, so a
trace has the same bytes on every machine.
"""

from __future__ import annotations

import json
import random
import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
PAIRS = {"(": ")", "[": "]", "{": "}"}
# Characters that may follow the cursor when the editor closes a bracket.
CLOSE_BEFORE = set(";:.,=}])>` \n\r\t")
# Mistyped letters are neighbours on the keyboard.
NEIGHBOURS = {a: b for a, b in zip("qwertyuiopasdfghjklzxcvbnm", "wertyuiopasdfghjklxzcvbnmn", strict=True)}
MISTYPED = 0.012


@dataclass(frozen=True)
class Language:
    """The editor's rules for a language."""

    name: str
    unit: str  # one step of indentation
    quotes: str  # quotes that the editor closes
    comment: str


LANGUAGES = {
    ".rs": Language("rust", "    ", '"', "//"),
    ".py": Language("python", "    ", "\"'", "#"),
    ".ts": Language("typescript", "  ", "\"'`", "//"),
    ".go": Language("go", "\t", "\"'`", "//"),
    ".java": Language("java", "    ", "\"'", "//"),
}


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@dataclass
class Document:
    """A text, the cursor (in characters), and the editor's state of it."""

    path: str
    text: str
    language: Language
    cursor: int = 0
    selected: int = 0  # how many characters before the cursor are selected
    closers: list[int] = field(default_factory=list)  # offsets of closers that the editor inserted
    undo: list[tuple[str, int, list[int]]] = field(default_factory=list)
    redo: list[tuple[str, int, list[int]]] = field(default_factory=list)

    @property
    def line_end(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    @property
    def before(self) -> str:
        """The cursor's line up to the cursor."""
        return self.text[self.text.rfind("\n", 0, self.cursor) + 1 : self.cursor]

    @property
    def state(self) -> tuple[str, int, list[int]]:
        return self.text, self.cursor, self.closers

    @property
    def indent(self) -> str:
        start = self.cursor - len(self.before)
        return re.match(r"[ \t]*", self.text[start:]).group()

    def next(self, offset: int = 0) -> str:
        return self.text[self.cursor + offset : self.cursor + offset + 1]

    def place(self, offset: int) -> list[int]:
        head = self.text[:offset]
        return [head.count("\n"), utf16(head[head.rfind("\n") + 1 :])]


class Editor:
    """Plays a session and records it."""

    def __init__(self, name: str, *paths: str, crlf: bool = False) -> None:
        self.random = random.Random(f"lowkey {name}")
        self.documents: dict[str, Document] = {}
        self.lines: list[dict] = []
        self.wait = 0
        self.kind = ""
        for path in paths:
            text = (HERE / "start" / Path(path).name).read_text(encoding="utf-8")
            text = text.replace("\n", "\r\n") if crlf else text
            language = LANGUAGES[Path(path).suffix]
            self.documents[path] = Document(path, text, language)
            opened = {"path": path, "language": language.name, "text": text}
            self.lines.append({"open": opened} if self.lines else {"lowkey_trace": 1, **opened})
        self.document = self.documents[paths[0]]

    # Recording.

    def _took(self, shortest: int, longest: int) -> int:
        """A random duration, more often near the shortest than the longest."""
        mode = (2 * shortest + longest) / 3
        taken, self.wait = self.wait + int(self.random.triangular(shortest, longest, mode)), 0
        return taken

    def _edit(self, start: int, end: int, text: str, dt_ms: int, cursor: int | None = None) -> None:
        document, landed = self.document, start + len(text)
        edit = {"start": document.place(start), "end": document.place(end), "text": text}
        self.lines.append({"dt_ms": dt_ms, "edit": edit})
        grown = len(text) - (end - start)
        document.text = document.text[:start] + text + document.text[end:]
        kept = [at for at in document.closers if not start <= at < end]
        document.closers = [at + grown if at >= end else at for at in kept]
        document.cursor, document.selected = landed if cursor is None else cursor, 0
        if document.cursor != landed:
            self.lines.append({"dt_ms": 0, "cursor": document.place(document.cursor)})

    def _move(self, offset: int, dt_ms: int, path: str | None = None) -> None:
        self.document.cursor, self.document.selected, self.kind = offset, 0, ""
        line = {"dt_ms": dt_ms} | ({"path": path} if path else {})
        self.lines.append(line | {"cursor": self.document.place(offset)})

    def _undo_stop(self, kind: str) -> None:
        """Opens a new undo group unless `kind` continues the last one."""
        if kind != self.kind:
            self.document.undo.append(self.document.state)
            self.document.redo.clear()
        self.kind = kind

    # Typing.

    def type(self, text: str) -> None:
        """Types `text` key by key; a line end is the Enter key."""
        before = "\n"
        for key in text:
            if key == "\n":
                self.enter()
            else:
                if key in NEIGHBOURS and before.isalpha() and self.random.random() < MISTYPED:
                    self._key(NEIGHBOURS[key], before)
                    self.wait += 180
                    self.backspace()
                self._key(key, before)
            before = key

    def _key(self, key: str, before: str) -> None:
        document, language = self.document, self.document.language
        if key.isalnum() or key == "_":
            dt_ms = self._took(60, 250) if before.isalnum() or before == "_" else self._took(90, 420)
        else:
            dt_ms = self._took(90, 330)
        if before == " " and self.random.random() < 0.05:
            dt_ms += int(self.random.uniform(500, 1800))
        self._undo_stop("word" if not key.isspace() else "space")
        start, at = document.cursor - document.selected, document.cursor
        if not document.selected and key == document.next() and at in document.closers:
            self._edit(at, at + 1, key, dt_ms)
        elif self._closes(key):
            self._edit(start, at, key + PAIRS.get(key, key), dt_ms, start + 1)
            document.closers.append(start + 1)
        else:
            self._edit(start, at, key, dt_ms)

    def _closes(self, key: str) -> bool:
        document, language = self.document, self.document.language
        following = document.next()
        if following and following not in CLOSE_BEFORE:
            return False
        if key in PAIRS:
            return True
        inside = ""
        for c, previous in zip(document.before, " " + document.before):
            if c in language.quotes and previous != "\\" and inside in ("", c):
                inside = "" if inside else c
        before = document.before[-1:]
        commented = document.before.lstrip().startswith((language.comment, "*", "/*"))
        return key in language.quotes and not (inside or commented or before == key or before.isalnum())

    def enter(self) -> None:
        """Inserts a line end with the editor's indentation, in one edit."""
        document, unit, eol = self.document, self.document.language.unit, self.document.line_end
        before, indent = document.before, document.indent[: len(document.before)]
        start, cursor, dt_ms = document.cursor, None, self._took(220, 900)
        self._undo_stop(f"enter {start}")
        opens = before.rstrip()[-1:]
        if re.match(r"\s*(///|//!)", before):
            text = eol + indent + before.strip()[:3] + " "
        elif opens in PAIRS and document.next() == PAIRS[opens]:
            text = eol + indent + unit + eol + indent
            cursor = start + len(eol + indent + unit)
        elif opens in PAIRS or (opens == ":" and document.language.name == "python"):
            text = eol + indent + unit
        elif before and before.isspace():
            # The editor removes the blanks that it had inserted if no text was typed after them.
            start, text = start - len(before), eol + indent
        else:
            text = eol + indent
        self._edit(start, document.cursor, text, dt_ms, cursor)
        self.wait += int(self.random.uniform(80, 500))

    def code(self, text: str, indent: int | None = None) -> None:
        """Types a block literally, except for the characters that the editor inserts by itself.

        Its first line is indented by `indent` units, or starts at the cursor.
        """
        document = self.document
        lines = textwrap.dedent(text).strip("\n").split("\n")
        unit = document.language.unit
        if indent is not None:
            self._indent(indent * len(unit))
        base = re.match(r"[ \t]*", document.before).end()
        for number, line in enumerate(lines):
            content = line.lstrip()
            steps = (len(line) - len(content)) // 4  # the scripts indent by four everywhere
            if number and content[:1] in ("}", "]", ")") and self._closer_below(content[0]):
                content = content[1:]
            elif number:
                # After Enter in a doc comment, the editor has already inserted the marker.
                self.enter()
                if document.before.strip() in ("///", "//!"):
                    if content.startswith(document.before.strip()):
                        content = content[4:]
                    else:
                        self.backspace(len(document.before.strip()) + 1)
                if content and not document.before.strip():
                    self._indent(base + steps * len(unit))
            self.type(content)

    def _closer_below(self, closer: str) -> bool:
        """Moves after the closer that the editor put on the next line, if there is one."""
        document = self.document
        at = re.match(r"\r?\n[ \t]*", document.text[document.cursor :])
        below = document.cursor + at.end() if at else -1
        if below not in document.closers or document.text[below] != closer:
            return False
        self._move(below + 1, self._took(250, 900))
        return True

    def _indent(self, width: int) -> None:
        document, unit = self.document, self.document.language.unit
        while len(document.before) > width:
            self._undo_stop("indent")
            self._edit(document.cursor - len(unit), document.cursor, "", self._took(90, 260))
        while len(document.before) < width:
            self._undo_stop("indent")
            self._edit(document.cursor, document.cursor, unit, self._took(120, 320))

    def backspace(self, n: int = 1) -> None:
        for _ in range(n):
            document = self.document
            self._undo_stop("delete")
            start, end = document.cursor - (document.selected or 1), document.cursor
            start -= document.text[start - 1 : end] == "\r\n"
            pair = document.next() in set(")]}\"'`") and end in document.closers
            if pair and not document.selected and self._pair(start):
                end += 1
            self._edit(start, end, "", self._took(60, 160))

    def _pair(self, start: int) -> bool:
        opener, closer = self.document.text[start : start + 2]
        return PAIRS.get(opener, opener) == closer

    def delete_words(self, until: str) -> None:
        """Ctrl+Backspace until the line so far ends with `until`."""
        document = self.document
        while not document.before.endswith(until):
            self._undo_stop(f"delete word {document.cursor}")
            word = re.search(r"(\w+|[^\w\s]+)?[ \t]*$", document.before).group() or document.line_end
            self._edit(document.cursor - len(word), document.cursor, "", self._took(150, 420))

    def delete_lines(self, n: int = 1) -> None:
        """Deletes the cursor's line and those below."""
        for _ in range(n):
            document = self.document
            self._undo_stop(f"delete line {self.random.random()}")
            start = document.cursor - len(document.before)
            self._edit(start, document.text.index("\n", start) + 1, "", self._took(250, 700))

    def paste(self, text: str) -> None:
        document = self.document
        self._undo_stop(f"paste {document.cursor}")
        text = text.replace("\n", document.line_end)
        self._edit(document.cursor - document.selected, document.cursor, text, self._took(700, 2400))
        self.wait += int(self.random.uniform(300, 1200))

    def complete(self, prefix: str, word: str) -> None:
        """Types `prefix` and accepts `word` from the editor's list of names."""
        self.type(prefix)
        self._undo_stop(f"complete {self.document.cursor}")
        self._edit(self.document.cursor - len(prefix), self.document.cursor, word, self._took(250, 900))

    # Moving, undoing, waiting.

    def goto(self, text: str, nth: int = 1, *, before: bool = False, path: str | None = None) -> None:
        """Moves the cursor after (or before) the nth `text`, in another document if one is named.
        """
        self.document = self.documents[path] if path else self.document
        at = -1
        for _ in range(nth):
            at = self.document.text.index(text, at + 1)
        self._move(at if before else at + len(text), self._took(700, 2600), path)

    def select(self, text: str, within: str = "") -> None:
        """Selects the first `text`, or the first in the first `within`; the next key replaces it."""
        at = self.document.text.index(text, self.document.text.index(within))
        self._move(at + len(text), self._took(700, 2600))
        self.document.selected = len(text)

    def undo(self, until: str) -> None:
        """Ctrl+Z until the line so far ends with `until`, at least once."""
        self._restore(self.document.undo, self.document.redo)
        while not self.document.before.endswith(until):
            self._restore(self.document.undo, self.document.redo)

    def redo(self, n: int) -> None:
        for _ in range(n):
            self._restore(self.document.redo, self.document.undo)

    def _restore(self, source: list, target: list) -> None:
        """Restores the last state of `source` with the smallest possible edit."""
        document = self.document
        text, cursor, closers = source.pop()
        target.append(document.state)
        short, start = min(len(text), len(document.text)), 0
        while start < short and text[start] == document.text[start]:
            start += 1
        tail = 0
        while tail < short - start and text[-1 - tail] == document.text[-1 - tail]:
            tail += 1
        dt_ms = self._took(140, 420)
        if text == document.text:
            self._move(cursor, dt_ms)
        else:
            self._edit(start, len(document.text) - tail, text[start : len(text) - tail], dt_ms, cursor)
        document.closers = closers
        self.kind = ""

    def pause(self, shortest: float = 0.5, longest: float = 3.0) -> None:
        self.wait += int(1000 * self.random.uniform(shortest, longest))

    def trace(self) -> str:
        return "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in self.lines)
