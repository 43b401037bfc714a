"""Fetches the manifest's packages through cargo, pip, npm and apt, and unpacks them.

Every client gets pinned versions and verifies its downloads as usual. Existing packages are kept,
so an interrupted fetch can be repeated.

    python fetch.py --manifest manifest.toml --out DIR
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tarfile
import tomllib
import zipfile
from pathlib import Path

import debian


def read_manifest(path: Path) -> dict:
    with path.open("rb") as file:
        return tomllib.load(file)


def permitted(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be satisfied with `allowed` licences only."""
    plain = re.sub(r"[()]", "", expression.replace("/", " OR ").replace(" WITH LLVM-exception", ""))
    return all(
        any(choice.strip() in allowed for choice in part.split(" OR ")) for part in plain.split(" AND ")
    )


def check_licences(manifest: dict) -> None:
    allowed = set(manifest["licences"]["allowed"])
    for source in FETCHERS:
        for package in manifest.get(source, {}).get("packages", ()):
            if not permitted(package["licence"], allowed):
                raise SystemExit(f"{package['name']}: licence {package['licence']} is not permitted")


def run(*command: str, cwd: Path | None = None) -> None:
    print("$", " ".join(command[:6]), "…" if len(command) > 6 else "", flush=True)
    subprocess.run(command, cwd=cwd, check=True)


def chunks(items: list, size: int):
    for start in range(0, len(items), size):
        yield items[start : start + size]


def fetch_crates(packages: list[dict], out: Path) -> None:
    """Runs `cargo vendor` for a scratch crate that depends on exactly these versions."""
    if (out / "vendor").exists():
        return
    out.mkdir(parents=True, exist_ok=True)
    lines = ['[package]\nname = "scratch"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n[dependencies]']
    lines += [f'{p["name"]} = "={p["version"].split("+")[0]}"' for p in packages]
    (out / "Cargo.toml").write_text("\n".join(lines) + "\n")
    (out / "lib.rs").write_text("")
    run("cargo", "vendor", "--quiet", "--versioned-dirs", "vendor", cwd=out)


def crate_folder(out: Path, package: dict) -> Path:
    return out / "vendor" / f"{package['name']}-{package['version']}"


def download_wheels(packages: list[dict], archives: Path) -> None:
    """Runs `pip download` without dependencies, for wheels or, for a package marked `sdist`, its
    source archive."""
    archives.mkdir(parents=True, exist_ok=True)
    for sdist in (False, True):
        wanted = [f"{p['name']}=={p['version']}" for p in packages if p.get("sdist", False) == sdist]
        only = "--no-binary" if sdist else "--only-binary"
        for part in chunks(wanted, 20):
            run("pip", "download", "--quiet", "--no-deps", only, ":all:", "--dest", str(archives), *part)


def download_sources(packages: list[dict], archives: Path) -> None:
    """Downloads source archives from the index. `pip download` would run each package's own build
    to get its name."""
    from pypi_simple import PYPI_SIMPLE_ENDPOINT, PyPISimple

    archives.mkdir(parents=True, exist_ok=True)
    with PyPISimple(os.environ.get("PIP_INDEX_URL", PYPI_SIMPLE_ENDPOINT)) as index:
        for package in packages:
            found = [
                file for file in index.get_project_page(package["name"]).packages
                if file.package_type == "sdist" and file.version == package["version"]
            ]  # fmt: skip
            if len(found) != 1:
                raise SystemExit(f"{package['name']} {package['version']}: {len(found)} source archives in the index, expected one")
            print("$ index:", found[0].filename, flush=True)
            index.download_package(found[0], archives / found[0].filename)


def wheel_archive(archives: Path, package: dict) -> Path | None:
    """Returns the only archive of a package; None if there are none or several."""
    name = re.sub(r"[-_.]+", "_", package["name"]).lower()
    found = [
        a for a in archives.iterdir()
        if re.sub(r"[-_.]+", "_", a.name).lower().startswith(f"{name}_{re.sub(r'[-_.]+', '_', package['version'])}")
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


def fetch_wheels(packages: list[dict], out: Path) -> None:
    """Unpacks only the .py files of the archives."""
    archives = out / "archives"
    missing = [p for p in packages if not (out / p["name"]).exists()]
    download_wheels(missing, archives)
    for package in missing:
        unpack_wheel(archives, out, package)


def unpack_wheel(archives: Path, out: Path, package: dict) -> None:
    found = wheel_archive(archives, package)
    if found is None:
        raise SystemExit(f"{package['name']}: expected one archive of {package['version']} in {archives}")
    target = out / package["name"]
    if found.suffix == ".whl":
        with zipfile.ZipFile(found) as archive:
            archive.extractall(target, [n for n in archive.namelist() if n.endswith(".py")])
    else:
        with tarfile.open(found) as archive:
            members = [m for m in archive.getmembers() if m.isfile() and m.name.endswith(".py")]
            archive.extractall(target, members, filter="data")


def npm_folder(out: Path, package: dict) -> Path:
    return out / f"{package['name'].lstrip('@').replace('/', '-')}-{package['version']}"


def fetch_npm(packages: list[dict], out: Path) -> None:
    archives = out / "archives"
    archives.mkdir(parents=True, exist_ok=True)
    missing = [p for p in packages if not npm_folder(out, p).exists()]
    for part in chunks(missing, 8):
        run("npm", "pack", "--silent", *[f"{p['name']}@{p['version']}" for p in part], cwd=archives)
    for package in missing:
        folder = npm_folder(out, package)
        with tarfile.open(archives / f"{folder.name}.tgz") as archive:
            archive.extractall(folder, filter="data")


FETCHERS = {
    "crates": fetch_crates, "wheels": fetch_wheels, "npm": fetch_npm,
    "debian": debian.fetch_binaries, "debian-src": debian.fetch_sources,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--manifest", type=Path, default=Path(__file__).with_name("manifest.toml"))
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    manifest = read_manifest(args.manifest)
    check_licences(manifest)
    allowed = set(manifest["licences"]["allowed"])
    for source, fetch in FETCHERS.items():
        if source in manifest:
            packages, out = manifest[source]["packages"], args.out.resolve() / source
            if source.startswith("debian"):
                fetch(packages, out, lambda expression: permitted(expression, allowed))
            else:
                fetch(packages, out)


if __name__ == "__main__":
    main()
