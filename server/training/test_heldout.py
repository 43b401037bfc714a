"""Properties of the held-out set, on synthetic archives: `python -m unittest test_heldout`."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path

import heldout
from fetch import read_manifest

CODE = "".join(
    f"def area_{i}(width, height):\n    margin = {i} + width\n    return margin * height - width\n\n" for i in range(12)
)
OTHER = "".join(
    f"class Shape{i}:\n    def describe(self, unit):\n        return f'shape {{unit}} of kind {i}'\n\n" for i in range(12)
)


def package(name: str, half: str, **more) -> dict:
    about = {"name": name, "version": "1.0", "licence": "MIT", "first_published": "2025-06-01", "half": half}
    return about | {"languages": ["python"], "sha256": ""} | more


def manifest(*wheels: dict, crates: tuple[dict, ...] = ()) -> dict:
    allowed = {"licences": {"allowed": ["MIT"]}}
    return allowed | {"crates": {"packages": list(crates)}, "wheels": {"packages": list(wheels)}}


class Archives(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work, self.out = Path(folder.name) / "work", Path(folder.name) / "out"
        (self.work / "wheels").mkdir(parents=True)

    def source_archive(self, package: dict, files: dict[str, str]) -> dict:
        """Writes the archive and adds its digest to the package."""
        path = self.work / "wheels" / f"{package['name']}-{package['version']}.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for name, text in files.items():
                member = tarfile.TarInfo(f"top/{name}")
                member.size = len(text.encode())
                archive.addfile(member, io.BytesIO(text.encode()))
        package["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        return package

    def laid_out(self) -> list[str]:
        return sorted(path.relative_to(self.out).as_posix() for path in self.out.rglob("*") if path.is_file())

    def test_packages_go_into_their_halves(self) -> None:
        wheel = package("beta", "report")
        path = self.work / "wheels/beta-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("beta/shapes.py", OTHER)
            archive.writestr("beta/copied.py", CODE)
            archive.writestr(f"{self.work}/absolute.py", CODE + OTHER)
        wheel["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        files = {"src/alpha/area.py": CODE, "tests/area.py": CODE, "../outside.py": CODE, "src/alpha/area.rs": CODE}
        table = heldout.lay_out(
            manifest(self.source_archive(package("alpha", "development"), files), wheel), self.work, self.out
        )
        # A file that the other half already has is excluded from this one.
        self.assertEqual(self.laid_out(), ["development/alpha/src/alpha/area.py", "report/beta/beta/shapes.py"])
        self.assertFalse((self.work / "absolute.py").exists())
        self.assertEqual(table["python", "development", "files"], 1)
        self.assertEqual(table["python", "report", "bytes"], len(OTHER))

    def test_other_archive_is_refused(self) -> None:
        changed = self.source_archive(package("alpha", "development"), {"area.py": CODE})
        changed["sha256"] = hashlib.sha256(b"what was looked at").hexdigest()
        with self.assertRaisesRegex(SystemExit, "alpha 1.0: the archive's SHA-256 is"):
            heldout.lay_out(manifest(changed), self.work, self.out)
        self.assertEqual(self.laid_out(), [])

    def test_missing_archive_is_refused(self) -> None:
        with self.assertRaisesRegex(SystemExit, "SHA-256 is None"):
            heldout.lay_out(manifest(package("alpha", "development", sha256="0" * 64)), self.work, self.out)

    def test_crate_digest_is_checked(self) -> None:
        crate = package("gamma", "development", languages=["rust"], sha256="a" * 64)
        folder = self.work / "crates/vendor/gamma-1.0"
        (folder / "src").mkdir(parents=True)
        (folder / "src/lib.rs").write_text("pub fn area(width: u32, height: u32) -> u32 {\n    width * height\n}\n\n" * 9)
        record = folder / ".cargo-checksum.json"
        record.write_text(json.dumps({"package": "b" * 64, "files": {}}))
        with self.assertRaisesRegex(SystemExit, "gamma 1.0"):
            heldout.lay_out(manifest(crates=(crate,)), self.work, self.out)
        record.write_text(json.dumps({"package": "a" * 64, "files": {}}))
        self.source_archive(report := package("beta", "report"), {"shapes.py": OTHER})
        heldout.lay_out(manifest(report, crates=(crate,)), self.work, self.out)
        self.assertIn("development/gamma/src/lib.rs", self.laid_out())

    def test_language_without_files_is_an_error(self) -> None:
        empty = self.source_archive(package("alpha", "development"), {"README.md": CODE})
        with self.assertRaisesRegex(SystemExit, "nothing in python"):
            heldout.lay_out(manifest(empty), self.work, self.out)


class Choice(unittest.TestCase):
    def asked(self, path: str, text: str = CODE, **more) -> str | None:
        return heldout.worth_asking(package("alpha", "development", **more), path, text.encode())

    def test_file_selection(self) -> None:
        self.assertEqual(self.asked("alpha/area.py"), "python")
        for path in (
            "tests/area.py",
            "alpha/test_area.py",
            "vendor/area.py",
            "alpha/area_pb2.py",
            "docs/area.py",
            "area.go",
            "area",
        ):
            self.assertIsNone(self.asked(path), path)
        self.assertIsNone(self.asked("area.py", "# Generated by a tool\n" + CODE))
        self.assertIsNone(self.asked("area.py", CODE * 200))
        self.assertIsNone(self.asked("area.py", "x = 1\n"))
        self.assertIsNone(self.asked("alpha/area.py", without=[r"^alpha/area"]))
        self.assertIsNone(self.asked("dist/area.js", languages=["javascript"]))
        self.assertEqual(self.asked("src/area.js", languages=["javascript"]), "javascript")

    def test_header_is_c_unless_its_text_is_cpp(self) -> None:
        header = "int area(int width, int height);\nint margin(int width);\n" * 9
        self.assertEqual(self.asked("area.h", header, languages=["c"]), "c")
        self.assertIsNone(self.asked("area.h", "namespace shapes {\n" + header, languages=["c"]))
        self.assertIsNone(self.asked("area.h", header, languages=["c", "cpp"]))

    def test_benchmark_name_stops_the_layout(self) -> None:
        for name in ("HumanEval", "human_eval", "SantaCoder", "MultiPL-E"):
            with self.assertRaisesRegex(SystemExit, "kept for an independent check"):
                self.asked("area.py", f"# Tasks of {name}\n" + CODE)


class Manifest(unittest.TestCase):
    def refused(self, why: str, *packages: dict) -> None:
        with self.assertRaisesRegex(SystemExit, why):
            heldout.check(manifest(*packages))

    def test_halves_are_disjoint_with_same_languages(self) -> None:
        alpha, beta = package("alpha-x", "development"), package("beta", "report")
        heldout.check(manifest(alpha, beta))
        self.refused("listed twice: alpha-x", alpha, beta, package("Alpha_x", "report"))
        self.refused("in one half only: go", alpha, beta, package("gamma", "report", languages=["go"]))
        self.refused("neither development nor report", alpha, package("beta", "test"))
        self.refused("unknown language", alpha, package("beta", "report", languages=["cobol"]))

    def test_old_packages_are_refused(self) -> None:
        alpha = package("alpha", "development")
        self.refused("must be after", alpha, package("beta", "report", first_published="2025-03-31"))
        dated = package("beta", "report", not_before="2024-11-01", dated_by="its change log")
        del dated["first_published"]
        self.refused("must be after", alpha, dated)
        self.refused("licence GPL-3.0-only is not permitted", alpha, package("beta", "report", licence="GPL-3.0-only"))

    def test_the_manifest_is_valid(self) -> None:
        about = read_manifest(Path(heldout.__file__).with_name("heldout.toml"))
        heldout.check(copy.deepcopy(about))
        packages = [package for _, package in heldout.packages_of(about)]
        trained_on = read_manifest(Path(heldout.__file__).with_name("manifest.toml"))
        names = {known["name"] for source in trained_on.values() if "packages" in source for known in source["packages"]}
        self.assertFalse(names & {package["name"] for package in packages})
        self.assertGreaterEqual(len(packages), 36)
        self.assertGreaterEqual(len({language for package in packages for language in package["languages"]}), 8)
        for package in packages:
            self.assertRegex(package["sha256"], "^[0-9a-f]{64}$", package["name"])
            self.assertTrue("first_published" in package or "dated_by" in package, package["name"])


if __name__ == "__main__":
    unittest.main()
