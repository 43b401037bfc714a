"""Finds the definitions, imports and names of source files with tree-sitter's parsers.

This is the ground truth against which lowkey's own index is measured, so it shares nothing with it.
Only what another file may name counts: functions, methods, types, constants and fields at the top
of a file or inside a type. What a function's body declares is local and does not count.

    python definitions.py --texts DIR --out definitions.jsonl     # DIR: as heldout.py lays it out

Writes a definition per line (root, path, name, kind, line) and prints the counts of each package.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from grammars import ALIAS, BODIES, FUNCTIONS, GRAMMARS, HOLDERS, IMPORTS, NAMED, REQUIRED, TYPES
from heldout import HALVES, LANGUAGES

LIMIT = 3  # Lines of a signature.
# Java, C#, Kotlin and Swift: a member with one of these is a constant.
FIXED = re.compile(
    rb"(?:\s|@\w+|public|private|protected|internal|override)*\b(?:static\s+final|const|static\s+let)\b"
)
DECLARATORS = frozenset("identifier field_identifier type_identifier function_declarator pointer_declarator".split())


@dataclass(frozen=True)
class Definition:
    name: str
    kind: str
    line: int
    start: int  # Byte offset of the name.
    signature: tuple[str, ...]


@dataclass
class Source:
    """A parsed file."""

    language: str
    data: bytes
    tree: object = None
    definitions: list[Definition] = field(default_factory=list)
    imports: list[tuple[int, int]] = field(default_factory=list)  # Byte ranges.


@cache
def parser(grammar: str):
    from tree_sitter import Language, Parser

    module, entry = GRAMMARS[grammar]
    return Parser(Language(getattr(importlib.import_module(module), entry)()))


def innermost(node):
    """Returns the name's node of a declarator: C wraps it in pointers, arrays and parameters."""
    while node is not None and node.child_count:
        inner = node.child_by_field_name("declarator") or node.child_by_field_name("name")
        if inner is None:
            inner = next((c for c in node.named_children if c.type in DECLARATORS), None)
        node = inner
    return node


def is_function(node) -> bool:
    """Whether a C declarator is a function's, not that of a pointer to one."""
    while node is not None and node.type != "function_declarator":
        node = node.child_by_field_name("declarator") or next(
            (c for c in node.named_children if c.type.endswith("_declarator")), None
        )
    return node is not None and node.child_by_field_name("declarator").type != "parenthesized_declarator"


def c_names(node, inside: bool) -> Iterator[tuple[object, str]]:
    for declarator in node.children_by_field_name("declarator"):
        if node.type == "type_definition":
            kind = "type"
        elif is_function(declarator):
            kind = "method" if inside or b"::" in declarator.text.split(b"(")[0] else "function"
        else:
            kind = "field" if node.type == "field_declaration" else "constant"
        yield innermost(declarator), kind


def script_names(node, inside: bool) -> Iterator[tuple[object, str]]:
    if node.type == "enum_body":
        yield from ((name, "constant") for name in node.children_by_field_name("name"))
        return
    for part in node.named_children:
        name = part.child_by_field_name("name") if part.type == "variable_declarator" else None
        if name is not None and name.type == "identifier" and not REQUIRED.match(part.text):
            value = part.child_by_field_name("value")
            called = value is not None and value.type in ("arrow_function", "function_expression")
            yield name, "function" if called else "constant"


def python_names(node, inside: bool) -> Iterator[tuple[object, str]]:
    left = node.child_by_field_name("left")
    names = [left] if left.type == "identifier" else left.named_children if left.type == "pattern_list" else []
    for name in names:
        if name.type == "identifier":
            yield name, "field" if inside and not name.text.isupper() else "constant"


def lua_names(node, inside: bool) -> Iterator[tuple[object, str]]:
    if node.type == "function_declaration":
        name = node.child_by_field_name("name")
        method = name.type == "method_index_expression"
        last = name.child_by_field_name("method") or name.child_by_field_name("field") or name
        yield last, "method" if method else "function"
        return
    if REQUIRED.match(node.text) or ALIAS.fullmatch(node.parent.text):
        return
    lists = {child.type: child.named_children for child in node.named_children}
    values = lists.get("expression_list", [])
    for i, name in enumerate(lists.get("variable_list", [])):
        called = i < len(values) and values[i].type == "function_definition"
        yield name.child_by_field_name("field") or name, "function" if called else "constant"


def ruby_names(node, inside: bool) -> Iterator[tuple[object, str]]:
    if node.type == "assignment":
        left = node.child_by_field_name("left")
        if left.type == "constant":
            value = node.child_by_field_name("right")
            made = value is not None and re.match(rb"(?:Struct|Class|Data)\.(?:new|define)\b", value.text)
            yield left, "type" if made else "constant"
    elif node.child_by_field_name("method").text.startswith(b"attr_") and node.child_by_field_name("arguments"):
        arguments = node.child_by_field_name("arguments").named_children
        yield from ((symbol, "field") for symbol in arguments if symbol.type == "simple_symbol")


