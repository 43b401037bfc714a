"""Which definition of another file a name means, as far as its text can tell without a compiler.

A definition is ruled out if the file cannot name it (private, or not exported), if the name is used
in another way than its kind is (a type is not a method), if a call has too many arguments, or if an
import takes the name from another package.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, field
from pathlib import Path

from definitions import Definition, Source, files_of, parse
from mentions import CALLED, Mention, mentions, spans

# Languages whose files name each other's definitions.
FAMILY = {"javascript": "script", "typescript": "script", "c": "c", "cpp": "c", "java": "jvm", "kotlin": "jvm"}
# Here a method may call one of its type, or of the type's parent, without naming an object.
IMPLICIT = frozenset(("java", "csharp", "kotlin", "swift", "cpp", "ruby", "php"))
ROLES = {
    "function": ("call", "plain", "member"),
    "method": ("member",),
    "type": ("call", "plain", "member", "type"),
    "constant": ("call", "plain", "member", "type"),
    "field": ("member", "field"),
}
PROGRAM = re.compile(r"[A-Za-z_]\w*")
PRIVATE = re.compile(r"\b(?:private|fileprivate)\b")
# These define again what another package has.
MOCK = re.compile(r"(?i)(?:^|/)(?:mock|stub|fake)[^/]*\.\w+$")
SELF = re.compile(r"(?:&\s*)?(?:'\w+\s+)?(?:mut\s+)?(?:self|cls|this)\b|void$|/$")
# Modules and globals of the languages themselves.
BUILT_IN = frozenset("std core alloc console Math Object JSON Promise".split())


@dataclass
class File:
    path: str
    language: str
    source: Source
    mentions: list[Mention]
    comments: list[tuple[int, int]]
    strings: list[tuple[int, int]]

    declared: set[str]  # Names that the file declares anywhere, locals too.

    @property
    def family(self) -> str:
        return FAMILY.get(self.language, self.language)


@dataclass
class Package:
    half: str
    name: str
    root: Path
    files: list[File] = field(default_factory=list)
    defined: dict[tuple[str, str], list[tuple[str, Definition]]] = field(default_factory=dict)
    in_file: dict[str, list[Definition]] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    parts: set[str] = field(default_factory=set)  # Names of its folders and files, for its imports.

    def own_import(self, language: str, text: str) -> bool:
        """Whether an import names a file of this package."""
        if language in ("javascript", "typescript"):
            source = re.findall(r"""["']([^"']+)["']""", text)
            return bool(source) and source[-1].startswith((".", "@/", "~/", "#"))
        if language == "rust":
            path = re.sub(r"^(?:pub(?:\([^)]*\))?\s+)?use\s+\{?\s*", "", text)
            return bool(re.match(r"(?:crate|self|super)\b", path)) or PROGRAM.match(path.lstrip(":")).group() in self.parts
        if language == "python":
            module = re.match(r"\s*(?:from|import)\s+(\.|\w+)", text)
            return module is not None and (module.group(1) == "." or module.group(1) in self.parts)
        if language == "go":
            return any(path.split("/")[-1] in self.parts for path in re.findall(r'"([^"]+)"', text))
        return True


def load(half: str, name: str, root: Path) -> Package:
    package = Package(half, name, root)
    for path, language, file in files_of(root):
        source = parse(language, file.read_bytes(), file.suffix)
        comments, strings = spans(source)
        found = list(mentions(source))
        declared = {mention.name for mention in found if mention.role == "declared"}
        package.files.append(File(path, language, source, found, comments, strings, declared))
        package.parts.update(part.replace("-", "_") for part in Path(path).with_suffix("").parts)
        package.in_file[path], package.texts[path] = source.definitions, source.data
        for definition in source.definitions:
            package.defined.setdefault((package.files[-1].family, definition.name), []).append((path, definition))
    package.parts -= {"src", "lib", "core", "std", "alloc", "types", "typing", "json", "logging", "http"}
    package.parts.add(name.split("/")[-1].replace("-", "_"))
    return package


def covered(spans: list[tuple[int, int]], at: int) -> tuple[int, int] | None:
    """Returns the span around a byte; spans are sorted and do not overlap."""
    i = bisect.bisect_right(spans, (at, 1 << 60)) - 1
    return spans[i] if i >= 0 and spans[i][0] <= at < spans[i][1] else None


def shown(package: Package, file: File, name: str, parts: list[tuple[int, int]]) -> str | None:
    """Returns `strict` or `imported` by what these parts of the file show of a name; None if the
    text itself shows it, or if an import takes the name from elsewhere."""
    data, near = file.source.data, "strict"
    word = re.compile(rb"(?<![\w$])" + re.escape(name.encode()) + rb"(?!\w)")
    for start, end in file.source.imports:
        text = data[start:end]
        if word.search(text) and not package.own_import(file.language, text.decode(errors="replace")):
            return None
    for start, end in parts:
        for found in word.finditer(data, start, end):
            if covered(file.source.imports, found.start()) is None:
                return None
            near = "imported"
    return near


def from_elsewhere(package: Package, file: File, mention: Mention) -> bool:
    """Whether the expression begins with a module of another package, as in `json.dumps`."""
    root = PROGRAM.search(file.source.data[mention.site : mention.start].decode(errors="replace").removeprefix("new "))
    if mention.role != "member" or root is None:
        return False
    return root.group() in BUILT_IN or shown(package, file, root.group(), []) is None


def reachable(package: Package, file: File, path: str, found: Definition) -> bool:
    """Whether this file may name a definition of another one."""
    first, language = found.signature[0] if found.signature else "", file.language
    if path == file.path or PRIVATE.search(first) or MOCK.search(path):
        return False
    if language in ("c", "cpp"):
        return not (first.startswith("static ") and not path.endswith((".h", ".hpp")))
    if language == "lua":
        return not first.startswith("local ")
    # A value of an enumeration is as visible as the enumeration.
    variant = found.kind == "constant" and not re.match(r"(?:export|const|let|var|static)\b", first)
    data = package.texts[path]
    if language in ("javascript", "typescript") and found.kind in ("function", "type", "constant") and b"export" in data:
        listed = rb"\bexports?\b[^;()]{0,2000}?\b" + re.escape(found.name.encode()) + rb"\b"
        return variant or re.search(listed, data) is not None
    if language == "rust" and found.kind != "method" and not re.match(r"(?:#\[[^\]]*\]\s*)?(?:pub\b|macro_rules)", first):
        # A private item is visible in the modules inside its own.
        inside = re.sub(r"(?:/?(?:mod|lib|main))?\.rs$", "", path)
        return variant or file.path.startswith(f"{inside}/" if inside else "")
    return True


def origin(package: Package, file: File, mention: Mention) -> list[tuple[str, Definition]]:
    """Returns the definitions that a mention can be of, the likeliest first: the one in the file that
    the import names, then the one to which the way through the folders is the shortest."""
    here, data = file.path.split("/")[:-1], file.source.data
    word = re.compile(rb"(?<!\w)" + re.escape(mention.name.encode()) + rb"(?!\w)")
    imports = b" ".join(data[start:end] for start, end in file.source.imports if word.search(data, start, end))

    def distance(item: tuple[str, Definition]) -> tuple[bool, int, str, int]:
        there = item[0].split("/")[:-1]
        stem = Path(item[0]).stem
        module = there[-1] if there and stem in ("mod", "index", "__init__") else stem
        named = re.search(rb"(?<!\w)" + re.escape(module.encode()) + rb"(?!\w)", imports) is not None
        common = next((i for i, (a, b) in enumerate(zip(here, there)) if a != b), min(len(here), len(there)))
        return not named, len(here) + len(there) - 2 * common, item[0], item[1].line

    places = package.defined.get((file.family, mention.name), ())
    found = [(path, d) for path, d in places if reachable(package, file, path, d) and fits(package, file, mention, path, d)]
    return sorted(found, key=distance)


def fits(package: Package, file: File, mention: Mention, path: str, found: Definition) -> bool:
    """Whether a mention can be a use of a definition, by its role, its object and its arguments."""
    roles = ROLES[found.kind]
    if found.kind == "method" and file.language in IMPLICIT:
        roles += ("call", "plain") if file.language == "ruby" else ("call",)
    head, data = " ".join(found.signature), file.source.data
    called = CALLED.match(data[mention.end : mention.end + 80]) is not None
    if mention.role not in roles:
        return False
    # What a path goes through is a type here, or a module; what it leads to is no field.
    if re.match(rb"::(?!<)", data[mention.end : mention.end + 3]) and found.kind != "type":
        return False
    if found.kind == "field" and data[mention.start - 2 : mention.start] == b"::":
        return file.language == "cpp"
    # In Rust `.name` without a call is a field, and with one a method.
    if file.language == "rust" and data[mention.start - 1 : mention.start] == b"." and called != (found.kind != "field"):
        return False
    if file.language == "lua" and data[mention.start - 1 : mention.start] == b":" and found.kind != "method":
        return False
    if found.kind not in ("function", "method"):
        return True
    if found.kind == "method" and mention.role == "member":
        owner = re.search(rb"([A-Z]\w*)(?:\.|::)\Z", data[max(0, mention.start - 80) : mention.start])
        fixed = re.search(r"\bstatic\b", head.split("(")[0]) or file.language == "ruby"
        if fixed and (owner is None or not any(d.name == owner.group(1).decode() for d in package.in_file[path])):
            return False
    use = data[mention.end : mention.end + 400].decode(errors="replace")
    return arguments_fit(file.language, head[head.find(found.name) :], use)


def arguments_fit(language: str, head: str, use: str) -> bool:
    """Whether a call has as many arguments as the definition has parameters; true if unsure."""
    parameters, given = bracketed(head), bracketed(use) if use.startswith("(") else None
    if parameters is None or given is None or any(re.match(r"\*|params |vararg ", p) or "..." in p for p in parameters):
        return True
    parameters = [p for p in parameters if not SELF.match(p)]
    needed = sum(not re.search(r"=|^\w+\?", p) for p in parameters)
    # In these languages a call may leave out any argument, and a method may be called by its type.
    loose = language in ("lua", "javascript", "ruby", "bash", "rust", "zig", "go", "swift", "kotlin")
    return len(given) <= len(parameters) + (language in ("rust", "zig")) and (loose or len(given) >= needed)


def bracketed(text: str) -> list[str] | None:
    """Splits the first pair of parentheses at its commas; None if the text does not have all of it."""
    start = text.find("(")
    depth, parts, quote = 0, [""], ""
    for byte in text[start:] if start >= 0 else "":
        if quote or byte in "\"'`":
            quote = "" if byte == quote else quote or byte
        elif byte in "([{":
            depth += 1
            if depth == 1:
                continue
        elif byte in ")]}":
            depth -= 1
            if depth == 0:
                return [part.strip() for part in parts if part.strip()]
        elif byte == "," and depth == 1:
            parts.append("")
            continue
        elif byte in "<>" and depth >= 1:
            return None  # Commas of type parameters look the same.
        parts[-1] += byte
    return None
