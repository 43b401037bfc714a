"""Properties of the cross-file holes, on small packages: `python -m unittest test_crossfile`.

Needs the grammars: see README.md.
"""

from __future__ import annotations

import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

import crossfile
import heldout
from definitions import parse
from fetch import read_manifest
from grammars import GRAMMARS
from mentions import mentions
from targets import arguments_fit, load

MANIFEST = Path(crossfile.__file__).with_name("crossfile.toml")
LIMITS = replace(crossfile.Limits.read(MANIFEST), common_members=("append",))

SNIPPETS = {
    "bash": ("build_all() {\n  local_name=1\n}\n", {("build_all", "function")}),
    "c": (
        '#include "x.h"\n#define DEPTH 3\nstruct point { int across; };\ntypedef int width_t;\n'
        "static int *area(int side) { int inner = side; return 0; }\n",
        {("DEPTH", "constant"), ("point", "type"), ("across", "field"), ("width_t", "type"), ("area", "function")},
    ),
    "cpp": (
        "namespace shapes { class Square : public Base { int side_; public: int area() const; }; }\n"
        "int Square::grow(int by) { int inner = by; return inner; }\nenum class Kind { Round };\n",
        {("Square", "type"), ("side_", "field"), ("area", "method"), ("grow", "method"), ("Kind", "type"), ("Round", "constant")},
    ),
    "csharp": (
        "class Square { const int Sides = 4; int side; public int Area(int by) { var inner = by; return inner; } }\n",
        {("Square", "type"), ("Sides", "constant"), ("side", "field"), ("Area", "method")},
    ),
    "go": (
        "package shapes\nimport \"fmt\"\nconst Sides = 4\ntype Square struct { Side int }\n"
        "func (s Square) Area() int { inner := s.Side; return inner }\nfunc Make() Square { return Square{} }\n",
        {("Sides", "constant"), ("Square", "type"), ("Side", "field"), ("Area", "method"), ("Make", "function")},
    ),
    "java": (
        "class Square { static final int SIDES = 4; int side; int area(int by) { int inner = by; return inner; } }\n",
        {("Square", "type"), ("SIDES", "constant"), ("side", "field"), ("area", "method")},
    ),
    "javascript": (
        'const fs = require("fs");\nexport const DEPTH = 3;\nexport const area = (side) => side;\n'
        "class Square { grow(by) { const inner = by; return inner; } }\n",
        {("DEPTH", "constant"), ("area", "function"), ("Square", "type"), ("grow", "method")},
    ),
    "kotlin": (
        "const val DEPTH = 3\nclass Square(val side: Int, by: Int) {\n  fun area(): Int { val inner = side; return inner }\n}\n",
        {("DEPTH", "constant"), ("Square", "type"), ("side", "field"), ("area", "method")},
    ),
    "lua": (
        'local other = require("other")\nfunction shapes.area(side) local inner = side return inner end\n'
        "function Square:grow() end\nshapes.DEPTH = 3\n",
        {("area", "function"), ("grow", "method"), ("DEPTH", "constant")},
    ),
    "php": (
        "<?php\nconst DEPTH = 3;\nclass Square { private $side; function area() { $inner = 1; return $inner; } }\n",
        {("DEPTH", "constant"), ("Square", "type"), ("side", "field"), ("area", "method")},
    ),
    "python": (
        "import os\nDEPTH = 3\n\nclass Square:\n    kind: str = 'square'\n\n    def __init__(self, side):\n        self.side = side\n\n"
        "def area(side):\n    inner = side\n    return inner\n",
        {("DEPTH", "constant"), ("Square", "type"), ("kind", "field"), ("side", "field"), ("__init__", "method"), ("area", "function")},
    ),
    "ruby": (
        "module Shapes\n  DEPTH = 3\n  class Square\n    attr_reader :side\n    def area\n      inner = side\n    end\n  end\nend\n",
        {("Shapes", "type"), ("DEPTH", "constant"), ("Square", "type"), ("side", "field"), ("area", "method")},
    ),
    "rust": (
        "use crate::x;\npub const DEPTH: u8 = 3;\nenum Kind { Round }\nstruct Square { side: u8 }\n"
        "impl Square { fn area(&self) -> u8 { let inner = self.side; inner } }\nfn make() -> Square { todo!() }\n",
        {
            ("DEPTH", "constant"), ("Kind", "type"), ("Round", "constant"), ("Square", "type"), ("side", "field"),
            ("area", "method"), ("make", "function"),
        },
    ),
    "swift": (
        "let DEPTH = 3\nstruct Square { var side: Int\n func area() -> Int { let inner = side; return inner } }\nextension Square { }\n",
        {("DEPTH", "constant"), ("Square", "type"), ("side", "field"), ("area", "method")},
    ),
    "typescript": (
        'import { x } from "./x";\nexport interface Square { side: number; area(): number }\nexport type Side = number;\n'
        "enum Kind { Round }\nfunction make(): Square { const inner = 1; return { side: inner } }\n",
        {
            ("Square", "type"), ("side", "field"), ("area", "method"), ("Side", "type"), ("Kind", "type"), ("Round", "constant"),
            ("make", "function"),
        },
    ),
    "zig": (
        'const std = @import("std");\nconst Allocator = std.mem.Allocator;\npub const DEPTH = 3;\n'
        "const Square = struct { side: u8, fn area(self: Square) u8 { const inner = self.side; return inner; } };\n",
        {("DEPTH", "constant"), ("Square", "type"), ("side", "field"), ("area", "method")},
    ),
}  # fmt: skip

