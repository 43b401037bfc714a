//! Where a completion ends.

use expect_test::expect;

use super::{check, check_lines};

#[test]
fn a_single_line_ends_at_the_line_end() {
    check("javascript", "const a = ├1;\nconst b = 2;┤\n", &expect![[r#"
        const a = ├1;┤
        [stop rules]"#]]);
}

#[test]
fn a_complete_line_has_nothing_to_add() {
    check("rust", "fn main() {├\n    run();\n}┤\n", &expect![[r#"
        silent: stop rules
        [stop rules]"#]]);
}

#[test]
fn a_block_ends_with_its_brace() {
    check_lines("rust", "fn main() {├\n    run();\n}\n\nfn other() {}┤\n", &expect![[r#"
        fn main() {├
            run();
        }┤
        [stop rules]"#]]);
}

#[test]
fn the_brace_of_the_surrounding_block_is_left_to_the_document() {
    check_lines("rust", "fn main() {\n    ├let a = 1;\n    run(a);\n}\n\nfn other() {}┤\n}\n", &expect![[r#"
        ├let a = 1;
            run(a);┤
        [stop rules]"#]]);
}

#[test]
fn the_brace_of_an_unfinished_surrounding_block_is_written() {
    check_lines("go", "func f() {\n├\trun()\n}\n\nfunc g() {┤\n", &expect![[r#"
        ├	run()
        }┤
        [stop rules]"#]]);
}

#[test]
fn an_else_belongs_to_its_block() {
    check_lines("java", "class A {\n    void f() {\n        if (x) {├\n            a();\n        } else {\n            b();\n        }\n        c();┤\n    }\n}\n", &expect![[r#"
                if (x) {├
                    a();
                } else {
                    b();
                }┤
        [stop rules]"#]]);
}

#[test]
fn a_python_block_ends_where_indentation_returns() {
    check_lines("python", "def f(x):├\n    y = x\n    return y\n\n\ndef g():┤\n", &expect![[r#"
        def f(x):├
            y = x
            return y┤
        [stop rules, trailing space]"#]]);
}

#[test]
fn a_python_else_belongs_to_its_if() {
    check_lines("python", "if x:├\n    a()\nelse:\n    b()\nc()┤\n", &expect![[r#"
        if x:├
            a()
        else:
            b()┤
        [stop rules]"#]]);
}

#[test]
fn a_python_suite_ends_with_a_dedent() {
    check_lines("python", "def f():\n    if x:\n├        a()\n        b()\n    c()┤\n", &expect![[r#"
        ├        a()
                b()┤
        [stop rules]"#]]);
}

#[test]
fn a_call_over_several_lines_ends_with_its_bracket() {
    check_lines("python", "x = f(├\n    a,\n    b,\n)\ny = 1┤\n", &expect![[r#"
        x = f(├
            a,
            b,
        )┤
        [stop rules]"#]]);
}

#[test]
fn a_ruby_block_ends_with_its_end() {
    check_lines("ruby", "def a├\n  foo\nend\n\ndef b┤\n", &expect![[r#"
        def a├
          foo
        end┤
        [stop rules]"#]]);
}

#[test]
fn a_yaml_mapping_ends_where_indentation_returns() {
    check_lines("yaml", "on:├\n  push: true\n  pull: false\njobs:\n  a: b┤\n", &expect![[r#"
        on:├
          push: true
          pull: false┤
        [stop rules]"#]]);
}

#[test]
fn a_shell_loop_ends_with_done() {
    check_lines("shellscript", "for f in *; do├\n  echo \"$f\"\ndone\necho end┤\n", &expect![[r#"
        for f in *; do├
          echo "$f"
        done┤
        [stop rules]"#]]);
}

#[test]
fn an_element_ends_with_its_closing_tag() {
    check_lines("html", "<ul>├\n  <li>a</li>\n</ul>\n<p>┤\n", &expect![[r#"
        <ul>├
          <li>a</li>
        </ul>┤
        [stop rules]"#]]);
}

#[test]
fn a_css_rule_ends_with_its_brace() {
    check_lines("css", ".a {├\n  color: red;\n}\n\n.b {┤\n", &expect![[r#"
        .a {├
          color: red;
        }┤
        [stop rules]"#]]);
}

#[test]
fn a_paragraph_ends_at_a_blank_line() {
    check_lines("python", "import os\n├import re\nimport sys\n\nx = 1┤\n", &expect![[r#"
        ├import re
        import sys┤
        [stop rules]"#]]);
}

#[test]
fn a_blank_line_inside_a_block_stays() {
    check_lines("c", "int main() {├\n    int a = 1;\n\n    return a;\n}┤\n", &expect![[r#"
        int main() {├
            int a = 1;

            return a;
        }┤"#]]);
}

#[test]
fn ten_lines_are_enough() {
    check_lines("python", "xs = [├\n    one,\n    two,\n    three,\n    four,\n    five,\n    six,\n    seven,\n    eight,\n    nine,\n    ten,\n    eleven,\n]┤\n", &expect![[r#"
        xs = [├
            one,
            two,
            three,
            four,
            five,
            six,
            seven,
            eight,
            nine,┤
        [stop rules]"#]]);
}

#[test]
fn the_rest_of_the_line_forbids_line_ends() {
    check_lines("typescript", "const x = f(├a,\n  b,\n  ┤c, d)\n", &expect![[r#"
        const x = f(├a,┤c, d)
        [stop rules]"#]]);
}

#[test]
fn a_multi_line_string_does_not_end_a_block() {
    check_lines("python", "def f():├\n    s = \"\"\"\nat the margin\n\"\"\"\n    return s┤\n", &expect![[r#"
        def f():├
            s = """
        at the margin
        """
            return s┤"#]]);
}

#[test]
fn a_whitespace_line_may_dedent() {
    check("python", "def f():\n    if x:\n        a()\n├    return 1┤\n", &expect!["├    return 1┤"]);
}
