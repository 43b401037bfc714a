//! Blocks: their depth, where they may end, and that they are complete.

use super::outcome;
use crate::fixtures::Fixture;
use crate::indent::IndentUnit;

#[track_caller]
fn shows_lines(language: &str, fixture: &str, expected: &str) {
    let shown = outcome(&Fixture::new(language, fixture).multiline());
    let text = shown.rsplit_once("┤").map_or(shown.as_str(), |(text, _)| text);
    assert_eq!(text, format!("├{expected}"), "{language}: {shown}");
}

#[test]
fn editor_indentation_sets_step() {
    for (language, opener, closer) in [
        ("rust", "fn area(w: u32) -> u32 {", "}"),
        ("c", "int area(int w)\n{", "}"),
        ("css", ".card {", "}"),
        ("java", "class Shape {", "}"),
        ("javascript", "function area(shape) { // in metres", "}"),
        ("python", "def area(w, h):", ""),
        ("shellscript", "for f in *.txt; do", "done"),
        ("ruby", "def area(w)", "end"),
        ("lua", "local function area(w)", "end"),
        ("elixir", "def area(w) do", "end"),
        ("go", "func area(w int) int {", "}"),
        ("kotlin", "fun area(w: Int): Int =", ""),
        ("yaml", "jobs:", ""),
        ("php", "<?php\nfunction area($w) {", "}"),
        ("julia", "function area(w)", "end"),
        ("javascriptreact", "const a = <ul>", "</ul>"),
    ] {
        for (made, model, expected) in [
            ("  ", "    one\n        two\n    three", "  one\n    two\n  three"),
            ("    ", "  one\n    two\n  three", "    one\n        two\n    three"),
            ("\t", "    one\n        two\n    three", "\tone\n\t\ttwo\n\tthree"),
            ("   ", "\tone\n\t\ttwo\n\tthree", "   one\n      two\n   three"),
            ("  ", "  one\n    two\n  three", "  one\n    two\n  three"),
        ] {
            let fixture = format!("{opener}\n{made}├{model}┤\n{closer}\n");
            shows_lines(language, &fixture, expected);
            // Regardless of the options.
            let shown =
                outcome(&Fixture::new(language, &fixture).multiline().unit(IndentUnit::Spaces(8)));
            assert!(shown.starts_with(&format!("├{expected}┤")), "{language}: {shown}");
        }
    }
}

#[test]
fn new_block_uses_step_of_file() {
    shows_lines(
        "javascript",
        "function a() {\n  b();\n}\n\n├function c() {\n    if (d) {\n        e();\n    }\n}┤\n",
        "function c() {\n  if (d) {\n    e();\n  }\n}",
    );
    let fixture =
        "function a() {\n  b();\n}\n\nfunction c() {├\n    if (d) {\n        e();\n    }\n}┤\n";
    let shown = outcome(&Fixture::new("javascript", fixture).multiline());
    assert!(shown.contains("├\n  if (d) {\n    e();\n  }\n}┤"), "{shown}");
}

#[test]
fn started_body_is_deeper_than_head() {
    shows_lines(
        "python",
        "class A:\n    def b(self):\n        ├    if c:\n        d()┤\n\ne = 1\n",
        "        if c:\n            d()",
    );
    shows_lines("rust", "impl A {\n    fn a() {\n        ├    b();┤\n    }\n}\n", "        b();");
    shows_lines("go", "func a() {\n\tif b {\n\t\t├\tc()┤\n\t}\n}\n", "\t\tc()");
}

#[test]
fn literal_lines_keep_blanks() {
    shows_lines(
        "python",
        "def a():\n  ├    b = \"\"\"\n    c\n    \"\"\"┤\n",
        "  b = \"\"\"\n    c\n    \"\"\"",
    );
}

#[test]
fn list_item_members_follow_item_text() {
    let above = "- hosts: all\n  tasks:\n    - name: make\n      file:\n        path: /srv\n";
    let model = "\n        src: a\n        dest: b";
    let shown =
        outcome(&Fixture::new("yaml", &format!("{above}    - copy:├{model}┤\n")).multiline());
    assert_eq!(shown, format!("- copy:├{model}┤"));
    let model = "\n      b: 1\n      c: 2";
    let shown =
        outcome(&Fixture::new("yaml", &format!("x:\n  y: 1\nz:\n  - a:├{model}┤\n")).multiline());
    assert_eq!(shown, format!("- a:├{model}┤"));
    // A depth other than one step is wrong there, too.
    let model = "\n            b: 1\n            c: 2";
    let shown =
        outcome(&Fixture::new("yaml", &format!("x:\n  y: 1\nz:\n  - a:├{model}┤\n")).multiline());
    assert!(shown.starts_with("- a:├\n      b: 1\n      c: 2┤"), "{shown}");
}

#[test]
fn block_without_body_is_cut() {
    for (language, fixture, expected) in [
        (
            "python",
            "def a(b):\n    # one for each\n├    if b == 1:\n        return 1\n    if b == 2:┤\n",
            "    if b == 1:\n        return 1",
        ),
        ("python", "├def a():\n    if b:\n        for c in d:┤\n", "def a():"),
        ("javascript", "├a();\nif (b) {┤\n", "a();"),
        ("javascript", "├a();\nif (b) {\n  c();┤\n", "a();"),
        ("javascript", "├function a() {\n  if (b) {\n    c();┤\n", "function a() {"),
        ("c", "├a();\nfor (;;) {\n  b(\n    c,┤\n", "a();"),
        ("ruby", "├a\nif b\n  c┤\n", "a"),
        ("ruby", "├a\nif b\n  c\nelse\n  d\nend┤\n", "a\nif b\n  c\nelse\n  d\nend"),
        ("ruby", "├list.each do |a|\n  if a\n    b┤\n", "list.each do |a|"),
        ("lua", "├a()\nfor b in c do\n  if d then\n    e()\n  end┤\n", "a()"),
        ("elixir", "├a()\ncase b do\n  :c -> d┤\n", "a()"),
        ("shellscript", "├a\nif b; then┤\n", "a"),
        ("shellscript", "├a\nfor b in c; do\n  d┤\n", "a"),
        ("yaml", "├a: 1\nb:┤\n", "a: 1"),
        ("kotlin", "├a()\nfun b(): Int =┤\n", "a()"),
        ("html", "├<p>a</p>\n<ul>┤\n", "<p>a</p>"),
    ] {
        shows_lines(language, fixture, expected);
    }
}

#[test]
fn block_continued_below_stays_open() {
    shows_lines("python", "def a(b):\n├    c()\n    if b:┤\n        d()\n", "    c()\n    if b:");
    let one_line = outcome(&Fixture::new("python", "if a├ == 1:┤\n"));
    assert_eq!(one_line, "if a├ == 1:┤");
    let own = outcome(&Fixture::new("rust", "fn a() {├\n    b();┤\n").multiline());
    assert_eq!(own, "fn a() {├\n    b();┤");
}
