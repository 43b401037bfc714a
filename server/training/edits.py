"""Mines edit histories from consecutive releases of packages, for `lowkey bench edits --mined`.

    python edits.py --releases work/releases --out work/edits

Fetches both releases of each package in edits.toml, compares their files token by token, and writes
`fit.jsonl`, `development.jsonl` and `report.jsonl`, one history per line. The kinds:

- `repeated`: the user edits one of the lines that have a change; other lines of the file need it,
  too. A change is complete: it removes and adds the same brackets and quotes, within a line.
- `third`: the same, after the nearest of these lines, too.
- `single`: the user edits a line, and no other line needs any of its changes.
- `inserted`: the user adds lines. Nothing follows from that.

`fit-elsewhere.jsonl` and so on have the same for two files of a release: the edit is in one, and the
proposal is asked for in the `other`, to which `changes` belong.

- `elsewhere`: a line of the other file needs the same change.
- `elsewhere-single`: the other file has the replaced words, and no line needs the change.

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
TOKEN = re.compile(r"[^\W\d]\w*|\d\w*|[^\w\s]|\n")
MAX_LINES = 3000
MAX_LINE_CHARACTERS = 400
# Pairs of tokens that are compared in a block; a larger block is one change.
MAX_CELLS = 40_000
# What an equal word, line end and mark are worth, and what each part costs.
WORD, LINE_END, MARK, PART = 6, 4, 2, 3
# A file of which more lines changed than this was rewritten or reformatted.
MAX_CHANGED_SHARE = 0.4
PER_FILE = 5
PER_PACKAGE = 60


@dataclass(frozen=True)
class Change:
    """A change in characters of the old text: the span, its new text, and the old lines it touches."""

    start: int
    end: int
    text: str
    first: int
    last: int
    signature: tuple[tuple[str, ...], ...] | None


def pairs_of(manifest: dict, source: str) -> list[dict]:
    """Returns a source's packages, once for each pair of releases, numbered from 0."""
    pairs = []
    for package in manifest.get(source, {}).get("packages", ()):
        releases = package.get("releases") or [(package["from"], package["to"])]
        pairs += [{**package, "from": old, "to": new, "pair": n} for n, (old, new) in enumerate(releases)]
    return pairs


def base_of(releases: Path, side: str, source: str, pair: int) -> Path:
    return releases / (f"{side}-{pair}" if pair else side) / source


def fetch(manifest: dict, releases: Path) -> None:
    """Fetches both releases of each pair, unless they are there already."""
    check_licences(manifest)
    for source, fetcher in FETCHERS.items():
        pairs = pairs_of(manifest, source)
        for side in SIDES:
            for number in sorted({p["pair"] for p in pairs}):
                base = base_of(releases, side, source, number)
                packages = [{**p, "version": p[side]} for p in pairs if p["pair"] == number]
                # One crate's dependencies may exclude another's, so each is fetched by itself.
                groups = [([p], base / p["name"]) for p in packages] if source == "crates" else [(packages, base)]
                for group, folder in groups:
                    fetcher(group, folder)


def folder(releases: Path, side: str, source: str, package: dict) -> Path:
    """Returns the folder into which fetch.py unpacked a release."""
    base, name = base_of(releases, side, source, package["pair"]), package["name"]
    if source == "crates":
        return base / name / "vendor" / f"{name}-{package[side]}"
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


def parts(olds: list[str], news: list[str]) -> list[tuple[int, int, int, int]]:
    """Returns the parts in which two token lists differ: many equal tokens in few parts."""
    n, m = len(olds), len(news)
    lowest = -(10**9)
    # The best score from a pair of tokens on, outside of a part and inside of one.
    closed = [[0] * (m + 1) for _ in range(n + 1)]
    opened = [[0] * (m + 1) for _ in range(n + 1)]
    worth = [WORD if re.match(r"\w", token) else LINE_END if token == "\n" else MARK for token in olds]
    for i in range(n, -1, -1):
        for j in range(m, -1, -1):
            if i == n and j == m:
                continue
            gap = max(opened[i + 1][j] if i < n else lowest, opened[i][j + 1] if j < m else lowest)
            equal = worth[i] + closed[i + 1][j + 1] if i < n and j < m and olds[i] == news[j] else lowest
            closed[i][j], opened[i][j] = max(equal, gap - PART), max(equal, gap)
    found: list[list[int]] = []
    i = j = 0
    inside = False
    while i < n or j < m:
        best = (opened if inside else closed)[i][j]
        if i < n and j < m and olds[i] == news[j] and worth[i] + closed[i + 1][j + 1] == best:
            i, j, inside = i + 1, j + 1, False
            continue
        if not inside:
            found.append([i, i, j, j])
            inside = True
        if i < n and (j == m or opened[i + 1][j] >= opened[i][j + 1]):
            i += 1
        else:
            j += 1
        found[-1][1], found[-1][3] = i, j
    return [tuple(part) for part in found]