def zig_names(node, inside: bool) -> Iterator[tuple[object, str]]:
    parts = node.named_children
    if parts and parts[0].type == "identifier" and not REQUIRED.match(node.text) and not ALIAS.fullmatch(node.text):
        made = parts[-1].type in ("struct_declaration", "enum_declaration", "union_declaration", "opaque_declaration")
        yield parts[0], "type" if made else "constant"


def member_names(node, inside: bool) -> Iterator[tuple[object, str]]:
    """Fields and constants of Java, C#, Kotlin and Swift."""
    kind = "constant" if FIXED.match(node.text) or not inside else "field"
    if node.type == "property_declaration" and node.children_by_field_name("name"):
        for pattern in node.children_by_field_name("name"):
            if (name := pattern.child_by_field_name("bound_identifier")) is not None:
                yield name, kind
        return
    holders = [c for c in node.named_children if c.type in ("variable_declaration", "variable_declarator")]
    for holder in holders:
        deeper = [c for c in holder.named_children if c.type == "variable_declarator"] or [holder]
        for part in deeper:
            name = part.child_by_field_name("name") or next((c for c in part.named_children if c.type == "identifier"), None)
            if name is not None:
                yield name, kind


def parameter_names(node, inside: bool) -> Iterator[tuple[object, str]]:
    """Parameters that are also fields: Kotlin's `val`, records of Java and C#, TypeScript's `private`."""
    name = node.child_by_field_name("name") or node.child_by_field_name("pattern")
    name = name or next((c for c in node.named_children if c.type == "identifier"), None)
    if name is not None and name.type == "identifier":
        yield name, "field"


def php_names(node, inside: bool) -> Iterator[tuple[object, str]]:
    for part in node.named_children:
        if part.type == "const_element" and part.named_children:
            yield part.named_children[0], "constant"


C_NODES = ("function_definition", "declaration", "field_declaration", "type_definition")
SPECIAL = {
    "c": dict.fromkeys(C_NODES, c_names),
    "cpp": dict.fromkeys(C_NODES, c_names),
    "csharp": dict.fromkeys(("field_declaration", "event_field_declaration"), member_names),
    "java": dict.fromkeys(("field_declaration", "constant_declaration"), member_names),
    "javascript": dict.fromkeys(("lexical_declaration", "variable_declaration"), script_names),
    "kotlin": {"property_declaration": member_names},
    "lua": dict.fromkeys(("function_declaration", "assignment_statement"), lua_names),
    "php": {"const_declaration": php_names},
    "python": {"assignment": python_names},
    "ruby": {"assignment": ruby_names, "call": ruby_names},
    "swift": {"property_declaration": member_names, "protocol_property_declaration": member_names},
    "typescript": dict.fromkeys(("lexical_declaration", "variable_declaration", "enum_body"), script_names),
    "zig": {"variable_declaration": zig_names},
}


def names_of(language: str, node, inside: bool) -> Iterator[tuple[object, str]]:
    """Yields the nodes of the names that `node` defines, with their kinds."""
    special = SPECIAL.get(language, {}).get(node.type)
    if special:
        yield from special(node, inside)
        return
    kind = NAMED[language].get(node.type)
    # `struct point p;` names a type but does not define it.
    if kind is None or (node.type.endswith("_specifier") and node.child_by_field_name("body") is None):
        return
    for name in node.children_by_field_name("name"):
        if name.type == "user_type":  # Swift's extension of a type that is defined elsewhere.
            continue
        if node.type in ("public_field_definition", "field_definition") and node.child_by_field_name("value") is not None:
            kind = "method" if node.child_by_field_name("value").type == "arrow_function" else "field"
        yield name, "method" if kind == "function" and inside else kind


def extra_names(language: str, node, owner: str) -> Iterator[tuple[object, str]]:
    """Yields fields that parameters and constructors define; `owner` is the type of the node around
    the parameter list."""
    if language == "kotlin" and node.type == "class_parameter" and re.search(rb"\b(?:val|var)\s", node.text):
        yield from parameter_names(node, True)
    elif language == "kotlin" and node.type == "enum_entry":
        yield from ((c, "constant") for c in node.named_children[:2] if c.type == "identifier")
    elif language == "kotlin" and node.type == "type_alias":
        yield from ((c, "type") for c in node.named_children[:1])
    elif owner == "record_declaration" and node.type in ("formal_parameter", "parameter"):
        yield from parameter_names(node, True)
    elif node.type == "required_parameter" and any(c.type == "accessibility_modifier" for c in node.children):
        yield from parameter_names(node, True)


