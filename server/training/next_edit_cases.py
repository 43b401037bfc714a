"""The editing sessions of next_edit_golden.py, and answers that a model could give.

`¦` is the cursor. No block occurs twice in its file, because the program searches for its text.
"""

from __future__ import annotations

from dataclasses import dataclass, field

CURSOR = "¦"


@dataclass
class Case:
    """An editing session: texts of the file, the last with the cursor, and changes of other files."""

    path: str
    texts: list[str]
    others: list[tuple[str, str, str]] = field(default_factory=list)
    """Changes of other files, before those of this file: path, old text, new text."""
    snippets: list[tuple[str, str]] = field(default_factory=list)
    prefill: str = "first_line"
    answers: list[tuple[str, str]] = field(default_factory=list)
    """The model's text after the prefill, and why it ended: "stop" or "length"."""


PYTHON = '''"""Orders of a shop."""

from dataclasses import dataclass


@dataclass
class Order:
    number: int
    total: float

    def with_tax(self, rate: float) -> float:
        return self.total * (1 + rate)

    def label(self) -> str:
        return f"order {self.number}: {self.total:.2f}"


def sum_of(orders: list[Order]) -> float:
    return sum(order.total for order in orders)
'''

PYTHON_RENAMED = PYTHON.replace("    total: float", "    amount: float¦")

RUST = """use std::collections::HashMap;

pub struct Cache {
    entries: HashMap<String, Vec<u8>>,
    hits: u64,
}

impl Cache {
    pub fn get(&mut self, key: &str) -> Option<&Vec<u8>> {
        let found = self.entries.get(key);
        if found.is_some() {
            self.hits += 1;
        }
        found
    }

    pub fn put(&mut self, key: String, value: Vec<u8>) {
        self.entries.insert(key, value);
    }
}
"""

RUST_STEPS = [
    RUST,
    RUST.replace("    hits: u64,\n", "    hits: u64,\n    misses: u64,\n"),
    RUST.replace("    hits: u64,\n", "    hits: u64,\n    misses: u64,\n").replace(
        "            self.hits += 1;\n        }\n",
        "            self.hits += 1;\n        } ¦else {\n        }\n",
    ),
]

TYPESCRIPT = """export interface User {
  id: string;
  name: string;
}

export async function loadUser(id: string): Promise<User> {
  const response = await fetch(`/users/${id}`);
  return response.json();
}

export async function loadTeam(id: string): Promise<User[]> {
  const response = await fetch(`/teams/${id}`);
  return response.json();
}
"""

TYPESCRIPT_CHANGED = TYPESCRIPT.replace(
    "`/users/${id}`);\n", "`/users/${id}`);\n  if (!response.ok) throw new Error(response.statusText);¦\n", 1
)

GO = (
    "package main\r\n\r\nimport \"fmt\"\r\n\r\n"
    "func greet(name string) string {\r\n\treturn \"hello, \" + name\r\n}\r\n\r\n"
    "func main() {\r\n\tfmt.Println(greet(\"you\"))\r\n\tfmt.Println(greet(\"all\"))\r\n}\r\n"
)
GO_CHANGED = GO.replace("func greet(name string)", "func greet(name, word string)¦")

GERMAN = """# Übersicht der Maße — 単位
größe = 12  # 🦀🦀 Größe
höhe = größe * 2
breite = größe / 2


def fläche(höhe, breite):
    return höhe * breite


print("Fläche:", fläche(höhe, breite))
"""
GERMAN_CHANGED = GERMAN.replace("höhe = größe * 2", "höhe = größe * 3  # 高さ¦")

SHELL = "#!/bin/sh\nset -eu\nname=$1\necho \"hello $name\"\necho \"bye $name\""

LUA = "local M = {}\n\n" + "".join(
    f"function M.f{n}(a, b)\n  return a + b * {n}\nend\n\n" for n in range(10)
) + "return M\n"


def lua_steps() -> list[str]:
    """Renames one argument after the other: ten changes."""
    texts = [LUA]
    for n in range(9):
        texts.append(texts[-1].replace(f"M.f{n}(a, b)\n  return a + b", f"M.f{n}(a, c)\n  return a + c"))
    texts.append(texts[-1].replace("M.f9(a, b)", "M.f9(a, c¦)"))
    return texts


LONG = "".join(f"x{n} = {n}\n" for n in range(830))


def long_at(n: int) -> list[str]:
    return [LONG, LONG.replace(f"x{n} = {n}\n", f"x{n} = {n + 1000}¦\n")]


WIDE = "a = 1\n" + f'text = "{"word " * 130}"\n' + "".join(f"b{n} = {n}\n" for n in range(12))

JAVA = """class Point {
    private final int x;
    private final int y;

    Point(int x, int y) {
        this.x = x;
        this.y = y;
    }



    int length() {
        return Math.abs(x) + Math.abs(y);
    }
}
"""