def balance(tokens: list[str]) -> tuple:
    """Returns what tokens close without opening it and open without closing it, and odd quotes."""
    counts = {pair: [0, 0] for pair in ("()", "[]", "{}")}
    for token in tokens:
        for pair, count in counts.items():
            if token == pair[0]:
                count[1] += 1
            elif token == pair[1]:
                count[count[1] > 0] += -1 if count[1] > 0 else 1
    return tuple(map(tuple, counts.values())), sum(token in ("'", '"', "`") for token in tokens) % 2


def block_changes(old: str, new: str, span: tuple[int, int, int, int], first: int) -> Iterator[Change]:
    """Yields the changes of a block of lines, token by token. `first` is the old line of its start."""
    (a, b, c, d) = span
    olds = [(m[0], m.start() + a, m.end() + a) for m in TOKEN.finditer(old[a:b])]
    news = [(m[0], m.start() + c, m.end() + c) for m in TOKEN.finditer(new[c:d])]

    def line(at: int) -> int:
        return first + old.count("\n", a, at)

    if len(olds) * len(news) > MAX_CELLS:
        yield Change(a, b, new[c:d], first, line(max(a, b - 1)), None)
        return
    for i, j, k, m in parts([t[0] for t in olds], [t[0] for t in news]):
        # An end of the changed text at which the old text has no blank takes the new text's blank.
        start = olds[i][1] if i < j else olds[i - 1][2] if i else a
        end = olds[j - 1][2] if i < j else start
        joined_before = i > 0 and (i == j or olds[i - 1][2] == start)
        joined_after = (j < len(olds) and olds[j][1] == end) or (i == j == 0)
        if k == m and not joined_before:
            text = ""
        else:
            new_start = news[k - 1][2] if joined_before and k else news[k][1] if k < m else c
            new_end = (news[m][1] if m < len(news) else d) if joined_after else news[m - 1][2] if k < m else new_start
            text = new[new_start : max(new_start, new_end)]
        removed, added = [t[0] for t in olds[i:j]], [t[0] for t in news[k:m]]
        has_word = any(re.match(r"\w", token) for token in removed + added)
        within = "\n" not in removed and "\n" not in added
        # An insertion is told by the token before it.
        before = tuple(t[0] for t in olds[max(0, i - 1) : i]) if i == j else ()
        signature = (before, tuple(removed), tuple(added)) if has_word and within else None
        yield Change(start, end, text, line(start), line(max(start, end - 1)), signature)


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


def signatures(edits: list[Change]) -> set[tuple] | None:
    """Returns what a line's changes are told by: each change that is complete by itself, and all of
    them together. None if they are no change of one line: a part of a rewritten block."""
    if any(c.signature is None or c.first != c.last or "\n" in c.text for c in edits):
        return None
    removed = [token for c in edits for token in c.signature[1]]
    added = [token for c in edits for token in c.signature[2]]
    if balance(removed) != balance(added):
        return None
    alone = {c.signature for c in edits if balance(list(c.signature[1])) == balance(list(c.signature[2]))}
    return alone | {tuple(c.signature for c in edits)}


