"""Debian packages: fetches them with apt and keeps the files under permitted licences.

A package may contain works of many authors. Its copyright file, if it is in the machine-readable
form (DEP-5), assigns a licence to each file. A file of a source package is written to disk only if
permitted licences alone satisfy its licence. A binary package has other paths, so it is taken only
if that is true for all of it. A package without such a copyright file is refused. Nothing is built
or installed, and the machine's own apt lists do not change, because the source lists are in the
output folder.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from pathlib import Path, PurePosixPath

# Files of the languages that corpus.py knows, and files without a suffix, which are scripts.
WANTED = frozenset(
    ".rs .py .js .mjs .jsx .ts .tsx .mts .go .c .h .cc .cpp .cxx .hpp .hh .hxx .inl .java .sh .bash .rb .php .lua".split()
)
LARGEST = 120_000
# Folders of bundled copies, of build output and of data written as code.
LEFT_OUT = re.compile(
    r"(?i)(?:^|/)(?:_?vendor(?:ed|s)?|node_modules|bower_components|godeps|umd|third[-_]?party|3rd[-_]?party|externals?|bundled"
    r"|subprojects|debian|testdata|test[-_]data|test[-_]files|_*fixtures?_*|_*snapshots_*|baselines?|test262"
    r"|locales?|i18n|unicode_tables|autogen\w*|generated|pb)(?:/|$)"
)

# Debian's short names for licences, in lower case, with their SPDX names.
SPDX = {
    "expat": "MIT", "mit": "MIT", "mit/x11": "MIT", "mit-0": "MIT-0", "apache-2.0": "Apache-2.0", "apache-2": "Apache-2.0",
    "apache 2.0": "Apache-2.0", "apache2": "Apache-2.0", "asl-2.0": "Apache-2.0", "asl-2": "Apache-2.0",
    "apache-2.0-with-llvm-exception": "Apache-2.0", "apache-2.0 with llvm exception": "Apache-2.0",
    "apache-2.0 with llvm exceptions": "Apache-2.0", "apache-2.0-llvm": "Apache-2.0",
    "bsd-2-clause": "BSD-2-Clause", "bsd-2-clauses": "BSD-2-Clause", "bsd-2": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause", "bsd-3": "BSD-3-Clause",
    "bsd-3-clause-google": "BSD-3-Clause", "bsd-3-clause~google": "BSD-3-Clause", "bsd3": "BSD-3-Clause",
    "bsd-3-clause-intel": "BSD-3-Clause", "isc": "ISC", "zlib": "Zlib", "unlicense": "Unlicense", "0bsd": "0BSD",
    "cc0-1.0": "CC0-1.0", "cc0": "CC0-1.0", "bsl-1.0": "BSL-1.0", "bsl-1": "BSL-1.0", "boost-1.0": "BSL-1.0", "bsl": "BSL-1.0",
}  # fmt: skip
EITHER = re.compile(r"\s+(?:and/)?or\s+|\s*\|\s*")
BOTH = re.compile(r"\s*,?\s+and\s+|\s*,\s*|\s*&\s*")


def spdx(short: str) -> str:
    """Returns Debian's licence line as an SPDX expression; unknown names are kept and are never
    permitted."""
    alternatives = []
    for choice in EITHER.split(short.strip().lower()):
        parts = [SPDX.get(name.strip(), name.strip() or "unknown") for name in BOTH.split(choice)]
        alternatives.append(parts)
    if len(alternatives) == 1:
        return " AND ".join(alternatives[0])
    # `a and b or c` is read as the stricter `a AND (b OR c)`: every part must be permitted in each
    # choice.
    if all(len(parts) == 1 for parts in alternatives):
        return " OR ".join(parts[0] for parts in alternatives)
    return " AND ".join(part for parts in alternatives for part in parts)


def stanzas(text: str) -> list[dict[str, str]]:
    """Returns the paragraphs of a control file: field names in lower case, continuation lines
    joined."""
    found: list[dict[str, str]] = [{}]
    field = ""
    for line in text.splitlines():
        if not line.strip():
            if found[-1]:
                found.append({})
            field = ""
        elif line[0] in " \t":
            if field:
                found[-1][field] += "\n" + line.strip()
        elif ":" in line and not line.startswith("#"):
            field, value = line.split(":", 1)
            field = field.strip().lower()
            found[-1][field] = value.strip()
    return [stanza for stanza in found if stanza]


def matcher(patterns: str) -> re.Pattern[str]:
    """Compiles DEP-5's file patterns: `*` and `?` also match slashes, other characters are literal.
    """
    parts = []
    for pattern in patterns.replace(",", " ").split():
        pattern = pattern.removeprefix("./")
        parts.append(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."))
    return re.compile("|".join(f"(?:{part})" for part in parts) or r"(?!)", re.DOTALL)


class Copyright:
    """The licences of a package's files."""

    def __init__(self, text: str) -> None:
        paragraphs = stanzas(text)
        self.rules: list[tuple[re.Pattern[str], str]] = []
        self.upstream: set[str] = set()
        for stanza in paragraphs:
            if stanza.get("files") and stanza.get("license"):
                licence = spdx(stanza["license"].split("\n", 1)[0])
                self.rules.append((matcher(stanza["files"]), licence))
                if not all(name.startswith("debian/") for name in stanza["files"].split()):
                    self.upstream.add(licence)
        if "format" not in (paragraphs[0] if paragraphs else {}) or not self.rules:
            raise ValueError("debian/copyright is not machine-readable")

    def licence(self, path: str) -> str:
        """Returns the licence of a file by its path in the source tree; the last matching paragraph
        counts."""
        found = "unknown"
        for pattern, licence in self.rules:
            if pattern.fullmatch(path):
                found = licence
        return found

    def whole(self) -> str:
        """Returns the licence of the whole package except the packaging itself."""
        return " AND ".join(sorted(self.upstream))

    def main(self) -> str:
        """Returns the licence of files without a special paragraph."""
        return self.licence("*")


