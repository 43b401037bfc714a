"""Properties of the mined edit histories: `python -m unittest test_edits`."""

from __future__ import annotations

import unittest

import edits


def applied(text: str, splices: list[list]) -> str:
    data = text.encode()
    for start, end, new in splices:
        data = data[:start] + new.encode() + data[end:]
    return data.decode()


OLD = "ä = 1\na = load(x, 1)\nb = load(y, 1)\nc = other(z)\nd = load(w, 1)\n"
NEW = "ä = 1\na = load_all(x, 1)\nb = load_all(y, 1)\nc = other(z, 2)\nd = load_all(w, 1)\n"


class Edits(unittest.TestCase):
    def test_changes_lead_to_the_new_text(self) -> None:
        for row in edits.histories(OLD, edits.changes_of(OLD, NEW)):
            edited = applied(row["text"], row["edits"])
            done = applied(edited, sorted(row["changes"], reverse=True))
            self.assertEqual(done, NEW)

    def test_repeated_and_single_changes(self) -> None:
        rows = list(edits.histories(OLD, edits.changes_of(OLD, NEW)))
        self.assertEqual(sorted(row["kind"] for row in rows), ["repeated", "single", "third"])
        repeated = next(row for row in rows if row["kind"] == "repeated")
        self.assertEqual(len(repeated["truth"]), 2)
        self.assertEqual([new for _, _, new in repeated["edits"]], ["load_all"])
        single = next(row for row in rows if row["kind"] == "single")
        self.assertEqual((single["truth"], single["edits"][0][2]), ([], ", 2"))

    def test_part_of_a_rewritten_block_is_no_change(self) -> None:
        old, new = "f(a,\n  b)\n", "g(\n  [a, b],\n)\n"
        kinds = {row["kind"] for row in edits.histories(old, edits.changes_of(old, new))}
        self.assertFalse(kinds & {"repeated", "third"})

    def test_brackets_are_balanced(self) -> None:
        self.assertEqual(edits.balance(list("(a)")), edits.balance(list("b")))
        self.assertNotEqual(edits.balance(list("a)")), edits.balance(list("a")))
        self.assertNotEqual(edits.balance(list(")(")), edits.balance([]))

    def test_pairs_of_files(self) -> None:
        def file(name: str, old: str, new: str) -> tuple:
            return name, old, edits.changes_of(old, new)

        same = file("same.py", "x = load(z)\ny = 1\n", "x = load_all(z)\ny = 1\n")
        rest = file("rest.py", "x = load(z)\ny = 1\n", "x = load(z)\ny = 2\n")
        first = file("first.py", "a = load(x)\n", "a = load_all(x)\n")
        (row,) = [row for row in edits.elsewhere([first, same]) if row["path"] == "first.py"]
        self.assertEqual((row["kind"], row["other"]["path"], len(row["truth"])), ("elsewhere", "same.py", 1))
        self.assertEqual(applied(row["other"]["text"], row["changes"]), "x = load_all(z)\ny = 1\n")
        self.assertEqual(applied(row["text"], row["edits"]), "a = load_all(x)\n")
        (row,) = edits.elsewhere([first, rest])
        self.assertEqual((row["kind"], row["truth"]), ("elsewhere-single", []))


if __name__ == "__main__":
    unittest.main()
