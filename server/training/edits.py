"""Mines edit histories from consecutive releases of packages, for `lowkey bench edits --mined`.

    python edits.py --releases work/releases --out work/edits

Fetches both releases of each package in edits.toml, compares their files token by token, and writes
`development.jsonl` and `report.jsonl`, one history per line. The kinds:

- `repeated`: the user edits one of the lines that have a change; other lines of the file need it too.
- `third`: the same, after the nearest of these lines, too.
- `single`: the user edits a line, and no other line needs any of its changes.
- `inserted`: the user adds lines. Nothing follows from that.

A row has the file's text, the user's edits as `[start, end, text]` in bytes, every change that
remains to the next release (`changes`, in bytes of the edited text), and which of them repeat the
user's (`truth`).
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from fetch import FETCHERS, check_licences, read_manifest

SIDES = ("from", "to")
EXTENSIONS = {".py", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".tsx", ".rs"}
SKIPPED = re.compile(r"(^|/)(dist|build|esm|cjs|umd|vendor|node_modules|_static|third_party)(/|$)|\.min\.|\.d\.[cm]?ts$")
TOKEN = re.compile(r"[^\W\d]\w*|\d\w*|[^\w\s]")
MAX_LINES = 3000
MAX_LINE_CHARACTERS = 400
MAX_BLOCK_TOKENS = 800
# A file of which more lines changed than this was rewritten or reformatted.
MAX_CHANGED_SHARE = 0.4
PER_FILE = 4
PER_PACKAGE = 40


@dataclass(frozen=True)
class Change:
    """A change in characters of the old text: the span, its new text, and the old lines it touches."""

    start: int
    end: int
    text: str
    first: int
    last: int
    signature: tuple[tuple[str, ...], ...] | None


def fetch(manifest: dict, releases: Path) -> None:
    """Fetches both releases of each package, unless they are there already."""
    check_licences(manifest)
    for source, fetcher in FETCHERS.items():
        for side in SIDES:
            packages = [{**p, "version": p[side]} for p in manifest.get(source, {}).get("packages", ())]
            if packages:
                fetcher(packages, releases / side / source)


def folder(releases: Path, side: str, source: str, package: dict) -> Path:
    """Returns the folder into which fetch.py unpacked a release."""
    base, name = releases / side / source, package["name"]
    if source == "crates":
        return base / "vendor" / f"{name}-{package[side]}"
    if source == "npm":
        return base / f"{name.lstrip('@').replace('/', '-')}-{package[side]}"
    return base / name


def read(path: Path) -> str | None:
    """Returns a source file's text; None for one that a person would not edit."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    lines = text.split("\n")
    plain = "\r" not in text and len(lines) <= MAX_LINES and max(map(len, lines)) <= MAX_LINE_CHARACTERS
    return text if plain and "generated" not in text[:400].lower() else None


def pairs(before: Path, after: Path) -> Iterator[tuple[str, str, str]]:
    """Yields the files that both releases have with different texts."""
    for path in sorted(before.rglob("*")):
        name = path.relative_to(before).as_posix()
        if path.suffix not in EXTENSIONS or SKIPPED.search(name) or not (after / name).is_file():
            continue
        old, new = read(path), read(after / name)
        if old is not None and new is not None and old != new:
            yield name, old, new