ORDER = """    number: int
    amount: float

    def with_tax(self, rate: float) -> float:
        return self.total * (1 + rate)

    def label(self) -> str:
"""

FOUND = """            self.hits += 1;
        } else {
            self.misses += 1;
        }
        found
    }

    pub fn put(&mut self, key: String, value: Vec<u8>) {
"""

CASES = {
    # The blocks begin with "class Order:" and "if found.is_some() {", which are the prefills.
    "python_field": Case("shop/order.py", [PYTHON, PYTHON_RENAMED], answers=[
        (ORDER.replace("self.total", "self.amount"), "stop"),
        (ORDER, "stop"),
        (ORDER.replace("amount: float", "total: float"), "stop"),
        (ORDER.replace("    amount", "    date: str\n    amount"), "stop"),
        (ORDER.replace("float\n\n", "float\n    date: str\n\n"), "stop"),
        (ORDER.replace("number", "key"), "stop"),
        (ORDER.replace("number", "key").replace("self.total", "self.amount"), "stop"),
        (ORDER.replace("def label(self)", "def label(this)"), "stop"),
        (ORDER + "        return str(self.amount)\n", "stop"),
        ("    n: int\n    a: float\n    b: float\n    c: float\n    d: float\n    e: float\n    f: float\n", "stop"),
        (ORDER.replace("self.total", "self.amount").rstrip() + " No newline at end of file\n", "stop"),
        (ORDER.replace("amount", "<|cursor|>amount"), "stop"),
        ("", "stop"),
        (ORDER.replace("self.total", "self.amount") + "        ret", "length"),
    ]),
    "rust_several_changes": Case("src/cache.rs", RUST_STEPS, answers=[
        (FOUND, "stop"),
        (FOUND.replace("self.misses += 1", "return None"), "stop"),
    ]),
    "typescript_to_cursor": Case("web/user.ts", [TYPESCRIPT, TYPESCRIPT_CHANGED], prefill="to_cursor"),
    "typescript_no_prefill": Case("web/user.ts", [TYPESCRIPT, TYPESCRIPT_CHANGED], prefill="none"),
    "typescript_snippets": Case("web/user.ts", [TYPESCRIPT, TYPESCRIPT_CHANGED], snippets=[
        ("web/team.ts", "export interface Team {\n  id: string;\n}\n"),
        ("web/many.ts", "".join(f"export const c{n} = {n};\n" for n in range(30))),
        ("web/no_line_end.ts", "export type Id = string;"),
    ]),
    "typescript_one_snippet": Case("web/user.ts", [TYPESCRIPT, TYPESCRIPT_CHANGED], snippets=[
        ("web/team.ts", "export interface Team {\n  id: string;\n}\n"),
    ]),
    "typescript_too_long_snippets": Case("web/user.ts", [TYPESCRIPT, TYPESCRIPT_CHANGED], snippets=[
        ("web/a.ts", "// first " * 600 + "\n"),
        ("web/b.ts", ("// second " * 30 + "\n") * 20),
        ("web/c.ts", "// third\n"),
    ]),
    "go_crlf": Case("cmd/main.go", [GO, GO_CHANGED]),
    "german_not_ascii": Case("maße/größe.py", [GERMAN, GERMAN_CHANGED]),
    "shell_at_start": Case("run.sh", ["¦" + SHELL]),
    "shell_at_end": Case("run.sh", [SHELL, SHELL + "\n¦"]),
    "shell_typed_at_end": Case("run.sh", [SHELL + "\n", SHELL + "\nexit¦"]),
    "lua_at_end_after_line_end": Case("m.lua", [LUA, LUA.replace("return M", "return M, 1") + "¦"]),
    "lua_many_changes": Case("m.lua", lua_steps()),
    "other_file_changed": Case("shop/order.py", [PYTHON, PYTHON_RENAMED], others=[
        ("shop/tax.py", "RATE = 0.19\nLOW = 0.07\n", "RATE = 0.21\nLOW = 0.07\n"),
        ("shop/tax.py", "RATE = 0.21\nLOW = 0.07\n", "RATE = 0.21\n\nLOW = 0.07\n"),
        ("shop/tax.py", "RATE = 0.21\n\nLOW = 0.07\n", "RATE = 0.21\n\n"),
    ]),
    "java_blank_lines": Case("Point.java", [JAVA, JAVA.replace("this.y = y;", "this.y = -y;").replace(
        "    }\n\n\n\n    int length", "    }¦\n\n\n\n    int length")]),
    "java_deleted": Case("Point.java", [JAVA, JAVA.replace("    private final int y;\n", "").replace(
        "    Point(int x, int y) {", "    Point(int x¦) {")]),
    "long_file_top": Case("x.toml", long_at(3)),
    "long_file_middle": Case("x.toml", long_at(450)),
    "long_line_above": Case("words.py", [WIDE, WIDE.replace("b9 = 9", "b9 = 10¦")]),
}
