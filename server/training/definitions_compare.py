"""Compares the definitions that lowkey's index finds with those of tree-sitter's parsers.

    cargo run --release -p lowkey-context --example definitions -- FOLDER... > found.jsonl
    python definitions_compare.py --expected definitions.jsonl --found found.jsonl [--show python]

A row of both files has root, path, name, kind and line. The table has one line per language: the
share of the parser's definitions that the index finds (recall), and the share of the index's
definitions that the parser has (precision), by name and line. "called" counts functions, methods
and types only. The last column compares names per file and ignores lines.

Constructors named like their type, `init` and operators are not compared: the parser's queries
leave them out.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path

LANGUAGES = {
    "rs": "rust", "py": "python", "ts": "typescript", "tsx": "typescript", "js": "javascript", "jsx": "javascript",
    "mjs": "javascript", "cjs": "javascript", "go": "go", "c": "c", "h": "c", "cpp": "c++", "hpp": "c++", "cc": "c++",
    "java": "java", "cs": "c#", "kt": "kotlin", "swift": "swift", "rb": "ruby", "lua": "lua", "zig": "zig", "sh": "shell",
    "php": "php", "mts": "typescript",
}  # fmt: skip
CALLED = ("function", "method", "type")


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.open()]


def language(row: dict) -> str | None:
    return LANGUAGES.get(row["path"].rsplit(".", 1)[-1])


def is_left_out(row: dict) -> bool:
    name = row["name"]
    return name == row.get("container") or name in ("init", "operator", "deinit") or not name.isidentifier() and name[-1:] not in "?!="


def keys(rows: list[dict], *parts: str) -> Counter:
    return Counter(tuple(row[part] for part in ("root", "path", *parts)) for row in rows)


def share(part: Counter, whole: Counter) -> str:
    total = sum(whole.values())
    return f"{100 * sum((part & whole).values()) / total:.1f} %" if total else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--expected", type=Path, required=True)
    parser.add_argument("--found", type=Path, required=True)
    parser.add_argument("--show", help="list the differences in this language")
    parser.add_argument("--limit", type=int, default=60)
    options = parser.parse_args()
    expected, found = defaultdict(list), defaultdict(list)
    for row in read(options.expected):
        expected[language(row)].append(row)
    roots = {row["root"] for rows in expected.values() for row in rows}
    for row in read(options.found):
        if row["root"] in roots and language(row):
            found[language(row)].append(row)
    print("| language | files | definitions | recall, called | precision, called | recall | precision | recall by name |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for name in sorted(expected, key=lambda name: -len(expected[name])):
        ours = [row for row in found[name] if not is_left_out(row)]
        theirs = expected[name]
        # A constructor that the parser does have is no miss.
        every = keys(found[name], "name", "line")
        called = [row for row in theirs if row["kind"] in CALLED]
        cells = [
            name,
            str(len({(row["root"], row["path"]) for row in theirs})),
            str(len(theirs)),
            share(every, keys(called, "name", "line")),
            share(keys(theirs, "name", "line"), keys([row for row in ours if row["kind"] in CALLED], "name", "line")),
            share(every, keys(theirs, "name", "line")),
            share(keys(theirs, "name", "line"), keys(ours, "name", "line")),
            share(keys(found[name], "name"), keys(theirs, "name")),
        ]
        print("| " + " | ".join(cells) + " |")
        if name == options.show:
            show(theirs, ours, found[name], options.limit)


def show(theirs: list[dict], ours: list[dict], every: list[dict], limit: int) -> None:
    def place(row: dict) -> tuple:
        return row["root"], row["path"], row["name"], row["line"]

    for title, rows, others in (("missed", theirs, every), ("extra", ours, theirs)):
        known = {place(row) for row in others}
        rows = [row for row in rows if place(row) not in known]
        print(f"\n{title}: {len(rows)}", Counter(row["kind"] for row in rows))
        for row in rows[:: max(1, len(rows) // limit)][:limit]:
            line = (Path(row["root"]) / row["path"]).read_text(errors="replace").split("\n")[row["line"] - 1]
            print(f"  {row['kind']:8} {row['name']:24} {row['path']}:{row['line']}: {line.strip()[:100]}")


if __name__ == "__main__":
    main()
