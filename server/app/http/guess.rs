//! Guesses the language of a prompt without a file name: clients such as Zed send only the text.
//!
//! The model adapts to its file's name, and without a name it mixes languages. This module counts
//! the typical beginnings of lines in each language, and gives the text a file name of the most
//! frequent one.

/// A file name and the typical beginnings of its lines.
type Row = (&'static str, &'static [&'static str]);

/// Distinctive beginnings, not frequent ones. A beginning that several languages share is in no
/// row, or in that of the most likely language.
const ROWS: &[Row] = &[
    (
        "main.rs",
        &["fn ", "pub ", "impl ", "let mut ", "use ", "mod ", "#[", "match ", "//! ", "/// "],
    ),
    (
        "main.py",
        &[
            "def ",
            "from ",
            "elif ",
            "self.",
            "@",
            "async def ",
            "if __name__",
            "print(",
            "\"\"\"",
            "import ",
        ],
    ),
    (
        "main.ts",
        &[
            "export ",
            "interface ",
            "type ",
            "const ",
            "readonly ",
            "private ",
            "import {",
            "import type ",
            "function ",
        ],
    ),
    (
        "main.js",
        &[
            "const ",
            "function ",
            "export ",
            "require(",
            "module.exports",
            "var ",
            "let ",
            "console.",
            "import {",
        ],
    ),
    (
        "main.go",
        &["func ", "package ", "defer ", "go ", "type ", "import (", "if err != nil", "fmt."],
    ),
    (
        "Main.java",
        &[
            "public class ",
            "public ",
            "private ",
            "import java",
            "package ",
            "@Override",
            "protected ",
        ],
    ),
    (
        "main.cpp",
        &[
            "#include ",
            "std::",
            "template",
            "namespace ",
            "using ",
            "class ",
            "const auto",
            "auto ",
        ],
    ),
    (
        "main.c",
        &["#include ", "#define ", "static ", "struct ", "int ", "void ", "typedef ", "char "],
    ),
    ("main.rb", &["def ", "end", "require ", "class ", "module ", "attr_", "puts "]),
    ("main.sh", &["#!/", "fi", "done", "then", "echo ", "esac", "export ", "local "]),
    ("main.lua", &["local ", "end", "function ", "return ", "require"]),
];

/// Bytes examined on each side of the cursor.
const LOOKED_AT: usize = 8 << 10;

/// Returns a file name for the text around the cursor; `None` if no line matches a language.
pub(super) fn file_name(prefix: &str, suffix: &str) -> Option<&'static str> {
    let from = prefix.ceil_char_boundary(prefix.len().saturating_sub(LOOKED_AT));
    let prefix = prefix.get(from..).unwrap_or_default();
    let suffix = suffix.get(..suffix.floor_char_boundary(LOOKED_AT)).unwrap_or_default();
    let lines: Vec<&str> = prefix.lines().chain(suffix.lines()).map(str::trim_start).collect();
    let count = |(name, marks): &Row| {
        let n = lines.iter().filter(|line| marks.iter().any(|m| line.starts_with(m))).count();
        (n, *name)
    };
    // The first row wins among equals.
    let best = ROWS.iter().map(count).reduce(|best, row| if row.0 > best.0 { row } else { best });
    // Types after a colon turn JavaScript into TypeScript.
    match best.filter(|(n, _)| *n > 0)? {
        (_, "main.ts") if !is_typed(&lines) => Some("main.js"),
        (_, name) => Some(name),
    }
}

fn is_typed(lines: &[&str]) -> bool {
    const TYPES: &[&str] =
        &[": string", ": number", ": boolean", ": void", "interface ", ": Promise<", " as const"];
    lines.iter().any(|line| TYPES.iter().any(|mark| line.contains(mark)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_is_guessed_from_a_few_lines() {
        for (text, name) in [
            (
                "use std::fmt;\n\npub struct A;\n\nimpl A {\n    fn b(&self) {\n        let mut c = 1;\n",
                Some("main.rs"),
            ),
            ("import os\n\ndef a(b):\n    return b\n", Some("main.py")),
            ("const a1 = foo(1);\nconst a2 = foo(2);\n", Some("main.js")),
            ("export function f(x: number): string {\n    const y = x;\n", Some("main.ts")),
            ("package main\n\nfunc add(a, b int) int {\n\treturn a + b\n}\n", Some("main.go")),
            ("#include <stdio.h>\n\nint main(void) {\n", Some("main.c")),
            ("#include <vector>\n\nnamespace a {\nstd::vector<int> b;\n", Some("main.cpp")),
            ("#!/bin/sh\nif true; then\n    echo a\nfi\n", Some("main.sh")),
            ("Dear all,\n\nthere is cake.\n", None),
            ("", None),
        ] {
            assert_eq!(file_name(text, ""), name, "{text}");
            assert_eq!(file_name("", text), name, "{text}");
        }
    }

    #[test]
    fn long_texts_are_cut_at_whole_characters() {
        let long = "é".repeat(LOOKED_AT);
        assert_eq!(file_name(&format!("{long}\nfn a() {{\n"), &long), Some("main.rs"));
    }
}
