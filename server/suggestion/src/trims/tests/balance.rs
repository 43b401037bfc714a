//! Brackets and quotes in balance with the document, in code and not in strings or comments.

use expect_test::expect;

use super::check;

#[test]
fn a_closer_of_the_wrong_kind_is_cut() {
    check(
        "python",
        "x = [├1, 2)┤\n",
        &expect![[r#"
        x = [├1, 2┤
        [bracket balance]"#]],
    );
}

#[test]
fn a_closer_of_nothing_is_cut() {
    check(
        "c",
        "int x = 1├ + 2);┤\n",
        &expect![[r#"
        int x = 1├ + 2┤
        [bracket balance]"#]],
    );
}

#[test]
fn a_case_pattern_in_shell_closes_nothing_and_stays() {
    check(
        "shellscript",
        r#"case "$1" in
  ├start) run;;┤
"#,
        &expect!["├start) run;;┤"],
    );
}

#[test]
fn an_opener_before_closers_that_stay_is_cut() {
    check(
        "javascript",
        "foo(├{┤)\n",
        &expect![[r#"
        silent: bracket balance
        [bracket balance]"#]],
    );
}

#[test]
fn an_opener_before_the_rest_of_the_line_is_cut() {
    check(
        "python",
        "x = ├f(a, ┤b + 1\n",
        &expect![[r#"
        x = ├f┤b + 1
        [bracket balance]"#]],
    );
}

#[test]
fn a_call_may_be_opened_where_the_rest_of_the_line_closes_one_too_many() {
    check("python", "x = ├int(┤y)\n", &expect!["x = ├int(┤y)"]);
}

#[test]
fn a_block_may_be_opened_at_the_line_end() {
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
fn a_lifetime_is_no_quote() {
    check("rust", "fn f<├'a>(x: &'a str)┤\n", &expect!["fn f<├'a>(x: &'a str)┤"]);
}

#[test]
fn angle_brackets_of_a_type_are_not_doubled() {
    check("rust", "let v: Vec<├String>┤>\n", &expect!["let v: Vec<├String>┤"]);
}

#[test]
fn an_arrow_is_no_angle_bracket() {
    check("rust", "let f: Box<├dyn Fn() -> u8┤>\n", &expect!["let f: Box<├dyn Fn() -> u8>┤"]);
}

#[test]
fn an_attribute_before_an_auto_closed_tag_end() {
    check("html", "<div├ class=\"a\">┤>\n", &expect![[r#"<div├ class="a">┤"#]]);
}

#[test]
fn a_comment_keeps_its_auto_closed_bracket_once() {
    check("go", "// see (├RFC 1)┤)\n", &expect!["// see (├RFC 1)┤"]);
}

#[test]
fn a_template_placeholder_keeps_its_braces_once() {
    check("typescript", "const s = `a ${├name}`┤}`\n", &expect!["const s = `a ${├name}`┤"]);
}

#[test]
fn an_unclosed_quote_is_cut_with_its_call() {
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
fn an_unclosed_quote_is_kept_when_the_tail_closes_it() {
    check("javascript", "const a = ├\"abc┤\"\n", &expect![[r#"const a = ├"abc"┤"#]]);
}

#[test]
fn a_quote_before_the_one_that_follows_is_cut() {
    check(
        "python",
        "x = \"he├llo\"┤ world\"\n",
        &expect![[r#"
        x = "he├llo┤ world"
        [quote balance]"#]],
    );
}
