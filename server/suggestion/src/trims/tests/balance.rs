//! Brackets and quotes stay balanced with the document; those in strings and comments do not count.

use expect_test::expect;

use super::check;

#[test]
fn closer_of_wrong_kind_is_cut() {
    check(
        "python",
        "x = [├1, 2)┤\n",
        &expect![[r#"
        x = [├1, 2┤
        [bracket balance]"#]],
    );
}

#[test]
fn closer_without_opener_is_cut() {
    check(
        "c",
        "int x = 1├ + 2);┤\n",
        &expect![[r#"
        int x = 1├ + 2┤
        [bracket balance]"#]],
    );
}

#[test]
fn shell_case_pattern_is_kept() {
    check(
        "shellscript",
        r#"case "$1" in
  ├start) run;;┤
"#,
        &expect!["├start) run;;┤"],
    );
}

#[test]
fn opener_before_closers_that_stay_is_cut() {
    check(
        "javascript",
        "foo(├{┤)\n",
        &expect![[r#"
        silent: bracket balance
        [bracket balance]"#]],
    );
}

#[test]
fn opener_before_rest_of_line_is_cut() {
    check(
        "python",
        "x = ├f(a, ┤b + 1\n",
        &expect![[r#"
        x = ├f┤b + 1
        [bracket balance]"#]],
    );
}

#[test]
fn surplus_closer_in_rest_allows_opener() {
    check("python", "x = ├int(┤y)\n", &expect!["x = ├int(┤y)"]);
}

#[test]
fn block_may_be_opened_at_line_end() {
    check(
        "rust",
        r"fn main() {
    for x in y├.iter() {┤
}
",
        &expect!["for x in y├.iter() {┤"],
    );
}

#[test]
fn brackets_in_strings_do_not_count() {
    check(
        "java",
        r#"class A {
    String s = f(├"(("┤);
}
"#,
        &expect![[r#"String s = f(├"((");┤"#]],
    );
}

#[test]
fn brackets_in_comments_do_not_count() {
    check("c", "int x = f(├1); // :)┤\n", &expect!["int x = f(├1); // :)┤"]);
}

#[test]
fn lifetime_is_not_quote() {
    check("rust", "fn f<├'a>(x: &'a str)┤\n", &expect!["fn f<├'a>(x: &'a str)┤"]);
}

#[test]
fn angle_brackets_of_type_are_not_doubled() {
    check("rust", "let v: Vec<├String>┤>\n", &expect!["let v: Vec<├String>┤"]);
}

#[test]
fn arrow_is_not_angle_bracket() {
    check("rust", "let f: Box<├dyn Fn() -> u8┤>\n", &expect!["let f: Box<├dyn Fn() -> u8>┤"]);
}

#[test]
fn attribute_before_auto_closed_tag() {
    check("html", "<div├ class=\"a\">┤>\n", &expect![[r#"<div├ class="a">┤"#]]);
}

#[test]
fn comment_keeps_bracket_once() {
    check("go", "// see (├RFC 1)┤)\n", &expect!["// see (├RFC 1)┤"]);
}

#[test]
fn template_placeholder_keeps_braces_once() {
    check("typescript", "const s = `a ${├name}`┤}`\n", &expect!["const s = `a ${├name}`┤"]);
}

#[test]
fn unclosed_quote_is_cut_with_call() {
    check(
        "csharp",
        r#"class A {
    void F() {
        x = ├G("abc┤
    }
}
"#,
        &expect![[r#"
            x = ├G┤
            [quote balance]"#]],
    );
}

#[test]
fn quote_closed_by_tail_is_kept() {
    check("javascript", "const a = ├\"abc┤\"\n", &expect![[r#"const a = ├"abc"┤"#]]);
}

#[test]
fn quote_before_existing_quote_is_cut() {
    check(
        "python",
        "x = \"he├llo\"┤ world\"\n",
        &expect![[r#"
        x = "he├llo┤ world"
        [quote balance]"#]],
    );
}