def histories(old: str, changes: list[Change]) -> Iterator[dict]:
    """Yields the histories of one file."""
    by_line: dict[int, list[Change]] = defaultdict(list)
    for change in changes:
        for line in range(change.first, change.last + 1):
            by_line[line].append(change)
    of_line = {line: signatures(edits) for line, edits in by_line.items()}
    lines: dict[tuple, set[int]] = defaultdict(set)
    for line, found in of_line.items():
        for signature in found or ():
            lines[signature].add(line)
    used: set[int] = set()
    chooser = random.Random(len(old))
    for line, edits in sorted(by_line.items()):
        found = of_line[line]
        if line in used:
            continue
        if found is None:
            if len(edits) == 1 and edits[0].start == edits[0].end and edits[0].text.endswith("\n"):
                yield history("inserted", old, changes, [edits], set())
            continue
        group = set().union(*(lines[signature] for signature in found))
        if len(group) == 1:
            yield history("single", old, changes, [edits], set())
            continue
        # A user begins anywhere among the places, and goes on to the nearest.
        start = chooser.choice(sorted(group))
        others = set().union(*(lines[signature] for signature in of_line[start])) - {start}
        used.update(others, {start})
        places = sorted(others, key=lambda line: abs(line - start))
        truth = {c for place in places for c in by_line[place]}
        yield history("repeated", old, changes, [by_line[start]], truth)
        if len(places) > 1:
            second = by_line[places[0]]
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


def elsewhere(files: list[tuple[str, str, list[Change]]]) -> Iterator[dict]:
    """Yields the histories of pairs of files of one package."""
    found: list[tuple[str, str, list[Change], dict[int, set[tuple]]]] = []
    for name, old, changes in files:
        by_line: dict[int, list[Change]] = defaultdict(list)
        for change in changes:
            for line in range(change.first, change.last + 1):
                by_line[line].append(change)
        found.append((name, old, changes, {line: signatures(edits) or set() for line, edits in by_line.items()}))
    count: Counter[str] = Counter()
    seen: set[str] = set()
    for name, old, changes, of_line in found:
        in_file: Counter[str] = Counter()
        for line, signature in of_line.items():
            edits = [c for c in changes if c.first == line]
            removed = {token for c in edits if c.signature for token in c.signature[1] if re.match(r"[^\W\d]\w{2}", token)}
            key = json.dumps([sorted(removed), [c.text for c in edits]])
            if not signature or not removed or key in seen:
                continue
            for other, text, others, of_other in found:
                if other == name:
                    continue
                same = {at for at, these in of_other.items() if these & signature}
                has_words = all(re.search(rf"\b{re.escape(word)}\b", text) for word in removed)
                kind = "elsewhere" if same else "elsewhere-single" if has_words else ""
                if not kind or in_file[kind] >= PER_FILE or count[kind] >= PER_PACKAGE // 2:
                    continue
                in_file[kind] += 1
                count[kind] += 1
                seen.add(key)
                row = history(kind, old, [*edits], [edits], set())
                starts = [[len(text[: c.start].encode()), len(text[: c.end].encode()), c.text] for c in others]
                truth = [number for number, c in enumerate(others) if c.first in same]
                yield {**row, "changes": starts, "truth": truth, "path": name, "other": {"path": other, "text": text}}
                break


def mine(manifest: dict, releases: Path) -> Iterator[dict]:
    """Yields the rows of every package, within the limits."""
    for source in FETCHERS:
        for package in pairs_of(manifest, source):
            count: Counter[str] = Counter()
            seen: set[str] = set()
            files = list(pairs(*(folder(releases, side, source, package) for side in SIDES)))
            random.Random(package["name"]).shuffle(files)
            of_files: list[tuple[str, str, list[Change]]] = []
            for name, old, new in files:
                if min(count["repeated"], count["single"], count["inserted"]) >= PER_PACKAGE:
                    break
                changes = changes_of(old, new)
                if changes:
                    of_files.append((name, old, changes))
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
            for row in elsewhere(of_files):
                yield {"half": package["half"], "package": package["name"], **row}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--manifest", type=Path, default=Path(__file__).with_name("edits.toml"))
    arguments.add_argument("--releases", type=Path, required=True, help="where both releases are unpacked, or will be")
    arguments.add_argument("--out", type=Path, required=True)
    options = arguments.parse_args()
    manifest = read_manifest(options.manifest)
    fetch(manifest, options.releases.resolve())
    options.out.mkdir(parents=True, exist_ok=True)
    names = [half + suffix for half in ("fit", "development", "report") for suffix in ("", "-elsewhere")]
    halves = {name: (options.out / f"{name}.jsonl").open("w") for name in names}
    table: Counter[tuple[str, str]] = Counter()
    for row in mine(manifest, options.releases):
        halves[row["half"] + ("-elsewhere" if "other" in row else "")].write(json.dumps(row, ensure_ascii=False) + "\n")
        table[row["half"], row["kind"]] += 1
    for (half, kind), n in sorted(table.items()):
        print(f"{half} {kind}: {n}")


if __name__ == "__main__":
    main()
