//! Closers, quotes and the tail that the answer replaces.

use expect_test::expect;

use super::{check, check_lines};

#[test]
fn a_closer_that_the_editor_inserted_is_not_doubled() {
    check(
        "rust",
        r"fn main() {
    foo(├bar)┤)
}
",
        &expect!["foo(├bar)┤"],
    );
}

#[test]
fn a_closer_that_the_model_left_out_survives() {
    check(
        "rust",
        r"fn main() {
    foo(├bar┤)
}
",
        &expect!["foo(├bar)┤"],
    );
}

#[test]
fn a_whole_auto_closed_tail_is_replaced() {
    check("javascript", "foo(() => {├ return 1 });┤})\n", &expect!["foo(() => {├ return 1 });┤"]);
}

#[test]
fn a_tail_with_more_closers_than_the_model_wrote_is_completed() {
    check("typescript", "foo(bar(├x);┤));\n", &expect!["foo(bar(├x));┤"]);
}

#[test]
fn a_semicolon_goes_behind_the_closer_that_was_there() {
    check(
        "c",
        r"int main() {
    f(├x;┤)
}
",
        &expect!["f(├x);┤"],
    );
}

#[test]
fn a_semicolon_of_the_tail_is_kept_once() {
    check(
        "java",
        r"class A {
    void f() {
        g(├x);┤);
    }
}
",
        &expect!["g(├x);┤"],
    );
}

#[test]
fn a_call_goes_on_behind_the_closer_that_was_there() {
    check("python", "print(├a).join(b)┤)\n", &expect!["print(├a).join(b)┤"]);
}

#[test]
fn an_opened_block_goes_behind_the_closer_that_was_there() {
    check("go", "func f() {\n\tif g(├x) {┤)\n}\n", &expect!["if g(├x) {┤"]);
}

#[test]
fn a_quote_that_the_editor_inserted_is_not_doubled() {
    check("python", "print(\"├hello\")┤\")\n", &expect![[r#"print("├hello")┤"#]]);
}

#[test]
fn a_quote_that_the_model_left_out_survives() {
    check("python", "print(\"├hello┤\")\n", &expect![[r#"print("├hello")┤"#]]);
}

#[test]
fn a_quote_without_its_bracket_is_completed() {
    check("python", "print(\"├hello\"┤\")\n", &expect![[r#"print("├hello")┤"#]]);
}

#[test]
fn only_closers_that_are_there_already_are_not_shown() {
    check(
        "rust",
        r"fn main() {
    foo(bar├)┤)
}
",
        &expect![[r#"
    silent: too little
    [too little]"#]],
    );
}

#[test]
fn a_lone_quote_that_is_there_already_is_not_shown() {
    check(
        "ruby",
        "puts \"done├\"┤\"\n",
        &expect![[r#"
        silent: too little
        [too little]"#]],
    );
}

#[test]
fn a_closer_that_is_missing_is_shown() {
    check(
        "rust",
        r"fn main() {
    foo(bar├);┤
}
",
        &expect!["foo(bar├);┤"],
    );
}

#[test]
fn a_closer_is_not_written_before_the_same_on_the_line() {
    check(
        "typescript",
        "const a = f(├x)┤ + b);\n",
        &expect![[r#"
        const a = f(├x┤ + b);
        [doubled closer]"#]],
    );
}

#[test]
fn an_inner_call_may_be_closed_when_the_outer_one_takes_the_closer_that_follows() {
    check(
        "javascript",
        r"if (f(g(├x)┤) {
  h();
}
",
        &expect!["if (f(g(├x)┤) {"],
    );
}

#[test]
fn a_closer_is_not_written_before_the_same_on_the_next_line() {
    check(
        "javascript",
        r"foo(
  a,
  b├)┤
)
",
        &expect![[r#"
    silent: doubled closer
    [doubled closer]"#]],
    );
}

#[test]
fn arguments_before_a_closer_on_the_next_line_stay() {
    check(
        "javascript",
        r"foo(
  a,
  b├, c)┤
)
",
        &expect![[r#"
            b├, c┤
            [doubled closer]"#]],
    );
}

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

#[test]
fn a_list_comma_before_an_auto_closed_bracket_goes() {
    check("python", "xs = [├1, 2,┤]\n", &expect!["xs = [├1, 2]┤"]);
}

#[test]
fn blanks_of_the_tail_survive() {
    check("typescript", "foo(├a┤)  \n", &expect!["foo(├a)  ┤"]);
}

#[test]
fn padding_in_braces_is_symmetrical() {
    check("javascript", "const a = {├ b: 1┤}\n", &expect!["const a = {├ b: 1 }┤"]);
}

#[test]
fn a_closed_block_of_several_lines_keeps_the_tail_at_its_end() {
    check_lines(
        "rust",
        r"fn main() {
    xs.map(├|x| {
        x + 1
    }┤)
}
",
        &expect![[r#"
            xs.map(├|x| {
                    x + 1
                })┤"#]],
    );
}

#[test]
fn a_broken_argument_list_gets_its_closer_on_a_line_of_its_own() {
    check_lines(
        "python",
        r"def f():
    g(├
        a,
        b,┤)
",
        &expect![[r#"
            g(├
                    a,
                    b,
                )┤"#]],
    );
}

#[test]
fn a_block_gets_its_auto_closed_brace_on_a_line_of_its_own() {
    check_lines(
        "rust",
        r"fn main() {├
    run();┤}
",
        &expect![[r#"
    fn main() {├
        run();
    }┤"#]],
    );
}

#[test]
fn a_block_that_closes_itself_is_not_closed_again() {
    check_lines(
        "rust",
        r"fn main() {├
    run();
}┤}
",
        &expect![[r#"
    fn main() {├
        run();
    }┤"#]],
    );
}

#[test]
fn a_doubled_brace_below_is_cut_with_its_line() {
    check_lines(
        "c",
        r"int f() {
    if (x) {
        ├g();
    }┤
    }
}
",
        &expect![[r#"
    ├g();┤
    [stop rules]"#]],
    );
}

#[test]
fn unicode_between_brackets_is_no_obstacle() {
    check("python", "print(\"├héllo 👋🏽 wörld\")┤\")\n", &expect![[r#"print("├héllo 👋🏽 wörld")┤"#]]);
}

#[test]
fn a_statement_inside_auto_closed_braces_keeps_its_semicolon() {
    check(
        "javascript",
        "const f = () => {├ return 1;┤}\n",
        &expect!["const f = () => {├ return 1; }┤"],
    );
}

#[test]
fn a_comma_inside_a_string_stays() {
    check("python", "print(\"├hello,┤\")\n", &expect![[r#"print("├hello,")┤"#]]);
}

#[test]
fn a_colon_goes_behind_the_bracket_that_was_there() {
    check("python", "if f(├x:┤)\n", &expect!["if f(├x):┤"]);
}

#[test]
fn a_slice_keeps_its_colon_inside() {
    check("python", "y = x[├1:┤]\n", &expect!["y = x[├1:]┤"]);
}

#[test]
fn a_semicolon_that_the_tail_brings_is_dropped() {
    check("java", "f(├x;┤);\n", &expect!["f(├x);┤"]);
}

#[test]
fn a_block_as_last_argument_gets_both_closers() {
    check_lines(
        "javascript",
        r#"it("a", () => {├
  run();
┤})
"#,
        &expect![[r#"
    it("a", () => {├
      run();
    })┤
    [trailing space]"#]],
    );
}
