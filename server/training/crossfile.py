"""Lists holes whose line uses a name that another file of the package defines.

    python heldout.py   --out work/heldout --work work/archives
    python heldout.py   --manifest crossfile.toml --out work/more --work work/archives-more
    python crossfile.py --texts work/heldout --texts work/more --out work/crossfile

Writes `development.jsonl` and `report.jsonl`, a hole per line. A parser finds the definitions and
the uses (definitions.py, mentions.py, targets.py), never lowkey's index. A name counts only if the text around
the hole does not show it: `strict` if nothing near shows it, `imported` if only an import does.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from definitions import packages_in
from fetch import read_manifest
from heldout import HALVES
from mentions import Mention
from targets import File, Package, covered, from_elsewhere, load, origin, shown

KEYWORDS = frozenset(
    "self this super null true false none void string number boolean object undefined never unknown error result option some"
    " main init default async await function return static public private const".split()
)
# A line that begins with one of these continues the line before; `#` begins a directive of C.
CONTINUED = re.compile(r"[.?|+/=<,:%)\]}]|&&|and\b|or\b|\*\s")
# Parents of a node that is one of several lines of an expression.
PART = re.compile(
    r"argument|array|^list|tuple|^set$|binary|parenthes|parameter|conditional|ternary|operator|comparison|concatenated|subscript"
    r"|call|member_expression|field_expression|initializer_list|jsx|attribute"
)
# What may end a line whose statement goes on: it opens a block or a list.
OPENS = re.compile(r"(?:[\[({:|]|=>|->|\bthen|\bdo|\bbegin|\bfunction\s*\([^()]*\))$")
RUBY_GOES_ON = re.compile(r"[-+*/%&|^=<>?,.\\]$|\b(?:and|or|not)$")
# Nodes of several statements, which begin where the first of these begins.
WHOLE = re.compile(
    r"(?:module|program|source_file|translation_unit|chunk|compilation_unit|block|statements|statement_list|body_statement"
    r"|then|else|do)$"
)
OPENERS, CLOSERS = "([{", ")]}"


@dataclass(frozen=True)
class Limits:
    seed: int
    name_characters: int
    line_characters: tuple[int, int]
    window_bytes: tuple[int, int]
    defining_files: int
    common_in_packages: int
    common_members: tuple[str, ...]
    per_file: int
    per_package: int
    per_language: int
    strict_per_language: int
    per_name: int

    @classmethod
    def read(cls, path: Path) -> Limits:
        about = read_manifest(path)["selection"]
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in about.items()})


@dataclass
class Hole:
    package: Package
    file: File
    first: int  # The line's first character that is not blank, and the line's end.
    end: int
    cut: int | None  # Where a hole of the kind `rest` begins; None if there is no good place.
    visible: str
    names: list[tuple[Mention, str]]  # Each with its own `strict` or `imported`.


def one_statement(file: File, first: int, end: int) -> bool:
    """Whether the line begins a statement, an arm or a field, and ends it or opens its block."""
    text, depth, last = file.source.data[first:end], [], ""
    for i, byte in enumerate(text):
        if covered(file.strings, first + i):
            continue
        last = chr(byte)
        if last in OPENERS:
            depth.append(last)
        elif last in CLOSERS and (not depth or OPENERS.index(depth.pop()) != CLOSERS.index(last)):
            return False
    line = text.decode(errors="replace")
    if depth and last not in OPENERS:
        return False
    node = file.source.tree.root_node.descendant_for_byte_range(first, first + 1)
    while node.parent is not None and node.parent.start_byte == first and not WHOLE.match(node.parent.type):
        node = node.parent
    if node.end_byte > end and (RUBY_GOES_ON.search(line) if file.language == "ruby" else not OPENS.search(line)):
        return False
    parent = node.parent
    if node.has_error or (parent is not None and (PART.search(parent.type) or parent.is_error)):
        return False
    if parent is not None:
        slot = next((parent.field_name_for_child(i) for i, c in enumerate(parent.children) if c == node), None)
        if slot in ("value", "right", "condition", "type", "return_type", "left", "initializer"):
            return False
    while parent is not None:
        name = parent.child_by_field_name("name") if parent.type == "mod_item" else None
        if parent.type == "test_declaration" or (name is not None and name.text in (b"tests", b"test")):
            return False
        parent = parent.parent
    return True


def asked(file: File, start: int, end: int, limits: Limits) -> bool:
    """Whether a line may be a hole: a statement of the right length, no import, comment or text."""
    data = file.source.data
    text = data[start:end].decode(errors="replace")
    line, shortest, longest = text.strip(), *limits.line_characters
    first = start + len(text) - len(text.lstrip())
    if not shortest <= len(line) <= longest or text != text.rstrip() or CONTINUED.match(line):
        return False
    if line.startswith(("#", "namespace ")) and file.language in ("c", "cpp", "csharp"):
        return False
    if any(a < end and b > start for a, b in file.comments + file.source.imports):
        return False
    return not any(a < first < b or a < end < b for a, b in file.strings) and one_statement(file, first, end)


def telling(package: Package, file: File, mention: Mention, common: set[str], limits: Limits) -> bool:
    """Whether a name is only this package's, and another file defines what it means here."""
    name = mention.name
    places = package.defined.get((file.family, name), ())
    if not places or any(path == file.path for path, _ in places):
        return False
    if len(name) < limits.name_characters or name in common or name.lower() in KEYWORDS:
        return False
    if mention.role == "member" and name.lower().replace("_", "") in limits.common_members:
        return False
    if mention.role not in ("member", "field") and name in file.declared:
        return False
    paths = {path for path, _ in origin(package, file, mention)}
    return 1 <= len(paths) <= limits.defining_files and not from_elsewhere(package, file, mention)


