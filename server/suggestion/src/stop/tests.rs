//! One check: the text is passed character by character, as the shortest tokens would be, until a
//! rule stops it.

use expect_test::{Expect, expect};

use super::StopRules;
use crate::fixtures::Fixture;

/// Prints why decoding stops, the text that is kept (`├ ┤`), and the text that was read before the
/// stop.
fn check(language: &str, fixture: &str, expect: &Expect) {
    expect.assert_eq(&outcome(&Fixture::new(language, fixture)));
}

/// Like `check`, for a multi-line request.
fn check_lines(language: &str, fixture: &str, expect: &Expect) {
    expect.assert_eq(&outcome(&Fixture::new(language, fixture).multiline()));
}

fn outcome(fixture: &Fixture) -> String {
    let text = &fixture.model_text;
    let mut rules = StopRules::new(&fixture.request());
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let stopped = ends.clone().find_map(|end| rules.push(&text[..end]).map(|stop| (end, stop)));
    match stopped {
        None => "goes on".to_owned(),
        Some((end, (reason, keep))) => {
            let wasted = text[keep..end].escape_debug();
            format!("{}: ├{}┤ read for it: {wasted}", reason.name(), &text[..keep])
        }
    }
}

#[test]
fn line_end_stops_single_line() {
    check("rust", "let a = ├1;\nlet b = 2;┤\n", &expect![[r#"newline: ├1;┤ read for it: \n"#]]);
    check("rust", "let a = ├1;\r\nlet b = 2;┤\n", &expect![[r#"newline: ├1;┤ read for it: \r"#]]);
    check("rust", "let a = ├1;┤\n", &expect!["goes on"]);
}

#[test]
fn complete_line_keeps_nothing() {
    check("rust", "fn main() {├\n    run();\n}┤\n", &expect![[r#"newline: ├┤ read for it: \n"#]]);
}

#[test]
fn line_end_does_not_stop_several_lines() {
    check_lines("rust", "fn main() {├\n    run();┤\n}\n", &expect!["goes on"]);
}

#[test]
fn body_may_equal_next_line() {
    check_lines(
        "python",
        "    if a:\n        return 1\n├    elif b:\n        return \"?\"\n    elif c:\n        return \"x\"\n┤\n    return \"?\"\n",
        &expect!["goes on"],
    );
    check_lines(
        "go",
        "func f() {\n├\tif a {\n\t\trun(a)\n\t}┤\n\trun(a)\n}\n",
        &expect!["goes on"],
    );
    // Deeper than the next line, but not than the line above: a repetition.
    check_lines(
        "go",
        "func f() {\n├\t\ta := 1\n\t\trun(a)\n\t\tstop()┤\n\trun(a)\n}\n",
        &expect![[r#"suffix: ├		a := 1┤ read for it: \n\t\trun(a)\n"#]],
    );
}

#[test]
fn next_line_stops_at_line_end_only() {
    check_lines(
        "go",
        "func f() {\n├\ta := 1\n\trun(a)\n\tstop()┤\n\trun(a)\n}\n",
        &expect![[r#"suffix: ├	a := 1┤ read for it: \n\trun(a)\n"#]],
    );
    check_lines("go", "func f() {\n├\ta := 1\n\trun(a, b)┤\n\trun(a)\n}\n", &expect!["goes on"]);
    check(
        "go",
        "func f() {\n├\trun(a)\n┤\n\trun(a)\n}\n",
        &expect![[r#"suffix: ├┤ read for it: \trun(a)\n"#]],
    );
}

#[test]
fn dedent_stops_at_first_word() {
    check_lines(
        "python",
        "def f():├\n    return 1\ndef g():┤\n",
        &expect![[r#"
        scope: ├
            return 1┤ read for it: \ndef "#]],
    );
    check_lines(
        "python",
        "if a:├\n    b()\nelif c:\n    d()\ne()┤\n",
        &expect![[r#"
        scope: ├
            b()
        elif c:
            d()┤ read for it: \ne("#]],
    );
    check_lines(
        "python",
        "if a:├\n    b()\nelifant()┤\n",
        &expect![[r#"
        scope: ├
            b()┤ read for it: \nelifant("#]],
    );
}

#[test]
fn existing_brace_stops_before_it() {
    check_lines(
        "java",
        "class A {\n    void f() {\n├        g();\n    }\n    void h┤\n    }\n}\n",
        &expect![[r#"scope: ├        g();┤ read for it: \n    }"#]],
    );
}

#[test]
fn missing_brace_stops_after_it() {
    check_lines(
        "java",
        "void f() {├\n    g();\n}\nvoid h() {┤\n",
        &expect![[r#"
        scope: ├
            g();
        }┤ read for it: \n"#]],
    );
    check_lines(
        "javascript",
        "it(\"a\", () => {├\n  run();\n});\nit(┤\n",
        &expect![[r#"
        scope: ├
          run();
        });┤ read for it: \n"#]],
    );
}

#[test]
fn loop_stops_at_its_start() {
    check(
        "python",
        "x = ├ab.ab.ab.ab.ab.ab.ab.ab.ab.ab┤\n",
        &expect!["repetition: ├┤ read for it: ab.ab.ab.ab.ab.ab.ab.ab."],
    );
    check_lines(
        "python",
        "x = 1\n├y = aa()\ny = aa()\ny = aa()\ny = aa()\n┤\n",
        &expect![[r#"repetition: ├y = aa()┤ read for it: \ny = aa()\ny = aa()\n"#]],
    );
}

#[test]
fn line_limit_stops() {
    let lines: Vec<String> = ('a'..='m').map(|c| format!("f{c}()")).collect();
    let lines = lines.join("\n");
    check_lines(
        "python",
        &format!("x()\n├{lines}┤"),
        &expect![[r#"
        limit: ├fa()
        fb()
        fc()
        fd()
        fe()
        ff()
        fg()
        fh()
        fi()
        fj()┤ read for it: \n"#]],
    );
}

#[test]
fn two_blank_lines_stop_inside_block() {
    check_lines(
        "python",
        "def f():├\n    a()\n\n    b()\n\n\n    c()┤\n",
        &expect![[r#"
        scope: ├
            a()

            b()
        ┤ read for it: \n\n"#]],
    );
}

#[test]
fn shorter_text_is_read_from_start() {
    let fixture = Fixture::new("rust", "let a = $0");
    let mut rules = StopRules::new(&fixture.request());
    assert_eq!(rules.push("f(1"), None);
    assert_eq!(rules.push("g"), None);
    assert_eq!(rules.push("g\n").map(|(_, keep)| keep), Some(1));
}
