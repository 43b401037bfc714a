//! Commas between elements: none after the last one if the language forbids it, and one where it is
//! required.

use super::outcome;
use crate::fixtures::Fixture;

#[track_caller]
fn shows(language: &str, fixture: &str, expected: &str) {
    let shown = outcome(&Fixture::new(language, fixture));
    let line = shown.lines().next().unwrap_or_default();
    assert_eq!(line, expected, "{language}: {fixture}\n{shown}");
}

#[test]
fn comma_after_last_element_is_cut() {
    for (language, above, line, model, tail, below, expected) in [
        ("json", "{\n", "  \"height\": ", "480,", "", "}", "480"),
        ("json", "[\n", "    ", "    \"wed\",", "", "  ]", "    \"wed\""),
        ("json", "[\n  {\"day\": 1},\n", "  {\"day\": ", "\"wed\"},", "}", "]", "\"wed\"}"),
        ("json", "{\n", "  \"a\": [1, ", "2,", "]", "}", "2]"),
        ("jsonc", "{\n", "  \"a\": ", "1,", "", "}", "1,"),
        ("sql", "CREATE TABLE a (\n", "  city ", "TEXT NOT NULL,", "", ");", "TEXT NOT NULL"),
        ("sql", "SELECT\n  a,\n", "  ", "  b,", "", "FROM c;", "  b"),
        ("java", "f(\n    a,\n", "    ", "    b,", "", ");", "    b"),
        ("c", "f(a,\n", "  ", "  b,", "", "  );", "  b"),
        ("c", "enum a {\n  A,\n", "  ", "  B,", "", "};", "  B,"),
        ("elixir", "a = [\n  1,\n", "  ", "  2,", "", "]", "  2"),
        ("lua", "f(\n  a,\n", "  ", "  b,", "", ")", "  b"),
        ("r", "a <- c(\n  1,\n", "  ", "  2,", "", ")", "  2"),
        ("erlang", "A = [\n  1,\n", "  ", "  2,", "", "]", "  2"),
        ("haskell", "a = [\n  1,\n", "  ", "  2,", "", "  ]", "  2"),
        ("python", "a = [\n  1,\n", "  ", "  2,", "", "]", "  2,"),
        ("rust", "f(\n    a,\n", "    ", "    b,", "", ");", "    b,"),
        // A comma in a literal is text.
        ("json", "{\n", "  \"a\": \"", "b,", "\"", "}", "b,\""),
    ] {
        let fixture = format!("{above}{line}├{model}┤{tail}\n{below}\n");
        shows(language, &fixture, &format!("{}├{expected}┤", line.trim_start()));
    }
}

#[test]
fn comma_before_own_closer_is_cut() {
    for (language, fixture, expected) in [
        (
            "json",
            "├{\n  \"a\": [1, 2, ],\n  \"b\": \",}\",\n}┤\n",
            "{\n  \"a\": [1, 2 ],\n  \"b\": \",}\"\n}",
        ),
        (
            "sql",
            "├CREATE TABLE a (\n  b INT,\n  c INT, -- last\n);┤\n",
            "CREATE TABLE a (\n  b INT,\n  c INT -- last\n);",
        ),
        ("python", "├a = [\n    1,\n]┤\n", "a = [\n    1,\n]"),
    ] {
        let shown = outcome(&Fixture::new(language, fixture).multiline());
        assert!(shown.starts_with(&format!("├{expected}┤")), "{language}: {shown}");
    }
}

#[test]
fn comma_is_added_between_elements() {
    for (language, above, line, model, tail, below, expected) in [
        ("json", "{\n", "  \"width\": ", "640", "", "  \"height\": 480\n}", "640,"),
        ("json", "{\n", "  \"a\": {\"b\": ", "1", "}", "  \"c\": 2\n}", "1},"),
        ("json", "[\n  1,\n", "  ", "  2", "", "  3\n]", "  2,"),
        ("javascript", "a = {\n  b: 1,\n", "  c: ", "2", "", "  d: 3,\n}", "2,"),
        ("python", "a = [\n    1,\n", "    ", "    2", "", "    3,\n]", "    2,"),
        ("rust", "A {\n    b: 1,\n", "    c: ", "f(2)", "", "    d: 3,\n}", "f(2),"),
        ("sql", "CREATE TABLE a (\n  b INT,\n", "  c ", "TEXT", "", "  d INT\n);", "TEXT,"),
        ("go", "a := []int{\n\t1,\n", "\t", "\t2", "", "}", "\t2,"),
        ("go", "f(\n\ta,\n", "\t", "\tb", "", ")", "\tb,"),
        ("lua", "a = {\n  1,\n", "  ", "  2", "", "  3,\n}", "  2,"),
        ("c", "enum a {\n  A,\n", "  ", "  B", "", "  C\n};", "  B,"),
    ] {
        let fixture = format!("{above}{line}├{model}┤{tail}\n{below}\n");
        shows(language, &fixture, &format!("{}├{expected}┤", line.trim_start()));
    }
}

#[test]
fn unfinished_elements_get_no_comma() {
    for (language, fixture, expected) in [
        ("go", "func f() {\n\ta()\n├\tb()┤\n}\n", "├\tb()┤"),
        ("javascript", "f({\n  a: 1,\n  b: ├g(┤\n  c: 2,\n})\n", "b: ├g(┤"),
        ("javascript", "if (a) {\n  b = ├1┤\n  c = 2\n}\n", "b = ├1┤"),
        ("rust", "match a {\n    A => 1,\n    B => ├{ 2 }┤\n    C => 3,\n}\n", "B => ├{ 2 },┤"),
        ("python", "f(\n    a,\n    b ├+┤\n    c,\n)\n", "b ├+┤"),
        ("python", "a = 1\nb = ├2┤\nc = 3,\n", "b = ├2┤"),
        ("rust", "struct A {\n    b: C,\n    #[d(├e┤)]\n    f: G,\n}\n", "#[d(├e)]┤"),
        ("csharp", "enum A {\n    B,\n    [C(├\"d\")]┤\n    E,\n}\n", "[C(├\"d\")]┤"),
    ] {
        shows(language, fixture, expected);
    }
}

#[test]
fn text_after_final_tail_is_cut() {
    shows("csharp", "var a = $\"{row[├\"age\"]}\"; // 7┤]}\";\n", "var a = $\"{row[├\"age\"]}\";┤");
    shows("python", "f(├a)  # 7┤)\n", "f(├a)┤");
    shows("rust", "f(├a);\n    g();┤);\n", "f(├a);┤");
}