def candidates(package: Package, common: set[str], limits: Limits) -> Iterator[Hole]:
    """Yields every line of the package that can be a hole."""
    for file in package.files:
        data = file.source.data
        lines: dict[int, list[Mention]] = defaultdict(list)
        for mention in file.mentions:
            if telling(package, file, mention, common, limits):
                lines[data.rfind(b"\n", 0, mention.start) + 1].append(mention)
        for start, found in lines.items():
            end = data.find(b"\n", start)
            end = len(data) if end < 0 else end
            if not asked(file, start, end, limits):
                continue
            above, below = limits.window_bytes
            window = [(max(0, start - above), start), (end, end + below)]
            names: dict[str, tuple[Mention, str]] = {}
            for mention in found:
                if visible := shown(package, file, mention.name, window):
                    names.setdefault(mention.name, (mention, visible))
            if names:
                ordered = sorted(names.values(), key=lambda item: (item[1] != "strict", item[0].start))
                first = end - len(data[start:end].lstrip())
                yield Hole(package, file, first, end, cut(file, first, ordered[0][0]), ordered[0][1], ordered)


def cut(file: File, first: int, mention: Mention) -> int | None:
    """Returns where a cursor in the line may be: before the expression of the name, or, if the line
    begins with it, before the name."""
    at = mention.site if mention.site > first else mention.start
    word = re.compile(rb"(?<!\w)" + re.escape(mention.name.encode()) + rb"(?!\w)")
    return at if at > first and not word.search(file.source.data[first:at]) else None


def common_names(packages: list[Package], limit: int) -> set[str]:
    """Names that several packages use say too little: `append`, `width`."""
    seen: Counter[str] = Counter()
    for package in packages:
        seen.update({mention.name for file in package.files for mention in file.mentions if mention.role != "text"})
    return {name for name, count in seen.items() if count >= limit}