def block_changes(old: str, new: str, span: tuple[int, int, int, int], first: int) -> Iterator[Change]:
    """Yields the changes of a block of lines, token by token. `first` is the old line of its start."""
    (a, b, c, d) = span
    olds = [(m[0], m.start() + a, m.end() + a) for m in TOKEN.finditer(old[a:b])]
    news = [(m[0], m.start() + c, m.end() + c) for m in TOKEN.finditer(new[c:d])]

    def line(at: int) -> int:
        return first + old.count("\n", a, at)

    if len(olds) + len(news) > MAX_BLOCK_TOKENS:
        yield Change(a, b, new[c:d], first, line(max(a, b - 1)), None)
        return
    matcher = SequenceMatcher(None, [t[0] for t in olds], [t[0] for t in news], autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            continue
        # An end of the changed text at which the old text has no blank takes the new text's blank.
        joined_before = i > 0 and (i == j or olds[i - 1][2] == olds[i][1])
        start = olds[i][1] if i < j else (olds[i - 1][2] if i else a)
        end = olds[j - 1][2] if i < j else start
        joined_after = (j < len(olds) and olds[j][1] == end) or (i == j == 0)
        new_start = news[k - 1][2] if joined_before and k else (news[k][1] if k < len(news) and k < m else c)
        new_end = (news[m][1] if m < len(news) else d) if joined_after else news[m - 1][2] if k < m else new_start
        if i < j and k == m and not joined_before:
            new_start = new_end = news[m][1] if joined_after and m < len(news) else 0
        text = new[new_start : max(new_start, new_end)]
        before = tuple(t[0] for t in olds[max(0, i - 1) : i]) if i == j else ()
        signature = (before, tuple(t[0] for t in olds[i:j]), tuple(t[0] for t in news[k:m]))
        has_word = any(re.match(r"\w", token) for token in signature[1] + signature[2])
        yield Change(start, end, text, line(start), line(max(start, end - 1)), signature if has_word else None)


def changes_of(old: str, new: str) -> list[Change] | None:
    """Returns every change from the old text to the new one; None for a file that was rewritten."""
    olds, news = old.splitlines(keepends=True), new.splitlines(keepends=True)
    starts = [[0], [0]]
    for lines, ends in zip((olds, news), starts, strict=True):
        for line in lines:
            ends.append(ends[-1] + len(line))
    changes: list[Change] = []
    n_changed = 0
    for tag, i, j, k, m in SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        n_changed += j - i
        span = (starts[0][i], starts[0][j], starts[1][k], starts[1][m])
        if tag == "replace":
            changes.extend(block_changes(old, new, span, i))
        else:
            changes.append(Change(span[0], span[1], new[span[2] : span[3]], i, max(i, j - 1), None))
    return changes if n_changed <= max(20, MAX_CHANGED_SHARE * len(olds)) else None


def histories(old: str, changes: list[Change]) -> Iterator[dict]:
    """Yields the histories of one file."""
    lines: dict[tuple, set[int]] = defaultdict(set)
    by_line: dict[int, list[Change]] = defaultdict(list)
    for change in changes:
        by_line[change.first].append(change)
        if change.signature and change.first == change.last:
            lines[change.signature].add(change.first)
    spanned = {n for c in changes if c.last > c.first for n in range(c.first, c.last + 1)}
    used: set[int] = set()
    chooser = random.Random(len(old))
    for first, edits in sorted(by_line.items()):
        if first in spanned or first in used:
            if first not in used and len(edits) == 1 and edits[0].signature is None and edits[0].start == edits[0].end:
                yield history("inserted", old, changes, [edits], set())
            continue
        if any(c.signature is None and c.start == c.end and c.text.endswith("\n") for c in edits):
            if len(edits) == 1:
                yield history("inserted", old, changes, [edits], set())
            continue
        group = {c.signature for c in edits if c.signature and len(lines[c.signature]) > 1}
        if not group:
            if any(c.signature for c in edits):
                yield history("single", old, changes, [edits], set())
            continue
        # A user begins anywhere among the places, and goes on to the nearest.
        start = chooser.choice(sorted(set().union(*(lines[s] for s in group)) - spanned))
        repeated = {c.signature for c in by_line[start] if c.signature and len(lines[c.signature]) > 1}
        others = set().union(*(lines[s] for s in repeated)) - {start} - spanned
        used.update(others, {start})
        places = sorted(others, key=lambda line: abs(line - start))
        if places:
            truth = {c for n in places for c in by_line[n] if c.signature in repeated}
            yield history("repeated", old, changes, [by_line[start]], truth)
            second = by_line[places[0]]
            if len(places) > 1:
                yield history("third", old, changes, [by_line[start], second], truth - set(second))


def history(kind: str, old: str, changes: list[Change], lines: list[list[Change]], truth: set[Change]) -> dict:
    """Builds a row: the edits one after the other, then what remains."""
    done = [change for line in lines for change in line]

    def byte(at: int) -> int:
        return len(old[:at].encode())

    def moved(at: int, among: list[Change], *, after_insert: bool) -> int:
        by = sum(
            len(c.text.encode()) - len(old[c.start : c.end].encode())
            for c in among
            if c.end < at or (c.end == at and (after_insert or c.start < c.end))
        )
        return byte(at) + by

    edits = []
    for number, change in enumerate(done):
        start = moved(change.start, done[:number], after_insert=True)
        length = len(old[change.start : change.end].encode())
        edits.append([start, start + length, change.text])
    left = [change for change in changes if change not in done]
    rows = []
    for change in left:
        start = moved(change.start, done, after_insert=True)
        rows.append([start, start + len(old[change.start : change.end].encode()), change.text])
    return {
        "kind": kind, "text": old, "edits": edits, "changes": rows,
        "truth": [number for number, change in enumerate(left) if change in truth],
    }  # fmt: skip


def mine(manifest: dict, releases: Path) -> Iterator[dict]:
    """Yields the rows of every package, within the limits."""
    for source in FETCHERS:
        for package in manifest.get(source, {}).get("packages", ()):
            count: Counter[str] = Counter()
            seen: set[str] = set()
            files = list(pairs(*(folder(releases, side, source, package) for side in SIDES)))
            random.Random(package["name"]).shuffle(files)
            for name, old, new in files:
                if min(count["repeated"], count["single"], count["inserted"]) >= PER_PACKAGE:
                    break
                changes = changes_of(old, new)
                rows = list(histories(old, changes)) if changes else []
                random.Random(name).shuffle(rows)
                in_file: Counter[str] = Counter()
                for row in rows:
                    kind = row["kind"]
                    start, end, text = row["edits"][0]
                    key = json.dumps([kind, old.encode()[start:end].decode(), text])
                    if key in seen or in_file[kind] >= PER_FILE or count[kind] >= PER_PACKAGE:
                        continue
                    seen.add(key)
                    in_file[kind] += 1
                    count[kind] += 1
                    yield {"half": package["half"], "package": package["name"], "path": name, **row}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--manifest", type=Path, default=Path(__file__).with_name("edits.toml"))
    arguments.add_argument("--releases", type=Path, required=True, help="where both releases are unpacked, or will be")
    arguments.add_argument("--out", type=Path, required=True)
    options = arguments.parse_args()
    manifest = read_manifest(options.manifest)
    fetch(manifest, options.releases.resolve())
    options.out.mkdir(parents=True, exist_ok=True)
    halves = {half: (options.out / f"{half}.jsonl").open("w") for half in ("development", "report")}
    table: Counter[tuple[str, str]] = Counter()
    for row in mine(manifest, options.releases):
        halves[row["half"]].write(json.dumps(row, ensure_ascii=False) + "\n")
        table[row["half"], row["kind"]] += 1
    for (half, kind), n in sorted(table.items()):
        print(f"{half} {kind}: {n}")


if __name__ == "__main__":
    main()
