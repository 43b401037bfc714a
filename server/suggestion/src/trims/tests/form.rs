//! Blanks, line ends, indentation, and languages that are no code.

use expect_test::{Expect, expect};

use super::{check, check_lines, outcome};
use crate::fixtures::Fixture;
use crate::indent::IndentUnit;

#[test]
fn a_blank_before_the_cursor_is_not_doubled() {
    check(
        "rust",
        "let x = ├ 5;┤\n",
        &expect![[r#"
        let x = ├5;┤
        [indentation]"#]],
    );
}

#[test]
fn on_a_blank_line_the_text_does_not_begin_with_another() {
    check_lines(
        "rust",
        "fn f() {\n├\n    a();┤\n}\n",
        &expect![[r#"
        ├    a();┤
        [blank start]"#]],
    );
}

#[test]
fn blanks_at_the_end_go() {
    check(
        "typescript",
        "const a = ├1;   ┤\n",
        &expect![[r#"
        const a = ├1;┤
        [trailing space]"#]],
    );
}

#[test]
fn a_blank_that_separates_from_the_rest_of_the_line_stays() {
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
fn nothing_is_too_little() {
    check(
        "go",
        "x := 1├┤\n",
        &expect![[r#"
        silent: too little
        [too little]"#]],
    );
}

#[test]
fn spaces_in_a_file_of_tabs_are_cut() {
    check_lines(
        "go",
        "func f() {\n\ta()\n├\tb()\n        c()┤\n}\n",
        &expect![[r#"
        ├	b()┤
        [indentation]"#]],
    );
}

#[test]
fn tabs_in_a_file_of_spaces_are_silent() {
    check(
        "python",
        "def f():\n    a()\n├\tb()┤\n    c()\n",
        &expect![[r#"
        silent: indentation
        [indentation]"#]],
    );
}

#[test]
fn a_file_that_mixes_tabs_and_spaces_allows_both() {
    check("cpp", "void f() {\n\ta();\n    b();\n├\tc();┤\n}\n", &expect!["├	c();┤"]);
}

#[test]
fn crlf_text_ends_at_its_line_end() {
    check(
        "csharp",
        "class A {\r\n    int a = ├1;\r\n    int b = 2;┤\r\n}\r\n",
        &expect![[r#"
            int a = ├1;┤
            [stop rules]"#]],
    );
}

#[test]
fn crlf_lines_are_compared_without_their_ends() {
    check_lines(
        "csharp",
        "class A {\r\n    ├int a = 1;\r\n    int b = 2;┤\r\n    int b = 2;\r\n}\r\n",
        &expect![[r#"
        ├int a = 1;┤
        [next line]"#]],
    );
}

#[test]
fn a_lone_carriage_return_ends_the_line() {
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
fn an_unknown_language_is_plain_text() {
    check("no-such-language", "Dear ├reader :)┤\n", &expect!["Dear ├reader :)┤"]);
}

#[test]
fn markdown_parentheses_are_prose() {
    check("markdown", "1├) first item┤\n", &expect!["1├) first item┤"]);
}

#[test]
fn json_gets_its_quote_and_brace_once() {
    check("json", "{\"a\": \"├b\"}┤\"}\n", &expect![[r#"{"a": "├b"}┤"#]]);
}

#[test]
fn a_sql_list_closes_once() {
    check(
        "sql",
        "select count(├*)┤) from t\n",
        &expect![[r#"
        select count(├*┤) from t
        [doubled closer]"#]],
    );
}

#[test]
fn lua_ends_its_block() {
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
fn an_include_closes_its_angle_bracket_once() {
    check("c", "#include <├stdio.h>┤>\n", &expect!["#include <├stdio.h>┤"]);
}

#[test]
fn a_scss_value_keeps_its_semicolon_once() {
    check("scss", ".a { color: ├red;┤; }\n", &expect![".a { color: ├red; }┤"]);
}

/// As `check_lines`, from an editor that says what it indents with.
fn check_with(unit: IndentUnit, language: &str, fixture: &str, expect: &Expect) {
    expect.assert_eq(&outcome(&Fixture::new(language, fixture).multiline().unit(unit)));
}

#[test]
fn a_block_is_indented_by_the_file_s_step_of_two() {
    check_lines(
        "javascript",
        "function a() {\n  b();\n}\nfunction c() {\n├    d();┤\n}\n",
        &expect![[r#"
            ├  d();┤
            [indentation unit]"#]],
    );
}

#[test]
fn a_step_of_three_is_as_good_as_any() {
    check_lines(
        "java",
        "class A {\n   void f() {\n├      g();┤\n   }\n}\n",
        &expect!["├      g();┤"],
    );
}

#[test]
fn a_step_of_three_is_not_rounded_to_four() {
    check_lines(
        "c",
        "int f() {\n   g();\n}\nint h() {\n├    k();┤\n}\n",
        &expect![[r#"
            ├   k();┤
            [indentation unit]"#]],
    );
}

#[test]
fn an_inner_block_at_another_depth_is_cut_before_it_begins() {
    check_lines(
        "python",
        "def a():\n  b()\n\ndef c():\n├  if d:\n      e()┤\n",
        &expect![[r#"
            ├  if d:┤
            [indentation unit]"#]],
    );
}

#[test]
fn a_file_that_differs_with_itself_allows_any_step() {
    check_lines(
        "python",
        "def a():\n  b()\n\ndef c():\n    d()\n\ndef e():\n├   f()┤\n",
        &expect!["├   f()┤"],
    );
}

#[test]
fn in_an_empty_file_the_editor_s_step_counts() {
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
fn in_an_empty_file_the_editor_s_tabs_count() {
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
fn what_the_file_shows_counts_more_than_what_the_editor_says() {
    check_with(
        IndentUnit::Spaces(4),
        "javascript",
        "function a() {\n  b();\n}\nfunction c() {\n├  d();┤\n}\n",
        &expect!["├  d();┤"],
    );
}

#[test]
fn continued_lines_are_aligned_by_hand() {
    check_lines(
        "python",
        "def a():\n    b()\n├    c = d(e,\n          f)┤\n",
        &expect![[r#"
            ├    c = d(e,
                      f)┤"#]],
    );
}

#[test]
fn labels_stand_where_custom_wants_them() {
    check_lines(
        "cpp",
        "class A {\n    int a;\n};\nclass B {\n├  public:\n    int b;┤\n};\n",
        &expect![[r#"
            ├  public:
                int b;┤"#]],
    );
}