def choose(packages: list[Package], half: str, common: set[str], limits: Limits) -> list[tuple[Hole, str]]:
    """Takes holes within the limits, language by language and package by package in turn, `strict` and
    `imported` in turn."""
    pools: dict[str, dict[str, list[Hole]]] = defaultdict(dict)
    for package in packages:
        if package.half == half:
            holes = list(candidates(package, common, limits))
            random.Random(f"{limits.seed} {package.name}").shuffle(holes)
            for hole in holes:
                pools[hole.file.language].setdefault(package.name, []).append(hole)
    taken: list[tuple[Hole, str]] = []
    count: Counter[tuple[str, ...]] = Counter()

    def take(language: str, name: str) -> bool:
        strict = count[language, "strict"]
        wanted = "strict" if strict <= count[language, "imported"] else "imported"
        pool = pools[language][name]
        for hole in sorted(pool, key=lambda hole: hole.visible != wanted):
            word, file = hole.names[0][0].name, hole.file.path
            if hole.visible == "strict" and strict >= limits.strict_per_language:
                continue
            pool.remove(hole)
            if count["file", name, file] < limits.per_file and count["name", name, word] < limits.per_name:
                kind = "rest" if hole.cut is not None and count["rest",] * 2 <= len(taken) else "line"
                keys = [("file", name, file), ("name", name, word), ("package", name), (language,)]
                count.update([*keys, ("in", language, name), (language, hole.visible), (kind,)])
                taken.append((hole, kind))
                return True
        return False

    before = -1
    while len(taken) != before:
        before = len(taken)
        for language in sorted(pools):
            for name in sorted(pools[language], key=lambda name: count["in", language, name]):
                room = count[language,] < limits.per_language and count["package", name] < limits.per_package
                if room and take(language, name):
                    break
    # In this order every start of the list is a sample of it.
    random.Random(f"{limits.seed} {half}").shuffle(taken)
    return taken


def import_line(file: File, name: str) -> int | None:
    """Returns the line of the import that names it, also if it is far above the hole."""
    for start, end in file.source.imports:
        if re.search(rb"(?<!\w)" + re.escape(name.encode()) + rb"(?!\w)", file.source.data[start:end]):
            return file.source.data.count(b"\n", 0, start) + 1
    return None


def row(hole: Hole, kind: str) -> dict:
    package, file = hole.package, hole.file
    start = hole.first if kind == "line" else hole.cut
    names = []
    for mention, visible in hole.names:
        if mention.start < start:
            continue
        (path, found), *others = origin(package, file, mention)
        names.append({
            "name": mention.name, "kind": found.kind, "defined_in": path, "line": found.line, "signature": list(found.signature),
            "visible": visible, "import_line": import_line(file, mention.name), "role": mention.role, "at": mention.start - start,
            "also_in": sorted({other for other, _ in others} - {path}),
        })  # fmt: skip
    return {
        "half": package.half, "package": package.name, "root": str(package.root), "path": file.path, "language": file.language,
        "line": file.source.data.count(b"\n", 0, start) + 1, "offset": start,
        "target": file.source.data[start : hole.end].decode(), "kind": kind, "visible": hole.visible, "names": names,
    }  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--manifest", type=Path, default=Path(__file__).with_name("crossfile.toml"))
    arguments.add_argument("--texts", type=Path, action="append", required=True, help="a folder that heldout.py laid out")
    arguments.add_argument("--out", type=Path, required=True)
    options = arguments.parse_args()
    limits = Limits.read(options.manifest)
    packages = [load(*about) for texts in options.texts for about in packages_in(texts.resolve())]
    common = common_names(packages, limits.common_in_packages)
    options.out.mkdir(parents=True, exist_ok=True)
    for half in HALVES:
        holes = choose(packages, half, common, limits)
        with (options.out / f"{half}.jsonl").open("w") as out:
            for hole, kind in holes:
                out.write(json.dumps(row(hole, kind), ensure_ascii=False) + "\n")
        report(half, holes)


def report(half: str, holes: list[tuple[Hole, str]]) -> None:
    """Prints the half's numbers."""
    table: Counter[tuple[str, str]] = Counter()
    for hole, kind in holes:
        for what in (hole.visible, kind, "holes"):
            table.update([(hole.file.language, what), ("together", what)])
    print(f"{half}: {len({hole.package.name for hole, _ in holes})} packages")
    print("| language | packages | holes | strict | imported | line | rest |\n|---|--:|--:|--:|--:|--:|--:|")
    for language in sorted({key[0] for key in table} - {"together"}) + ["together"]:
        used = {hole.package.name for hole, _ in holes if language in (hole.file.language, "together")}
        counts = [table[language, what] for what in ("holes", "strict", "imported", "line", "rest")]
        print(f"| {language} | {len(used)} | " + " | ".join(map(str, counts)) + " |")


if __name__ == "__main__":
    main()
