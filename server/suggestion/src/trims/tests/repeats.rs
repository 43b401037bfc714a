//! Text that is already in the document is not repeated.

use expect_test::expect;

use super::{check, check_lines};

#[test]
fn rest_of_line_is_not_repeated() {
    check(
        "rust",
        "let x = foo(├a, bar, baz)┤bar, baz)\n",
        &expect![[r#"
        let x = foo(├a, ┤bar, baz)
        [suffix overlap]"#]],
    );
}

#[test]
fn start_of_rest_is_not_repeated() {
    check(
        "python",
        "x = ├max(a, b) + cost┤ + cost - d\n",
        &expect![[r#"
        x = ├max(a, b)┤ + cost - d
        [suffix overlap, trailing space]"#]],
    );
}

#[test]
fn partial_word_match_is_not_overlap() {
    check("python", "fo├o┤ok()\n", &expect!["fo├o┤ok()"]);
}

#[test]
fn shared_word_prefix_is_not_overlap() {
    check("javascript", "const a = ├is_ok┤ok_thing\n", &expect!["const a = ├is_ok┤ok_thing"]);
}

#[test]
fn separator_is_not_doubled() {
    check(
        "go",
        "f(a├, b,┤, c)\n",
        &expect![[r#"
        f(a├, b┤, c)
        [suffix overlap]"#]],
    );
}

#[test]
fn next_line_is_not_repeated() {
    check(
        "python",
        r"def f():
    ├return 1┤
    return 1
",
        &expect![[r#"
    silent: next line
    [next line]"#]],
    );
}

#[test]
fn line_equal_to_next_is_silent() {
    check(
        "typescript",
        r#"import ├a from "a";┤
import a from "a";
"#,
        &expect![[r#"
    silent: next line
    [next line]"#]],
    );
}

#[test]
fn text_ends_before_next_line() {
    check_lines(
        "rust",
        r"fn main() {
    ├let a = 1;
    let b = 2;
    run(a, b);┤
    run(a, b);
}
",
        &expect![[r#"
    ├let a = 1;
        let b = 2;┤
    [next line]"#]],
    );
}

#[test]
fn text_past_next_line_is_cut() {
    check_lines(
        "rust",
        r"fn main() {
    ├let a = 1;
    run(a, b);
    stop();┤
    run(a, b);
}
",
        &expect![[r#"
    ├let a = 1;┤
    [stop rules]"#]],
    );
}

#[test]
fn closing_brace_is_not_a_repetition() {
    check(
        "c",
        r"void f() {
    if (x) {
        y();
    ├}┤
}
",
        &expect!["├}┤"],
    );
}

#[test]
fn line_above_is_not_repeated() {
    check(
        "go",
        "func f() {\n\tlog.Println(a)\n\t├log.Println(a)┤\n}\n",
        &expect![[r#"
        silent: previous line
        [previous line]"#]],
    );
}

#[test]
fn third_line_of_pattern_is_shown() {
    check(
        "go",
        "func f() {\n\twg.Add(1)\n\twg.Add(1)\n\t├\twg.Add(1)┤\n}\n",
        &expect!["├	wg.Add(1)┤"],
    );
}

#[test]
fn lines_from_above_are_not_repeated() {
    check_lines(
        "python",
        r"a = one()
b = two()
├a = one()
b = two()┤
",
        &expect![[r#"
    silent: previous line
    [previous line]"#]],
    );
}

#[test]
fn loop_of_words_in_line_is_silent() {
    check(
        "python",
        "x = ├foo.foo.foo.foo.foo.foo.foo.foo.foo.foo.foo┤\n",
        &expect![[r#"
        silent: stop rules
        [stop rules]"#]],
    );
}

#[test]
fn loop_of_lines_is_cut_to_first_turn() {
    check_lines(
        "yaml",
        r"jobs:
├  build: one
  build: one
  build: one
  build: one┤
",
        &expect![[r#"
    ├  build: one┤
    [stop rules]"#]],
    );
}

#[test]
fn started_loop_is_cut() {
    check_lines(
        "java",
        r"class A {
    void f() {
├        g();
        hello();
        hello();┤
    }
}
",
        &expect![[r#"
    ├        g();
            hello();┤
    [repetition]"#]],
    );
}

#[test]
fn loop_of_blocks_is_cut_to_first_turn() {
    check_lines(
        "python",
        r"def f():
├    a = aa()
    b = bb()
    c = cc()
    a = aa()
    b = bb()
    c = cc()┤
",
        &expect![[r#"
    ├    a = aa()
        b = bb()
        c = cc()┤
    [repetition]"#]],
    );
}

#[test]
fn ruler_is_not_loop() {
    check(
        "python",
        "# ├------------------------------------------------------------┤\n",
        &expect!["# ├------------------------------------------------------------┤"],
    );
}

#[test]
fn row_of_zeros_is_not_loop() {
    check(
        "c",
        "int a[] = {├0, 0, 0, 0, 0, 0, 0, 0};┤\n",
        &expect!["int a[] = {├0, 0, 0, 0, 0, 0, 0, 0};┤"],
    );
}

#[test]
fn existing_end_is_not_repeated() {
    check_lines(
        "ruby",
        r"def a
  if x
├    foo
  end┤
  end
end
",
        &expect![[r#"
    ├    foo┤
    [next line]"#]],
    );
}

#[test]
fn existing_closing_tag_is_not_repeated() {
    check_lines(
        "html",
        r"<ul>
├  <li>a</li>
</ul>┤
</ul>
",
        &expect![[r#"
    ├  <li>a</li>┤
    [stop rules]"#]],
    );
}

#[test]
fn existing_done_is_not_repeated() {
    check_lines(
        "shellscript",
        r#"for x in a b; do
├  echo "$x"
done┤
done
"#,
        &expect![[r#"
    ├  echo "$x"┤
    [next line]"#]],
    );
}

#[test]
fn rest_of_line_inside_text_ends_it() {
    check(
        "typescript",
        "const a = f(├x, y + z); // sum┤y + z);\n",
        &expect![[r#"
        const a = f(├x, ┤y + z);
        [suffix overlap]"#]],
    );
}

#[test]
fn intended_repetition_is_shown() {
    for (language, before, model, after) in [
        ("rust", "type Wide = (", "f32, f32, f32, f32, f32, f32, f32, f32);", ""),
        ("python", "\"VALUES (%s, ", "%s, %s, %s, %s, %s, %s, %s, %s, %s)\"", "\","),
        ("sql", "SELECT NULL, ", "NULL, NULL, NULL, NULL, NULL;", ""),
        ("html", "<p>up", "&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;down</p>", ""),
        ("javascript", "const a = [null, ", "null, null, null, null, null, null, null];", "];"),
        ("python", "# ── Names ", "────────────────────────────────────────", ""),
        ("markdown", "", "＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝", ""),
        ("css", "  grid-template-columns: 2fr ", "1fr 1fr 1fr 1fr 1fr 1fr 1fr;", ";"),
        ("go", "\tb, ", "_, _, _, _, _, _, _, _, _ := ten()", ""),
    ] {
        let shown = super::outcome(&crate::fixtures::Fixture::new(
            language,
            &format!("{before}├{model}┤{after}\n"),
        ));
        let expected = format!("{}├{model}", before.trim_start());
        assert!(shown.starts_with(&expected), "{language}: {shown}");
    }
    check_lines(
        "c",
        "static const uint8_t blank[] = {\n├    0x00, 0x00, 0x00,\n    0x00, 0x00, 0x00,\n    0x00, 0x00, 0x00,\n    0x00, 0x00, 0x00,┤\n};\n",
        &expect![[r#"
            ├    0x00, 0x00, 0x00,
                0x00, 0x00, 0x00,
                0x00, 0x00, 0x00,
                0x00, 0x00, 0x00,┤"#]],
    );
}

#[test]
fn mostly_typed_repetition_is_shown() {
    check(
        "sql",
        "SELECT a FROM b UNION ALL SELECT NULL, NULL;\nSELECT a FROM b UNION ALL SELECT NULL, ├NULL;┤\n",
        &expect!["SELECT a FROM b UNION ALL SELECT NULL, ├NULL;┤"],
    );
}

#[test]
fn successive_block_ends_are_kept() {
    for (language, opener, inner, end) in [
        ("ruby", "grid.each do |row|", "row.each do |cell|", "end"),
        ("lua", "for y = 1, #grid do", "for x = 1, #y do", "end"),
        ("elixir", "if a do", "if b do", "end"),
        ("julia", "for y in grid", "for x in y", "end"),
        ("html", "<div class=\"a\">", "<div>", "</div>"),
        ("javascriptreact", "<div class=\"a\">", "<div>", "</div>"),
        ("vue", "<div class=\"a\">", "<div>", "</div>"),
        ("shellscript", "for y in a; do", "for x in b; do", "done"),
    ] {
        let model = format!(
            "\n    {inner}\n      {inner}\n        text(one)\n      {end}\n    {end}\n  {end}"
        );
        let fixture = format!("  {opener}├{model}┤\n");
        let shown = super::outcome(&crate::fixtures::Fixture::new(language, &fixture).multiline());
        assert_eq!(shown, format!("{opener}├{model}┤"), "{language}");
    }
}