LIBRARY = '''"""Shapes."""

SIDE_LIMIT = 40


class Polygon:
    def __init__(self, corners):
        self.corner_list = corners

    def outline_length(self, unit):
        return unit


def measure_polygon(polygon, unit="mm"):
    return polygon
'''
FAR = "".join(f"# Filling line {i} moves what is above it out of the window.\n" for i in range(60))


class Parsing(unittest.TestCase):
    def test_definitions_of_every_language(self) -> None:
        for language, (text, expected) in SNIPPETS.items():
            found = parse(language, text.encode()).definitions
            self.assertEqual({(d.name, d.kind) for d in found}, expected, language)
        self.assertEqual(set(GRAMMARS) - set(SNIPPETS), {"tsx"})

    def test_signature_ends_before_the_body(self) -> None:
        text = "@decorated\ndef area(\n    width,\n    height,\n    depth,\n):\n    return width\n\nclass Square:\n    side = 1\n"
        area, square = [d.signature for d in parse("python", text.encode()).definitions][:2]
        self.assertEqual(area, ("def area(", "width,", "height,"))
        self.assertEqual(square, ("class Square:",))
        rust = parse("rust", b"#[inline]\npub fn area(side: u8) -> u8 {\n    side\n}\n").definitions[0]
        self.assertEqual(rust.signature, ("pub fn area(side: u8) -> u8 {",))

    def test_roles(self) -> None:
        text = "from a import b\nresult = shape.outline(Unit, size=depth)\nprint(f'{result}')  # outline\n"
        found = [(m.name, m.role) for m in mentions(parse("python", text.encode()))]
        expected = [
            ("a", "import"), ("b", "import"), ("result", "declared"), ("shape", "plain"), ("outline", "member"),
            ("Unit", "plain"), ("size", "label"), ("depth", "plain"), ("print", "call"), ("result", "text"),
        ]  # fmt: skip
        self.assertEqual(found, expected)

    def test_arguments(self) -> None:
        self.assertTrue(arguments_fit("python", 'measure(polygon, unit="mm")', "(shape)"))
        self.assertFalse(arguments_fit("python", 'measure(polygon, unit="mm")', "(1, 2, 3)"))
        self.assertFalse(arguments_fit("python", "measure(polygon, unit)", "(1)"))
        self.assertTrue(arguments_fit("python", "measure(*polygons)", "(1, 2, 3)"))
        self.assertTrue(arguments_fit("python", "measure(polygon,", "(1, 2, 3)"))  # The rest is unknown.
        self.assertTrue(arguments_fit("rust", "area(&self, unit: u8)", "(shape, 1)"))


