"""Prints the tables of `server/suggestion/README.md`, from the rows of `lowkey bench quality`.

    python figures.py ROWS.jsonl

One line for each language and each kind of hole, and the effect of the trims: the model's raw text
next to the editor's. Shares and means are of all holes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

KINDS = {
    "line": "a whole line",
    "rest": "the rest of a line",
    "block": "a block",
    "midline": "before auto-closed brackets",
}


def read(file: Path) -> list[dict]:
    """Returns the holes; skips the file's first line, which describes the run."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if "hole" in row]


def share(rows: list[dict], of) -> float:
    return sum(map(of, rows)) / max(len(rows), 1)


def line(name: str, rows: list[dict]) -> str:
    return (
        f"| {name} | {len(rows):,} | {share(rows, lambda r: r['exact_match']):.1%} "
        f"| {share(rows, lambda r: r['first_line_match']):.1%} | {share(rows, lambda r: r['edit_similarity']):.3f} "
        f"| {share(rows, lambda r: r['chars'] == 0):.1%} | {sum(r['closers_doubled'] for r in rows)} "
        f"| {sum(r['next_line_repeated'] for r in rows)} | {share(rows, lambda r: r['indent_wrong']):.1%} "
        f"| {share(rows, lambda r: r['tokens']['decoded']):.1f} |"
    ).replace("%", " %")


def table_of_languages(rows: list[dict]) -> str:
    """Each language, all holes, and each kind of hole."""
    lines = [
        "| | holes | exact | 1st line | similar | silent | closers doubled | next line repeated | indent wrong | tokens |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for language in sorted({row["language"] for row in rows}):
        lines.append(line(language, [row for row in rows if row["language"] == language]))
    lines.append(line("**all**", rows))
    lines += [line(name, [row for row in rows if row["kind"] == kind]) for kind, name in KINDS.items()]
    return "\n".join(lines)


def table_of_trims(rows: list[dict]) -> str:
    """The model's text and the shown text."""
    with_text = [row for row in rows if row["untrimmed"]]
    shown = [row for row in rows if row["chars"] > 0]

    def both(name: str, key: str, among=lambda _: True) -> str:
        cells = []
        for side in ([r["untrimmed"] for r in with_text if among(r)], [r for r in shown if among(r)]):
            n = sum(bool(row[key]) for row in side)
            cells.append(f"{n:,} ({n / max(len(side), 1):.2%})".replace("%", " %"))
        return f"| {name} | {cells[0]} | {cells[1]} |"

    return "\n".join([
        "| | model's text | shown |",
        "|---|--:|--:|",
        f"| holes with text | {len(with_text):,} | {len(shown):,} |",
        both("a bracket or quote doubled", "closers_doubled"),
        both("the next line repeated", "next_line_repeated"),
        both("indented wrongly", "indent_wrong"),
        both("every line right", "exact_match"),
        both("a bracket or quote doubled, before auto-closed ones", "closers_doubled", lambda r: r["kind"] == "midline"),
    ])  # fmt: skip


if __name__ == "__main__":
    found = read(Path(sys.argv[1]))
    print(table_of_languages(found), table_of_trims(found), sep="\n\n")
