//! Closers that the editor inserted, and the tail that the answer replaces.

use expect_test::expect;

use super::{check, check_lines};

#[test]
fn inserted_closer_is_not_doubled() {
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
fn omitted_closer_survives() {
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
fn whole_auto_closed_tail_is_replaced() {
    check("javascript", "foo(() => {├ return 1 });┤})\n", &expect!["foo(() => {├ return 1 });┤"]);
}

#[test]
fn missing_tail_closers_are_added() {
    check("typescript", "foo(bar(├x);┤));\n", &expect!["foo(bar(├x));┤"]);
}

#[test]
fn semicolon_goes_after_existing_closer() {
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
fn semicolon_of_tail_is_kept_once() {
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
fn call_continues_after_existing_closer() {
    check("python", "print(├a).join(b)┤)\n", &expect!["print(├a).join(b)┤"]);
}

#[test]
fn block_opens_after_existing_closer() {
    check("go", "func f() {\n\tif g(├x) {┤)\n}\n", &expect!["if g(├x) {┤"]);
}

#[test]
fn inserted_quote_is_not_doubled() {
    check("python", "print(\"├hello\")┤\")\n", &expect![[r#"print("├hello")┤"#]]);
}

#[test]
fn omitted_quote_survives() {
    check("python", "print(\"├hello┤\")\n", &expect![[r#"print("├hello")┤"#]]);
}

#[test]
fn quote_without_bracket_is_completed() {
    check("python", "print(\"├hello\"┤\")\n", &expect![[r#"print("├hello")┤"#]]);
}

#[test]
fn existing_closers_alone_are_silent() {
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
fn existing_quote_alone_is_silent() {
    check(
        "ruby",
        "puts \"done├\"┤\"\n",
        &expect![[r#"
        silent: too little
        [too little]"#]],
    );
}

#[test]
fn missing_closer_is_shown() {
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
fn closer_before_equal_closer_is_cut() {
    check(
        "typescript",
        "const a = f(├x)┤ + b);\n",
        &expect![[r#"
        const a = f(├x┤ + b);
        [doubled closer]"#]],
    );
}

#[test]
fn inner_call_may_close_before_outer_one() {
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
fn closer_before_equal_next_line_is_cut() {
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
fn arguments_before_next_line_closer_stay() {
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
fn list_comma_before_auto_closer_is_dropped() {
    check("python", "xs = [├1, 2,┤]\n", &expect!["xs = [├1, 2]┤"]);
}

#[test]
fn blanks_of_tail_survive() {
    check("typescript", "foo(├a┤)  \n", &expect!["foo(├a)  ┤"]);
}

#[test]
fn padding_in_braces_is_symmetrical() {
    check("javascript", "const a = {├ b: 1┤}\n", &expect!["const a = {├ b: 1 }┤"]);
}

#[test]
fn multi_line_block_keeps_tail_at_end() {
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
fn split_argument_list_closes_on_own_line() {
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
fn auto_closed_brace_gets_own_line() {
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
fn closed_block_is_not_closed_again() {
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
fn doubled_brace_is_cut_with_line() {
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
fn unicode_between_brackets_is_kept() {
    check("python", "print(\"├héllo 👋🏽 wörld\")┤\")\n", &expect![[r#"print("├héllo 👋🏽 wörld")┤"#]]);
}

#[test]
fn statement_in_auto_braces_keeps_semicolon() {
    check(
        "javascript",
        "const f = () => {├ return 1;┤}\n",
        &expect!["const f = () => {├ return 1; }┤"],
    );
}

#[test]
fn comma_inside_string_stays() {
    check("python", "print(\"├hello,┤\")\n", &expect![[r#"print("├hello,")┤"#]]);
}

#[test]
fn colon_goes_after_existing_bracket() {
    check("python", "if f(├x:┤)\n", &expect!["if f(├x):┤"]);
}

#[test]
fn slice_keeps_colon() {
    check("python", "y = x[├1:┤]\n", &expect!["y = x[├1:]┤"]);
}

#[test]
fn semicolon_of_tail_is_not_doubled() {
    check("java", "f(├x;┤);\n", &expect!["f(├x);┤"]);
}

#[test]
fn block_argument_gets_both_closers() {
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

#[test]
fn semicolon_goes_inside_auto_closed_block() {
    check("javascript", "foo(() => { bar(├x);┤) })\n", &expect!["foo(() => { bar(├x); })┤"]);
}

#[test]
fn semicolon_after_all_closers_stays() {
    check("javascript", "foo({ a: bar(├x) });┤) })\n", &expect!["foo({ a: bar(├x) });┤"]);
}
