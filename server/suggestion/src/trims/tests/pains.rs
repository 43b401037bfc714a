//! Problems that users of other tools report and that this stage can cause or prevent, by their
//! number in the list of 25.
//!
//! The other problems do not depend on the text: speed, set-up, protocols, context.

use expect_test::expect;

use super::{check, check_lines};

#[test]
fn pain_4_brackets_are_not_doubled() {
    check("python", "foo(├bar)┤)\n", &expect!["foo(├bar)┤"]);
}

#[test]
fn pain_4_quotes_are_not_doubled() {
    check("javascript", "const a = '├b'┤'\n", &expect!["const a = '├b'┤"]);
}

#[test]
fn pain_4_bracket_and_quote_are_not_doubled() {
    check("rust", "a.push(\"├b\");┤\");\n", &expect![[r#"a.push("├b");┤"#]]);
}

#[test]
fn pain_5_suffix_is_not_repeated() {
    check(
        "typescript",
        "const a = ├b + c;┤ + c;\n",
        &expect![[r#"
        const a = ├b┤ + c;
        [suffix overlap, trailing space]"#]],
    );
}

#[test]
fn pain_5_next_line_is_not_repeated() {
    check(
        "go",
        "\ta := ├1\n\tb := 2┤\n\tb := 2\n",
        &expect![[r#"
        a := ├1┤
        [stop rules]"#]],
    );
}

#[test]
fn pain_5_next_lines_are_not_repeated() {
    check_lines(
        "java",
        "    ├a();\n    bcd();\n    efg();┤\n    bcd();\n    efg();\n",
        &expect![[r#"
            ├a();┤
            [stop rules]"#]],
    );
}

#[test]
fn pain_6_good_output_is_kept() {
    check_lines(
        "python",
        "def a(b):\n├    c = [b[0], (1, 2)]\n    return c┤\n",
        &expect![[r#"
        ├    c = [b[0], (1, 2)]
            return c┤"#]],
    );
}

#[test]
fn pain_6_partial_overlap_is_kept() {
    check("c", "x = foo├_bar┤barn;\n", &expect!["x = foo├_bar┤barn;"]);
}

#[test]
fn pain_7_stray_blank_is_not_shown() {
    check(
        "ruby",
        "a = ├ 1┤\n",
        &expect![[r#"
        a = ├1┤
        [indentation]"#]],
    );
}

#[test]
fn pain_7_blank_line_may_dedent() {
    check_lines(
        "python",
        "def a():\n    if b:\n        c()\n    ├    return d┤\n",
        &expect!["├    return d┤"],
    );
}

#[test]
fn pain_7_other_indentation_step_is_not_shown() {
    check_lines(
        "yaml",
        "a:\n  b:\n    c: 1\nd:\n├\te: 1┤\n",
        &expect![[r#"
            ├  e: 1┤
            [indentation unit]"#]],
    );
}

#[test]
fn pain_8_typed_text_is_not_repeated() {
    check("rust", "let val├ue = 1;┤\n", &expect!["let val├ue = 1;┤"]);
}

#[test]
fn pain_12_characters_beyond_bmp_stay_whole() {
    check("javascript", "const a = ('👩‍👧', ├'😀')┤)\n", &expect!["const a = ('👩‍👧', ├'😀')┤"]);
}

#[test]
fn pain_16_one_line_by_default() {
    check(
        "rust",
        "fn a() {├\n    b();\n}┤\n",
        &expect![[r#"
        silent: stop rules
        [stop rules]"#]],
    );
}

#[test]
fn pain_16_several_lines_on_request() {
    check_lines(
        "rust",
        "fn a() {├\n    b();\n}┤\n",
        &expect![[r#"
        fn a() {├
            b();
        }┤"#]],
    );
}

#[test]
fn pain_16_ten_lines_at_most() {
    check_lines(
        "shellscript",
        "├echo one\necho two\necho three\necho four\necho five\necho six\necho seven\necho eight\necho nine\necho ten\necho eleven\necho twelve\n┤\n",
        &expect![[r#"
            ├echo one
            echo two
            echo three
            echo four
            echo five
            echo six
            echo seven
            echo eight
            echo nine
            echo ten┤
            [stop rules]"#]],
    );
}

#[test]
fn pain_19_trivial_suggestion_is_not_shown() {
    check(
        "java",
        "int a = b├;┤;\n",
        &expect![[r#"
        silent: too little
        [too little]"#]],
    );
}

#[test]
fn pain_19_blanks_alone_are_not_shown() {
    check(
        "html",
        "<p>├   ┤\n",
        &expect![[r#"
        silent: too little
        [too little]"#]],
    );
}

#[test]
fn pain_23_no_carriage_return_is_shown() {
    check_lines(
        "csharp",
        "void F()\r\n{\r\n├    G();\r\n    H();┤\r\n}\r\n",
        &expect![[r#"
        ├    G();
            H();┤"#]],
    );
}
