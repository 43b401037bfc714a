//! Blanks, line ends, indentation, and languages that are not code.

use expect_test::{Expect, expect};

use super::{check, check_lines, outcome};
use crate::fixtures::Fixture;
use crate::indent::IndentUnit;

#[test]
fn blank_before_cursor_is_not_doubled() {
    check(
        "rust",
        "let x = ├ 5;┤\n",
        &expect![[r#"
        let x = ├5;┤
        [indentation]"#]],
    );
}

#[test]
fn leading_blank_line_is_cut() {
    check_lines(
        "rust",
        "fn f() {\n├\n    a();┤\n}\n",
        &expect![[r#"
        ├    a();┤
        [blank start]"#]],
    );
}

#[test]
fn trailing_blanks_are_cut() {
    check(
        "typescript",
        "const a = ├1;   ┤\n",
        &expect![[r#"
        const a = ├1;┤
        [trailing space]"#]],
    );
}

#[test]
fn separating_blank_is_kept() {
    check("python", "x = ├a if b else ┤c\n", &expect!["x = ├a if b else ┤c"]);
}

#[test]
fn blanks_alone_are_too_little() {
    check(
        "go",
        "x := 1├   ┤\n",
        &expect![[r#"
        silent: too little
        [too little]"#]],
    );
}

#[test]
fn empty_text_is_too_little() {
    check(
        "go",
        "x := 1├┤\n",
        &expect![[r#"
        silent: too little
        [too little]"#]],
    );
}

#[test]
fn spaces_in_file_of_tabs_are_cut() {
    check_lines(
        "go",
        "func f() {\n\ta()\n├\tb()\n        c()┤\n}\n",
        &expect![[r#"
        ├	b()┤
        [indentation]"#]],
    );
}

#[test]
fn tabs_in_file_of_spaces_are_silent() {
    check(
        "python",
        "def f():\n    a()\n├\tb()┤\n    c()\n",
        &expect![[r#"
        silent: indentation
        [indentation]"#]],
    );
}

#[test]
fn mixed_indentation_allows_both() {
    check("cpp", "void f() {\n\ta();\n    b();\n├\tc();┤\n}\n", &expect!["├	c();┤"]);
}

#[test]
fn crlf_text_ends_at_line_end() {
    check(
        "csharp",
        "class A {\r\n    int a = ├1;\r\n    int b = 2;┤\r\n}\r\n",
        &expect![[r#"
            int a = ├1;┤
            [stop rules]"#]],
    );
}

#[test]
fn crlf_is_ignored_in_comparisons() {
    check_lines(
        "csharp",
        "class A {\r\n    ├int a = 1;\r\n    int b = 2;┤\r\n    int b = 2;\r\n}\r\n",
        &expect![[r#"
        ├int a = 1;┤
        [next line]"#]],
    );
}

#[test]
fn lone_carriage_return_ends_line() {
    check(
        "python",
        "x = ├1\ry = 2┤\n",
        &expect![[r#"
        x = ├1┤
        [stop rules]"#]],
    );
}

#[test]
fn emoji_and_combining_marks_stay_whole() {
    check(
        "javascript",
        "const s = ├\"👩‍👩‍👧 é\"; ┤\n",
        &expect![[r#"
        const s = ├"👩‍👩‍👧 é";┤
        [trailing space]"#]],
    );
}

#[test]
fn unknown_language_is_plain_text() {
    check("no-such-language", "Dear ├reader :)┤\n", &expect!["Dear ├reader :)┤"]);
}

#[test]
fn markdown_parentheses_are_prose() {
    check("markdown", "1├) first item┤\n", &expect!["1├) first item┤"]);
}

#[test]
fn json_gets_quote_and_brace_once() {
    check("json", "{\"a\": \"├b\"}┤\"}\n", &expect![[r#"{"a": "├b"}┤"#]]);
}

#[test]
fn sql_list_closes_once() {
    check(
        "sql",
        "select count(├*)┤) from t\n",
        &expect![[r#"
        select count(├*┤) from t
        [doubled closer]"#]],
    );
}

#[test]
fn lua_ends_block() {
    check_lines(
        "lua",
        r"function f()├
  return 1
end
print(1)┤
",
        &expect![[r#"
    function f()├
      return 1
    end┤
    [stop rules]"#]],
    );
}

#[test]
fn toml_arrays_close_once() {
    check("toml", "members = [\"├a\", \"b\"]┤\"]\n", &expect![[r#"members = ["├a", "b"]┤"#]]);
}

#[test]
fn include_closes_angle_bracket_once() {
    check("c", "#include <├stdio.h>┤>\n", &expect!["#include <├stdio.h>┤"]);
}

#[test]
fn scss_value_keeps_semicolon_once() {
    check("scss", ".a { color: ├red;┤; }\n", &expect![".a { color: ├red; }┤"]);
}

/// Like `check_lines`, with the editor's step of indentation.
fn check_with(unit: IndentUnit, language: &str, fixture: &str, expect: &Expect) {
    expect.assert_eq(&outcome(&Fixture::new(language, fixture).multiline().unit(unit)));
}

#[test]
fn block_uses_step_of_two_of_file() {
    check_lines(
        "javascript",
        "function a() {\n  b();\n}\nfunction c() {\n├    d();┤\n}\n",
        &expect![[r#"
            ├  d();┤
            [indentation unit]"#]],
    );
}

#[test]
fn step_of_three_is_allowed() {
    check_lines(
        "java",
        "class A {\n   void f() {\n├      g();┤\n   }\n}\n",
        &expect!["├      g();┤"],
    );
}

#[test]
fn step_of_three_is_not_rounded_to_four() {
    check_lines(
        "c",
        "int f() {\n   g();\n}\nint h() {\n├    k();┤\n}\n",
        &expect![[r#"
            ├   k();┤
            [indentation unit]"#]],
    );
}

#[test]
fn inner_block_with_other_step_is_cut() {
    check_lines(
        "python",
        "def a():\n  b()\n\ndef c():\n├  if d:\n      e()┤\n",
        &expect![[r#"
            ├  if d:┤
            [indentation unit]"#]],
    );
}

#[test]
fn inconsistent_file_allows_any_step() {
    check_lines(
        "python",
        "def a():\n  b()\n\ndef c():\n    d()\n\ndef e():\n├   f()┤\n",
        &expect!["├   f()┤"],
    );
}

#[test]
fn empty_file_uses_step_of_editor() {
    check_with(
        IndentUnit::Spaces(2),
        "typescript",
        "class A {\n├    b = 1;┤\n}\n",
        &expect![[r#"
            ├  b = 1;┤
            [indentation unit]"#]],
    );
    check_with(
        IndentUnit::Spaces(4),
        "typescript",
        "class A {\n├    b = 1;┤\n}\n",
        &expect!["├    b = 1;┤"],
    );
}

#[test]
fn empty_file_uses_tabs_of_editor() {
    check_with(
        IndentUnit::Tab,
        "go",
        "func a() {\n├    b()┤\n}\n",
        &expect![[r#"
            ├	b()┤
            [indentation unit]"#]],
    );
    check_with(IndentUnit::Tab, "go", "func a() {\n├\tb()┤\n}\n", &expect!["├	b()┤"]);
}

#[test]
fn step_of_file_wins_over_editor() {
    check_with(
        IndentUnit::Spaces(4),
        "javascript",
        "function a() {\n  b();\n}\nfunction c() {\n├  d();┤\n}\n",
        &expect!["├  d();┤"],
    );
}

#[test]
fn continued_lines_are_not_checked() {
    check_lines(
        "python",
        "def a():\n    b()\n├    c = d(e,\n          f)┤\n",
        &expect![[r#"
            ├    c = d(e,
                      f)┤"#]],
    );
}

#[test]
fn labels_are_not_checked() {
    check_lines(
        "cpp",
        "class A {\n    int a;\n};\nclass B {\n├  public:\n    int b;┤\n};\n",
        &expect![[r#"
            ├  public:
                int b;┤"#]],
    );
}