def source_lists(out: Path) -> list[str]:
    """Returns options for apt that read the configured archive's *source* index, stored in `out`.
    """
    state = out / "apt"
    for folder in ("lists/partial", "cache"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    options = [
        f"Dir::Etc::SourceList={state}/sources.sources", "Dir::Etc::SourceParts=/dev/null", f"Dir::State={state}",
        f"Dir::State::Lists={state}/lists", f"Dir::State::Status={state}/status", f"Dir::Cache={state}/cache",
        "Acquire::Languages=none", "APT::Sandbox::User=root",
    ]  # fmt: skip
    flags = [part for option in options for part in ("-o", option)]
    sources = state / "sources.sources"
    if not sources.exists():
        targets = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        # The next point release has the same versions as the updates and security suites.
        lines = sorted({
            tuple(line.split()) for line in targets.splitlines()
            if len(line.split()) == 3 and not line.split()[1].endswith(("-updates", "-security"))
        })  # fmt: skip
        if not lines:
            raise SystemExit("apt has no archive configured: the debian-src packages need one")
        keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
        sources.write_text("\n".join(
            f"Types: deb-src\nURIs: {uri}\nSuites: {suite}\nComponents: {component}\nSigned-By: {keyring}\n"
            for uri, suite, component in lines
        ))  # fmt: skip
        subprocess.run(["apt-get", "-qq", *flags, "update"], check=True)
    return flags


def download(flags: list[str], packages: list[dict], archives: Path) -> None:
    """Runs `apt-get source --download-only` for exactly these versions; apt checks the digests."""
    archives.mkdir(parents=True, exist_ok=True)
    wanted = [f"{package['name']}={package['version']}" for package in packages]
    print("$ apt-get source --download-only", *wanted[:4], "…" if len(wanted) > 4 else "", flush=True)
    subprocess.run(["apt-get", "-qq", *flags, "source", "--download-only", *wanted], cwd=archives, check=True)


def parts(archives: Path, package: dict) -> list[Path]:
    """Returns the archives of a package, which its .dsc names."""
    version = re.sub(r"^\d+:", "", package["version"])
    control = archives / f"{package['name']}_{version}.dsc"
    listed = re.search(r"^Files:\s*\n((?: .*\n?)+)", control.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    names = [line.split()[2] for line in listed.group(1).strip().splitlines()] if listed else []
    return [archives / name for name in names if re.search(r"\.tar\.\w+$", name)]


def read_copyright(archives: list[Path]) -> Copyright:
    """Reads the copyright file of a package, from its Debian archive or, for a native package, from
    its only archive."""
    for archive in sorted(archives, key=lambda path: ".debian.tar" not in path.name):
        with tarfile.open(archive, "r|*") as members:
            for member in members:
                if re.fullmatch(r"(?:\./)?(?:[^/]+/)?debian/copyright", member.name) and member.isfile():
                    return Copyright(members.extractfile(member).read().decode("utf-8", "replace"))
    raise ValueError("no debian/copyright")


def unpack(archives: list[Path], target: Path, allowed) -> tuple[int, int]:
    """Writes the wanted and permitted files of a package; returns how many, and how many were
    excluded by licence.

    `allowed` returns whether an SPDX expression is permitted.
    """
    record = read_copyright(archives)
    partial = target.with_name(target.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    kept = refused = 0
    for archive in archives:
        if ".debian.tar" in archive.name:
            continue
        component = re.search(r"\.orig-([A-Za-z0-9-]+)\.tar", archive.name)
        with tarfile.open(archive, "r|*") as members:
            for member in members:
                pieces = PurePosixPath(member.name).parts
                inside = PurePosixPath(*pieces[1:]) if len(pieces) > 1 else PurePosixPath()
                suffix = inside.suffix
                if not member.isfile() or not 200 <= member.size <= LARGEST or ".." in pieces or not inside.name:
                    continue
                if LEFT_OUT.search(inside.parent.as_posix() + "/"):
                    continue
                if suffix not in WANTED and not (suffix == "" and not inside.name.startswith(".")):
                    continue
                if component:
                    inside = component.group(1) / inside
                if not allowed(record.licence(inside.as_posix())):
                    refused += 1
                    continue
                data = members.extractfile(member).read()
                if suffix == "" and not re.match(rb"#!.*\b(?:ba)?sh\b", data):
                    continue
                path = partial / inside
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                kept += 1
    partial.rename(target)
    return kept, refused


def fetch_binaries(packages: list[dict], out: Path, allowed) -> None:
    """Runs `apt-get download` and unpacks the packages without installing them."""
    out.mkdir(parents=True, exist_ok=True)
    for package in packages:
        target = out / package["name"]
        if target.exists():
            continue
        partial = out / "partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        subprocess.run(["apt-get", "download", "-qq", f"{package['name']}={package['version']}"], cwd=partial, check=True)
        archive = next(partial.glob("*.deb"))
        subprocess.run(["dpkg", "-x", archive.name, "tree"], cwd=partial, check=True)
        record = partial / "tree/usr/share/doc" / package["name"] / "copyright"
        try:
            licence = Copyright(record.read_text(encoding="utf-8", errors="replace")).whole()
        except (OSError, ValueError) as error:
            raise SystemExit(f"{package['name']}: {error}: remove it from the manifest") from error
        if not allowed(licence):
            raise SystemExit(f"{package['name']}: parts of it are under {licence}: remove it from the manifest")
        (partial / "tree").rename(target)
        shutil.rmtree(partial)


def fetch_sources(packages: list[dict], out: Path, allowed) -> None:
    """Downloads and unpacks every missing source package, then deletes its archives."""
    missing = [package for package in packages if not (out / package["name"]).exists()]
    if not missing:
        return
    flags, archives = source_lists(out), out / "archives"
    for start in range(0, len(missing), 8):
        some = missing[start : start + 8]
        download(flags, some, archives)
        for package in some:
            try:
                kept, refused = unpack(parts(archives, package), out / package["name"], allowed)
            except ValueError as error:
                raise SystemExit(f"{package['name']}: {error}: remove it from the manifest") from error
            print(f"{package['name']}: {kept} files, {refused} more under other licences", flush=True)
        shutil.rmtree(archives)