class Holes(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def package(self, files: dict[str, str], name: str = "shapes", half: str = "development"):
        for path, text in files.items():
            file = self.root / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return load(half, name, self.root / name)

    def holes(self, text: str, common: set[str] = frozenset(), library: str = LIBRARY) -> list[tuple[str, str, list[str]]]:
        package = self.package({"shapes/library.py": library, "shapes/use.py": text})
        found = crossfile.candidates(package, set(common), LIMITS)
        return [
            (h.file.source.data[h.first : h.end].decode(), h.visible, [m.name for m, _ in h.names])
            for h in found if h.file.path.endswith("use.py")
        ]  # fmt: skip

    def test_strict_and_imported(self) -> None:
        text = "from .library import measure_polygon\n\nlength = measure_polygon(shape, 2)\n"
        self.assertEqual(self.holes(text), [("length = measure_polygon(shape, 2)", "imported", ["measure_polygon"])])
        # The import is too far above, so nothing near shows the name.
        far = text.replace("\n\n", "\n\n" + FAR)
        self.assertEqual(self.holes(far), [("length = measure_polygon(shape, 2)", "strict", ["measure_polygon"])])

    def test_what_the_window_shows_is_no_hole(self) -> None:
        line = "\nlength = shape.outline_length(2)\n"
        self.assertEqual([found[1] for found in self.holes(line)], ["strict"])
        self.assertEqual(self.holes("# outline_length takes a unit.\n" + line), [])
        self.assertEqual(self.holes(line + "# outline_length takes a unit.\n"), [])
        self.assertEqual(len(self.holes("# outline_length takes a unit.\n" + FAR + line)), 1)
        self.assertEqual(len(self.holes(line + FAR[:650] + "\n# outline_length takes a unit.\n")), 1)

    def test_names_that_are_not_of_another_file(self) -> None:
        self.assertEqual(self.holes("def measure_polygon():\n    pass\n\nlength = measure_polygon(1)\n"), [])
        self.assertEqual(self.holes("from numpy import measure_polygon\nlength = measure_polygon(1)\n"), [])
        self.assertEqual(self.holes("import numpy\nlength = numpy.measure_polygon(1)\n"), [])
        self.assertEqual(self.holes("length = measure_polygon(1)\n", common={"measure_polygon"}), [])
        self.assertEqual(self.holes("shape.append(first, second)\n", library="class Stack:\n    def append(self, a, b):\n        pass\n"), [])

    def test_uses_that_do_not_fit_the_definition(self) -> None:
        self.assertEqual(self.holes("length = outline_length(shape)\n"), [])  # A method, without an object.
        self.assertEqual(self.holes("length = shape.outline_length(1, 2, 3)\n"), [])
        self.assertEqual(self.holes("length = call(measure_polygon=True)\n"), [])
        self.assertEqual(len(self.holes("length = shape.corner_list\n")), 1)

    def test_a_path_goes_through_types_only(self) -> None:
        files = {
            "src/draw.rs": "pub struct Canvas {\n    pub brushes: u8,\n}\n",
            "src/lib.rs": "fn main() {\n    crate::brushes::paint();\n    crate::draw::Canvas::empty();\n    canvas.brushes;\n}\n",
        }
        found = [[m.name for m, _ in h.names] for h in crossfile.candidates(self.package(files), set(), LIMITS)]
        self.assertEqual(found, [["Canvas"]])
        files["src/lib.rs"] = "fn main() {\n    canvas.brushes;\n}\n"
        found = [[m.name for m, _ in h.names] for h in crossfile.candidates(self.package(files), set(), LIMITS)]
        self.assertEqual(found, [["brushes"]])

    def test_lines_that_are_no_statement(self) -> None:
        for text in (
            "length = call(\n    measure_polygon(1),\n)\n",
            "length = (\n    measure_polygon(1)\n)\n",
            "length = first + \\\n    measure_polygon(1)\n",
            'text = """\nlength = measure_polygon(1)\n"""\n',
            "length = measure_polygon(1)  # a comment\n",
            "Polygon()\n",
            "length = measure_polygon(" + ", ".join(map(str, range(60))) + ")\n",
        ):
            self.assertEqual(self.holes(text), [], text)
        self.assertEqual(len(self.holes("for side in range(SIDE_LIMIT):\n    pass\n")), 1)

    def test_private_definitions_are_out_of_reach(self) -> None:
        files = {
            "a/Pen.java": "class Pen {\n  private int inkLevel() { return 1; }\n  int lineWidth() { return 1; }\n}\n",
            "a/Use.java": "class Use {\n  void draw(Pen p) {\n    p.inkLevel();\n    p.lineWidth();\n  }\n}\n",
        }
        found = [[m.name for m, _ in h.names] for h in crossfile.candidates(self.package(files), set(), LIMITS)]
        self.assertIn(["lineWidth"], found)
        self.assertNotIn(["inkLevel"], found)

    def test_rows_give_the_text_back(self) -> None:
        use = "from .library import Polygon\n" + FAR + "überhang = measure_polygon(Polygon(3))\n"
        package = self.package({"shapes/library.py": LIBRARY, "shapes/use.py": use})
        hole = next(h for h in crossfile.candidates(package, set(), LIMITS) if h.file.path == "shapes/use.py")
        data = (self.root / "shapes/shapes/use.py").read_bytes()
        for kind, target in (("line", "überhang = measure_polygon(Polygon(3))"), ("rest", "measure_polygon(Polygon(3))")):
            row = crossfile.row(hole, kind)
            self.assertEqual(row["target"], target)
            self.assertEqual(data[row["offset"] :].decode(), target + "\n")
            self.assertEqual(row["line"], use.count("\n"))
            about = row["names"][0]
            self.assertEqual(about["signature"], ['def measure_polygon(polygon, unit="mm"):'])
            self.assertEqual((about["defined_in"], about["line"], about["kind"]), ("shapes/library.py", 14, "function"))
            self.assertTrue(target.encode()[about["at"] :].startswith(b"measure_polygon"))
            self.assertEqual([name["import_line"] for name in row["names"]], [None, 1])

    def test_the_imported_definition_is_the_first(self) -> None:
        use = "from .far.library import measure_polygon\nlength = measure_polygon(1)\n"
        package = self.package({"near.py": LIBRARY, "far/library.py": LIBRARY, "use.py": use})
        hole = next(h for h in crossfile.candidates(package, set(), LIMITS) if h.file.path == "use.py")
        about = crossfile.row(hole, "line")["names"][0]
        self.assertEqual((about["defined_in"], about["also_in"]), ("far/library.py", ["near.py"]))

    def test_limits_and_order(self) -> None:
        names = [f"measure_{word}" for word in ("apple", "berry", "cherry", "fig", "grape", "lemon", "melon", "peach")]
        library = "".join(f"def {name}(unit):\n    return unit\n\n\n" for name in names)
        use = "".join(f"length = {name}(2)\n" for name in names)
        files = {"library.py": library, "one.py": use, "two.py": use, "three.py": use}
        packages = [self.package(files, "alpha"), self.package(files, "beta"), self.package(files, "gamma", "report")]
        limits = replace(LIMITS, per_file=2, per_package=5, per_name=1, strict_per_language=9)
        chosen = crossfile.choose(packages, "development", set(), limits)
        self.assertEqual(len(chosen), 9)
        self.assertEqual({h.package.name for h, _ in chosen}, {"alpha", "beta"})
        self.assertEqual(len({(h.package.name, h.names[0][0].name) for h, _ in chosen}), 9)
        self.assertLessEqual(max(sum(h.file is other.file for h, _ in chosen) for other, _ in chosen), 2)
        self.assertEqual(sum(kind == "rest" for _, kind in chosen), 5)
        again = crossfile.choose(packages, "development", set(), limits)
        self.assertEqual([(h.file.path, h.first) for h, _ in chosen], [(h.file.path, h.first) for h, _ in again])
        other = crossfile.choose(packages, "development", set(), replace(limits, seed=1))
        self.assertNotEqual([(h.file.path, h.first) for h, _ in chosen], [(h.file.path, h.first) for h, _ in other])

    def test_common_names(self) -> None:
        packages = [self.package({"a.py": f"shape_{i} = outline(measure)\n"}, f"p{i}") for i in range(3)]
        self.assertEqual(crossfile.common_names(packages, 3), {"outline", "measure"})


class Manifest(unittest.TestCase):
    def test_the_manifest_is_valid(self) -> None:
        about, first, trained_on = (
            read_manifest(MANIFEST.with_name(name)) for name in ("crossfile.toml", "heldout.toml", "manifest.toml")
        )
        heldout.check(about)
        packages = heldout.packages_of(about)
        names = {package["name"] for _, package in packages}
        known = {package["name"] for _, package in heldout.packages_of(first)}
        known |= {package["name"] for source in trained_on.values() if "packages" in source for package in source["packages"]}
        self.assertFalse(names & known)
        for _, package in packages:
            self.assertRegex(package["sha256"], "^[0-9a-f]{64}$", package["name"])
            self.assertTrue("first_published" in package or "dated_by" in package, package["name"])


if __name__ == "__main__":
    unittest.main()
