//! Closers that the editor inserted, and the tail that the answer replaces.

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

#[test]
fn a_semicolon_ends_the_statement_inside_of_an_auto_closed_block() {
    check("javascript", "foo(() => { bar(├x);┤) })\n", &expect!["foo(() => { bar(├x); })┤"]);
}

#[test]
fn a_semicolon_behind_all_closers_ends_the_statement_outside() {
    check("javascript", "foo({ a: bar(├x) });┤) })\n", &expect!["foo({ a: bar(├x) });┤"]);
}
