//! Blanks, line ends, indentation, and languages that are no code.

use expect_test::expect;

use super::{check, check_lines};

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