def signature(data: bytes, node) -> tuple[str, ...]:
    """Returns the lines of a definition up to its body, without annotations; at most three."""
    body = node.child_by_field_name("body")
    first = data.rfind(b"\n", 0, node.start_byte) + 1
    end = body.start_byte if body is not None and body.start_byte > node.start_byte else node.end_byte
    # What precedes the body on its line belongs to the signature, and so does the brace.
    if end < node.end_byte and data[data.rfind(b"\n", 0, end) + 1 : end].strip():
        stop = data.find(b"\n", end)
        end = stop if stop >= 0 else len(data)
    lines = [line.strip() for line in data[first:end].decode(errors="replace").split("\n")]
    while len(lines) > 1 and re.match(r"(?:@|#\[|\[)", lines[0]):
        lines.pop(0)
    return tuple(line for line in lines if line)[:LIMIT]


def python_fields(node) -> Iterator[object]:
    """Yields the names of `self.name = …` in a constructor."""
    for child in node.named_children:
        if child.type == "assignment" and (left := child.child_by_field_name("left")).type == "attribute":
            if left.child_by_field_name("object").text == b"self":
                yield left.child_by_field_name("attribute")
        elif child.type not in ("function_definition", "class_definition", "lambda"):
            yield from python_fields(child)


def parse(language: str, data: bytes, suffix: str = "") -> Source:
    """Parses a file and collects its definitions and imports."""
    source = Source(language, data, parser("tsx" if suffix == ".tsx" else language).parse(data))
    seen: set[int] = set()

    def add(name, kind: str, node) -> None:
        if name is None or name.start_byte in seen:
            return
        seen.add(name.start_byte)
        text = name.text.decode(errors="replace").lstrip(":$#")
        if re.fullmatch(r"[^\W\d]\w*[?!=]?", text):
            line = name.start_point.row + 1
            source.definitions.append(Definition(text, kind, line, name.start_byte, signature(data, node)))

    def visit(node, inside: bool, local: bool, owner: str) -> None:
        held = node.type in HOLDERS and (REQUIRED.match(node.text) or ALIAS.fullmatch(node.text))
        again = node.type == "export_statement" and node.child_by_field_name("source") is not None
        if node.type in IMPORTS or held or again:
            source.imports.append((node.start_byte, node.end_byte))
            return
        if not local:
            for name, kind in names_of(language, node, inside):
                add(name, kind, node)
        for name, kind in extra_names(language, node, owner):
            add(name, kind, node)
        if language == "python" and inside and node.type == "function_definition":
            if node.child_by_field_name("name").text == b"__init__":
                for name in python_fields(node.child_by_field_name("body")):
                    add(name, "field", name.parent.parent)
        functions = FUNCTIONS.get(language)
        hidden = local or (node.type in functions if functions else node.type in BODIES)
        # A parameter list belongs to what is around it.
        owner = owner if node.type.endswith(("parameters", "parameter_list")) else node.type
        for child in node.named_children:
            visit(child, inside or node.type in TYPES, hidden, owner)

    visit(source.tree.root_node, False, False, "")
    return source


def files_of(root: Path) -> Iterator[tuple[str, str, Path]]:
    """Yields path, language and file of a package's sources, in order."""
    for path in sorted(root.rglob("*")):
        language = LANGUAGES.get(path.suffix)
        if path.is_file() and language in GRAMMARS:
            yield path.relative_to(root).as_posix(), language, path


def packages_in(texts: Path) -> Iterator[tuple[str, str, Path]]:
    """Yields half, name and folder of the packages that heldout.py laid out."""
    for half in HALVES:
        for folder in sorted((texts / half).iterdir()):
            for root in sorted(folder.iterdir()) if folder.name.startswith("@") else [folder]:
                yield half, root.relative_to(texts / half).as_posix(), root


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--texts", type=Path, action="append", required=True)
    arguments.add_argument("--out", type=Path, required=True)
    options = arguments.parse_args()
    with options.out.open("w") as out:
        for half, name, root in (about for texts in options.texts for about in packages_in(texts.resolve())):
            kinds, files, lines = Counter(), 0, 0
            for path, language, file in files_of(root):
                data = file.read_bytes()
                files, lines = files + 1, lines + data.count(b"\n")
                for found in parse(language, data, file.suffix).definitions:
                    row = {"root": str(root), "path": path, "name": found.name, "kind": found.kind, "line": found.line}
                    out.write(json.dumps(row, ensure_ascii=False) + "\n")
                    kinds[found.kind] += 1
            print(f"{half:11} {name}: {files} files, {lines} lines, {dict(sorted(kinds.items()))}", flush=True)


if __name__ == "__main__":
    main()
