"""Lays out code that Qwen2.5-Coder cannot have seen: packages first published after its weights.

Fetched like in fetch.py, checked against the digests of heldout.toml, and filtered like in
corpus.py: no tests, no bundled copies, no generated or built files. The halves contain different
packages: `development` is for tuning, `report` is used only once, at the end.

    python heldout.py --out DIR --work DIR     # then: lowkey bench quality DIR/development
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import tarfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from corpus import BUILT, CPP, GENERATED_NAME, LARGEST, SECRETS, SMALLEST, SUFFIXES, Repeats, fault, fingerprints
from debian import LEFT_OUT
from fetch import (
    check_licences,
    crate_folder,
    download_sources,
    download_wheels,
    fetch_crates,
    fetch_npm,
    npm_folder,
    read_manifest,
    wheel_archive,
)

HALVES = ("development", "report")
COUNTED = ("packages", "files", "bytes")
# A package's first release must be after this day, months after the weights of the Qwen2.5-Coder
# family.
AFTER = "2025-03-31"
LANGUAGES = {suffix: language for suffix, language in SUFFIXES.items() if suffix} | {
    ".cs": "csharp",
    ".swift": "swift",
    ".kt": "kotlin",
    ".zig": "zig",
}
# Benches and examples repeat each other, tests repeat the code, and packed code is not written by
# hand.
NOT_ASKED = re.compile(
    r"(?i)(?:^|/)(?:tests?|testing|specs?|__tests__|benches|benchmarks?|examples?|samples?|demos?|docs?|static/chunks|labextension|\.github)(?:/|$)"
)
TEST_NAME = re.compile(r"(?i)(?:^|/)(?:test_[^/]*|[^/]*[._]tests?|[^/]*\.spec|conftest)\.\w+$")
# Benchmarks that are kept for an independent check; no file here may contain one of their tasks.
BENCHMARKS = re.compile(r"(?i)human[-_ ]?eval|santacoder|multipl-e\b")


def packages_of(manifest: dict) -> list[tuple[str, dict]]:
    """Returns every package with the client that fetches it."""
    return [
        (source, package) for source in ("crates", "wheels", "npm") for package in manifest.get(source, {}).get("packages", ())
    ]


def check(manifest: dict) -> None:
    """Rejects faults that would bias the measurement: a package that is too old or in both halves,
    or a language in one half only."""
    check_licences(manifest)
    halves: dict[str, set[str]] = defaultdict(set)
    names: Counter[str] = Counter()
    for source, package in packages_of(manifest):
        name, half = package["name"], package["half"]
        names[name.lower().replace("_", "-")] += 1
        if half not in HALVES:
            raise SystemExit(f"{name}: half {half!r} is neither development nor report")
        if not (first := package.get("first_published") or package["not_before"]) > AFTER:
            raise SystemExit(f"{name}: first published {first}: must be after {AFTER}")
        for language in package["languages"]:
            if language not in LANGUAGES.values():
                raise SystemExit(f"{name}: unknown language {language!r}")
            halves[language].add(half)
    if twice := sorted(name for name, count in names.items() if count > 1):
        raise SystemExit(f"listed twice: {', '.join(twice)}")
    if one := sorted(language for language, found in halves.items() if len(found) < 2):
        raise SystemExit(f"in one half only: {', '.join(one)}: add a package of each to the other")


def verify(package: dict, found: str | None) -> None:
    """Rejects an archive with another digest than the reviewed one."""
    if found != package["sha256"]:
        raise SystemExit(
            f"{package['name']} {package['version']}: the archive's SHA-256 is {found}, heldout.toml says"
            f" {package['sha256']}: delete it and fetch again; if it stays, take the package out"
        )


def crate_files(folder: Path, package: dict) -> Iterator[tuple[str, bytes]]:
    """Yields the files of a vendored crate; cargo records the digest of the archive that it
    unpacked."""
    record = folder / ".cargo-checksum.json"
    verify(package, json.loads(record.read_text())["package"] if record.exists() else None)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def archive_files(archive: Path | None, package: dict) -> Iterator[tuple[str, bytes]]:
    """Yields the files of a wheel, a source archive or an npm archive, without the single top
    folder of the latter two."""
    verify(package, hashlib.sha256(archive.read_bytes()).hexdigest() if archive and archive.exists() else None)
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as members:
            for name in sorted(members.namelist()):
                yield name, members.read(name)
        return
    with tarfile.open(archive) as members:
        for member in members:
            name = "/".join(PurePosixPath(member.name).parts[1:])
            if member.isfile() and name and member.size <= LARGEST:
                yield name, members.extractfile(member).read()


def worth_asking(package: dict, path: str, data: bytes) -> str | None:
    """Returns the language of a file that belongs in the set; None for all other files."""
    inside = PurePosixPath(path)
    language, parent = LANGUAGES.get(inside.suffix), f"{inside.parent}/"
    if inside.is_absolute() or ".." in inside.parts or language not in package["languages"]:
        return None
    text = data.decode(errors="replace")
    if not SMALLEST <= len(data) <= LARGEST or "\ufffd" in text:
        return None
    if LEFT_OUT.search(parent) or NOT_ASKED.search(parent) or TEST_NAME.search(path) or GENERATED_NAME.search(path):
        return None
    if language in ("javascript", "typescript") and BUILT.search(parent):
        return None
    if any(re.search(pattern, path) for pattern in package.get("without", ())):
        return None
    if BENCHMARKS.search(text):
        raise SystemExit(f"{package['name']}: {path} names a benchmark that is kept for an independent check: remove it")
    # lowkey reads every `.h` as C, so a C++ header would count as C.
    if path.endswith(".h") and (CPP.search(text) or "cpp" in package["languages"]):
        return None
    return None if fault(text) or SECRETS.search(text) else language


def lay_out(manifest: dict, work: Path, out: Path) -> Counter[tuple[str, str, str]]:
    """Rewrites both halves; counts packages, files and bytes by language and half."""
    table: Counter[tuple[str, str, str]] = Counter()
    partial, repeats = out / "partial", Repeats()
    shutil.rmtree(partial, ignore_errors=True)
    for source, package in packages_of(manifest):
        if source == "crates":
            files = crate_files(crate_folder(work / "crates", package), package)
        elif source == "npm":
            files = archive_files(work / "npm/archives" / f"{npm_folder(work, package).name}.tgz", package)
        else:
            files = archive_files(wheel_archive(work / "wheels", package), package)
        seen: Counter[str] = Counter()
        for path, data in files:
            language = worth_asking(package, path, data)
            # A copy of an existing file would repeat its holes, at worst in the other half.
            if language and not repeats.check(False, fingerprints(data.decode())):
                target = partial / package["half"] / package["name"] / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data.replace(b"\r\n", b"\n"))
                seen[language] += 1
                table[language, package["half"], "bytes"] += len(data)
        for language in package["languages"]:
            if not seen[language]:
                raise SystemExit(f"{package['name']}: nothing in {language} remains after the filters")
            table[language, package["half"], "packages"] += 1
            table[language, package["half"], "files"] += seen[language]
        print(f"{package['half']:11} {package['name']}: {dict(seen)}", flush=True)
    for half in HALVES:
        shutil.rmtree(out / half, ignore_errors=True)
        (partial / half).rename(out / half)
    partial.rmdir()
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--manifest", type=Path, default=Path(__file__).with_name("heldout.toml"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder in which the archives are kept between runs")
    args = parser.parse_args()
    manifest, work = read_manifest(args.manifest), args.work.resolve()
    check(manifest)
    if "crates" in manifest:
        fetch_crates(manifest["crates"]["packages"], work / "crates")
    fetch_npm(manifest["npm"]["packages"], work / "npm")
    archives = work / "wheels"
    archives.mkdir(parents=True, exist_ok=True)
    missing = [p for p in manifest["wheels"]["packages"] if wheel_archive(archives, p) is None]
    download_wheels([p for p in missing if not p.get("sdist")], archives)
    download_sources([p for p in missing if p.get("sdist")], archives)
    table = lay_out(manifest, work, args.out.resolve())
    print("| language |" + "".join(f" {half}: packages | files | KB |" for half in HALVES))
    print("|---|" + "--:|" * 6)
    for language in sorted({key[0] for key in table}):
        cells = [table[language, half, what] // (1000 if what == "bytes" else 1) for half in HALVES for what in COUNTED]
        print(f"| {language} | " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
